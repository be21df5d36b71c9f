"""What a study will cost, before it is begun: trainings by role, updates, core-hours."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cells import canonical, zoo
from cells.engine.learner import Model
from cells.engine.training.width import parameter_count
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from results.record.ask import Role
from results.record.study import Study
from search.error import SearchError
from search.run.cost import SYMBOLS, Cost
from search.settings import sampler
from tasks.task import Facts

PASS_SCREEN = 0.10
"""Share of proposals that pass the screen: 1,000 of 10,000 in the paper."""

PASS_STAGE = 0.5
"""Share of cells that pass a task. Not given in the paper; its totals allow any share."""

WINDOW, BATCH = 35, 20
"""The paper's, for tasks whose facts are not at hand."""

DEVIATIONS = 4
"""The upper bound on re-evaluations lies this many standard deviations above what is expected."""


@dataclass(frozen=True, slots=True)
class Load:
    """The trainings of one role on one task.

    Attributes:
        expected: trainings, with the pass rates that `estimate` was given.
        most: trainings at most; for re-evaluations exceeded in fewer than 1 of 1,000 studies.
        updates: of one training at most; early stops make it less.
        seconds: of one training with all its updates, validation and test aside.
    """

    role: Role
    task: str
    scale: str
    expected: float
    most: int
    updates: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a study will cost.

    Attributes:
        loads: one for each role and task.
        pass_screen, pass_stage: the shares of cells that were assumed to pass.
        slots: workers that the study is meant for.
    """

    loads: tuple[Load, ...]
    pass_screen: float
    pass_stage: float
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
        """Updates expected, if no training stops early."""
        return sum(load.expected * load.updates for load in self.loads)

    @property
    def core_hours(self) -> float:
        """Core-hours expected, if no training stops early."""
        return sum(load.expected * load.seconds for load in self.loads) / 3600

    @property
    def most_core_hours(self) -> float:
        """Core-hours at most."""
        return sum(load.most * load.seconds for load in self.loads) / 3600

    @property
    def hours(self) -> float:
        """Hours expected on as many cores as the study has slots."""
        return self.core_hours / self.slots


def estimate(
    study: Study,
    facts: Mapping[tuple[str, str], Facts],
    cost: Cost,
    pass_screen: float = PASS_SCREEN,
    pass_stage: float = PASS_STAGE,
) -> Estimate:
    """Trainings and time of a study, as expected and at most.

    Args:
        study: the study.
        facts: of its tasks, as far as their data are on this machine.
        cost: of one update here, see `search.run.cost.measure`.
        pass_screen: share of new cells that pass the screen.
        pass_stage: share of the remaining cells that pass each task.

    Raises:
        SearchError: a task is not on this machine and its budget bounds neither updates nor tokens.
    """
    capacity = sampler.capacity(study.sampler, study.space)
    layers = sum(study.space.layers) / len(study.space.layers)
    chance = 1 - study.reevaluate - study.retry
    retries, most_retries = _beside(study.proposals, chance, study.retry)
    visits, most_visits = _beside(study.proposals, chance, study.reevaluate)

    def load(
        role: Role,
        task: str,
        scale: str,
        budget: Budget,
        schedule: Schedule,
        counts: tuple[float, int],
    ) -> Load:
        known = facts.get((task, scale))
        window, batch = (known.window, known.batch) if known else (WINDOW, BATCH)
        sizes = study.space.batch_sizes or (batch,)
        updates = _updates(task, known, budget, schedule, min(sizes))
        mean = sum(sizes) / len(sizes)
        parameters = _parameters(known, budget, round(layers))
        seconds = updates * cost.seconds(parameters, layers, window, mean)
        if budget.seconds is not None:
            seconds = min(seconds, budget.seconds)
        return Load(role, task, scale, *counts, updates, seconds)

    screen, cells = study.screen, study.confirm.cells + len(study.baselines)
    screened = study.proposals + retries, study.proposals + most_retries
    loads = [load(Role.SCREEN, screen.task, screen.scale, screen.budget, screen.schedule, screened)]
    reaching = study.proposals * pass_screen
    for plan in study.tasks:
        settings = int(min(plan.settings, capacity))
        baseline = len(study.baselines) * int(min(study.baseline_settings, capacity))
        confirm = cells * study.confirm.seeds
        for role, counts in (
            (Role.BASELINE, (baseline, baseline)),
            (Role.STAGE, (reaching * settings, study.proposals * settings)),
            (Role.REEVALUATE, (visits * settings, most_visits * settings)),
            (Role.CONFIRM, (confirm, confirm)),
        ):
            loads.append(load(role, plan.name, plan.scale, plan.budget, plan.schedule, counts))
        reaching *= pass_stage
    return Estimate(tuple(loads), pass_screen, pass_stage, study.slots)


def _beside(proposals: int, chance: float, other: float) -> tuple[float, int]:
    """Steps of chance `other` beside `proposals` steps of `chance`: the mean, and a high quantile.

    Their number is negative binomial: mean `n o / c`, variance `n o (o + c) / c^2`.
    """
    mean = proposals * other / chance
    deviation = math.sqrt(proposals * other * (other + chance)) / chance
    return mean, math.ceil(mean + DEVIATIONS * deviation)


def _parameters(facts: Facts | None, budget: Budget, layers: int) -> int:
    """Parameters of a training; of the GRU's where the budget gives a width alone."""
    if budget.parameters is not None or budget.width is None:
        return budget.parameters or 0
    kind, size = (facts.kind, facts.size) if facts else ("symbols", SYMBOLS)
    gru = canonical(zoo.load("gru"))
    return parameter_count(Model(gru, budget.width, layers, kind, size))


def _updates(task: str, facts: Facts | None, budget: Budget, schedule: Schedule, batch: int) -> int:
    """Updates that no training can exceed, or about so many, see `trainer.most_updates`."""
    window = facts.window if facts else WINDOW
    bounds = [
        budget.updates,
        None if budget.tokens is None else budget.tokens // (window * batch),
        None if facts is None else schedule.epochs * -(-facts.updates * facts.batch // batch),
    ]
    known = [bound for bound in bounds if bound is not None]
    if not known:
        raise SearchError(
            "estimate",
            f"{task} is not on this machine and its budget bounds neither updates nor tokens",
            f"fetch the data, or set tasks.{task}.budget.updates",
        )
    return min(known)
