"""Cautions: what keeps the arms of a comparison from showing a difference that may well be there.

Arms that stand at a level which partial knowledge of the task gives, at the level without memory, or at
the best possible value are equal whatever their cells could do; arms that were still improving, whose
rate was never cut, that have not seen all of the data, or whose learning rate lies at the end of its
grid say little about what more training or tuning would give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from results.claims.arm import Arm, risen
from results.claims.claim import FINAL, Measure
from results.claims.findings import Training
from results.leaderboard.task_column import TaskColumn
from results.statistics.sensitivity import memoryless

Code = Literal["plateau", "floor", "saturated", "rising", "never-cut", "less-than-one-pass", "edge"]

LAST: Final = 0.2
"""Share of the updates over which a curve must have become flat."""

_IN_TEST: Final = ", in test"
"""Ends the name of a level that differs between the lengths of training and those of test."""


@dataclass(frozen=True, slots=True)
class Caution:
    """One reason to doubt that a comparison shows what the cells can do.

    Attributes:
        code: which kind.
        text: a clause in plain English with its numbers, without a full stop.
        lowers: whether it makes an equality, a contradiction or a difference that is not told from 0
            undecided; else it is only said.
    """

    code: Code
    text: str
    lowers: bool = True


@dataclass(frozen=True, slots=True)
class Levels:
    """Known levels of a task on a split, as values of its metric.

    Attributes:
        partial: by name, what partial knowledge gives: above the level without memory, below the best.
        floor: name and value of the level without memory; None if not known.
        best: the best possible value; None if not known.
    """

    partial: Mapping[str, float]
    floor: tuple[str, float] | None
    best: float | None


@dataclass(frozen=True, slots=True)
class Stalled:
    """The arms of a part on a task that stand at a known level.

    Attributes:
        part, task: which.
        arms: how many there are.
        floor: those at or below the level without memory.
        plateau: of the others, those at a level of partial knowledge.
    """

    part: str
    task: str
    arms: int
    floor: tuple[str, ...]
    plateau: tuple[str, ...]

    @property
    def share(self) -> float:
        """Share of the arms that stand at either."""
        return (len(self.floor) + len(self.plateau)) / self.arms


def levels(column: TaskColumn, split: Literal["valid", "test"]) -> Levels:
    """The known levels of a task. Counted baselines of a corpus are no levels that training stops at."""
    names = {floor["name"] for floor in column.floors}
    floors = [
        {**floor, "name": floor["name"].removesuffix(_IN_TEST)}
        for floor in column.floors
        if (
            floor["name"] + _IN_TEST not in names
            if split == "test"
            else not floor["name"].endswith(_IN_TEST)
        )
    ]
    metric, best = column.metric, column.optimum
    known = {floor["name"]: metric.of_level(floor) for floor in floors}
    lowest = memoryless(replace(column, floors=tuple(floors)), split)
    partial = {
        name: value
        for name, value in known.items()
        if value is not None
        and name != "optimum"
        and (lowest is None or metric.better(value, lowest[1]))
        and (best is None or metric.better(best, value))
    }
    return Levels(partial, lowest, best)


def at_level(
    column: TaskColumn, values: Sequence[float], smallest: float, split: Literal["valid", "test"]
) -> Caution | None:
    """The known level that all these values stand at, within one smallest difference; None if none.

    Args:
        column: of the task.
        values: of its metric, at least one.
        smallest: difference, in the unit of the metric.
        split: that the values were measured on.
    """
    metric, known = column.metric, levels(column, split)
    said = " and ".join(f"{value:.{metric.digits}f}" for value in values)
    said = f"both arms ({said} {metric.label})" if len(values) > 1 else f"the arm ({said})"
    lie = "lie" if len(values) > 1 else "lies"
    if known.floor is not None:
        name, floor = known.floor
        if all(metric.oriented(value - floor) <= smallest for value in values):
            return Caution(
                "floor",
                f"{said} {lie} no more than {smallest:g} better than without memory:"
                f" {floor:.{metric.digits}f} ({name})",
            )
    if known.best is not None and all(
        metric.distance(value, known.best) <= smallest for value in values
    ):
        return Caution(
            "saturated",
            f"{said} {lie} within {smallest:g} of the best possible value,"
            f" {known.best:.{metric.digits}f}",
        )
    reached = {
        name: max(abs(value - level) for value in values) for name, level in known.partial.items()
    }
    name = min(reached, key=lambda name: reached[name], default=None)
    if name is not None and reached[name] <= smallest:
        return Caution(
            "plateau",
            f"{said} {lie} within {smallest:g} of {known.partial[name]:.{metric.digits}f}, which"
            f' partial knowledge of the task gives ("{name}")',
        )
    return None


def cautions(
    pair: tuple[Arm, Arm],
    values: tuple[float, float],
    smallest: float,
    measure: Measure = FINAL,
    passes: Mapping[tuple[str, str], int] | None = None,
) -> tuple[Caution, ...]:
    """All that is to be said against a comparison.

    What a training would still have gained is no caution of an early measure, and the setting that
    was selected in the end is none of the best of so many.

    Args:
        pair: its arms.
        values: of the two, as the measure has them, such that higher is better.
        smallest: difference of the comparison, in the unit of the metric.
        measure: which values are compared.
        passes: by task and scale, epochs that one pass over the training data takes; tasks without
            end are left out.
    """
    first = pair[0]
    metric = first.metric
    split = "valid" if measure.kind == "early" else "test"
    level = at_level(first.column, [metric.oriented(value) for value in values], smallest, split)
    said = [] if level is None else [level]
    if measure.kind != "early":
        said += _undertrained(pair, smallest, passes or {})
    if measure.kind != "best-of":
        said += [caution for arm in pair for caution in _edges(arm)]
    return tuple(said)


def stalled(arms: Sequence[Arm], smallest: Mapping[str, float]) -> tuple[Stalled, ...]:
    """By part and task the arms that stand at a known level on test, in the order of the arms.

    Args:
        arms: of a run; those without a confirmed training are left out.
        smallest: difference by task; tasks that it does not name are left out.
    """
    groups: dict[tuple[str, str], list[tuple[Arm, Caution | None]]] = {}
    for arm in arms:
        values = arm.values()
        if values and arm.task in smallest:
            mean = arm.metric.oriented(sum(values) / len(values))
            level = at_level(arm.column, [mean], smallest[arm.task], "test")
            groups.setdefault((arm.part, arm.task), []).append((arm, level))
    return tuple(
        Stalled(
            part,
            task,
            len(group),
            tuple(arm.name for arm, level in group if level and level.code == "floor"),
            tuple(arm.name for arm, level in group if level and level.code == "plateau"),
        )
        for (part, task), group in groups.items()
    )


def _undertrained(
    pair: tuple[Arm, Arm], smallest: float, passes: Mapping[tuple[str, str], int]
) -> list[Caution]:
    said: list[Caution] = []
    metric = pair[0].metric
    gains = {arm.name: gain for arm in pair if (gain := risen(arm, LAST)) is not None}
    rising = [
        f"{name} by {gain:.{metric.digits}f}" for name, gain in gains.items() if gain > smallest
    ]
    if rising:
        said.append(
            Caution(
                "rising",
                f"over the last fifth of the updates the validation {metric.label} still improved by"
                f" more than {smallest:g}: {' and '.join(rising)}",
            )
        )
    counts = {arm.name: (sum(map(_never_cut, arm.confirmed)), len(arm.confirmed)) for arm in pair}
    never = [
        f"{never} of {all_} of {name}" for name, (never, all_) in counts.items() if 2 * never > all_
    ]
    if never:
        said.append(
            Caution(
                "never-cut",
                f"the learning rate was never cut in most confirmed trainings: {' and '.join(never)}",
            )
        )
    seen = {arm.name: share for arm in pair if (share := _passes(arm, passes)) is not None}
    short = [f"{name} {share:.2f}" for name, share in seen.items() if share < 1]
    if short:
        said.append(
            Caution(
                "less-than-one-pass",
                "the confirmed trainings saw less than one pass over the training data:"
                f" {' and '.join(short)} of it",
            )
        )
    return said


def _never_cut(training: Training) -> bool:
    rates = [point.rate for point in training.outcome.curve] if training.outcome else []
    return bool(rates) and min(rates) >= rates[0]


def _passes(arm: Arm, passes: Mapping[tuple[str, str], int]) -> float | None:
    """Passes over the training data of the confirmed trainings, their mean; None if not known."""
    epochs = passes.get((arm.task, arm.column.scale))
    outcomes = [training.outcome for training in arm.confirmed if training.outcome]
    # The first epoch of a curve that goes on is a whole one.
    whole = [outcome.curve[0].update for outcome in outcomes if len(outcome.curve) > 1]
    if epochs is None or not whole:
        return None
    return sum(outcome.updates for outcome in outcomes) / len(outcomes) / (max(whole) * epochs)


def _edges(arm: Arm) -> list[Caution]:
    """Where the selected setting has the smallest or the largest value of a grid.

    Only the learning rate counts against a comparison: its optimum may lie beyond. The largest clip
    hardly clips, and a scale of initialisation matters less.
    """
    if arm.selected is None or not arm.spaces:
        return []
    said: list[Caution] = []
    rows = {row.name: row for space in arm.spaces for row in space.searched if row.draw == "log"}
    for row in rows.values():
        choices = sorted({choice for space in arm.spaces for choice in space.of(row)})
        value = getattr(arm.selected, row.name)
        if len(choices) > 1 and value in (choices[0], choices[-1]):
            end = "smallest" if value == choices[0] else "largest"
            said.append(
                Caution(
                    "edge",
                    f"the selected {row.label} of {arm.name}, {value:g}, is the {end} of the grid",
                    lowers=row.name == "learning_rate",
                )
            )
    return said
