"""The trials of one study as columns of numbers, kept up to date by reading only what was added.

A store is insert-only, so what was read once never changes: an ask gets its outcome at most once. All
that the views add up over a whole study comes from these columns; what they show of single cells
is read from the store by index.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from cells.training.hyperparameter import Value
from cells.training.setting import HYPERPARAMETERS
from results.error import StoreError
from results.label import baseline_id, label
from results.leaderboard import task_column
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Cause, Role
from results.record.outcome import Ending
from results.record.setting_columns import SETTING_COLUMNS
from results.record.store import Store
from results.record.study import Study

ROLES: Final = tuple(Role)
ENDINGS: Final = tuple(Ending)
CAUSES: Final = tuple(Cause)
PENDING: Final = -1
"""Index of the ending of a trial that has none yet."""

_LAYOUT: Final = np.dtype(
    [
        ("number", np.int32),  # of the ask
        ("role", np.int8),  # index in ROLES
        ("cell", np.int32),  # index in `cells`
        ("task", np.int16),  # index in `tasks`
        # numbers, NaN where the optimizer has it not; of words their index in the row's `words`
        *((row.name, np.float64) for row in HYPERPARAMETERS),
        ("first", np.bool_),  # this trial was not asked for before in this study
        ("ending", np.int8),  # index in ENDINGS, or PENDING
        ("order", np.int32),  # in which outcomes came
        ("valid", np.float64),  # metric of the task; NaN if the training did not end well
        ("test", np.float64),
        ("parameters", np.int32),
        ("cpu_seconds", np.float64),
    ]
)
"""One row an ask that has a trial, in the order of the asks."""
_TAKEN: Final = ("number", *(row.name for row in HYPERPARAMETERS))
"""Columns that are as the record has them; the others are derived."""
_DERIVED: Final = tuple(name for name in _LAYOUT.names or () if name not in _TAKEN)

_REFUSALS: Final = np.dtype(
    [
        ("row", np.int64),  # in the store's table
        ("number", np.int32),  # of the ask before which it was decided
        ("cause", np.int8),  # index in CAUSES
        ("cell", np.int32),  # index in `cells`, or -1 if it was not trained by then
        ("way", np.int32),  # index in `ways`
    ]
)
"""One row a cell turned away, in the order in which they were recorded."""

_ROLES: Final = {str(role): index for index, role in enumerate(ROLES)}
_CAUSES: Final = {str(cause): index for index, cause in enumerate(CAUSES)}
_ENDINGS: Final = {str(ending): index for index, ending in enumerate(ENDINGS)}


class _Asked(NamedTuple):
    """An ask with its trial and, once there is one, its outcome; columns of the tables by name."""

    number: int
    role: str
    parent_id: str
    operators: str
    cell_id: str
    task: str
    scale: str
    trial_key: str
    ending: str | None
    arrival: int | None
    valid_loss: float | None
    valid_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    parameters: int | None
    cpu_seconds: float | None
    setting: tuple[Value, ...]

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row of these columns, the hyperparameters last."""
        return cls(*row[:_PLAIN], setting=tuple(row[_PLAIN:]))


class _Came(NamedTuple):
    """What `_answer` reads of an outcome; columns of the table by name."""

    ending: str
    arrival: int
    valid_loss: float | None
    valid_accuracy: float | None
    test_loss: float | None
    test_accuracy: float | None
    parameters: int | None
    cpu_seconds: float

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row that has these columns among others."""
        return cls(**{name: row[name] for name in cls._fields})


_ORIGIN: Final = {
    **dict.fromkeys(("number", "role", "parent_id", "operators", "trial_key"), "ask"),
    **dict.fromkeys(("cell_id", "task", "scale"), "trial"),
}
"""Tables of the columns of `_Asked`; the others are of the outcome."""

_PLAIN: Final = len(_Asked._fields) - 1
"""Columns of `_Asked` before the hyperparameters."""
_SELECTED: Final = ", ".join(
    "outcome.rowid AS arrival" if name == "arrival" else f"{_ORIGIN.get(name, 'outcome')}.{name}"
    for name in _Asked._fields[:_PLAIN]
)

_ASKED: Final = f"""
SELECT {_SELECTED}, {SETTING_COLUMNS}
FROM ask JOIN trial ON trial.key = ask.trial_key
LEFT JOIN outcome ON outcome.trial_key = ask.trial_key AND outcome.rowid <= ?
WHERE ask.study_id = ? AND ask.number >= ? AND ask.number < ? ORDER BY ask.number
"""  # noqa: S608 - the columns are those above

_COUNTED: Final = "SELECT count(*) FROM ask WHERE study_id = ? AND number >= ? AND number < ?"

_REFUSED: Final = """
SELECT rowid, number, cause, cell_id, operators FROM rejection
WHERE rowid > ? AND rowid <= ? AND study_id = ? ORDER BY number, place
"""

_PIECE: Final = 10_000
"""Rows that are read at once: rows of SQLite take ten times the memory of ours."""

_ANSWERED: Final = """
SELECT *, rowid AS arrival FROM outcome WHERE rowid > ? ORDER BY rowid
"""


def _number(value: Value, words: Sequence[str]) -> float:
    """A hyperparameter as `_LAYOUT` holds it."""
    if value is None:
        return math.nan
    return words.index(value) if isinstance(value, str) else value


class History:
    """A study's record as far as it was read; `refresh` reads what was added since.

    Attributes:
        study_id, study: which.
        tasks: columns of the study's tasks in order, then the screen's, then any other.
        cells, labels: ids of all cells that were trained, in the order of their first ask, and what
            they are called.
        parents, operators: of these cells: the id of the parent or "", and the operators that made it.
        asked, idle: asks so far; those of them without a trial.
        causes: cells turned away, by cause.
        ways: operators, in order, by which cells were made that were turned away.
        turned: last cause by which a trained cell was turned away, by its index.
        admitted: indices of cells that entered the list.
        complete: everything was read that is in the store.
        version: rises with everything that was read.
    """

    def __init__(self, store: Store, study_id: str) -> None:
        self.study_id = study_id
        self.study: Study = store.study(study_id)
        self.cells: list[str] = []
        self.labels: list[str] = []
        self.parents: list[str] = []
        self.operators: list[tuple[str, ...]] = []
        self.asked = 0
        self.idle = 0
        self.causes: Counter[str] = Counter()
        self.ways: list[tuple[str, ...]] = []
        self.turned: dict[int, str] = {}
        self.admitted: dict[int, int] = {}
        self.complete = False
        self.version = 0
        plans = [(plan.name, plan.scale) for plan in self.study.tasks]
        screen = (self.study.screen.task, self.study.screen.scale)
        self._tasks = {pair: index for index, pair in enumerate(dict.fromkeys([*plans, screen]))}
        self._columns = [task_column.column(store, study_id, *pair) for pair in self._tasks]
        self._settled: set[int] = set()
        self._indices: dict[str, int] = {}
        self._made: dict[str, tuple[str, ...]] = {}
        self._ways: dict[str, int] = {}
        self._rows = np.empty(1024, _LAYOUT)
        self._count = 0
        self._refusals = np.empty(1024, _REFUSALS)
        self._refused = 0
        self._keys: set[int] = set()
        self._pending: dict[str, list[int]] = {}
        self._seen = dict.fromkeys(("outcome", "rejection", "admission"), 0)
        self._baselines = [baseline_id(word) for word in self.study.baselines]

    @property
    def rows(self) -> NDArray[Any]:
        """The columns, a structured array with the fields of `_LAYOUT`."""
        return self._rows[: self._count]

    @property
    def refusals(self) -> NDArray[Any]:
        """Cells turned away, a structured array with the fields of `_REFUSALS`."""
        return self._refusals[: self._refused]

    @property
    def tasks(self) -> tuple[TaskColumn, ...]:
        """What is known about each task, without references."""
        return tuple(self._columns)

    @property
    def planned(self) -> range:
        """Indices of the study's own tasks."""
        return range(len(self.study.tasks))

    @property
    def baselines(self) -> list[int | None]:
        """Indices of the study's baselines, in its order; None for one that was not asked for yet."""
        return [self._indices.get(cell_id) for cell_id in self._baselines]

    @property
    def yardstick(self) -> str:
        """What the baseline is called to which ratios refer; "" while it was not asked for."""
        index = self.baselines[-1]
        return "" if index is None else self.labels[index]

    @property
    def answered(self) -> int:
        """Asks that have an outcome, or need none."""
        return self.idle + int(np.count_nonzero(self.rows["ending"] != PENDING))

    def index(self, cell_id: str) -> int | None:
        """The index of a cell in `cells`, or None if the study never trained it."""
        return self._indices.get(cell_id)

    def numbers(self, indices: Sequence[int]) -> list[int]:
        """Numbers of all asks for these cells, in order."""
        rows = self.rows
        return rows["number"][np.isin(rows["cell"], indices)].tolist()

    def refresh(self, store: Store, seconds: float = math.inf) -> bool:
        """Reads what was added since the last time; returns whether there was anything.

        Args:
            store: that holds the study.
            seconds: after which reading stops until the next time, and `complete` is False.

        Raises:
            StoreError: if the store cannot be read.
        """
        with store.snapshot():
            before = self.version
            self._read_outcomes(store)
            self.complete = self._read_asks(store, time.monotonic() + seconds)
            # What was decided about a cell can be told only once the cell is known.
            if self.complete:
                self._read_verdicts(store)
        return self.version != before

    def _read_outcomes(self, store: Store) -> None:
        """Outcomes of asks that were read before; the others come with their asks."""
        if self._pending:
            numbers = self.rows["number"]
            for came in store.select(_ANSWERED, self._seen["outcome"]):
                waiting = self._pending.pop(came["trial_key"], [])
                for index in np.searchsorted(numbers, waiting):
                    row = self._rows[index]
                    answer = self._answer(int(self.rows["task"][index]), _Came.of(came))
                    for name, value in answer.items():
                        row[name] = value
                    self.version += 1
        self._seen["outcome"] = _latest(store, "outcome")

    def _read_asks(self, store: Store, until: float) -> bool:
        """Reads piece by piece; returns whether nothing is left."""
        while True:
            rows = store.select(
                _ASKED, self._seen["outcome"], self.study_id, self.asked, self.asked + _PIECE
            )
            counted = store.select(_COUNTED, self.study_id, self.asked, self.asked + _PIECE)[0][0]
            if not counted:
                return True
            whole = counted < _PIECE
            self._add(store, list(map(_Asked.of, rows)))
            self.idle += counted - len(rows)
            self.asked += counted
            self.version += 1
            if whole or time.monotonic() > until:
                return whole

    def _entry(self, store: Store, asked: "_Asked") -> dict[str, Any]:
        """What `_LAYOUT` has of an ask beside `_TAKEN`; a trial without outcome is noted as pending."""
        known = int(asked.trial_key[:15], 16)
        first = known not in self._keys
        self._keys.add(known)
        task = self._task(store, asked.task, asked.scale)
        if asked.ending is None:
            self._pending.setdefault(asked.trial_key, []).append(asked.number)
        entry = self._answer(task, asked)
        entry["role"] = _index(_ROLES, asked.role)
        entry["cell"] = self._cell(asked.cell_id, asked.parent_id, asked.operators)
        entry["task"] = task
        entry["first"] = first
        return entry

    def _answer(self, task: int, came: "_Asked | _Came") -> dict[str, Any]:
        """The fields of `_LAYOUT` that an outcome fills."""
        valid = test = None
        if came.ending == Ending.OK:
            read = self._columns[task].metric.of
            valid, test = read(came, "valid"), read(came, "test")
        return {
            "ending": PENDING if came.ending is None else _index(_ENDINGS, came.ending),
            "order": came.arrival or 0,
            "valid": math.nan if valid is None else valid,
            "test": math.nan if test is None else test,
            "parameters": came.parameters or 0,
            "cpu_seconds": came.cpu_seconds or 0.0,
        }

    def _add(self, store: Store, asked: Sequence["_Asked"]) -> None:
        entries = [self._entry(store, ask) for ask in asked]
        needed = self._count + len(entries)
        self._rows = _roomy(self._rows, needed)
        added = self._rows[self._count : needed]
        added["number"] = [ask.number for ask in asked]
        for index, row in enumerate(HYPERPARAMETERS):
            added[row.name] = [_number(ask.setting[index], row.words) for ask in asked]
        for name in _DERIVED:
            added[name] = list(map(itemgetter(name), entries))
        self._count = needed

    def _read_verdicts(self, store: Store) -> None:
        latest = _latest(store, "rejection")
        for start in range(self._seen["rejection"], latest, _PIECE):
            self._refuse(
                store.select(_REFUSED, start, min(start + _PIECE, latest), self.study_id),
            )
        self._seen["rejection"] = latest
        latest = _latest(store, "admission")
        for row in store.select(
            "SELECT number, cell_id FROM admission WHERE rowid > ? AND rowid <= ? AND study_id = ?",
            self._seen["admission"],
            latest,
            self.study_id,
        ):
            if row["cell_id"] in self._indices:
                self.admitted.setdefault(self._indices[row["cell_id"]], row["number"])
            self.version += 1
        self._seen["admission"] = latest

    def _refuse(self, refused: Sequence[Mapping[str, Any]]) -> None:
        needed = self._refused + len(refused)
        self._refusals = _roomy(self._refusals, needed)
        added = self._refusals[self._refused : needed]
        indices = [self._indices.get(row["cell_id"], -1) for row in refused]
        causes = [row["cause"] for row in refused]
        added["row"] = [row["rowid"] for row in refused]
        added["number"] = [row["number"] for row in refused]
        added["cause"] = [_index(_CAUSES, cause) for cause in causes]
        added["cell"] = indices
        added["way"] = [self._way(row["operators"]) for row in refused]
        self.causes.update(causes)
        for cell, cause in zip(indices, causes, strict=True):
            # A duplicate of a cell is not a verdict on the cell itself.
            if cause != Cause.DUPLICATE and cell >= 0:
                self.turned[cell] = cause
        self._refused = needed
        self.version += len(refused)

    def _way(self, operators: str) -> int:
        index = self._ways.setdefault(operators, len(self.ways))
        if index == len(self.ways):
            self.ways.append(tuple(json.loads(operators)))
        return index

    def _cell(self, cell_id: str, parent: str, operators: str) -> int:
        index = self._indices.setdefault(cell_id, len(self.cells))
        if index == len(self.cells):
            self.cells.append(cell_id)
            self.labels.append(label(cell_id))
            self.parents.append(parent)
            if operators not in self._made:
                self._made[operators] = tuple(json.loads(operators))
            self.operators.append(self._made[operators])
        return index

    def _task(self, store: Store, name: str, scale: str) -> int:
        index = self._tasks.setdefault((name, scale), len(self._columns))
        if index not in self._settled:
            # Now that a trial names it, the version is known that this study uses.
            self._columns[index : index + 1] = [
                task_column.column(store, self.study_id, name, scale)
            ]
            self._settled.add(index)
        return index


def _roomy(rows: NDArray[Any], needed: int) -> NDArray[Any]:
    """The same rows in an array that has room for as many as are needed."""
    if needed <= len(rows):
        return rows
    grown = np.empty(max(2 * len(rows), needed), rows.dtype)
    grown[: len(rows)] = rows
    return grown


def _index(words: Mapping[str, int], word: str) -> int:
    """The number that stands for a word of the record.

    Raises:
        StoreError: `newer` if this version does not know it.
    """
    if word not in words:
        message = f"the record says {word!r}, which this Gatewright does not know"
        raise StoreError("newer", message, "update Gatewright; the record is whole")
    return words[word]


def _latest(store: Store, table: str) -> int:
    """The highest row number of a table; rows are only ever added."""
    return store.select(f"SELECT coalesce(max(rowid), 0) FROM {table}")[0][0]  # noqa: S608
