"""What is asked of a worker: one training, or one screen, fully described."""

from dataclasses import dataclass
from typing import Final, Self

from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record import plain
from results.record.decode import Recorded, read_recorded

ENGINE: Final = 1
"""Version of trainer and learner; rises whenever a result could change."""


@dataclass(frozen=True, slots=True)
class Trial(Recorded):
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
        """The identity of the trial in the record, 32 hex digits.

        Of a trial that was read, the hash of the text it was read from; else that of `to_json`.
        """
        return self.recorded_name[:32]

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no blanks, no NaN."""
        return plain.composed_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The trial that `to_json` wrote, under its key.

        Raises:
            UnknownError: it has a field or a value that this version does not know.
        """
        return read_recorded(cls, text)
