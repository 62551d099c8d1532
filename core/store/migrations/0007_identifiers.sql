-- What others call a case, and what files are called: found by a keyed hash, never by plain text. Of a file only the hash
-- stands here; its name stands with its part. Whoever erases a submission's content deletes its rows.

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
