"""Cells compared by their fresh seeds: Welch's test on each task, Holm's correction over all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from results.leaderboard.task_column import TaskColumn
from results.statistics.interval import Interval

LEVEL: Final = 0.05
"""Of the family: the chance that any of its comparisons is told apart where there is no difference."""

Values = Mapping[tuple[str, str], Sequence[float]]
"""Test metrics of the fresh seeds by cell id and task."""


@dataclass(frozen=True, slots=True)
class FreshComparison:
    """Two cells on one task, by the test metric of their fresh seeds.

    Attributes:
        cell_id, other_id: the cells.
        task: where they are compared.
        difference: mean of the cell minus mean of the other, above 0 where the cell is better, in
            the metric's unit, with Welch's 95 % interval, which is not corrected.
        p: of no difference, two-sided, by Welch, adjusted by Holm over the family; None where a cell
            has fewer than two seeds.
    """

    cell_id: str
    other_id: str
    task: str
    difference: Interval
    p: float | None

    @property
    def told(self) -> bool:
        """Whether the two are told apart."""
        return self.p is not None and self.p < LEVEL


def compare(
    pairs: Sequence[tuple[str, str]], values: Values, tasks: Sequence[TaskColumn]
) -> tuple[FreshComparison, ...]:
    """Each pair on each task on which both have fresh seeds; all of them are one family.

    Source: Welch 1947; Holm 1979.
    """
    measured = [
        (cell, other, task, values[cell, task.name], values[other, task.name])
        for cell, other in pairs
        for task in tasks
        if values.get((cell, task.name)) and values.get((other, task.name))
    ]
    if not measured:
        return ()
    from results.statistics.effect import difference, holm  # scipy: half a second

    differences = [
        difference(
            [task.metric.oriented(value) for value in first],
            [task.metric.oriented(value) for value in second],
            1.0,  # of the power, which is not used
        )
        for _, _, task, first, second in measured
    ]
    known = [found.p for found in differences if found.p is not None]
    adjusted = iter(holm(known))
    return tuple(
        FreshComparison(
            cell,
            other,
            task.name,
            found.interval,
            None if found.p is None else next(adjusted),
        )
        for (cell, other, task, _, _), found in zip(measured, differences, strict=True)
    )
