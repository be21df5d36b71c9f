"""Guards: how long a trial may take, and how much memory, where its own budget does not say so.

A trial that neither ends nor dies keeps its slot for ever, and one that takes all memory takes its
neighbours along. So each gets many times the processor time that it is expected to cost, counted by its
worker; ten times that of wall time, counted by the driver, for the worker that hangs; and a share of its
machine's memory. Guards belong to a start of the driver: studies, trials and their keys know nothing of them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cells.engine.training import determinism
from results.record.outcome import Ending, Outcome
from results.record.study import Study, TaskPlan
from results.record.trial import Trial
from search.run.estimate import most_updates, screen_plan
from search.run.guards.limits import UNLIMITED, Limits
from search.run.price import Timings, seconds_of, shapes, yardstick
from tasks.task import Facts

FACTOR: Final = 20.0
"""Times the expected processor time that a trial may take."""
SHARE: Final = 0.8
"""Of a machine's memory that its slots may take together."""
LEAST: Final = 60.0
"""Seconds of processor time that every trial may take."""
PATIENCE: Final = 10.0
"""Times the processor time that a trial may take of wall time: other programs may crowd the machine."""

_UPDATE: Final = 0.005
"""Seconds that an update takes beside its multiplications, at most, on a slow machine."""
_SPEED: Final = 1e9
"""Multiplications and additions a second, at least, on a slow machine."""

Key = tuple[str, str]
"""A task and its scale."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What a start of the driver asks for.

    Attributes:
        factor: times the expected processor time.
        share: of a machine's memory, for all its slots together.
    """

    factor: float = FACTOR
    share: float = SHARE


class Guard:
    """The guards of the trials of one study.

    Args:
        guards: what is asked for; None for none.
        expected: processor time of a trial of a task, see `Expectation`; asked once a task.
    """

    def __init__(
        self, guards: Guards | None, expected: Callable[[Key], float] = lambda _: 0.0
    ) -> None:
        self._guards = guards
        self._expected = expected
        self._seconds: dict[Key, float] = {}
        self._seen: dict[Key, float] = {}

    def limits(self, trial: Trial) -> Limits:
        """Within which the worker keeps the trial."""
        if self._guards is None:
            return UNLIMITED
        return Limits(self._deadline(trial, self._guards), self._guards.share)

    def wall(self, trial: Trial) -> float | None:
        """Seconds after which the driver gives the worker up; None for never."""
        seconds = trial.budget.seconds
        if seconds is not None:
            # `evaluate` keeps to the budget itself; this catches the worker that cannot.
            return 1.5 * seconds + 30.0
        if self._guards is None:
            return None
        return PATIENCE * self._deadline(trial, self._guards)

    def learn(self, trial: Trial, outcome: Outcome) -> None:
        """What a trial took that ended well may be expected of others of its task."""
        if outcome.ending is Ending.OK:
            key = trial.task, trial.scale
            self._seen[key] = max(self._seen.get(key, 0.0), outcome.cost.cpu_seconds)

    def _deadline(self, trial: Trial, guards: Guards) -> float:
        key = trial.task, trial.scale
        if key not in self._seconds:
            self._seconds[key] = self._expected(key)
        return max(LEAST, guards.factor * max(self._seconds[key], self._seen.get(key, 0.0)))


class Expectation:
    """The processor time of a training of the study's yardstick, timed on this machine where it matters.

    Args:
        study: gives budgets and schedules.
        facts: of its tasks.
        executor: of its trials.
        factor: times this time are allowed; where that stays below `LEAST` at any speed nothing is timed.
    """

    def __init__(
        self, study: Study, facts: Iterable[Facts], executor: str, factor: float = FACTOR
    ) -> None:
        self._study = study
        self._facts: Mapping[Key, Facts] = {(one.name, one.scale): one for one in facts}
        self._factor = factor
        self._timings = Timings(executor)

    def __call__(self, key: Key) -> float:
        """Seconds of a training on a task at a scale, with the costliest setting of the study."""
        plans = [*self._study.tasks, screen_plan(self._study)]
        costs = [self._cost(plan) for plan in plans if (plan.name, plan.scale) == key]
        return max(costs, default=0.0)

    def _cost(self, plan: TaskPlan) -> float:
        facts = self._facts.get((plan.name, plan.scale))
        most = self._at_most(plan, facts)
        if most is not None and self._factor * most < LEAST:
            return most
        determinism.prepare(self._timings.executor)
        cell = yardstick(self._study)
        return max(
            (
                seconds_of(timing, plan, facts, setting.batch_size, 1.0)
                for setting in shapes(self._study.space)
                if (timing := self._timings.of(cell, plan, setting, screened=False)) is not None
            ),
            default=0.0,
        )

    def _at_most(self, plan: TaskPlan, facts: Facts | None) -> float | None:
        """What a fast executor takes at most on a slow machine; None if that cannot be said."""
        if facts is None or plan.budget.parameters is None:
            return None
        if self._timings.executor == "reference":
            return None
        updates = most_updates(plan, facts, min(self._study.space.batch_sizes, default=None))
        # Forth, and twice as much back; as much again for validation and test.
        products = 6 * plan.budget.parameters * facts.window * facts.batch
        return 2 * updates * (_UPDATE + products / _SPEED)
