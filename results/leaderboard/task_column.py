"""A task as tables show it: its metric, what is known about it, and ratios to a reference."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cells.training import metric as metrics
from cells.training.metric import Held, Metric
from results.error import StoreError
from results.record.outcome import Ending, Outcome
from results.record.store import Store


@dataclass(frozen=True, slots=True)
class TaskColumn:
    """One task of the study.

    Attributes:
        name, scale: which.
        metric: what it is judged by.
        unit: of the metric, which is that of the loss only where the loss is what counts; "" of a share.
        optimum: Bayes-optimal value of the metric, or None if not known.
        floors, baselines: as recorded, for display.
        reference: the yardstick's best validation metric, or None if it has none.
    """

    name: str
    scale: str
    metric: Metric
    unit: str = ""
    optimum: float | None = None
    floors: tuple[Mapping[str, Any], ...] = ()
    baselines: tuple[Mapping[str, Any], ...] = ()
    reference: float | None = None

    def ratio(self, value: float, reference: float | None) -> float | None:
        """`Metric.ratio`; None without a reference."""
        return None if reference is None else self.metric.ratio(value, reference)

    def distance(self, value: float) -> float | None:
        """How far a metric is from the optimum, 0 at the optimum, in the metric's unit."""
        return None if self.optimum is None else self.metric.distance(value, self.optimum)

    def judged(self) -> dict[str, Any]:
        """What its values are, for documents: the metric, its label, which way is better, the unit."""
        return {
            "metric": self.metric.name,
            "metric_label": self.metric.label,
            "higher": self.metric.higher,
            "unit": self.unit,
        }


SCORE: Final[Mapping[str, Any]] = {
    "metric": "score",
    "metric_label": "score",
    "higher": True,
    "unit": "",
}
"""What `TaskColumn.judged` says of a metric, said of the score of Eq. 1."""


def metric_of(metric: Metric, outcome: Outcome, split: Held) -> float | None:
    """The metric of an outcome on a split; None if the training did not end well."""
    return metric.of(outcome, split) if outcome.ending is Ending.OK else None


def column(store: Store, study_id: str, name: str, scale: str) -> TaskColumn:
    """What is recorded about a task, in the version that this study used; `reference` is not set.

    Raises:
        StoreError: `missing` if the study trained on it and nothing is recorded about it, `newer` if
            it is judged by a metric that this version does not know; if the store cannot be read.
    """
    used = store.select(
        "SELECT task_digest FROM ask JOIN trial ON key = trial_key"
        " WHERE study_id = ? AND task = ? AND scale = ? LIMIT 1",
        study_id,
        name,
        scale,
    )
    rows = store.select(
        "SELECT metric, unit, floors, baselines FROM task WHERE name = ? AND scale = ?"
        " AND digest = coalesce(?, digest) ORDER BY version DESC",
        name,
        scale,
        used[0]["task_digest"] if used else None,
    )
    if not rows and used:
        raise StoreError(
            "missing",
            f"{store.path}: trials of {name} at {scale}, but not what they are judged by",
            "no search leaves a store so; restore a copy of the file",
        )
    if not rows:
        return TaskColumn(name, scale, metrics.UNKNOWN)
    row = rows[0]
    metric = recorded(store, name, row["metric"])
    levels: list[dict[str, Any]] = json.loads(row["floors"])
    optimum = next(
        (metric.of_level(level) for level in levels if level.get("name") == "optimum"), None
    )
    return TaskColumn(
        name,
        scale,
        metric,
        metric.unit_of(row["unit"]),
        optimum,
        tuple(levels),
        tuple(json.loads(row["baselines"])),
    )


def recorded(store: Store, task: str, name: str) -> Metric:
    """The metric that a store names for a task.

    Raises:
        StoreError: `newer` if this version knows none of that name.
    """
    try:
        return metrics.named(name)
    except metrics.MetricError as error:
        what = f"{store.path}: task {task} is judged by a metric of another version: {error}"
        hint = "update Gatewright, or register the metric that the record names"
        raise StoreError("newer", what, hint) from error
