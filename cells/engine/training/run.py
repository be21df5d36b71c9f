"""What one training gave."""

from dataclasses import dataclass, field
from typing import Literal

from cells.engine.learner import Weights
from cells.training.point import Point

RunEnding = Literal["ok", "diverged", "timed_out"]


@dataclass(frozen=True, slots=True)
class Run:
    """The result of one training. All numbers are finite; absent ones are None.

    Attributes:
        ending: `ok`, `diverged` (a loss or norm was not finite) or `timed_out`.
        step: update at which it diverged, counted from 1; else None.
        width: H.
        parameters: numbers in the model, trained and frozen.
        updates: optimiser steps done, the diverged one left out.
        tokens: input positions of those steps.
        curve: one point for each finished epoch.
        valid_loss, valid_accuracy: of the reported epoch: the one with the lowest validation loss,
            or the one that reached `stop_at`.
        test_loss, test_accuracy: measured once, with the weights of that epoch; None if it timed out.
        seconds: wall time; not part of equality.
        weights: those of the reported epoch; not part of equality.
    """

    ending: RunEnding
    step: int | None
    width: int
    parameters: int
    updates: int
    tokens: int
    curve: tuple[Point, ...] = ()
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    seconds: float = field(default=0.0, compare=False)
    weights: Weights | None = field(default=None, compare=False, repr=False)
