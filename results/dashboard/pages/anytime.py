"""What a study had found by when: best results against the core-seconds that were spent."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.dashboard.history import PENDING, ROLES, History
from results.leaderboard.anytime import Floats, best_scores, ratios
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn

SHOWN = 400
"""Points of a curve at most; a curve of steps loses nothing but steps that nobody would see."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of steps: values from the moment at which they were reached.

    Attributes:
        trials: `[N]`, trials done by then.
        seconds: `[N]`, core-seconds spent by then.
        values: `[N]`, best so far.
    """

    trials: NDArray[np.int64]
    seconds: Floats
    values: Floats

    def document(self) -> dict[str, list[float]]:
        """The curve for JSON, thinned to its steps and to `SHOWN` points."""
        steps = np.flatnonzero(np.append(True, np.diff(self.values) != 0))
        kept = steps[np.unique(np.linspace(0, len(steps) - 1, SHOWN).astype(int))]
        indices = (
            np.unique(np.append(kept, len(self.values) - 1)) if len(self.values) else steps[:0]
        )
        return {
            "trials": self.trials[indices].tolist(),
            "seconds": np.round(self.seconds[indices], 3).tolist(),
            "values": self.values[indices].tolist(),
        }


def best_score(
    history: History, tasks: tuple[TaskColumn, ...], *, baselines: bool = False
) -> Curve:
    """The best score (Eq. 1) of any cell after each trial; begins with the first finished cell.

    Ratios refer to the references of `tasks`, which are known at the end only. A study without new
    cells (a roster) has a curve only with `baselines`.
    """
    done = _done(history)
    known = [index for index in history.baselines if index is not None]
    counts = (done["task"] < len(tasks)) & ~np.isnan(done["valid"]) & _selecting(done)
    if not baselines:
        counts &= ~np.isin(done["cell"], known)
    relative = np.full(len(done), np.nan)
    for index, task in enumerate(tasks):
        at = counts & (done["task"] == index)
        relative[at] = ratios(task, done["valid"][at], task.reference)
    scores = best_scores(done["cell"], done["task"], relative, len(tasks))
    return _curve(done, scores)


def best_metric(history: History, task: int, cells: NDArray[np.bool_]) -> Curve:
    """The best validation metric on one task after each trial, of the cells that are marked."""
    done = _done(history)
    counts = (done["task"] == task) & _selecting(done) & cells[done["cell"]]
    values = np.where(counts, done["valid"], np.nan)
    better = np.fmax if history.tasks[task].metric.higher else np.fmin
    return _curve(done, better.accumulate(values) if len(values) else values)


def limit(tasks: tuple[TaskColumn, ...]) -> float | None:
    """The score of a cell that is Bayes-optimal on all tasks; None unless all optima are known."""
    optima = [
        task.ratio(task.optimum, task.reference) for task in tasks if task.optimum is not None
    ]
    known = [ratio for ratio in optima if ratio is not None]
    return min(known) if known and len(known) == len(tasks) else None


def _done(history: History) -> NDArray[Any]:
    """Trials with an outcome, each once, in the order in which the outcomes came."""
    rows = history.rows
    done = rows[rows["first"] & (rows["ending"] != PENDING)]
    return done[np.argsort(done["order"], kind="stable")]


def _selecting(rows: NDArray[Any]) -> NDArray[np.bool_]:
    return np.isin(rows["role"], [ROLES.index(role) for role in SELECTION])


def _curve(done: NDArray[Any], values: Floats) -> Curve:
    begun = int(np.argmax(~np.isnan(values))) if (~np.isnan(values)).any() else len(values)
    trials = np.arange(1, len(done) + 1)
    return Curve(trials[begun:], np.cumsum(done["cpu_seconds"])[begun:], values[begun:])
