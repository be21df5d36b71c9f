"""One epoch of a learning curve: written by the trainer, kept in the record."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One epoch of a learning curve, all numbers finite.

    Attributes:
        update: updates done so far.
        rate: learning rate of the epoch.
        train_loss: nats a scored step, mean over the epoch, before each update.
        valid_loss: nats a scored step after the epoch.
        valid_accuracy: symbols: share of scored steps guessed right; rolls: notes right over notes
            in prediction or target (1 if there are none).
        norm: mean norm of the gradient before clipping.
        clipped: share of updates whose gradient was shrunk.
    """

    update: int
    rate: float
    train_loss: float
    valid_loss: float
    valid_accuracy: float
    norm: float
    clipped: float


def updates_to(accuracy: float, curve: Iterable[Point]) -> int | None:
    """Updates done at the first epoch whose validation accuracy is at least this; None if none is.

    Exact to an epoch. What is learned in a jump, such as products of permutations, is graded by when
    it was rather than by where it ended.
    """
    return next((point.update for point in curve if point.valid_accuracy >= accuracy), None)
