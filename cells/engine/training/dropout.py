"""The numbers that decide what dropout drops, the same for every executor."""

import numpy as np
from numpy.typing import NDArray


class Draws:
    """What `torch.rand` gives on the CPU, from a generator with this seed, without loading torch.

    Both are the Mersenne twister of Matsumoto and Nishimura 1998, started from 32 bits; a float32 is
    made of the lower 24 bits of each number. NumPy promises that `RandomState` never changes.
    """

    def __init__(self, seed: int) -> None:
        self._source = np.random.RandomState(seed & 0xFFFFFFFF)

    def uniform(self, *shape: int) -> NDArray[np.float32]:
        """The next numbers of [0, 1)."""
        bits = self._source.randint(0, 1 << 32, shape, dtype=np.uint32)
        bits &= np.uint32(0xFFFFFF)
        # 24 bits fit a signed number, which converts several times faster.
        numbers = bits.view(np.int32).astype(np.float32)
        numbers *= np.float32(2.0**-24)
        return numbers
