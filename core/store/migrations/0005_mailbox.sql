-- What senders' protocols say beside what the hub has words for, and what waits in mailboxes.

ALTER TABLE submissions ADD COLUMN sealed_properties BLOB;              -- JSON, name → value
ALTER TABLE submissions ADD COLUMN not_before INTEGER;                 -- nothing of it leaves before
ALTER TABLE deliveries ADD COLUMN fetched_at INTEGER;                   -- when its reader fetched it first
