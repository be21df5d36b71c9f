"""NumPy's generators, started from derived seeds."""

import numpy as np

from cells.seed import training_seed


def generator(*parts: str | int) -> np.random.Generator:
    """A generator (PCG64) that is a function of `parts` alone, through `training_seed`."""
    return np.random.Generator(np.random.PCG64(training_seed(*parts)))
