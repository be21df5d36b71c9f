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
from results.record.connection import check_whole, connect, examined
from results.record.decode import UnknownError, checksum, known
from results.record.lock import Lock, beside
from results.record.migrate import migrate, version
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
    insert,
    insert_outcome,
    insert_trial,
    insert_verdicts,
    verdicts_text,
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

    @classmethod
    def create_or_open(cls, path: Path) -> Self:
        """The store at `path` for writing, made or migrated if need be. Takes the writer's lock.

        Raises:
            StoreError: `busy`, `newer`, `not-a-store`, `damaged`, `read-only`, `disk-full`, ...
        """
        path = path.absolute()
        lock = Lock.acquire(path)
        try:
            store = cls(connect(path, path.as_uri()), path, lock)
        except BaseException:
            lock.release()
            raise
        try:
            store._open_for_writing(lock)
        except BaseException as error:
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
        uri = path.as_uri() + "?mode=ro"
        try:
            try:
                return cls(examined(path, uri, whole), path, None)
            except sqlite3.OperationalError:
                if path.with_name(path.name + "-wal").exists():
                    raise
                # A folder that may not be written has no room for WAL's index; nor has it a writer.
                return cls(examined(path, uri + "&immutable=1", whole), path, None)
        except FAULTS as error:
            raise from_sqlite(error, path) from error

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

    def close(self) -> None:
        """Closes the file and gives the lock back. Closing twice does nothing."""
        # A checkpoint that fails on a full disk loses nothing: the next opening reads the WAL.
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
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
        self.close()

    # Writing.

    def begin(self, study: Study, provenance: Mapping[str, str]) -> int:
        """Enters the study if it is new, starts the next epoch, and returns its number.

        All later writes belong to that epoch and are refused once a later one has begun.
        """
        with self._transaction(check=False) as connection:
            insert(connection, "study", study.id, study.name, study.strategy, study.to_json())
            row = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM epoch").fetchone()
            epoch = int(row[0])
            insert(connection, "epoch", epoch, study.id, _now())
            for name, value in provenance.items():
                insert(connection, "provenance", epoch, clean_text(name), clean_text(value))
        self._epoch = epoch
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
        with self._transaction() as connection:
            insert(connection, "task", *values, *lists)

    def add_ask(self, study_id: str, ask: Ask) -> None:
        """Records an ask with its trial, cell text, rejections and admissions.

        The same ask again changes nothing, so that a resumed driver may simply repeat itself.

        Raises:
            StoreError: `order` if the index leaves a gap, or the recorded ask is another one.
        """
        ask = clean_ask(ask)
        with self._transaction() as connection:
            known = self._asks(study_id, [ask.index])
            if known:
                if known[0] != ask:
                    raise StoreError(
                        "order",
                        f"study {study_id}: ask {ask.index} differs from the recorded one",
                        "the tasks or the program changed since; use a new --store",
                    )
                return
            count = "SELECT count(*) FROM ask WHERE study_id = ?"
            due = int(connection.execute(count, (study_id,)).fetchone()[0])
            if ask.index != due:
                raise StoreError("order", f"study {study_id}: ask {ask.index} where {due} is due")
            if ask.trial is not None:
                insert_trial(connection, ask.trial)
            insert(
                connection,
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
            insert_verdicts(connection, study_id, ask.index, ask.rejections, ask.admissions)

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
        with self._transaction() as connection:
            known = self.verdicts(study_id, index)
            if known == ((), ()):
                insert_verdicts(connection, study_id, index, *verdicts)
            elif known != verdicts:
                raise StoreError("order", f"study {study_id}: other verdicts stand at {index}")

    def add_attempt(self, study_id: str, index: int, attempt: int, slot: str) -> None:
        """Records that the trial of `index` was sent to `slot`, for the `attempt`-th time."""
        values = (study_id, index, attempt, self._epoch, clean_text(slot), _now())
        with self._transaction() as connection:
            insert(connection, "attempt", *values)

    def add_outcome(self, study_id: str, index: int, outcome: Outcome) -> None:
        """Records what came of the trial at `index`. The first outcome of a key stays.

        A second one with the same facts changes nothing; with others it becomes a `mismatch` event.

        Raises:
            StoreError: `not-finite`; `order` if the ask at `index` has another key.
        """
        outcome = clean_outcome(outcome)
        with self._transaction() as connection:
            asked = connection.execute(
                "SELECT trial_key FROM ask WHERE study_id = ? AND number = ?", (study_id, index)
            ).fetchone()
            if asked is None or asked[0] != outcome.key:
                raise StoreError(
                    "order", f"study {study_id}: ask {index} is not of trial {outcome.key}"
                )
            if insert_outcome(connection, outcome, study_id, index, self._epoch, _now()):
                return
            recorded = self._outcomes("trial_key = ?", outcome.key)[outcome.key]
            if recorded.result_json() != outcome.result_json():
                digests = facts_digest(recorded), facts_digest(outcome)
                detail = "trial {}: recorded {:.16}, came {:.16}".format(outcome.key, *digests)
                self._insert_event(study_id, "mismatch", detail, index)

    def add_event(self, study_id: str, kind: str, detail: str, index: int | None = None) -> None:
        """Records what happened to the run: `resumed`, `interrupted`, `worker_lost`, ..."""
        with self._transaction():
            self._insert_event(study_id, kind, detail, index)

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
        if version(connection, path):
            check_whole(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Without this, INSERT OR REPLACE would delete past the triggers.
        connection.execute("PRAGMA recursive_triggers = ON")
        migrate(connection, path)
        # Nothing else tells a file that may be read but not written before the first row.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        self._rows = self.rows
        missing = lock.acknowledged - self._rows
        if missing > 0:
            raise StoreError(
                "damaged",
                f"{path}: {missing} of {lock.acknowledged} acknowledged rows are missing",
                f"restore the file together with its -wal, or delete {beside(path).name} to go on"
                " with what is left",
            )
        lock.acknowledge(self._rows)

    @contextlib.contextmanager
    def _transaction(self, *, check: bool = True) -> Generator[sqlite3.Connection]:
        connection = self._connection
        if self._lock is None:
            raise StoreError("read-only", f"{self._path}: opened for reading")
        try:
            connection.execute("BEGIN IMMEDIATE")
            before = connection.total_changes
            if check:
                self._check_epoch()
            yield connection
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            if isinstance(error, FAULTS):
                raise from_sqlite(error, self._path) from error
            if isinstance(error, OverflowError):
                raise StoreError("too-large", f"{self._path}: {error}") from error
            raise
        self._rows += connection.total_changes - before
        self._lock.acknowledge(self._rows)

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

    def _insert_event(self, study_id: str, kind: str, detail: str, index: int | None) -> None:
        values = (study_id, index, clean_text(kind), clean_text(detail), self._epoch, _now())
        insert(self._connection, "event", None, *values)

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
