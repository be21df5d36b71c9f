"""When a generated sequence ends: three rules, each a function of what was drawn so far.

A rule reads the steps drawn, symbols `[t, B]` or rolls `[t, B, F]`, t at least 1, and says `[B]`:
True where a sequence ends with its last step. All three make proper laws over sequences, provided
that the model was trained on the stop as well, since it is drawn like everything else.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Steps = NDArray[np.int64] | NDArray[np.uint8]
Stop = Callable[[Steps], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class EndSymbol:
    """The sequence ends with this symbol: one more class of the softmax.

    Attributes:
        symbol: which one.
    """

    symbol: int

    def __call__(self, steps: Steps) -> NDArray[np.bool_]:
        """See `Stop`."""
        return steps[-1] == self.symbol


@dataclass(frozen=True, slots=True)
class StopUnit:
    """A Bernoulli stop unit: one more sigmoid of a roll, whose target is 1 at the last step only.

    Attributes:
        unit: its place among the F units.
    """

    unit: int

    def __call__(self, steps: Steps) -> NDArray[np.bool_]:
        """See `Stop`."""
        return steps[-1, :, self.unit] == 1


@dataclass(frozen=True, slots=True)
class AnnouncedLength:
    """A predicted length: the first symbol drawn says how many follow, and is read by the model.

    Attributes:
        lengths: what each symbol announces, `[V]`, 0 or more; negative where it announces nothing,
            and such a sequence has no end.
    """

    lengths: NDArray[np.int64]

    def __call__(self, steps: Steps) -> NDArray[np.bool_]:
        """See `Stop`."""
        return self.lengths[steps[0]] == len(steps) - 1


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Whichever of some rules ends the sequence first.

    Attributes:
        rules: one or more.
    """

    rules: tuple[Stop, ...]

    def __call__(self, steps: Steps) -> NDArray[np.bool_]:
        """See `Stop`."""
        return np.any([rule(steps) for rule in self.rules], axis=0)
