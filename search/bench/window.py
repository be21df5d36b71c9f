"""What every candidate of `bench engine` trains on; without torch, so that a worker can be measured."""

from typing import Final

import numpy as np

from cells.engine.batch import Batch

SYMBOLS: Final = 40
LANES: Final = 20
STEPS: Final = 35
RATE: Final = 0.1
CLIP: Final = 5.0

_WINDOWS: Final = 64


def windows() -> list[Batch]:
    """Random symbols and what follows them: the same windows for everybody."""
    stream = np.random.default_rng(1).integers(0, SYMBOLS, (_WINDOWS * STEPS + 1, LANES))
    mask, reset = np.ones((STEPS, LANES), np.bool_), np.zeros(LANES, np.bool_)
    return [
        Batch(stream[at : at + STEPS], stream[at + 1 : at + 1 + STEPS], mask, reset)
        for at in range(0, _WINDOWS * STEPS, STEPS)
    ]
