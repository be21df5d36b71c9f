"""A task as tables show it: its metric, what is known about it, and ratios to a reference."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from results.record.outcome import Ending, Outcome
from results.record.store import Store

Held = Literal["valid", "test"]
"""Splits that are not trained on."""


TINY: Final = 1e-12
"""Losses are taken to be at least this many nats, so that a ratio of losses is a number."""


@dataclass(frozen=True, slots=True)
class TaskColumn:
    """One task of the study.

    Attributes:
        name, scale: which.
        metric: `accuracy` (higher is better) or `loss` (lower).
        unit: of the loss.
        optimum: Bayes-optimal value of the metric, or None if not known.
        floors, baselines: as recorded, for display.
        reference: the yardstick's best validation metric, or None if it has none.
    """

    name: str
    scale: str
    metric: Literal["accuracy", "loss"]
    unit: str
    optimum: float | None = None
    floors: tuple[Mapping[str, Any], ...] = ()
    baselines: tuple[Mapping[str, Any], ...] = ()
    reference: float | None = None

    def ratio(self, value: float, reference: float | None) -> float | None:
        """How good a metric is relative to a reference; 1 is equal, higher is better.

        `accuracy / reference`, or `reference / loss`. A reference without any right answer is
        matched by everything.

        Source: Jozefowicz, Zaremba, Sutskever 2015, Eq. 1; the form for losses is ours.
        """
        if reference is None:
            return None
        if self.metric == "loss":
            return max(reference, TINY) / max(value, TINY)
        return value / reference if reference > 0 else 1.0

    def distance(self, value: float) -> float | None:
        """How far a metric is from the optimum, 0 at the optimum, in the metric's unit."""
        if self.optimum is None:
            return None
        return self.optimum - value if self.metric == "accuracy" else value - self.optimum


def metric_of(metric: str, outcome: Outcome, split: Held) -> float | None:
    """The metric of an outcome on a split; None if the training did not end well."""
    if outcome.ending is not Ending.OK:
        return None
    if metric == "accuracy":
        return outcome.valid_accuracy if split == "valid" else outcome.test_accuracy
    return outcome.valid_loss if split == "valid" else outcome.test_loss


def column(store: Store, study_id: str, name: str, scale: str) -> TaskColumn:
    """What is recorded about a task, in the version that this study used; `reference` is not set.

    Raises:
        StoreError: if the store cannot be read.
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
        used[0][0] if used else None,
    )
    if not rows:
        return TaskColumn(name, scale, "accuracy", "")
    metric, unit, floors, baselines = rows[0]
    levels: list[dict[str, Any]] = json.loads(floors)
    optimum = next((level.get(metric) for level in levels if level.get("name") == "optimum"), None)
    return TaskColumn(
        name,
        scale,
        "loss" if metric == "loss" else "accuracy",
        unit,
        optimum,
        tuple(levels),
        tuple(json.loads(baselines)),
    )
