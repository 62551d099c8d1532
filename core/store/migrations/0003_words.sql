-- Persons' words on destinations and on ended orders can be read again: with whose key, and where they stand.

-- The keys of words in the history that belong to neither a delivery nor an order.
CREATE TABLE words (
    row         INTEGER PRIMARY KEY REFERENCES history (seq),
    epoch       TEXT NOT NULL,
    wrapped_key BLOB NOT NULL
) STRICT;

-- What persons asked for a destination, and when.
CREATE INDEX history_by_subject ON history (subject) WHERE subject IS NOT NULL;

ALTER TABLE commands ADD COLUMN ended_row INTEGER; -- where its end stands in the history
UPDATE commands SET ended_row = (
    SELECT max(h.seq) FROM history h WHERE h.event = commands.state AND h.subject = 'command ' || lower(
        substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' ||
        substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)))
WHERE ended_at IS NOT NULL;
