-- user_version 7
CREATE TABLE activations (
    seq          INTEGER PRIMARY KEY,
    version      BLOB    NOT NULL,
    at           INTEGER NOT NULL,
    cause        TEXT    NOT NULL,          -- started, activated, reloaded, rolled-back
    who          TEXT    NOT NULL,
    sealed_words BLOB,                      -- why, and which person
    epoch        TEXT,
    wrapped_key  BLOB,
    CHECK ((sealed_words IS NULL) = (epoch IS NULL) AND (epoch IS NULL) = (wrapped_key IS NULL))
) STRICT;
CREATE INDEX activations_by_version ON activations (version);
CREATE TABLE attempts (
    delivery       INTEGER NOT NULL REFERENCES deliveries (seq),
    number         INTEGER NOT NULL,
    started_at     INTEGER NOT NULL,
    ended_at       INTEGER,
    destination    TEXT    NOT NULL,
    content_sha256 BLOB    NOT NULL,
    sent_sha256    BLOB    NOT NULL,
    outcome        TEXT,
    reason         TEXT,                    -- JSON
    PRIMARY KEY (delivery, number)
) STRICT, WITHOUT ROWID;
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
, ended_row INTEGER) STRICT;
CREATE INDEX commands_running ON commands (state) WHERE state = 'running';
CREATE TABLE configuration_parts (
    version BLOB NOT NULL,
    kind    TEXT NOT NULL,                  -- file, mapping, step
    name    TEXT NOT NULL,                  -- path, `mappings/NAME`, `ROUTE/STEP`
    digest  BLOB NOT NULL,
    PRIMARY KEY (version, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE deliveries (
    seq              INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL UNIQUE,
    submission       INTEGER NOT NULL REFERENCES submissions (seq),
    tenant           TEXT    NOT NULL,
    client           TEXT    NOT NULL,
    case_id          TEXT    NOT NULL,
    step             TEXT    NOT NULL,
    destination      TEXT,
    pinned           BLOB,
    ordered          INTEGER NOT NULL,
    after_steps      TEXT    NOT NULL,      -- JSON list of steps
    after_on         TEXT    NOT NULL,
    state            TEXT    NOT NULL,      -- never `claimed`: a claim lives in memory
    reason           TEXT,                  -- JSON
    due_at           INTEGER,               -- set only while the hub looks at it by itself
    held             INTEGER NOT NULL,      -- due, ordered, and an earlier one of its case goes first
    counts_as_done   INTEGER NOT NULL,      -- discarded, and those that wait for it go on
    attempts         INTEGER NOT NULL,
    document         TEXT,                  -- JSON
    sealed_receipt   BLOB
, since INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, tries_since INTEGER, paused_by TEXT, expires_at INTEGER, warn_at TEXT, rule_at INTEGER, fetched_at INTEGER) STRICT;
CREATE INDEX deliveries_by_destination ON deliveries (destination, state);
CREATE INDEX deliveries_by_submission ON deliveries (submission);
CREATE INDEX deliveries_in_order ON deliveries (case_id, tenant, step, submission)
    WHERE state IN ('blocked', 'due', 'sending', 'unknown', 'parked');
CREATE INDEX deliveries_open ON deliveries (state) WHERE state NOT IN ('delivered', 'skipped', 'discarded', 'expired');
CREATE INDEX deliveries_to_ask ON deliveries (destination, tenant, due_at)
    WHERE due_at IS NOT NULL AND held = 0 AND state IN ('unknown', 'awaiting');
CREATE INDEX deliveries_to_claim ON deliveries (destination, tenant, due_at) WHERE due_at IS NOT NULL AND held = 0;
CREATE INDEX deliveries_under_rule ON deliveries (rule_at)
    WHERE rule_at IS NOT NULL AND state IN ('blocked', 'due', 'parked');
CREATE TABLE files (
    name   TEXT    PRIMARY KEY,
    length INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE "history" (
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
CREATE INDEX history_by_delivery ON history (delivery) WHERE delivery IS NOT NULL;
CREATE INDEX history_by_subject ON history (subject) WHERE subject IS NOT NULL;
CREATE TABLE idempotency (
    key        BLOB    PRIMARY KEY,         -- a keyed hash
    content    BLOB    NOT NULL,
    submission INTEGER NOT NULL REFERENCES submissions (seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE identifiers (
    submission   INTEGER NOT NULL REFERENCES submissions (seq),
    giver        TEXT    NOT NULL,          -- receipt, answer, sender or file
    system       TEXT    NOT NULL,          -- the destination or client that gave it; empty for a file
    hash         BLOB    NOT NULL,          -- HMAC-SHA-256 of the normalised value
    sealed_value BLOB,
    learned_at   INTEGER NOT NULL,
    PRIMARY KEY (submission, giver, system, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX identifiers_by_hash ON identifiers (hash);
CREATE TABLE parts (
    submission  INTEGER NOT NULL REFERENCES submissions (seq),
    number      INTEGER NOT NULL,
    role        TEXT    NOT NULL,
    sealed_name BLOB,
    media_type  TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    sha256      BLOB    NOT NULL,
    location    TEXT,                       -- JSON
    PRIMARY KEY (submission, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (
    destination TEXT    PRIMARY KEY,
    mode        TEXT    NOT NULL,           -- paused, draining
    who         TEXT    NOT NULL,
    since       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE progress (
    delivery     INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    key          TEXT    NOT NULL,          -- a word of the adapter's
    sealed_value BLOB    NOT NULL,
    PRIMARY KEY (delivery, attempt, key),
    FOREIGN KEY (delivery, attempt) REFERENCES attempts (delivery, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE segments (
    number INTEGER PRIMARY KEY,
    length INTEGER NOT NULL
) STRICT;
CREATE TABLE submissions (
    seq           INTEGER PRIMARY KEY,      -- order of acceptance
    id            BLOB    NOT NULL UNIQUE,
    tenant        TEXT    NOT NULL,
    client        TEXT    NOT NULL,
    kind          TEXT    NOT NULL,
    service       TEXT    NOT NULL,
    area          TEXT    NOT NULL,
    case_id       TEXT    NOT NULL,
    case_sequence INTEGER NOT NULL,
    received_at   INTEGER NOT NULL,
    trust_level   INTEGER,
    sealed_reply  BLOB,
    test          INTEGER NOT NULL,
    traceparent   TEXT,
    sha256        BLOB    NOT NULL,         -- what the sender was answered
    receipt       TEXT    NOT NULL,         -- what the sender was answered: a compact JWS over ids, hashes and times
    epoch         TEXT    NOT NULL,
    wrapped_key   BLOB    NOT NULL,
    erased_at     INTEGER
, sealed_properties BLOB, not_before INTEGER) STRICT;
CREATE UNIQUE INDEX submissions_by_case ON submissions (case_id, tenant, case_sequence);
CREATE TABLE versions (
    seq     INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL,
    digest  BLOB NOT NULL,
    content BLOB NOT NULL,
    UNIQUE (kind, digest)
) STRICT;
CREATE TABLE words (
    row         INTEGER PRIMARY KEY REFERENCES history (seq),
    epoch       TEXT NOT NULL,
    wrapped_key BLOB NOT NULL
) STRICT;
