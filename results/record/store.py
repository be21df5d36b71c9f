"""The store: one SQLite file that holds every study, trial and outcome. Rows are only ever added.

The driver is the only writer. It holds a lock on `FILE.lock` and an epoch number that each of its
transactions checks, so a driver that was paused and replaced cannot write when it wakes. Readers
never wait for it. Each method that writes is one transaction, and what it has returned from
survives the end of the process and a loss of power (WAL, `synchronous=FULL`).
"""

import contextlib
import json
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from cells.training.point import Point
from results.error import FAULTS, StoreError, from_sqlite
from results.record import words
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.decode import UnknownError, checksum, known
from results.record.file.connection import check_log, check_whole, connect, examined
from results.record.file.lock import Lock, beside, witness
from results.record.file.migrate import migrate, version
from results.record.file.table import check_schema
from results.record.file.watch import Change, Watch, log_of
from results.record.outcome import Cost, Ending, Outcome
from results.record.plain import to_json
from results.record.row import (
    Verdict,
    ask_digest,
    ask_text,
    canonical_json,
    clean_ask,
    clean_outcome,
    clean_rejection,
    clean_text,
    facts_digest,
    insert_outcome,
    insert_trial,
    insert_verdicts,
    verdicts_text,
)
from results.record.seal import (
    CLOSED,
    Addition,
    adopt,
    check,
    check_acknowledged,
    last,
    missing_rows,
)
from results.record.study import Study
from results.record.trial import Trial

Value = str | int | float | None

_PLAIN: Final = (
    "step",
    "detail",
    "width",
    "parameters",
    "updates",
    "tokens",
    "valid_loss",
    "valid_accuracy",
    "test_loss",
    "test_accuracy",
)
"""Fields of an outcome that are columns of the same name."""

_POINT: Final = {"update": "updates"} | {name: name for name in Point.__slots__ if name != "update"}
"""The column of each field of a point."""


@dataclass(frozen=True, slots=True)
class StudyRow:
    """One study in the store.

    Attributes:
        id: by which the store knows it; that of `study` too.
        study: its description.
        description: the text of it that is recorded.
        asked, answered: asks so far; those of them with an outcome (idle ones count as answered).
        epochs: how often a driver was started on it.
    """

    id: str
    study: Study
    description: str
    asked: int
    answered: int
    epochs: int


class Store:
    """An open store. Made by `create_or_open` (the driver) or `read` (everybody else).

    Not shared between threads. When file, disk or SQLite fail, methods raise StoreError; the store
    is then as before the call and may be used on.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: Lock | None) -> None:
        self._connection = connection
        self._path = path
        self._lock = lock
        self._epoch: int | None = None
        self._rows = 0
        self._watch: Watch | None = None
        self._guard: sqlite3.Connection | None = None
        self._lost = False

    @classmethod
    def create_or_open(cls, path: Path) -> Self:
        """The store at `path` for writing, made or migrated if need be. Takes the writer's lock.

        Raises:
            StoreError: `busy`, `newer`, `not-a-store`, `damaged`, `read-only`, `disk-full`, ...
        """
        path = path.absolute()
        lock = Lock.acquire(path)
        store: Self | None = None
        try:
            _check_for_writing(path, lock)
            store = cls(connect(path, path.as_uri()), path, lock)
            store._open_for_writing(lock)
        except BaseException as error:
            if store is None:
                lock.discard()
            else:
                store.close()
            if isinstance(error, FAULTS):
                raise from_sqlite(error, path) from error
            raise
        return store

    @classmethod
    def read(cls, path: Path, *, whole: bool = True) -> Self:
        """The store at `path` for reading, while a driver may be writing it.

        Args:
            path: the file.
            whole: read all of it once to see that nothing is damaged, which takes seconds where it
                is large; a page that shows a running search does without.

        Raises:
            StoreError: `missing`, `newer`, `older`, `not-a-store`, `damaged`, ...
        """
        path = path.absolute()
        if not path.is_file():
            raise StoreError("missing", f"{path}: no such file", "give the file of a search")
        acknowledged = witness(path)  # before the rows, which can only become more
        check_log(path)
        uri = path.as_uri() + "?mode=ro"
        try:
            try:
                store = cls(examined(path, uri, whole), path, None)
            except sqlite3.OperationalError as error:
                if log_of(path).exists() and log_of(path).stat().st_size:
                    raise _unreadable_log(path) from error
                # A folder that may not be written has no room for WAL's index; nor has it a writer.
                store = cls(examined(path, uri + "&immutable=1", whole), path, None)
            try:
                store._check_rows(acknowledged, whole)
            except BaseException:
                store.close()
                raise
        except FAULTS as error:
            raise from_sqlite(error, path) from error
        return store

    @property
    def path(self) -> Path:
        """The file, absolute."""
        return self._path

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection, for whoever fills an empty store."""
        return self._connection

    @property
    def rows(self) -> int:
        """How many rows all tables hold together."""
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        counts = [f"SELECT count(*) FROM {name}" for (name,) in self.select(tables)]  # noqa: S608
        return sum(int(self.select(count)[0][0]) for count in counts)

    @property
    def root(self) -> str:
        """The root digest, over every column of every row; "" of a record that was made without."""
        with self.snapshot():
            seal = last(self._connection)
        return "" if seal is None else seal[3]

    def check_seals(self) -> None:
        """Checks every column of every row against the digests that were recorded with them.

        Raises:
            StoreError: `damaged`.
        """
        with self.snapshot():
            check(self._connection, self._path)

    def close(self) -> None:
        """Closes the file and gives the lock back. Closing twice does nothing."""
        with contextlib.suppress(StoreError, *FAULTS):
            self._end()
        connections = [self._guard, self._connection]
        if self._lost:
            # The last to be closed must not be able to put the log's pages into a file of others.
            connections.reverse()
        # A checkpoint that fails on a full disk loses nothing: the next opening reads the WAL.
        for connection in connections:
            with contextlib.suppress(sqlite3.Error):
                if connection is not None:
                    connection.close()
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._end()
        except StoreError as fault:
            # A full disk leaves out the last seal alone; a file that is gone takes everything.
            if fault.code in ("lost", "overwritten"):
                raise
        finally:
            self.close()

    # Writing.

    def begin(self, study: Study, provenance: Mapping[str, str]) -> int:
        """Enters the study if it is new, starts the next epoch, and returns its number.

        All later writes belong to that epoch and are refused once a later one has begun.
        """
        with self._transaction(check=False) as addition:
            addition.insert("study", study.id, study.name, study.strategy, study.to_json())
            row = self.select("SELECT coalesce(max(number), 0) + 1 FROM epoch")[0]
            epoch = int(row[0])
            addition.insert("epoch", epoch, study.id, _now())
            for name, value in provenance.items():
                addition.insert("provenance", epoch, clean_text(name), clean_text(value))
        self._epoch = epoch
        # So that a copy of the file alone shows that it was begun and not closed.
        self._checkpoint("PASSIVE")
        return epoch

    def add_task(
        self,
        *,
        name: str,
        scale: str,
        version: int,
        digest: str,
        family: str,
        metric: str,
        unit: str,
        floors: Sequence[Mapping[str, object]] = (),
        baselines: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """Records what is fixed about a task; the same task again changes nothing.

        `floors` and `baselines` are the fields of `tasks.task.Floor` and `Baseline`.
        """
        values = (name, scale, version, digest, family, metric, unit)
        lists = [canonical_json([dict(row) for row in rows]) for rows in (floors, baselines)]
        with self._transaction() as addition:
            addition.insert("task", *values, *lists)

    def add_ask(self, study_id: str, ask: Ask) -> None:
        """Records an ask with its trial, cell text, rejections and admissions.

        The same ask again changes nothing, so that a resumed driver may simply repeat itself.

        Raises:
            StoreError: `order` if the index leaves a gap, or the recorded ask is another one.
        """
        ask = clean_ask(ask)
        with self._transaction() as addition:
            known = self._asks(study_id, [ask.index])
            if known:
                if known[0] != ask:
                    raise StoreError(
                        "order",
                        f"study {study_id}: ask {ask.index} differs from the recorded one",
                        "the tasks or the program changed since; use a new --store",
                    )
                return
            due = int(self.select("SELECT count(*) FROM ask WHERE study_id = ?", study_id)[0][0])
            if ask.index != due:
                raise StoreError("order", f"study {study_id}: ask {ask.index} where {due} is due")
            if ask.trial is not None:
                insert_trial(addition, ask.trial)
            addition.insert(
                "ask",
                study_id,
                ask.index,
                ask.role.value,
                None if ask.trial is None else ask.trial.key,
                ask.parent_id,
                canonical_json(ask.operators),
                ask_digest(ask),
                self._epoch,
            )
            insert_verdicts(addition, study_id, ask.index, ask.rejections, ask.admissions)

    def add_verdicts(
        self,
        study_id: str,
        index: int,
        rejections: Sequence[Rejection],
        admissions: Sequence[str],
    ) -> None:
        """Records what was decided after the last ask; `index` is one more than its index.

        The same verdicts again change nothing.

        Raises:
            StoreError: `order` if other verdicts are recorded there.
        """
        verdicts = tuple(map(clean_rejection, rejections)), tuple(admissions)
        with self._transaction() as addition:
            known = self.verdicts(study_id, index)
            if known == ((), ()):
                insert_verdicts(addition, study_id, index, *verdicts)
            elif known != verdicts:
                raise StoreError("order", f"study {study_id}: other verdicts stand at {index}")

    def add_attempt(self, study_id: str, index: int, attempt: int, slot: str) -> None:
        """Records that the trial of `index` was sent to `slot`, for the `attempt`-th time."""
        values = (study_id, index, attempt, self._epoch, clean_text(slot), _now())
        with self._transaction() as addition:
            addition.insert("attempt", *values)

    def add_outcome(self, study_id: str, index: int, outcome: Outcome) -> None:
        """Records what came of the trial at `index`. The first outcome of a key stays.

        A second one with the same facts changes nothing; with others it becomes a `mismatch` event.

        Raises:
            StoreError: `not-finite`; `order` if the ask at `index` has another key.
        """
        outcome = clean_outcome(outcome)
        with self._transaction() as addition:
            asked = self.select(
                "SELECT trial_key FROM ask WHERE study_id = ? AND number = ?", study_id, index
            )
            if not asked or asked[0][0] != outcome.key:
                raise StoreError(
                    "order", f"study {study_id}: ask {index} is not of trial {outcome.key}"
                )
            if insert_outcome(addition, outcome, study_id, index, self._epoch, _now()):
                return
            recorded = self._outcomes("trial_key = ?", outcome.key)[outcome.key]
            if recorded.result_json() != outcome.result_json():
                digests = facts_digest(recorded), facts_digest(outcome)
                detail = "trial {}: recorded {:.16}, came {:.16}".format(outcome.key, *digests)
                self._insert_event(addition, study_id, "mismatch", detail, index)

    def add_event(self, study_id: str, kind: str, detail: str, index: int | None = None) -> None:
        """Records what happened to the run: `resumed`, `interrupted`, `worker_lost`, ..."""
        with self._transaction() as addition:
            self._insert_event(addition, study_id, kind, detail, index)

    # Reading.

    @contextlib.contextmanager
    def snapshot(self) -> Generator[None]:
        """All reading inside sees one state of the store, whatever the driver writes meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        try:
            self._connection.execute("BEGIN")
            yield
        except FAULTS as error:
            raise from_sqlite(error, self._path) from error
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def studies(self) -> list[StudyRow]:
        """All studies, oldest first."""
        rows = self.select(
            "SELECT id, description,"
            " (SELECT count(*) FROM ask WHERE study_id = study.id),"
            " (SELECT count(*) FROM ask LEFT JOIN outcome USING (trial_key) WHERE"
            "   ask.study_id = study.id AND (ask.trial_key IS NULL OR outcome.ending IS NOT NULL)),"
            " (SELECT count(*) FROM epoch WHERE study_id = study.id)"
            " FROM study ORDER BY study.rowid"
        )
        return [StudyRow(row[0], self._study(row[0], row[1]), *row[1:]) for row in rows]

    def study(self, study_id: str) -> Study:
        """The study of that id. Raises StoreError `missing` if there is none."""
        rows = self.select("SELECT description FROM study WHERE id = ?", study_id)
        if not rows:
            raise StoreError("missing", f"{self._path}: no study {study_id}")
        return self._study(study_id, rows[0][0])

    def log(self, study_id: str) -> list[tuple[Ask, Outcome | None]]:
        """Every ask with its outcome, in order of index: what a resume replays.

        Idle asks and unanswered ones have None.
        """
        with self.snapshot():
            asks = self._asks(study_id)
            outcomes = self._outcomes(
                "trial_key IN (SELECT trial_key FROM ask WHERE study_id = ?)", study_id
            )
        return [(ask, ask.trial and outcomes.get(ask.trial.key)) for ask in asks]

    def part(self, study_id: str, indices: Sequence[int]) -> list[tuple[Ask, Outcome | None]]:
        """The asks of these indices with their outcomes, as `log` has them."""
        with self.snapshot():
            asks = self._asks(study_id, indices)
            keys = [ask.trial.key for ask in asks if ask.trial is not None]
            among = "trial_key IN (SELECT value FROM json_each(?))"
            outcomes = self._outcomes(among, json.dumps(keys))
        return [(ask, ask.trial and outcomes.get(ask.trial.key)) for ask in asks]

    def verdicts(self, study_id: str, index: int) -> tuple[tuple[Rejection, ...], tuple[str, ...]]:
        """Rejections and admissions decided before ask `index`, or after the last one."""
        with self.snapshot():
            rejections, admissions = self._verdicts(study_id, [index])
        with self._readable(f"a rejection before ask {index} of study {study_id}"):
            rejected = tuple(map(_rejection, rejections.get(index, ())))
        return rejected, tuple(admissions.get(index, ()))

    def outcome(self, key: str) -> Outcome | None:
        """The outcome of a trial, of whichever study, or None."""
        with self.snapshot():
            return self._outcomes("trial_key = ?", key).get(key)

    def cell(self, cell_id: str) -> str | None:
        """The canonical text of a cell, or None."""
        rows = self.select("SELECT text FROM cell WHERE id = ?", cell_id)
        return str(rows[0][0]) if rows else None

    def provenance(self, study_id: str) -> dict[int, dict[str, str]]:
        """What was recorded at each driver start of a study, by epoch."""
        rows = self.select(
            "SELECT number, name, value FROM epoch LEFT JOIN provenance ON epoch = number"
            " WHERE study_id = ? ORDER BY number, name",
            study_id,
        )
        starts: dict[int, dict[str, str]] = {}
        for number, name, value in rows:
            entries = starts.setdefault(number, {})
            if name is not None:
                entries[name] = value
        return starts

    def select(self, sql: str, *values: Value) -> list[Any]:
        """The rows of a query; each can be unpacked, or read by column name."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except FAULTS as error:
            raise from_sqlite(error, self._path) from error

    def table(self, sql: str, *values: Value) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and rows of a query."""
        try:
            cursor = self._connection.execute(sql, values)
            rows = [tuple(row) for row in cursor]
        except FAULTS as error:
            raise from_sqlite(error, self._path) from error
        return [column[0] for column in cursor.description], rows

    # Inside.

    def _open_for_writing(self, lock: Lock) -> None:
        connection, path = self._connection, self._path
        # Before WAL, so that the file itself holds the schema from the beginning.
        connection.execute("PRAGMA foreign_keys = ON")
        # Without this, INSERT OR REPLACE would delete past the triggers.
        connection.execute("PRAGMA recursive_triggers = ON")
        migrate(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Nothing else tells a file that may be read but not written before the first row.
        connection.execute("BEGIN IMMEDIATE")
        adopt(connection)
        connection.execute("COMMIT")
        self._guard = connect(path, path.as_uri() + "?mode=ro")
        self._guard.execute("SELECT count(*) FROM study").fetchone()
        self._rows = self.rows
        lock.acknowledge(self._rows)
        self._watch = Watch(path, lock)

    @contextlib.contextmanager
    def _transaction(self, *, check: bool = True, closing: bool = False) -> Generator[Addition]:
        connection = self._connection
        if self._lock is None or self._watch is None:
            raise StoreError("read-only", f"{self._path}: opened for reading")
        change = self._watch.change()
        if change is not None:
            raise self._given_up(change)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if check:
                self._check_epoch()
            addition = Addition(connection)
            yield addition
            added = addition.seal(closing=closing)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            self._watch.note()
            if isinstance(error, FAULTS):
                raise from_sqlite(error, self._path) from error
            if isinstance(error, OverflowError):
                raise StoreError("too-large", f"{self._path}: {error}") from error
            raise
        change = self._watch.note()
        if change is not None:
            raise self._given_up(change)
        self._rows += added
        self._lock.acknowledge(self._rows)

    def _given_up(self, change: Change) -> StoreError:
        """The error that ends writing, once what can be saved is in the file that was opened."""
        first, self._lost = not self._lost, True
        with contextlib.suppress(*FAULTS):
            if self._epoch is not None:
                self._check_epoch()  # another driver is better told of by its name
            if first and change.kept:
                self._connection.execute("BEGIN IMMEDIATE")
                self._close_seal()
                self._connection.execute("COMMIT")
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return change.error

    def _close_seal(self) -> None:
        """Adds, in the transaction that is open, the seal that says that the file is closed."""
        seal = last(self._connection)
        if seal is not None and seal[2] != CLOSED:
            Addition(self._connection).seal(closing=True)

    def _end(self) -> None:
        """Says in the file that its writer closed it, unless that is said."""
        if self._lock is None or self._watch is None or self._lost:
            return
        seal = last(self._connection)
        if seal is None:
            return
        if seal[2] == CLOSED:
            change = self._watch.change()
            if change is not None:
                raise self._given_up(change)
            return
        with self._transaction(check=self._epoch is not None, closing=True):
            pass

    def _checkpoint(self, kind: str) -> None:
        """Puts the log into the file, as far as readers allow."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.execute(f"PRAGMA wal_checkpoint({kind})")
        if self._watch is not None:
            change = self._watch.note()
            if change is not None:
                raise self._given_up(change)

    def _check_rows(self, acknowledged: int | None, whole: bool) -> None:
        """Checks that no row is missing of those that a writer acknowledged, or that seals count.

        Args:
            acknowledged: see `witness`, from before the file was opened.
            whole: count all rows, and check them against the seals.
        """
        with self.snapshot():
            seal = last(self._connection)
            rows = self.rows if whole or seal is None else seal[0] + seal[1]
            check_acknowledged(self._path, rows, acknowledged, seal)
            if whole:
                check(self._connection, self._path)

    def _check_epoch(self) -> None:
        latest = self._connection.execute("SELECT max(number) FROM epoch").fetchone()[0]
        if self._epoch is None:
            raise StoreError("order", f"{self._path}: begin a study before writing")
        if latest != self._epoch:
            raise StoreError(
                "superseded",
                f"{self._path}: epoch {latest} has begun, this driver is of {self._epoch}",
                "another driver took over; this one must end",
            )

    def _insert_event(
        self, addition: Addition, study_id: str, kind: str, detail: str, index: int | None
    ) -> None:
        values = (study_id, index, clean_text(kind), clean_text(detail), self._epoch, _now())
        addition.insert("event", None, *values)

    def _damaged(self, what: str) -> StoreError:
        """What is said where a row is not the one that its checksum was taken of."""
        message = f"{self._path}: {what} does not have the checksum that was recorded with it"
        return StoreError("damaged", message, "restore a copy of the file")

    @contextlib.contextmanager
    def _readable(self, what: str) -> Generator[None]:
        """Around the reading of a row whose checksum is right: what we do not know in it is newer."""
        try:
            yield
        except UnknownError as error:
            raise StoreError(
                "newer",
                f"{self._path}: {what} has {error}, which this Gatewright does not know",
                "update Gatewright; the record is whole",
            ) from error

    def _study(self, study_id: str, description: str) -> Study:
        what = f"study {study_id}"
        if checksum(description)[:16] != study_id:
            raise self._damaged(what)
        with self._readable(what):
            return Study.from_json(description)

    def _asks(self, study_id: str, indices: Sequence[int] | None = None) -> list[Ask]:
        rejections, admissions = self._verdicts(study_id, indices)
        rows = self.select(
            "SELECT number, role, trial_key, description, parent_id, operators, digest FROM ask"  # noqa: S608 - nothing but a condition is added
            " LEFT JOIN trial ON key = trial_key"
            f" WHERE study_id = ?{_among(indices)} ORDER BY number",
            study_id,
            *_listed(indices),
        )
        asks: list[Ask] = []
        for number, role, key, description, parent_id, operators, digest in rows:
            what = f"ask {number} of study {study_id}"
            if indices is None and number != len(asks):
                message = f"{self._path}: ask {len(asks)} of study {study_id} is missing"
                raise StoreError("damaged", message, "restore a copy of the file")
            refused, admitted = rejections.get(number, []), admissions.get(number, [])
            verdicts = verdicts_text(list(map(_digested, refused)), admitted)
            steps = self._steps(operators, what)
            text = ask_text(number, role, key, parent_id, steps, verdicts)
            if checksum(text) != digest:
                raise self._damaged(what)
            if key is not None and (description is None or checksum(description)[:32] != key):
                raise self._damaged(f"trial {key}")
            with self._readable(what):
                ask = Ask(
                    index=number,
                    role=known(Role, role, "role"),
                    trial=None if description is None else Trial.from_json(description),
                    parent_id=parent_id,
                    operators=tuple(steps),
                    rejections=tuple(map(_rejection, refused)),
                    admissions=tuple(admitted),
                )
            asks.append(ask)
        return asks

    def _steps(self, operators: str, what: str) -> list[str]:
        """A list of mutation operators from its JSON, which a digest covers."""
        try:
            return list(json.loads(operators))
        except (ValueError, TypeError, RecursionError) as error:
            raise self._damaged(what) from error

    def _verdicts(
        self, study_id: str, indices: Sequence[int] | None
    ) -> tuple[dict[int, list[Verdict]], dict[int, list[str]]]:
        """The words of rejections, and admissions, by the number of the ask that they precede.

        The last word of a rejection is the whole recorded reason.
        """
        rejections: dict[int, list[Verdict]] = {}
        for number, cause, cell_id, parent_id, operators, detail in self.select(
            "SELECT number, cause, cell_id, parent_id, operators, detail FROM rejection"  # noqa: S608 - nothing but a condition is added
            f" WHERE study_id = ?{_among(indices)} ORDER BY number, place",
            study_id,
            *_listed(indices),
        ):
            steps = self._steps(operators, f"a rejection before ask {number} of study {study_id}")
            verdict = cause, cell_id, parent_id, steps, detail
            rejections.setdefault(number, []).append(verdict)
        admissions: dict[int, list[str]] = {}
        for number, cell_id in self.select(
            "SELECT number, cell_id FROM admission"  # noqa: S608 - nothing but a condition is added
            f" WHERE study_id = ?{_among(indices)} ORDER BY number, place",
            study_id,
            *_listed(indices),
        ):
            admissions.setdefault(number, []).append(cell_id)
        return rejections, admissions

    def _outcomes(self, where: str, value: Value) -> dict[str, Outcome]:
        columns = ", ".join(_POINT.values())
        points = f"SELECT trial_key, {columns} FROM point WHERE {where} ORDER BY trial_key, place"  # noqa: S608
        curves: dict[str, list[Point]] = {}
        for row in self.select(points, value):
            point = Point(**{name: row[column] for name, column in _POINT.items()})
            curves.setdefault(row["trial_key"], []).append(point)
        outcomes: dict[str, Outcome] = {}
        for row in self.select(f"SELECT * FROM outcome WHERE {where}", value):  # noqa: S608
            key = str(row["trial_key"])
            what = f"the outcome of trial {key}"
            facts: dict[str, Any] = {
                "key": key,
                "ending": row["ending"],
                **{name: row[name] for name in _PLAIN},
                "curve": tuple(curves.get(key, ())),
            }
            text = to_json({words.recorded("Outcome", name): fact for name, fact in facts.items()})
            if checksum(text) != row["digest"]:
                raise self._damaged(what)
            with self._readable(what):
                facts["ending"] = known(Ending, row["ending"], "ending")
                cost = Cost(row["seconds"], row["cpu_seconds"], row["peak_bytes"])
                outcomes[key] = Outcome(**facts, cost=cost)
        return outcomes


def _check_for_writing(path: Path, lock: Lock) -> None:
    """Checks a file before anything can be written to it: a writer's connection puts a log into it.

    Raises:
        StoreError: as `Store.read`, but for rows that do not fit their seals.
    """
    check_log(path)
    if not path.exists() or not path.stat().st_size:
        missing = lock.acknowledged or 0
        if missing:
            raise missing_rows(path, missing, missing)
        return
    with contextlib.closing(connect(path, path.as_uri() + "?mode=ro")) as connection:
        try:
            stored = version(connection, path)
            if not stored:
                return
            check_schema(connection, path, stored)
            check_whole(connection, path)
            rows = Store(connection, path, None).rows
            check_acknowledged(path, rows, lock.acknowledged, last(connection))
        except FAULTS as error:
            raise from_sqlite(error, path) from error


def _unreadable_log(path: Path) -> StoreError:
    log = log_of(path).name
    return StoreError(
        "read-only",
        f"{path}: {log} holds rows that cannot be read in a folder that may not be written",
        f"copy {path.name}, {log} and {beside(path).name} to one that may be",
    )


def _digested(verdict: Verdict) -> Verdict:
    """The words of a rejection as digests cover them."""
    cause, cell_id, parent_id, operators, reason = verdict
    return cause, cell_id, parent_id, operators, words.digested(reason)


def _rejection(verdict: Verdict) -> Rejection:
    """The rejection of these words. Raises UnknownError if this version does not know the cause."""
    cause, cell_id, parent_id, operators, reason = verdict
    facts, detail = words.parted(reason)
    turned = known(Cause, cause, "cause")
    return Rejection(turned, cell_id, parent_id, tuple(operators), detail, facts)


def _among(indices: Sequence[int] | None) -> str:
    return "" if indices is None else " AND number IN (SELECT value FROM json_each(?))"


def _listed(indices: Sequence[int] | None) -> tuple[str, ...]:
    return () if indices is None else (json.dumps(list(indices)),)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
