"""What these tasks are measured on: the last quarter, since early steps are easy and lift a mean."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Count = TypeVar("Count", int, NDArray[np.int64])

NOTE = "in training every answer is scored, in valid and test those in the last quarter"
"""For the facts of a task."""


def first(count: Count) -> Count:
    """Index of the first of `count` steps that belongs to their last quarter, rounded up."""
    return count + (-count // 4)
