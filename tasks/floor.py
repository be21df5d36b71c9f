"""Levels that a predictor reaches who knows only part of the past."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tasks.task import Floor


def level(name: str, joint: NDArray[np.float64]) -> Floor:
    """Loss and accuracy of the best predictor that knows the cell and nothing else.

    Args:
        name: what is known.
        joint: expected number of scored steps by what is known and by symbol, `[..., V]`.
    """
    total = float(joint.sum())
    cell = np.broadcast_to(joint.sum(axis=-1, keepdims=True), joint.shape)
    seen = joint > 0
    loss = -float((joint[seen] * np.log(joint[seen] / cell[seen])).sum()) / total
    return Floor(name, loss=abs(loss), accuracy=float(joint.max(axis=-1).sum()) / total)


def entropy(chances: Sequence[float] | NDArray[np.float64]) -> float:
    """Entropy of a law in nats."""
    held = np.asarray(chances, dtype=np.float64)
    held = held[held > 0]
    return abs(-float((held * np.log(held)).sum()))
