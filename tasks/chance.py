"""NumPy's generators for the data of tasks, started from derived seeds."""

import numpy as np

from cells.seed import task_seed


def generator(*names: str | int) -> np.random.Generator:
    """A generator (PCG64) that is a function of `names` alone, through `task_seed`."""
    return np.random.Generator(np.random.PCG64(task_seed(*names)))
