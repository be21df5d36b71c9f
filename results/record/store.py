"""The store: one SQLite file that holds every study, trial and outcome. Rows are only ever added.

The driver is the only writer. It holds a lock on `FILE.lock` and an epoch number that each of its
transactions checks, so a driver that was paused and replaced cannot write when it wakes. Readers
never wait for it. Each method that writes is one transaction, and what it has returned from
survives the end of the process and a loss of power (WAL, `synchronous=FULL`).
"""

import contextlib
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from results.error import FAULTS, StoreError, from_sqlite
from results.record.ask import Ask, Rejection
from results.record.file.connection import check_log, check_whole, connect, examined
from results.record.file.lock import Lock, beside, witness
from results.record.file.migrate import migrate, version
from results.record.file.table import check_schema
from results.record.file.watch import Change, Watch, log_of
from results.record.outcome import Outcome
from results.record.reading import Reading
from results.record.row import (
    ask_digest,
    canonical_json,
    clean_ask,
    clean_outcome,
    clean_rejection,
    clean_text,
    facts_digest,
    insert_outcome,
    insert_trial,
    insert_verdicts,
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
from results.record.strike import Strike
from results.record.study import Study


class Store(Reading):
    """An open store. Made by `create_or_open` (the driver) or `read` (everybody else).

    Not shared between threads. When file, disk or SQLite fail, methods raise StoreError; the store
    is then as before the call and may be used on.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, lock: Lock | None) -> None:
        super().__init__(connection, path)
        self._lock = lock
        self._epoch: int | None = None
        self._rows = 0
        self._watch: Watch | None = None
        self._guard: sqlite3.Connection | None = None
        self._lost = False
        self._group: Addition | None = None
        """What is added by the transaction of `together` that is open."""

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

    @contextlib.contextmanager
    def together(self) -> Generator[None]:
        """All that is written inside is one transaction, which reaches the disk by one commit.

        This store reads at once what was written. An error of the store undoes all of it; after any
        other error what was written before it stays.
        """
        raised: Exception | None = None
        with self._transaction() as addition:
            self._group = addition
            try:
                yield
            except (StoreError, *FAULTS):
                raise
            except Exception as error:
                raised = error
            finally:
                self._group = None
        if raised is not None:
            raise raised

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
            latest = self.select("SELECT max(number) FROM ask WHERE study_id = ?", study_id)[0][0]
            due = 0 if latest is None else int(latest) + 1
            if ask.index > due:
                raise StoreError("order", f"study {study_id}: ask {ask.index} where {due} is due")
            if ask.index < due:
                if self._asks(study_id, [ask.index]) != [ask]:
                    raise StoreError(
                        "order",
                        f"study {study_id}: ask {ask.index} differs from the recorded one",
                        "the tasks or the program changed since; use a new --store",
                    )
                return
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

    def add_strike(self, study_id: str, strike: Strike) -> None:
        """Records that an attempt ended through a fault; its `epoch` and `at` are those of now."""
        values = (
            *(study_id, strike.index, strike.attempt, strike.kind.value, strike.blame.value),
            *(clean_text(strike.node), clean_text(strike.slot), clean_text(strike.detail)),
            *(self._epoch, _now()),
        )
        with self._transaction() as addition:
            addition.insert("strike", *values)

    def add_outcome(self, study_id: str, index: int, outcome: Outcome) -> Outcome:
        """Records what came of the trial at `index`, and returns what is recorded of it.

        The first outcome of a key stays. A second one with the same facts changes nothing; with
        others it becomes a `mismatch` event.

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
                return outcome
            recorded = self._outcomes("trial_key = ?", outcome.key)[outcome.key]
            if recorded.result_json() != outcome.result_json():
                digests = facts_digest(recorded), facts_digest(outcome)
                detail = "trial {}: recorded {:.16}, came {:.16}".format(outcome.key, *digests)
                self._insert_event(addition, study_id, "mismatch", detail, index)
            return recorded

    def add_event(self, study_id: str, kind: str, detail: str, index: int | None = None) -> None:
        """Records what happened to the run: `resumed`, `interrupted`, `worker_lost`, ..."""
        with self._transaction() as addition:
            self._insert_event(addition, study_id, kind, detail, index)

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
        if self._group is not None:
            yield self._group
            return
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
