-- What deliveries of several calls have done so far, by the attempt that recorded it.

CREATE TABLE progress (
    delivery     INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    key          TEXT    NOT NULL,          -- a word of the adapter's
    sealed_value BLOB    NOT NULL,
    PRIMARY KEY (delivery, attempt, key),
    FOREIGN KEY (delivery, attempt) REFERENCES attempts (delivery, number)
) STRICT, WITHOUT ROWID;
