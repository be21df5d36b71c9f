-- The record of Gatewright, version 1. One file, one writer, rows are only ever added.
-- Numbers are finite; NULL means "not measured". Losses in nats a scored step, accuracies in [0, 1].
-- A study is a history of asks 0, 1, 2, ...; an ask names a trial; a trial has at most one outcome,
-- found by its key, which studies share. Times (`at`, UTC) are for display: nothing is computed from them.

CREATE TABLE study (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    strategy TEXT NOT NULL,
    description TEXT NOT NULL -- canonical JSON; its hash is the id
) STRICT;

-- One row a driver start. Only the latest epoch may write.
CREATE TABLE epoch (
    number INTEGER PRIMARY KEY,
    study_id TEXT NOT NULL REFERENCES study (id),
    at TEXT NOT NULL
) STRICT;

CREATE TABLE provenance (
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (epoch, name)
) STRICT;

CREATE TABLE task (
    name TEXT NOT NULL,
    scale TEXT NOT NULL,
    version INTEGER NOT NULL,
    digest TEXT NOT NULL,
    family TEXT NOT NULL,
    metric TEXT NOT NULL, -- accuracy or loss
    unit TEXT NOT NULL,
    floors TEXT NOT NULL, -- JSON list of {name, loss, accuracy, lower, upper}
    baselines TEXT NOT NULL, -- JSON list of {name, metric, value, split, source, comparable}
    PRIMARY KEY (name, scale, version, digest)
) STRICT;

CREATE TABLE cell (
    id TEXT PRIMARY KEY,
    text TEXT NOT NULL -- canonical
) STRICT;

CREATE TABLE trial (
    key TEXT PRIMARY KEY,
    cell_id TEXT NOT NULL REFERENCES cell (id),
    task TEXT NOT NULL,
    scale TEXT NOT NULL,
    task_version INTEGER NOT NULL,
    task_digest TEXT NOT NULL,
    learning_rate REAL NOT NULL,
    init_scale REAL NOT NULL,
    clip REAL NOT NULL,
    layers INTEGER NOT NULL,
    dropout REAL NOT NULL,
    seed INTEGER NOT NULL,
    executor TEXT NOT NULL,
    engine INTEGER NOT NULL,
    dtype TEXT NOT NULL,
    description TEXT NOT NULL -- canonical JSON with schedule and budget; its hash is the key
) STRICT;

CREATE TABLE ask (
    study_id TEXT NOT NULL REFERENCES study (id),
    number INTEGER NOT NULL, -- the index in the history
    role TEXT NOT NULL,
    trial_key TEXT REFERENCES trial (key), -- NULL for an idle ask
    parent_id TEXT NOT NULL, -- cell it was mutated from, or empty
    operators TEXT NOT NULL, -- JSON list of mutation operators, in order
    digest TEXT NOT NULL, -- sha256 of the ask with its rejections and admissions
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    PRIMARY KEY (study_id, number)
) STRICT;
CREATE INDEX ask_by_trial ON ask (trial_key);

-- Cells turned away before ask `number`; those after the last ask have its number + 1.
CREATE TABLE rejection (
    study_id TEXT NOT NULL REFERENCES study (id),
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    cause TEXT NOT NULL,
    cell_id TEXT NOT NULL,
    parent_id TEXT NOT NULL,
    operators TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (study_id, number, place)
) STRICT;

-- Cells that entered the list, numbered like rejections.
CREATE TABLE admission (
    study_id TEXT NOT NULL REFERENCES study (id),
    number INTEGER NOT NULL,
    place INTEGER NOT NULL,
    cell_id TEXT NOT NULL,
    PRIMARY KEY (study_id, number, place)
) STRICT;

CREATE TABLE attempt (
    study_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    slot TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (study_id, number, attempt, epoch),
    FOREIGN KEY (study_id, number) REFERENCES ask (study_id, number)
) STRICT;

CREATE TABLE outcome (
    trial_key TEXT PRIMARY KEY REFERENCES trial (key),
    ending TEXT NOT NULL,
    step INTEGER,
    detail TEXT NOT NULL,
    width INTEGER,
    parameters INTEGER,
    updates INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    valid_loss REAL CHECK (abs(valid_loss) <= 1.7976931348623157e308),
    valid_accuracy REAL CHECK (valid_accuracy BETWEEN 0 AND 1),
    test_loss REAL CHECK (abs(test_loss) <= 1.7976931348623157e308),
    test_accuracy REAL CHECK (test_accuracy BETWEEN 0 AND 1),
    seconds REAL NOT NULL,
    cpu_seconds REAL NOT NULL,
    peak_bytes INTEGER NOT NULL,
    digest TEXT NOT NULL, -- sha256 of the facts, curve included; cost is not a fact
    study_id TEXT NOT NULL, -- the ask that it was computed for
    number INTEGER NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    at TEXT NOT NULL,
    FOREIGN KEY (study_id, number) REFERENCES ask (study_id, number)
) STRICT;

-- Learning curves: one row an epoch of training.
CREATE TABLE point (
    trial_key TEXT NOT NULL REFERENCES outcome (trial_key),
    place INTEGER NOT NULL,
    updates INTEGER NOT NULL,
    rate REAL NOT NULL,
    train_loss REAL NOT NULL CHECK (abs(train_loss) <= 1.7976931348623157e308),
    valid_loss REAL NOT NULL CHECK (abs(valid_loss) <= 1.7976931348623157e308),
    valid_accuracy REAL NOT NULL CHECK (valid_accuracy BETWEEN 0 AND 1),
    norm REAL NOT NULL CHECK (abs(norm) <= 1.7976931348623157e308),
    clipped REAL NOT NULL CHECK (clipped BETWEEN 0 AND 1),
    PRIMARY KEY (trial_key, place)
) STRICT, WITHOUT ROWID;

-- What happened to the run itself: resumed, interrupted, worker_lost, mismatch, ...
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    study_id TEXT NOT NULL REFERENCES study (id),
    number INTEGER, -- the ask it concerns, if any
    kind TEXT NOT NULL,
    detail TEXT NOT NULL,
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    at TEXT NOT NULL
) STRICT;

-- Insert-only.
CREATE TRIGGER study_no_update BEFORE UPDATE ON study BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER study_no_delete BEFORE DELETE ON study BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER epoch_no_update BEFORE UPDATE ON epoch BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER epoch_no_delete BEFORE DELETE ON epoch BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER provenance_no_update BEFORE UPDATE ON provenance BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER provenance_no_delete BEFORE DELETE ON provenance BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER task_no_update BEFORE UPDATE ON task BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER task_no_delete BEFORE DELETE ON task BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER cell_no_update BEFORE UPDATE ON cell BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER cell_no_delete BEFORE DELETE ON cell BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER trial_no_update BEFORE UPDATE ON trial BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER trial_no_delete BEFORE DELETE ON trial BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER ask_no_update BEFORE UPDATE ON ask BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER ask_no_delete BEFORE DELETE ON ask BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER rejection_no_update BEFORE UPDATE ON rejection BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER rejection_no_delete BEFORE DELETE ON rejection BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER admission_no_update BEFORE UPDATE ON admission BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER admission_no_delete BEFORE DELETE ON admission BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER attempt_no_update BEFORE UPDATE ON attempt BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER attempt_no_delete BEFORE DELETE ON attempt BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER outcome_no_update BEFORE UPDATE ON outcome BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER outcome_no_delete BEFORE DELETE ON outcome BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER point_no_update BEFORE UPDATE ON point BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER point_no_delete BEFORE DELETE ON point BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the record is insert-only'); END;
