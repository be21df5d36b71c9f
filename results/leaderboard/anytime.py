"""Best results so far, as columns over the trials of a study: what report and dashboard draw."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.leaderboard.task_column import TaskColumn

Floats = NDArray[np.float64]
Places = NDArray[Any]


def best_scores(cells: Places, tasks: Places, ratios: Floats, count: int) -> Floats:
    """The best score (paper, Eq. 1) of any cell after each trial, `[N]`; NaN before the first.

    A cell's score is the worst of its best ratios, once it has one on every task.

    Args:
        cells: `[N]`, which cell each trial trained.
        tasks: `[N]`, on which task; those from 0 to `count` - 1 are scored.
        ratios: `[N]`, to the yardstick; NaN for a trial that does not count.
        count: of tasks that are scored.
    """
    # By cell and, within it, by time: each task's best so far, of which the worst is the score.
    order = np.argsort(cells, kind="stable")
    worst = np.full(len(cells), np.inf)
    for task in range(count):
        own = np.where(tasks == task, ratios, np.nan)[order]
        worst = np.minimum(worst, _best_within(cells[order], own))
    scores = np.full(len(cells), np.nan)
    scores[order] = worst
    # The cell may have stood still in a trial that does not count.
    return best_values(np.where(np.isnan(ratios) | (tasks < 0) | (tasks >= count), np.nan, scores))


def best_values(values: Floats) -> Floats:
    """The highest value after each trial, `[N]`; NaN before the first."""
    return np.fmax.accumulate(values) if len(values) else values


def ratios(task: TaskColumn, values: Floats, reference: float | None) -> Floats:
    """`TaskColumn.ratio` of a whole column; NaN without a reference."""
    if reference is None:
        return np.full_like(values, np.nan)
    least = task.metric.least
    known = np.full_like(values, max(reference, least))
    top, bottom = task.metric.fraction(np.maximum(values, least), known)
    even = np.where(np.isnan(values), np.nan, 1.0)
    return np.divide(top, bottom, out=even, where=~(bottom <= 0))


def _best_within(groups: Places, values: Floats) -> Floats:
    """The highest value so far within each group of sorted groups; NaN before the first."""
    known, ranks = np.unique(values, return_inverse=True, equal_nan=True)
    # NaN is the last of the known ones; here it has to be the lowest.
    ranks = np.where(np.isnan(values), 0, ranks + 1)
    starts = np.cumsum(np.append(0, np.diff(groups) != 0)) * (len(known) + 2)
    best = np.maximum.accumulate(ranks + starts) - starts
    return np.append(np.nan, known)[best]
