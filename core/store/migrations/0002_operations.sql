-- What operators need: since when a delivery is in its state, pauses, expiry, orders for many deliveries, and entries of
-- the history that belong to no delivery.

ALTER TABLE deliveries ADD COLUMN since INTEGER NOT NULL DEFAULT 0;     -- when it came into its state
ALTER TABLE deliveries ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;     -- attempts since a person last asked for one
ALTER TABLE deliveries ADD COLUMN tries_since INTEGER;                  -- when the first of those was begun
ALTER TABLE deliveries ADD COLUMN paused_by TEXT;                       -- a client's name
ALTER TABLE deliveries ADD COLUMN expires_at INTEGER;
ALTER TABLE deliveries ADD COLUMN warn_at TEXT;                         -- JSON list of times; those to come
ALTER TABLE deliveries ADD COLUMN rule_at INTEGER;                      -- the next of those times
-- From here on `held` is a sum: 1 an earlier one of its case goes first, 2 a person paused it.

UPDATE deliveries SET
    since = coalesce((SELECT max(h.at) FROM history h WHERE h.delivery = deliveries.seq), 0),
    tries = attempts,
    tries_since = (SELECT min(a.started_at) FROM attempts a WHERE a.delivery = deliveries.seq);

-- Tenants take turns at a destination. When something falls due there is read from the same index.
DROP INDEX deliveries_to_claim;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_to_claim ON deliveries (destination, tenant, due_at) WHERE due_at IS NOT NULL AND held = 0;
CREATE INDEX deliveries_to_ask ON deliveries (destination, tenant, due_at)
    WHERE due_at IS NOT NULL AND held = 0 AND state IN ('unknown', 'awaiting');
CREATE INDEX deliveries_under_rule ON deliveries (rule_at)
    WHERE rule_at IS NOT NULL AND state IN ('blocked', 'due', 'parked');

-- Entries without a delivery say what they are about.
CREATE TABLE history_2 (
    seq        INTEGER PRIMARY KEY,
    delivery   INTEGER REFERENCES deliveries (seq),
    subject    TEXT,                        -- `destination NAME` or `command ID`, where there is no delivery
    at         INTEGER NOT NULL,
    event      TEXT,
    state      TEXT,                        -- null where there is no delivery
    cause      TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    sealed_why BLOB,
    why_sha256 BLOB,                        -- of `sealed_why`; stays when that is erased
    reason     TEXT,                        -- JSON
    evidence   BLOB,                        -- SHA-256 of what was accepted, or of what was sent
    hash       BLOB    NOT NULL,
    CHECK ((delivery IS NULL) = (subject IS NOT NULL) AND (delivery IS NULL) = (state IS NULL))
) STRICT;
INSERT INTO history_2 (seq, delivery, at, event, state, cause, who, sealed_why, why_sha256, reason, evidence, hash)
    SELECT seq, delivery, at, event, state, cause, who, sealed_why, why_sha256, reason, evidence, hash FROM history;
DROP TABLE history;
ALTER TABLE history_2 RENAME TO history;
CREATE INDEX history_by_delivery ON history (delivery) WHERE delivery IS NOT NULL;

-- Destinations that a person holds back.
CREATE TABLE pauses (
    destination TEXT    PRIMARY KEY,
    mode        TEXT    NOT NULL,           -- paused, draining
    who         TEXT    NOT NULL,
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Orders for many deliveries, and how far they are.
CREATE TABLE commands (
    seq         INTEGER PRIMARY KEY,
    id          BLOB    NOT NULL UNIQUE,
    bulk_order  TEXT    NOT NULL,           -- JSON
    filter      TEXT    NOT NULL,           -- JSON
    scope       TEXT    NOT NULL,           -- JSON
    per_second  INTEGER NOT NULL,
    who         TEXT    NOT NULL,
    sealed_why  BLOB,
    epoch       TEXT    NOT NULL,
    wrapped_key BLOB    NOT NULL,
    at          INTEGER NOT NULL,
    total       INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    cursor      INTEGER NOT NULL,
    last        INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    ended_at    INTEGER,
    ended_by    TEXT
) STRICT;
CREATE INDEX commands_running ON commands (state) WHERE state = 'running';
