-- Version 3. Attempts that ended without an outcome through a fault: whose it was taken to be, and where.
-- Strikes of the cell are counted across starts of the driver, see search/run/strikes.py; those of the
-- machine are not held against it. What a machine leaves undone otherwise (a trial that waited there) is none.

CREATE TABLE strike (
    study_id TEXT NOT NULL,
    number INTEGER NOT NULL, -- the ask
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL, -- died, overdue, guarded, exhausted, left; set_aside: the machine is used no more
    blame TEXT NOT NULL, -- cell or machine
    node TEXT NOT NULL, -- the machine, as people are told of it
    slot TEXT NOT NULL,
    detail TEXT NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    at TEXT NOT NULL,
    PRIMARY KEY (study_id, number, attempt, epoch, kind),
    FOREIGN KEY (study_id, number) REFERENCES ask (study_id, number)
) STRICT;
CREATE TRIGGER strike_no_update BEFORE UPDATE ON strike BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER strike_no_delete BEFORE DELETE ON strike BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
