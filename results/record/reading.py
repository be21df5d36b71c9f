"""Reading a store: studies, asks, outcomes, each row against the checksum that was recorded with it."""

import contextlib
import json
import sqlite3
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from results.error import FAULTS, StoreError, from_sqlite
from results.record import facts, words
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.decode import UnknownError, checksum, known
from results.record.outcome import Outcome
from results.record.row import Verdict, ask_text, verdicts_text
from results.record.strike import Blame, Kind, Strike
from results.record.study import Study
from results.record.trial import Trial

Value = str | int | float | None


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


class RecordedAsk(NamedTuple):
    """An ask as it was recorded, for comparison with one that is asked again.

    Attributes:
        digest: of the ask, see `results.record.row.ask_digest`.
        key: of its trial; None if it is idle.
        description: of the trial; "" if it is idle.
        name: the checksum of the description, which begins with the key; "" if it is idle.
        outcome: of the trial, if there is one.
        facts: the outcome's `facts_json`, by which it was checked; "" without one.
    """

    digest: str
    key: str | None
    description: str
    name: str
    outcome: Outcome | None
    facts: str


class Reading:
    """What is read from an open store.

    Args:
        connection: to the file.
        path: of it, absolute.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

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

    def replay(self, study_id: str, chunk: int = 500) -> Generator[RecordedAsk]:
        """What a resume compares and tells, in order of index, `chunk` asks at a time.

        Only what is compared is not checked here: trials and outcomes are, as in `log`, and an ask
        that is not asked again as its digest says is read by `part`.
        """
        index = 0
        while True:
            _, rows = self.table(
                "SELECT number, digest, trial_key, description FROM ask"
                " LEFT JOIN trial ON key = trial_key"
                " WHERE study_id = ? AND number >= ? ORDER BY number LIMIT ?",
                study_id,
                index,
                chunk,
            )
            keys = json.dumps([key for _, _, key, _ in rows if key is not None])
            texts: dict[str, str] = {}
            outcomes = self._outcomes("trial_key IN (SELECT value FROM json_each(?))", keys, texts)
            for number, digest, key, description in rows:
                if number != index:
                    raise self._missing(study_id, index)
                index += 1
                if key is None:
                    yield RecordedAsk(digest, None, "", "", None, "")
                    continue
                if description is None or (name := checksum(description))[:32] != key:
                    raise self._damaged(f"trial {key}")
                outcome, text = outcomes.get(key), texts.get(key, "")
                yield RecordedAsk(digest, key, description, name, outcome, text)
            if len(rows) < chunk:
                return

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

    def strikes(self, study_id: str, latest: int = -1) -> list[Strike]:
        """Attempts that ended through a fault, in the order they did; none in a store of before.

        Args:
            study_id: which study.
            latest: only so many, the last ones; -1 for all.
        """
        if not self.select("SELECT 1 FROM sqlite_schema WHERE name = 'strike'"):
            return []
        rows = self.select(
            "SELECT number, attempt, kind, blame, node, slot, detail, epoch, at FROM strike"
            " WHERE study_id = ? ORDER BY rowid DESC LIMIT ?",
            study_id,
            latest,
        )
        with self._readable(f"a strike of study {study_id}"):
            return [
                Strike(
                    number, attempt, known(Kind, kind, "kind"), known(Blame, blame, "blame"), *rest
                )
                for number, attempt, kind, blame, *rest in reversed(rows)
            ]

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
        cursor = self._connection.cursor()
        cursor.row_factory = None  # plain tuples
        try:
            rows = cursor.execute(sql, values).fetchall()
        except FAULTS as error:
            raise from_sqlite(error, self._path) from error
        return [column[0] for column in cursor.description], rows

    def _damaged(self, what: str) -> StoreError:
        """What is said where a row is not the one that its checksum was taken of."""
        message = f"{self._path}: {what} does not have the checksum that was recorded with it"
        return StoreError("damaged", message, "restore a copy of the file")

    def _missing(self, study_id: str, index: int) -> StoreError:
        message = f"{self._path}: ask {index} of study {study_id} is missing"
        return StoreError("damaged", message, "restore a copy of the file")

    @contextlib.contextmanager
    def _readable(self, what: str) -> Generator[None]:
        """Around the reading of a row whose checksum is right: what we do not know in it is newer."""
        try:
            yield
        except UnknownError as error:
            raise self._newer(what, error) from error

    def _newer(self, what: str, error: UnknownError) -> StoreError:
        return StoreError(
            "newer",
            f"{self._path}: {what} has {error}, which this Gatewright does not know",
            "update Gatewright; the record is whole",
        )

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
                raise self._missing(study_id, len(asks))
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

    def _outcomes(
        self, where: str, value: Value, texts: dict[str, str] | None = None
    ) -> dict[str, Outcome]:
        """Outcomes by key; `texts` is filled with their `facts_json`, by which they were checked."""
        curves: dict[str, list[facts.Row]] = {}
        points = f"SELECT {facts.POINT_COLUMNS} FROM point WHERE {where} ORDER BY trial_key, place"  # noqa: S608
        for point in self.table(points, value)[1]:
            curves.setdefault(point[-1], []).append(point)
        outcomes: dict[str, Outcome] = {}
        rows = f"SELECT {facts.OUTCOME_COLUMNS} FROM outcome WHERE {where}"  # noqa: S608
        for row in self.table(rows, value)[1]:
            key, _, _, digest = row[:4]
            curve = curves.get(key, ())
            text = facts.facts_json(row, curve)
            if checksum(text) != digest:
                raise self._damaged(f"the outcome of trial {key}")
            if texts is not None:
                texts[key] = text
            try:
                outcomes[key] = facts.outcome(row, curve)
            except UnknownError as error:
                raise self._newer(f"the outcome of trial {key}", error) from error
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
