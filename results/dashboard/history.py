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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
"""Place of the ending of a trial that has none yet."""

_LAYOUT: Final = np.dtype(
    [
        ("number", np.int32),  # of the ask
        ("role", np.int8),  # place in ROLES
        ("cell", np.int32),  # place in `cells`
        ("task", np.int16),  # place in `tasks`
        # numbers, NaN where the optimizer has it not; of words their place in the row's `words`
        *((row.name, np.float64) for row in HYPERPARAMETERS),
        ("first", np.bool_),  # this trial was not asked for before in this study
        ("ending", np.int8),  # place in ENDINGS, or PENDING
        ("order", np.int32),  # in which outcomes came
        ("valid", np.float64),  # metric of the task; NaN if the training did not end well
        ("test", np.float64),
        ("parameters", np.int32),
        ("cpu_seconds", np.float64),
    ]
)
"""One row an ask that has a trial, in the order of the asks."""

_REFUSALS: Final = np.dtype(
    [
        ("row", np.int64),  # in the store's table
        ("number", np.int32),  # of the ask before which it was decided
        ("cause", np.int8),  # place in CAUSES
        ("cell", np.int32),  # place in `cells`, or -1 if it was not trained by then
        ("way", np.int32),  # place in `ways`
    ]
)
"""One row a cell turned away, in the order in which they were recorded."""

_SETTING: Final = slice(8, 8 + len(HYPERPARAMETERS))
"""Where the hyperparameters stand in a row of `_ASKED`."""
_WORDS: Final = tuple(row.words for row in HYPERPARAMETERS)
_ANSWER: Final = ("ending", "order", "valid", "test", "parameters", "cpu_seconds")
_ROLES: Final = {str(role): place for place, role in enumerate(ROLES)}
_CAUSES: Final = {str(cause): place for place, cause in enumerate(CAUSES)}
_ENDINGS: Final = {str(ending): place for place, ending in enumerate(ENDINGS)}

_OUTCOME: Final = (
    "outcome.ending, outcome.rowid AS arrival, outcome.valid_loss, outcome.valid_accuracy,"
    " outcome.test_loss, outcome.test_accuracy, outcome.parameters, outcome.cpu_seconds"
)

_ASKED: Final = f"""
SELECT ask.number, ask.role, ask.parent_id, ask.operators, trial.cell_id, trial.task, trial.scale,
    ask.trial_key, {SETTING_COLUMNS}, {_OUTCOME}
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

_ANSWERED: Final = f"""
SELECT outcome.trial_key, {_OUTCOME} FROM outcome WHERE outcome.rowid > ? ORDER BY outcome.rowid
"""  # noqa: S608


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
        turned: last cause by which a trained cell was turned away, by its place.
        admitted: places of cells that entered the list.
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
        self._tasks = {pair: place for place, pair in enumerate(dict.fromkeys([*plans, screen]))}
        self._columns = [task_column.column(store, study_id, *pair) for pair in self._tasks]
        self._settled: set[int] = set()
        self._places: dict[str, int] = {}
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
        """Places of the study's own tasks."""
        return range(len(self.study.tasks))

    @property
    def baselines(self) -> list[int | None]:
        """Places of the study's baselines, in its order; None for one that was not asked for yet."""
        return [self._places.get(one) for one in self._baselines]

    @property
    def yardstick(self) -> str:
        """What the baseline is called to which ratios refer; "" while it was not asked for."""
        place = self.baselines[-1]
        return "" if place is None else self.labels[place]

    @property
    def answered(self) -> int:
        """Asks that have an outcome, or need none."""
        return self.idle + int(np.count_nonzero(self.rows["ending"] != PENDING))

    def place(self, cell_id: str) -> int | None:
        """The place of a cell in `cells`, or None if the study never trained it."""
        return self._places.get(cell_id)

    def numbers(self, places: Sequence[int]) -> list[int]:
        """Numbers of all asks for these cells, in order."""
        rows = self.rows
        return rows["number"][np.isin(rows["cell"], places)].tolist()

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
            for key, *values in store.select(_ANSWERED, self._seen["outcome"]):
                for place in np.searchsorted(numbers, self._pending.pop(key, [])):
                    row = self._rows[place]
                    found = self._answer(int(self.rows["task"][place]), values)
                    for name, value in zip(_ANSWER, found, strict=True):
                        row[name] = value
                    self.version += 1
        self._seen["outcome"] = _latest(store, "outcome")

    def _read_asks(self, store: Store, until: float) -> bool:
        """Reads piece by piece; returns whether nothing is left."""
        while True:
            found = store.select(
                _ASKED, self._seen["outcome"], self.study_id, self.asked, self.asked + _PIECE
            )
            counted = store.select(_COUNTED, self.study_id, self.asked, self.asked + _PIECE)[0][0]
            if not counted:
                return True
            whole = counted < _PIECE
            self._add([self._entry(store, row) for row in found])
            self.idle += counted - len(found)
            self.asked += counted
            self.version += 1
            if whole or time.monotonic() > until:
                return whole

    def _entry(self, store: Store, row: Sequence[Any]) -> tuple[Any, ...]:
        """One ask in the order of `_LAYOUT`; a trial that has no outcome yet is noted as pending."""
        number, role, parent, operators, cell_id, task, scale, key = row[: _SETTING.start]
        known = int(key[:15], 16)
        first = known not in self._keys
        self._keys.add(known)
        place = self._task(store, task, scale)
        cell = self._cell(cell_id, parent, operators)
        outcome = row[_SETTING.stop :]
        if outcome[0] is None:
            self._pending.setdefault(key, []).append(number)
        setting = [
            np.nan if value is None else words.index(value) if words else value
            for value, words in zip(row[_SETTING], _WORDS, strict=True)
        ]
        answer = self._answer(place, outcome)
        return number, _place(_ROLES, role), cell, place, *setting, first, *answer

    def _answer(self, task: int, values: Sequence[Any]) -> tuple[Any, ...]:
        """The fields of `_LAYOUT` from `ending` on."""
        ending, arrival, valid_loss, valid_accuracy, test_loss, test_accuracy, size, seconds = (
            values
        )
        if ending is None:
            return PENDING, 0, np.nan, np.nan, 0, 0.0
        if ending != Ending.OK:
            return _place(_ENDINGS, ending), arrival, np.nan, np.nan, size or 0, seconds
        accurate = self._columns[task].metric == "accuracy"
        valid, test = (valid_accuracy, test_accuracy) if accurate else (valid_loss, test_loss)
        valid, test = (np.nan if one is None else one for one in (valid, test))
        return _place(_ENDINGS, ending), arrival, valid, test, size or 0, seconds

    def _add(self, entries: Sequence[tuple[Any, ...]]) -> None:
        needed = self._count + len(entries)
        self._rows = _roomy(self._rows, needed)
        self._rows[self._count : needed] = np.array(entries, _LAYOUT)
        self._count = needed

    def _read_verdicts(self, store: Store) -> None:
        latest = _latest(store, "rejection")
        for start in range(self._seen["rejection"], latest, _PIECE):
            self._refuse(
                store.select(_REFUSED, start, min(start + _PIECE, latest), self.study_id),
            )
        self._seen["rejection"] = latest
        latest = _latest(store, "admission")
        for number, cell_id in store.select(
            "SELECT number, cell_id FROM admission WHERE rowid > ? AND rowid <= ? AND study_id = ?",
            self._seen["admission"],
            latest,
            self.study_id,
        ):
            if cell_id in self._places:
                self.admitted.setdefault(self._places[cell_id], number)
            self.version += 1
        self._seen["admission"] = latest

    def _refuse(self, found: Sequence[Sequence[Any]]) -> None:
        entries: list[tuple[int, int, int, int, int]] = []
        for row, number, cause, cell_id, operators in found:
            place = self._places.get(cell_id, -1)
            way = self._ways.setdefault(operators, len(self.ways))
            if way == len(self.ways):
                self.ways.append(tuple(json.loads(operators)))
            entries.append((row, number, _place(_CAUSES, cause), place, way))
            self.causes[cause] += 1
            # A duplicate of a cell is not a verdict on the cell itself.
            if cause != Cause.DUPLICATE and place >= 0:
                self.turned[place] = cause
        needed = self._refused + len(entries)
        self._refusals = _roomy(self._refusals, needed)
        self._refusals[self._refused : needed] = np.array(entries, _REFUSALS)
        self._refused = needed
        self.version += len(entries)

    def _cell(self, cell_id: str, parent: str, operators: str) -> int:
        place = self._places.setdefault(cell_id, len(self.cells))
        if place == len(self.cells):
            self.cells.append(cell_id)
            self.labels.append(label(cell_id))
            self.parents.append(parent)
            if operators not in self._made:
                self._made[operators] = tuple(json.loads(operators))
            self.operators.append(self._made[operators])
        return place

    def _task(self, store: Store, name: str, scale: str) -> int:
        place = self._tasks.setdefault((name, scale), len(self._columns))
        if place not in self._settled:
            # Now that a trial names it, the version is known that this study uses.
            self._columns[place : place + 1] = [
                task_column.column(store, self.study_id, name, scale)
            ]
            self._settled.add(place)
        return place


def _roomy(rows: NDArray[Any], needed: int) -> NDArray[Any]:
    """The same rows in an array that has room for as many as are needed."""
    if needed <= len(rows):
        return rows
    grown = np.empty(max(2 * len(rows), needed), rows.dtype)
    grown[: len(rows)] = rows
    return grown


def _place(words: Mapping[str, int], word: str) -> int:
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
