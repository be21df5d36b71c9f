-- Version 2. Each transaction ends with a seal: what it added, and a digest over that and all before.
-- The digest of the last seal stands for the whole record. A writer that closes the file adds a seal
-- of no rows; a file whose last seal is another was copied, or its writer was killed, before the end.

CREATE TABLE seal (
    number INTEGER PRIMARY KEY, -- 1, 2, 3, ...
    rows INTEGER NOT NULL, -- of all other tables together, up to here
    added TEXT NOT NULL, -- JSON object: new rows by table, in the order of the schema
    digest TEXT NOT NULL -- sha256, see results/record/seal.py
) STRICT;
CREATE TRIGGER seal_no_update BEFORE UPDATE ON seal BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER seal_no_delete BEFORE DELETE ON seal BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
