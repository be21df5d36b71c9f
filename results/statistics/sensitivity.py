"""How much a cell depends on its hyperparameters: what all settings of the selection gave, not the best.

A setting has learned when it beats the level that a predictor without memory reaches on its task
(`memoryless`), by a margin if one is given; where no such level is known, when it has halved the distance from its own first epoch
to the best loss that any setting of any cell reached there. A training that failed has not learned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from cells.training.metric import Held, Metric
from cells.training.setting import Setting
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn
from results.record.outcome import Ending, Outcome
from results.statistics.interval import best_of

if TYPE_CHECKING:
    from results.claims.findings import Training

Method = Literal["PED-ANOVA", "fANOVA"]
"""Of computing importances: from the best settings alone, or from all of them."""

MEMORYLESS: Final = (
    "no memory",
    "position and sign of the answer",
    "frequency of each note",
    "1-gram, add-1",
    "per note",
)
"""Names of levels and counted baselines that use no more of the past than the place."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the settings of one arm on one task gave on the validation split.

    Attributes:
        arm, task, metric: which.
        settings: those tried, in order.
        values: metric of each; None where the training failed.
        endings: how each ended.
        learned: by the rule above.
    """

    arm: str
    task: str
    metric: Metric
    settings: tuple[Setting, ...]
    values: tuple[float | None, ...]
    endings: tuple[Ending, ...]
    learned: tuple[bool, ...]

    @property
    def diverged(self) -> int:
        """Settings that diverged."""
        return sum(ending is Ending.DIVERGED for ending in self.endings)

    def oriented(self, failed: float) -> list[float]:
        """The values such that higher is better; `failed`, as a metric, stands for failures."""
        return [self.metric.oriented(failed if value is None else value) for value in self.values]


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each hyperparameter had to do with how good the settings of an arm on a task were.

    Attributes:
        arm, task: which.
        tries: settings behind it.
        shares: by hyperparameter, summing to 1; empty if too few settings trained.
        beyond_chance: those that few shuffles of the values exceed.
        method: by which it was computed.
    """

    arm: str
    task: str
    tries: int
    shares: Mapping[str, float]
    beyond_chance: frozenset[str]
    method: Method = "PED-ANOVA"


@dataclass(frozen=True, slots=True)
class Paired:
    """Two arms over the settings that both were given on a task.

    Attributes:
        first, second, task: which.
        count: common settings.
        wins, losses: settings on which the first, the second arm was better.
        median: of first minus second over the settings, higher is better for the first.
        p: two-sided, of Wilcoxon's signed-rank test; None if no setting told the two apart.
    """

    first: str
    second: str
    task: str
    count: int
    wins: int
    losses: int
    median: float
    p: float | None


def memoryless(task: TaskColumn, split: Held = "valid") -> tuple[str, float] | None:
    """Name and value, in the task's metric, of the level without memory; None if none is known.

    Where a scale uses a part of a split, counted levels are still those of the whole split.
    """
    levels: list[Mapping[str, Any]] = [*task.floors]
    levels += [
        {"name": baseline["name"], baseline["metric"]: baseline["value"]}
        for baseline in task.baselines
        if baseline["split"] == split
    ]
    known = {level["name"]: task.metric.of_level(level) for level in levels}
    for name in MEMORYLESS:
        value = known.get(name)
        if value is not None:
            return name, float(value)
    return None


def selections(
    trainings: "Sequence[Training]",
    tasks: Mapping[str, TaskColumn],
    margins: Mapping[str, float] = MappingProxyType({}),
) -> tuple[Selection, ...]:
    """The settings of the selection by arm and task, in the order they were first asked for.

    Args:
        trainings: of a run.
        tasks: by name.
        margins: by task how far above the level without memory a setting has learned, in the unit of
            the metric: the smallest meaningful difference, so that noise about the level does not count.
            None in the first edition, whose reports are frozen.
    """
    groups: dict[tuple[str, str], list[Training]] = {}
    for training in trainings:
        if training.role in SELECTION and training.outcome is not None:
            groups.setdefault((training.arm, training.trial.task), []).append(training)
    lowest: dict[str, float] = {}
    for training in trainings:
        if (
            training.role in SELECTION
            and training.outcome
            and training.outcome.valid_loss is not None
        ):
            loss, name = training.outcome.valid_loss, training.trial.task
            lowest[name] = min(lowest.get(name, loss), loss)
    selected: list[Selection] = []
    for (arm, name), group in groups.items():
        outcomes = [training.outcome for training in group if training.outcome is not None]
        selected.append(
            Selection(
                arm=arm,
                task=name,
                metric=tasks[name].metric,
                settings=tuple(training.trial.setting for training in group),
                values=tuple(training.value("valid") for training in group),
                endings=tuple(outcome.ending for outcome in outcomes),
                learned=tuple(
                    _learned(outcome, tasks[name], lowest.get(name), margins.get(name, 0.0))
                    for outcome in outcomes
                ),
            )
        )
    return tuple(selected)


def _learned(outcome: Outcome, task: TaskColumn, lowest: float | None, margin: float) -> bool:
    if outcome.ending is not Ending.OK or outcome.valid_loss is None:
        return False
    level = memoryless(task)
    if level is None:
        first = outcome.curve[0].valid_loss if outcome.curve else outcome.valid_loss
        return lowest is not None and first - outcome.valid_loss > (first - lowest) / 2
    value = task.metric.of(outcome, "valid")
    return value is not None and task.metric.oriented(value - level[1]) > margin


def failed_values(selections: Sequence[Selection]) -> dict[str, float]:
    """What a failed training counts as, by task: accuracy 0, or the worst loss of any training."""
    known: dict[str, list[float]] = {}
    for selection in selections:
        known.setdefault(selection.task, []).extend(
            value for value in selection.values if value is not None
        )
    return {
        selection.task: selection.metric.failed(known[selection.task]) for selection in selections
    }


def best_of_tries(selection: Selection, failed: float) -> list[float]:
    """Expected best validation metric of 1, 2, ... of the settings, drawn without replacement.

    Args:
        selection: the settings.
        failed: the metric that a failed training counts as.
    """
    values = selection.oriented(failed)
    return [
        selection.metric.oriented(best_of(values, tries)) for tries in range(1, len(values) + 1)
    ]


def paired(first: Selection, second: Selection, failed: float) -> Paired:
    """Two arms of one task, compared setting by setting.

    Source: Wilcoxon 1945; settings on which the two are equal are left out.

    Raises:
        ValueError: unless the two are of one task.
    """
    if first.task != second.task:
        raise ValueError(f"{first.task} and {second.task} are not one task")
    others = dict(zip(second.settings, second.oriented(failed), strict=True))
    differences = [
        value - others[setting]
        for setting, value in zip(first.settings, first.oriented(failed), strict=True)
        if setting in others
    ]
    told = [delta for delta in differences if delta != 0.0]
    return Paired(
        first=first.arm,
        second=second.arm,
        task=first.task,
        count=len(differences),
        wins=sum(delta > 0 for delta in told),
        losses=sum(delta < 0 for delta in told),
        median=float(np.median(differences)) if differences else 0.0,
        p=signed_rank(told) if told else None,
    )


def signed_rank(differences: Sequence[float]) -> float:
    """Two-sided p of Wilcoxon's signed-rank test, exact with ties too.

    Counts how many of the 2^n choices of signs have a rank sum as far from the middle; equal sizes
    share their mean rank.

    Args:
        differences: none of them 0, at least one.
    """
    # Twice the mean ranks are whole numbers, and so are their sums.
    _, group, equal = np.unique(np.abs(differences), return_inverse=True, return_counts=True)
    ranks = (2 * np.cumsum(equal) - equal + 1)[group]
    total = int(ranks.sum())
    ways = np.zeros(total + 1)
    ways[0] = 1.0
    for rank in ranks:
        ways[rank:] += ways[: total + 1 - rank].copy()
    positive = int(ranks[np.asarray(differences) > 0].sum())
    far = np.abs(2 * np.arange(total + 1) - total) >= abs(2 * positive - total)
    return float(ways[far].sum() / ways.sum())
