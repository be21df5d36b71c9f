"""How all cells of a study stand: what `results.leaderboard` computes, for the whole study at once."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from results.dashboard.history import ENDINGS, PENDING, ROLES, History
from results.leaderboard import board as leaderboard
from results.leaderboard.anytime import Floats, ratios
from results.leaderboard.board import SELECTION, Result, Row, Tally
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Cause, Rejection, Role
from results.record.outcome import Ending
from results.record.store import Store
from results.record.words import said

Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """Cells `C` by tasks `K` of the study.

    Attributes:
        tasks: the columns, with the yardstick's best as reference.
        best: `[C, K]`, best validation metric; NaN where no setting trained.
        ratio: `[C, K]`, of `best` to the reference; NaN where one is missing.
        tried, diverged, confirmed: `[C, K]`, settings with an outcome; those that diverged; seeds.
        contender, finished, screened, passed: `[C]`; put through a task, through all of them,
            through the screen, through the screen and then a task.
        score: `[C]`, Eq. 1; NaN unless finished.
        confirmed_score: `[C]`, Eq. 1 of the means on fresh seeds; NaN where one is missing.
        parameters: `[C]`, most that it had on any task, 0 where it had none.
        seconds: `[C]`, core-seconds spent on it.
        first: `[C]`, number of the first ask.
        fair: by task the settings of the least tried finished cell.
    """

    tasks: tuple[TaskColumn, ...]
    best: Floats
    ratio: Floats
    tried: Counts
    diverged: Counts
    confirmed: Counts
    contender: Flags
    finished: Flags
    screened: Flags
    passed: Flags
    score: Floats
    confirmed_score: Floats
    parameters: Counts
    seconds: Floats
    first: Counts
    fair: dict[str, int]

    def ranked(self) -> Counts:
        """Indices of the finished cells, best score first; of equal ones the older."""
        indices = np.flatnonzero(self.finished)
        return indices[np.lexsort((self.first[indices], -self.score[indices]))]

    def halted(self) -> Counts:
        """Indices of the cells that did not finish, the furthest first."""
        indices = np.flatnonzero(self.contender & ~self.finished)
        reached = (self.tried[indices] > 0).sum(axis=1)
        return indices[np.lexsort((self.first[indices], -reached))]


def standing(history: History) -> Standing:
    """How the cells stand with what `history` has read."""
    rows, cells, width = history.rows, len(history.cells), len(history.planned)
    shape = (cells, width)
    own = rows["task"] < width
    selecting = own & np.isin(rows["role"], [ROLES.index(role) for role in SELECTION])
    chosen = rows[selecting & rows["first"] & (rows["ending"] != PENDING)]
    at = (chosen["cell"], chosen["task"])
    tried, diverged, confirmed = (np.zeros(shape, np.int64) for _ in range(3))
    np.add.at(tried, at, 1)
    np.add.at(diverged, at, chosen["ending"] == ENDINGS.index(Ending.DIVERGED))
    seeds = rows[own & (rows["role"] == ROLES.index(Role.CONFIRM)) & rows["first"]]
    seeds = seeds[~np.isnan(seeds["test"])]
    sums = np.zeros(shape)
    np.add.at(confirmed, (seeds["cell"], seeds["task"]), 1)
    np.add.at(sums, (seeds["cell"], seeds["task"]), seeds["test"])
    signs = np.array([task.metric.sign for task in history.tasks[:width]])
    best = np.full(shape, -np.inf)
    np.fmax.at(best, at, chosen["valid"] * signs[chosen["task"]])
    best = np.where(np.isinf(best), np.nan, best * signs)
    tasks = _referred(history, best)
    ratio = np.column_stack(
        [ratios(task, best[:, k], task.reference) for k, task in enumerate(tasks)]
    )
    parameters = np.zeros(cells, np.int64)
    np.maximum.at(parameters, chosen["cell"], chosen["parameters"])
    contender, screened = np.zeros(cells, np.bool_), np.zeros(cells, np.bool_)
    contender[rows["cell"][selecting]] = True
    screened[rows["cell"][rows["role"] == ROLES.index(Role.SCREEN)]] = True
    early = [
        cell for cell, cause in history.turned.items() if cause in (Cause.THRESHOLD, Cause.PROBE)
    ]
    finished: Flags = np.logical_not(np.isnan(ratio).any(axis=1))
    finished[early] = False
    whole = tried[contender & (tried > 0).all(axis=1)]
    return Standing(
        tasks=tasks,
        best=best,
        ratio=ratio,
        tried=tried,
        diverged=diverged,
        confirmed=confirmed,
        contender=contender,
        finished=finished,
        screened=screened,
        passed=screened & contender,
        score=np.where(finished, ratio.min(axis=1), np.nan),
        confirmed_score=_confirmed(history, tasks, sums, confirmed),
        parameters=parameters,
        seconds=np.bincount(rows["cell"], rows["cpu_seconds"], cells).astype(np.float64),
        first=_first(rows, cells),
        fair={
            task.name: int(whole[:, k].min()) if len(whole) else 0 for k, task in enumerate(tasks)
        },
    )


def read_rows(store: Store, history: History, standing: Standing, indices: list[int]) -> list[Row]:
    """The leaderboard's rows of these cells, with everything about them, in this order.

    Raises:
        StoreError: if the store cannot be read.
    """
    ranked = standing.ranked()
    leader = [int(ranked[0])] if len(ranked) else []
    yardstick = [index for index in history.baselines[-1:] if index is not None]
    rivals = np.flatnonzero(standing.finished & (standing.confirmed > 0).any(axis=1)).tolist()
    wanted = sorted({*indices, *leader, *yardstick, *rivals})
    ids = json.dumps([history.cells[index] for index in wanted])
    with store.snapshot():
        texts = dict(store.select(f"SELECT id, text FROM cell WHERE id IN {_LISTED}", ids))  # noqa: S608
        # SQLite's JSON loses a NUL, which no search writes into an id; somebody else may.
        texts |= {
            cell_id: store.cell(cell_id) or ""
            for cell_id in json.loads(ids)
            if cell_id not in texts
        }
        turned = store.select(
            f"SELECT cell_id, cause, detail FROM rejection WHERE study_id = ? AND cell_id IN {_LISTED}"  # noqa: S608
            " AND cause <> 'duplicate' ORDER BY number, place",
            history.study_id,
            ids,
        )
        verdicts = {
            row["cell_id"]: Rejection(
                Cause(row["cause"]), row["cell_id"], "", (), said(row["detail"])
            )
            for row in turned
        }
        tallies = [_tally(history, index, texts, verdicts) for index in wanted]
        leading = history.cells[leader[0]] if leader else ""
        rows = leaderboard.part(history.study, standing.tasks, standing.fair, tallies, leading)
        chosen = [rows[history.cells[index]] for index in indices if history.cells[index] in rows]
        return _with_keys(store, history.study_id, chosen)


_LISTED: Final = "(SELECT value FROM json_each(?))"


def _tally(
    history: History, index: int, texts: dict[str, str], verdicts: dict[str, Rejection]
) -> Tally:
    """What the columns have of one cell. The key of a result is the number of its ask."""
    cell_id = history.cells[index]
    rows = history.rows
    mine = rows[rows["cell"] == index]
    tally = Tally(
        cell_id,
        texts[cell_id],
        history.parents[index],
        history.operators[index],
        int(mine["number"][0]),
        rejection=verdicts.get(cell_id),
    )
    columns: dict[str, list[Any]] = {name: mine[name].tolist() for name in _FACTS}
    for row in range(len(mine)):
        fact: dict[str, Any] = {name: values[row] for name, values in columns.items()}
        role = ROLES[int(fact["role"])]
        if role in (Role.SCREEN, Role.IDLE):
            continue
        kind = tally.selection if role in SELECTION else tally.confirmations
        results = kind.setdefault(history.tasks[int(fact["task"])].name, [])
        if fact["ending"] == PENDING or not fact["first"]:
            continue
        valid, test = (None if math.isnan(fact[name]) else fact[name] for name in ("valid", "test"))
        ending = ENDINGS[int(fact["ending"])]
        results.append(Result(str(fact["number"]), ending, fact["parameters"], valid, test))
    return tally


_FACTS: Final = ("number", "role", "task", "first", "ending", "valid", "test", "parameters")


def _with_keys(store: Store, study_id: str, rows: Sequence[Row]) -> list[Row]:
    """The rows with the keys of the selected trials in place of their numbers."""
    numbers = [int(best.key) for row in rows for best in row.selected if best and best.key]
    keys = dict(
        store.select(
            f"SELECT number, trial_key FROM ask WHERE study_id = ? AND number IN {_LISTED}",  # noqa: S608
            study_id,
            json.dumps(numbers),
        )
    )
    return [
        replace(
            row,
            selected=tuple(
                best and (replace(best, key=keys[int(best.key)]) if best.key else best)
                for best in row.selected
            ),
        )
        for row in rows
    ]


def _referred(history: History, best: Floats) -> tuple[TaskColumn, ...]:
    """The study's tasks with the best of its last baseline as reference."""
    index = history.baselines[-1]
    tasks = history.tasks[: len(history.planned)]
    if index is None:
        return tasks
    return tuple(
        task if np.isnan(value) else replace(task, reference=float(value))
        for task, value in zip(tasks, best[index], strict=True)
    )


def _confirmed(
    history: History, tasks: tuple[TaskColumn, ...], sums: Floats, counts: Counts
) -> Floats:
    index = history.baselines[-1]
    if index is None:
        return np.full(len(sums), np.nan)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    columns = [
        ratios(task, means[:, k], float(means[index, k]) if counts[index, k] else None)
        for k, task in enumerate(tasks)
    ]
    return np.column_stack(columns).min(axis=1)


def _first(rows: NDArray[Any], cells: int) -> Counts:
    first = np.full(cells, np.iinfo(np.int64).max)
    np.minimum.at(first, rows["cell"], rows["number"])
    return first
