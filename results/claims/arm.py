"""Arms: all that a findings run trained of a cell on a task, with the values that claims compare."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from cells.training.metric import Metric
from cells.training.setting import Setting
from cells.training.space import Space
from results.claims.claim import FINAL, Measure
from results.claims.findings import Run, Training, prefix_of
from results.label import baseline_id, label
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Role
from results.statistics.tuning import Floats


class Tried(NamedTuple):
    """A setting of the selection: what it is chosen by, and what then counts; higher is better."""

    choice: float
    value: float


@dataclass(frozen=True, slots=True)
class Arm:
    """A cell on a task.

    Attributes:
        name, task: as claims name them.
        column: what is known of the task at the scale of the arm.
        selection: trainings of the selection that have an outcome, in the order they were asked.
        confirmed: trainings of the selected setting on fresh seeds that ended well.
        spaces: what its settings were drawn from.
        failed: what a failed training counts as on the test split, such that higher is better.
    """

    name: str
    task: str
    column: TaskColumn
    selection: tuple[Training, ...]
    confirmed: tuple[Training, ...]
    spaces: tuple[Space, ...]
    failed: float

    @property
    def metric(self) -> Metric:
        """Of the task."""
        return self.column.metric

    @property
    def part(self) -> str:
        """The part of the run that the arm begins with; "" without one."""
        return self.name.rpartition(":")[0]

    @property
    def design(self) -> object:
        """Scale, budget and schedule: arms of equal design differ in their settings and seeds alone."""
        trained = (*self.selection, *self.confirmed)
        trial = trained[0].trial if trained else None
        return trial and (trial.scale, trial.task_digest, trial.budget, trial.schedule)

    @property
    def selected(self) -> Setting | None:
        """The setting that was confirmed; None if none was."""
        return self.confirmed[0].trial.setting if self.confirmed else None

    def values(self, measure: Measure = FINAL) -> tuple[float, ...]:
        """One value a confirmed seed, such that higher is better.

        Args:
            measure: `final` for the test value, `early` for the validation metric, see `early`.
        """
        found = (self._value(training, measure) for training in self.confirmed)
        return tuple(value for value in found if value is not None)

    def tried(self, measure: Measure = FINAL) -> dict[object, Tried]:
        """The values of the settings of the selection by setting, in order.

        A failed one is chosen by minus infinity and counts as `failed`. What counts is the test value
        of the training of the selection; of an arm whose record has not all of these, the validation
        value throughout; for an early measure the early value.
        """
        tried: dict[object, Tried] = {}
        lacking = any(
            training.value("valid") is not None and training.value("test") is None
            for training in self.selection
        )
        for training in self.selection:
            choice = training.value("valid")
            if measure.kind == "early":
                value = self._value(training, measure)
            else:
                measured = training.value("valid" if lacking else "test")
                value = None if measured is None else self.metric.oriented(measured)
            tried[training.trial.setting] = (
                Tried(-math.inf, self.failed)
                if choice is None or value is None
                else Tried(self.metric.oriented(choice), value)
            )
        return tried

    def _value(self, training: Training, measure: Measure) -> float | None:
        if measure.kind == "early":
            return early(training, measure.share or 0.0)
        measured = training.value("test")
        return None if measured is None else self.metric.oriented(measured)


def early(training: Training, share: float) -> float | None:
    """The validation metric at a share of the planned updates, such that higher is better.

    It is that of the last point of the curve at or before that share, whatever came later. None for a
    training that did not end well, one whose updates were not planned, and one whose first point lies
    beyond.
    """
    planned = training.trial.budget.updates
    if planned is None or training.value("valid") is None or training.outcome is None:
        return None
    reached = [point for point in training.outcome.curve if point.update <= share * planned]
    return training.metric.oriented(training.metric.at(reached[-1])) if reached else None


def risen(arm: Arm, share: float) -> float | None:
    """How much the validation metric still improved over the last share of the updates.

    The mean over the confirmed trainings, above 0 for the better; between the points of a curve it is
    interpolated. None where no curve has two points.
    """
    gains: list[float] = []
    for training in arm.confirmed:
        curve = training.outcome.curve if training.outcome else ()
        if len(curve) < 2:
            continue
        updates = [point.update for point in curve]
        values = [arm.metric.oriented(arm.metric.at(point)) for point in curve]
        begin = float(np.interp((1 - share) * updates[-1], updates, values))
        gains.append(values[-1] - begin)
    return math.fsum(gains) / len(gains) if gains else None


def columns(tried: Mapping[object, Tried]) -> tuple[Floats, Floats]:
    """Choices and values of settings, `[N]` each."""
    table = np.array(list(tried.values()), dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def arms(run: Run) -> dict[tuple[str, str], Arm]:
    """The arms of a findings run by name and task, in the order they were first asked for."""
    groups: dict[tuple[str, str], list[Training]] = {}
    for training in run.trainings:
        if training.outcome is not None:
            groups.setdefault((training.arm, training.trial.task), []).append(training)
    failed, spaces = _failed(run), _spaces(run)
    built: dict[tuple[str, str], Arm] = {}
    for (name, task), group in groups.items():
        place = task, group[0].trial.scale
        built[name, task] = Arm(
            name=name,
            task=task,
            column=run.columns[place],
            selection=tuple(training for training in group if training.role in SELECTION),
            confirmed=tuple(
                training
                for training in group
                if training.role is Role.CONFIRM and training.value("valid") is not None
            ),
            spaces=spaces.get((name, task), ()),
            failed=failed[place],
        )
    return built


def _failed(run: Run) -> dict[tuple[str, str], float]:
    """What a failed training counts as on test, by task and scale, such that higher is better."""
    known: dict[tuple[str, str], list[float]] = {place: [] for place in run.columns}
    for training in run.trainings:
        value = training.value("test")
        if training.role in SELECTION and value is not None:
            known[training.trial.task, training.trial.scale].append(value)
    return {
        place: run.columns[place].metric.oriented(run.columns[place].metric.failed(values))
        for place, values in known.items()
    }


def _spaces(run: Run) -> dict[tuple[str, str], tuple[Space, ...]]:
    """What settings were drawn from, by arm and task; several where parts share their arms."""
    spaces: dict[tuple[str, str], tuple[Space, ...]] = {}
    for study in run.studies.values():
        for word in study.baselines:
            for plan in study.tasks:
                arm = prefix_of(study) + label(baseline_id(word)), plan.name
                spaces[arm] = (*spaces.get(arm, ()), study.space)
    return spaces
