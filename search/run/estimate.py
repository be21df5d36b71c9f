"""What a study will cost, before it is begun: trainings by role, updates, core-hours."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from results.record.ask import Role
from results.record.study import Study, TaskPlan
from search.error import SearchError
from search.run.rates import Rates
from search.settings import sampler
from tasks.task import Facts

Seconds = Callable[[str, TaskPlan, float], float]
"""Processor time of a training of a baseline, by its word in the study, or of a new cell, by "".

The number is the share of its most updates that the training does.
"""

WINDOW, BATCH = 35, 20
"""The paper's, for tasks whose facts are not at hand."""

DEVIATIONS = 4
"""The upper bound on re-evaluations lies this many standard deviations above what is expected."""


@dataclass(frozen=True, slots=True)
class Load:
    """The trainings of one role on one task.

    Attributes:
        expected: trainings, with the rates that `estimate` was given.
        most: trainings at most; for re-evaluations exceeded in fewer than 1 of 1,000 studies.
        updates: of one training at most; early stops make it less.
        seconds: of one training as expected, validation and test included: the mean over the cells.
        most_seconds: the same of a training that does all its updates.
    """

    role: Role
    task: str
    scale: str
    expected: float
    most: int
    updates: int
    seconds: float
    most_seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study will cost.

    Attributes:
        loads: one for each role and task.
        rates: what was taken for granted of the cells of a search.
        slots: workers that the study is meant for.
    """

    loads: tuple[Load, ...]
    rates: Rates
    slots: int

    @property
    def trials(self) -> float:
        """Trainings expected."""
        return sum(load.expected for load in self.loads)

    @property
    def most_trials(self) -> int:
        """Trainings at most."""
        return sum(load.most for load in self.loads)

    @property
    def updates(self) -> float:
        """Updates expected."""
        return sum(
            load.expected * load.updates * self.rates.spends(load.role) for load in self.loads
        )

    @property
    def core_hours(self) -> float:
        """Core-hours expected."""
        return sum(load.expected * load.seconds for load in self.loads) / 3600

    @property
    def most_core_hours(self) -> float:
        """Core-hours at most: every cell passes, and no training stops early."""
        return sum(load.most * load.most_seconds for load in self.loads) / 3600

    @property
    def hours(self) -> float:
        """Hours expected on as many cores as the study has slots."""
        return self.core_hours / self.slots


def estimate(
    study: Study,
    facts: Mapping[tuple[str, str], Facts],
    seconds: Seconds,
    rates: Rates,
) -> Estimate:
    """Trainings and time of a study, as expected and at most.

    Args:
        study: the study.
        facts: of its tasks, as far as their data are on this machine.
        seconds: of a training, see `search.run.price`.
        rates: how many cells pass, and how many of their updates trainings do.

    Raises:
        SearchError: a task is not on this machine and its budget bounds neither updates nor tokens.
    """
    capacity = sampler.capacity(study.sampler, study.space)
    chance = 1 - study.reevaluate - study.retry
    retries, most_retries = _beside(study.proposals, chance, study.retry)
    visits, most_visits = _beside(study.proposals, chance, study.reevaluate)

    def load(role: Role, plan: TaskPlan, old: int, new: tuple[float, int]) -> Load:
        """`old` trainings of each baseline, and `new` of others: as expected, and at most."""
        known = facts.get((plan.name, plan.scale))
        updates = most_updates(plan, known, min(study.space.batch_sizes, default=None))
        expected, most = old * len(study.baselines) + new[0], old * len(study.baselines) + new[1]
        means: list[float] = []
        for share, others in ((rates.spends(role), new[0]), (1.0, float(new[1]))):
            whole = sum(old * seconds(word, plan, share) for word in study.baselines if old)
            whole += others * seconds("", plan, share) if others else 0.0
            mean = whole / (old * len(study.baselines) + others) if whole else 0.0
            bound = plan.budget.seconds
            means.append(mean if bound is None else min(mean, bound))
        return Load(role, plan.name, plan.scale, expected, most, updates, *means)

    loads = [
        load(
            Role.SCREEN,
            screen_plan(study),
            0,
            (study.proposals + retries, study.proposals + most_retries),
        )
    ]
    reaching = study.proposals * rates.screen
    for index, plan in enumerate(study.tasks):
        settings = int(min(plan.settings, capacity))
        baseline = int(min(study.baseline_settings, capacity))
        confirmed = study.confirm.cells * study.confirm.seeds if study.proposals else 0
        for role, old, new in (
            (Role.BASELINE, baseline, (0, 0)),
            (Role.STAGE, 0, (reaching * settings, study.proposals * settings)),
            (Role.REEVALUATE, 0, (visits * settings, most_visits * settings)),
            (Role.CONFIRM, study.confirm.seeds, (confirmed, confirmed)),
        ):
            loads.append(load(role, plan, old, new))
        reaching *= rates.stage(index)
    return Estimate(tuple(loads), rates, study.slots)


def screen_plan(study: Study) -> TaskPlan:
    """The screen of a study as a plan of its task."""
    screen = study.screen
    return TaskPlan(screen.task, screen.scale, 1, screen.budget, screen.schedule)


def _beside(proposals: int, chance: float, other: float) -> tuple[float, int]:
    """Steps of chance `other` beside `proposals` steps of `chance`: the mean, and a high quantile.

    Their number is negative binomial: mean `n o / c`, variance `n o (o + c) / c^2`.
    """
    mean = proposals * other / chance
    deviation = math.sqrt(proposals * other * (other + chance)) / chance
    return mean, math.ceil(mean + DEVIATIONS * deviation)


def most_updates(plan: TaskPlan, facts: Facts | None, batch: int | None) -> int:
    """Updates that no training can exceed, or about so many, see `trainer.most_updates`.

    Args:
        plan: of the trainings.
        facts: of the task, or None where its data is not on this machine.
        batch: lanes of a window; None for the task's own.

    Raises:
        SearchError: without facts nothing bounds the updates.
    """
    budget = plan.budget
    window = facts.window if facts else WINDOW
    lanes = batch or (facts.batch if facts else BATCH)
    bounds = [
        budget.updates,
        None if budget.tokens is None else budget.tokens // (window * lanes),
        None if facts is None else plan.schedule.epochs * epoch_updates(facts, batch),
    ]
    known = [bound for bound in bounds if bound is not None]
    if not known:
        raise SearchError(
            "estimate",
            f"{plan.name} is not on this machine and its budget bounds neither updates nor tokens",
            f"fetch the data, or set tasks.{plan.name}.budget.updates",
        )
    return min(known)


def epoch_updates(facts: Facts, batch: int | None) -> int:
    """Updates of one epoch with so many lanes, or with the task's own."""
    return -(-facts.updates * facts.batch // (batch or facts.batch))


def tasks_of(study: Study) -> list[tuple[str, str]]:
    """Names and scales of the screen and of all tasks of a study."""
    screen = study.screen
    return [(screen.task, screen.scale), *((task.name, task.scale) for task in study.tasks)]
