"""Memory that tapes point into: aligned, owned by Python, never moved while a tape lives."""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

SLAB: Final = 1 << 22
"""Bytes that are reserved at a time."""
_LINE: Final = 64


def reserve(count: int) -> NDArray[np.uint8]:
    """So many bytes, part of a larger allocation if it must be."""
    whole = np.empty(count + _LINE, np.uint8)
    start = -whole.ctypes.data % _LINE
    return whole[start : start + count]


class Memory:
    """Hands out arrays on cache lines.

    Pages that nobody touches cost nothing, so slabs are generous.

    Args:
        dtype: of the numbers.
        poison: fill everything with NaN first, so that a number read before it is written shows.

    Attributes:
        slab, source: least bytes of an allocation, and where it comes from. A check for reads beyond
            arrays sets them on the class, so that every array is an allocation.
    """

    slab: ClassVar[int] = SLAB
    source: ClassVar["staticmethod[[int], NDArray[np.uint8]]"] = staticmethod(reserve)

    def __init__(self, dtype: np.dtype[np.floating], *, poison: bool = False) -> None:
        self.dtype = dtype
        self._poison = poison
        self._slabs: list[NDArray[np.uint8]] = []
        self._used = 0

    def array(self, *shape: int) -> NDArray[np.floating]:
        """A new array, its numbers undefined."""
        count = int(np.prod(shape, dtype=np.int64))
        found = self._bytes(count * self.dtype.itemsize).view(self.dtype).reshape(shape)
        if self._poison:
            found.fill(np.nan)
        return found

    def zeros(self, *shape: int) -> NDArray[np.floating]:
        """A new array of zeros."""
        found = self.array(*shape)
        found.fill(0)
        return found

    def counts(self, *shape: int) -> NDArray[np.int64]:
        """A new array of int64 zeros."""
        found = self._bytes(8 * int(np.prod(shape))).view(np.int64).reshape(shape)
        found.fill(0)
        return found

    def flags(self, *shape: int) -> NDArray[np.uint8]:
        """A new array of uint8 zeros."""
        found = self._bytes(int(np.prod(shape))).reshape(shape)
        found.fill(0)
        return found

    @property
    def bytes(self) -> int:
        """Reserved so far."""
        return sum(slab.size for slab in self._slabs)

    def _bytes(self, count: int) -> NDArray[np.uint8]:
        size = -(-max(count, 1) // _LINE) * _LINE
        if not self._slabs or self._used + size > self._slabs[-1].size:
            self._slabs.append(self.source(max(self.slab, size)))
            self._used = 0
        start = self._used
        self._used += size
        return self._slabs[-1][start : start + count]


def address(array: NDArray[np.generic]) -> int:
    """Where the first number of an array is."""
    return int(array.ctypes.data)
