"""One window of data, as tasks make it and learners read it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Batch:
    """One window: `T` steps of `B` lanes that are read side by side.

    Windows of one stream follow each other: the learner carries each lane's state from one window
    to the next, except where `reset` says that a new sequence begins.

    Attributes:
        inputs: symbols `[T, B]` int64, or a piano roll `[T, B, F]` float32 of 0 and 1.
        targets: what step t shall predict, in the shape of `inputs` (rolls uint8 or float32).
        mask: `[T, B]` bool, True where the step is scored. Unscored steps still update the state.
        reset: `[B]` bool, True where the lane starts from the zero state at step 0 of this window.
    """

    inputs: NDArray[np.int64] | NDArray[np.float32]
    targets: NDArray[np.int64] | NDArray[np.float32]
    mask: NDArray[np.bool_]
    reset: NDArray[np.bool_]

    @property
    def steps(self) -> int:
        """T."""
        return self.inputs.shape[0]

    @property
    def lanes(self) -> int:
        """B."""
        return self.inputs.shape[1]
