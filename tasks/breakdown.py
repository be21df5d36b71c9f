"""Loss and accuracy of a trained model by sort of step: by distance, by opposite attractors, ..."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from cells.engine.batch import Batch
from tasks.task import Split


class Divided(Protocol):
    """A task whose scored steps are of different sorts."""

    @property
    def divided_by(self) -> tuple[str, ...]:
        """The labels there are."""
        ...

    def labels(self, split: Split, label: str) -> tuple[int, ...]:
        """The values of `label` at the scored steps of `split`, ascending."""
        ...

    def part(self, split: Split, label: str, value: int) -> Iterator[Batch]:
        """Windows of `split` that score those steps alone whose `label` has this value."""
        ...


class Measured(Protocol):
    """What one window gave, as `cells.engine.learner.Score` has it."""

    @property
    def loss(self) -> float:
        """Summed over scored steps, in nats."""
        ...

    @property
    def correct(self) -> float:
        """Scored steps guessed right."""
        ...

    @property
    def scored(self) -> int:
        """Scored steps."""
        ...


class Judge(Protocol):
    """A trained model, as `cells.engine.learner.Learner` is one."""

    def evaluate(self, batch: Batch) -> Measured:
        """Scores one window; the state of the lanes moves on."""
        ...

    def forget(self) -> None:
        """Sets the state of all lanes to zero."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """What a model reached on one sort of step.

    Attributes:
        accuracy: share of steps guessed right.
        loss: nats a step.
        scored: how many steps there are.
    """

    accuracy: float
    loss: float
    scored: int


def by(label: str, judge: Judge, task: Divided, split: Split = "test") -> dict[int, Part]:
    """What `judge` reaches on `split`, by the value of `label`, such as a distance.

    Raises:
        KeyError: if the task has no such label.
    """
    parts: dict[int, Part] = {}
    for value in task.labels(split, label):
        judge.forget()
        scores = [judge.evaluate(batch) for batch in task.part(split, label, value)]
        scored = sum(score.scored for score in scores)
        correct, loss = sum(s.correct for s in scores), sum(s.loss for s in scores)
        parts[value] = Part(correct / scored, loss / scored, scored)
    return parts
