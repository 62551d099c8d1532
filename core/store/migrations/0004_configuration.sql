-- Every configuration that was active, by the digest of its canonical form, and who activated it, when and why. The parts
-- stand in `versions`: files (kind `file`), mappings and steps.

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

CREATE TABLE configuration_parts (
    version BLOB NOT NULL,
    kind    TEXT NOT NULL,                  -- file, mapping, step
    name    TEXT NOT NULL,                  -- path, `mappings/NAME`, `ROUTE/STEP`
    digest  BLOB NOT NULL,
    PRIMARY KEY (version, kind, name)
) STRICT, WITHOUT ROWID;
