"""What is asked of a worker: one training, or one screen, fully described."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final, Self

from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record import plain

ENGINE: Final = 1
"""Version of trainer and learner; rises whenever a result could change."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One training, such that equal trials give equal results, bit for bit, on one machine class.

    Attributes:
        cell: canonical text.
        cell_id: id of that text.
        task, task_version, task_digest, scale: which data.
        setting, schedule, budget: how it is trained.
        seed: of initialisation and dropout; derived by the study, never drawn.
        stop_at: stop early once validation accuracy reaches this (the memorization screen), or None.
        executor: which learner runs it: `reference`, or a faster path.
        engine: `ENGINE` of the program that asked.
        dtype: `float32` or `float64`.
    """

    cell: str
    cell_id: str
    task: str
    task_version: int
    task_digest: str
    scale: str
    setting: Setting
    schedule: Schedule
    budget: Budget
    seed: int
    stop_at: float | None = None
    executor: str = "reference"
    engine: int = ENGINE
    dtype: str = "float32"

    @property
    def key(self) -> str:
        """Hash of all of the above: the identity of the trial in the record."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no blanks, no NaN."""
        return plain.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The trial that `to_json` wrote. Raises ValueError or TypeError on anything else."""
        fields: dict[str, Any] = json.loads(text)
        fields["setting"] = Setting(**fields["setting"])
        fields["schedule"] = Schedule(**fields["schedule"])
        fields["budget"] = Budget(**fields["budget"])
        return cls(**fields)
