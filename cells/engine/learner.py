"""The seam between training and whatever runs a cell.

Trainer and tasks know only this page. The reference (`reference.py`, torch autograd) and every
faster path are `Learner`s of one `Model`, started from the same weights by `initial.draw`.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell
from cells.engine.batch import Batch

Weights = dict[str, NDArray[np.floating]]


@dataclass(frozen=True, slots=True)
class Model:
    """What is trained: a stack of one cell between an input map and a readout.

    `symbols`: embedding [V, H], layers, softmax over V. `roll`: linear [F, H] with bias, layers,
    F independent sigmoids. The readout is a linear map with bias of the top layer's output.

    Attributes:
        cell: the cell, in canonical form.
        width: H.
        layers: 1 to 4; layer l reads the output of layer l - 1.
        kind: `symbols` or `roll`.
        size: V or F.
        dropout: chance of dropping the input of every layer and of the readout, in training only.
        window: T of training, which `chrono` biases refer to.
    """

    cell: Cell
    width: int
    layers: int
    kind: Literal["symbols", "roll"]
    size: int
    dropout: float = 0.0
    window: int = 35


@dataclass(frozen=True, slots=True)
class Score:
    """What one window gave.

    Attributes:
        loss: summed negative log-likelihood over scored steps, in nats (rolls: summed over notes).
        correct: scored steps whose most likely symbol is the target (rolls: notes in both
            prediction at 1/2 and target).
        scored: scored steps.
        norm: norm of the whole gradient before clipping; None from `evaluate`.
        wrong: rolls only: notes in either prediction or target but not in both; else 0. Frame
            accuracy is `correct / (correct + wrong)`.
    """

    loss: float
    correct: float
    scored: int
    norm: float | None = None
    wrong: float = 0.0


class Learner(Protocol):
    """A model with its weights and the state of its lanes. Not shared between threads."""

    def train(self, batch: Batch, learning_rate: float, clip: float) -> Score:
        """Does one update and returns the loss before it.

        The gradient is that of (loss summed over scored steps) / B, with the state at the start of
        the window held constant. It is shrunk to norm `clip` if longer; then the optimizer moves the
        weights (plain SGD: it is subtracted times `learning_rate`). When loss or norm is not finite
        the weights are left as they were.
        """
        ...

    def evaluate(self, batch: Batch) -> Score:
        """Scores one window without dropout or learning; the state of the lanes moves on."""
        ...

    def forget(self) -> None:
        """Sets the state of all lanes to zero (at the start of an epoch or a split)."""
        ...

    def weights(self) -> Weights:
        """Copies of all parameters by name, see `initial.draw`."""
        ...

    def load(self, weights: Weights) -> None:
        """Replaces all parameters; what the optimizer averages begins anew.

        Raises:
            ValueError: on a missing, extra or misshapen one.
        """
        ...
