"""Noisy temporal order: which of X and Y came at each of two or three places, long before.

Hochreiter and Schmidhuber 1997, experiment 6 (two markers: 6a, three: 6b). A line of distractors a, b,
c, d begins with E and ends with B; among them stand two or three markers, each X or Y, anywhere in
intervals of their own. Only the class, said at B, is scored:

    E b a X d c a c Y b a d B -> XY
"""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np

from tasks import scale as scales
from tasks import sequences
from tasks.floor import level
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1
STARTS = {2: (0.1, 0.5), 3: (0.1, 0.33, 0.66)}
"""Where the interval of each marker begins, as a share of the shortest length, by how many there are."""
WIDTH = 0.1
"""Of each interval, as a share of the shortest length; 10 steps of 100 in the paper."""
DISTRACTORS = 4
X, START, END = 4, 6, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        markers: 2 or 3.
        shortest, longest: symbols from E to B, all lengths between equally likely; at least 8.
    """

    markers: int
    shortest: int
    longest: int

    def __post_init__(self) -> None:
        self.demand(
            self.markers in STARTS and 8 <= self.shortest <= self.longest,
            f"temporal order: {self.markers} markers in {self.shortest} to {self.longest} symbols",
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, XX, XY, ..."""
        return tuple("".join(letters) for letters in product("XY", repeat=self.markers))

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Distractors, markers, start, end, classes."""
        return (*"abcdXYEB", *self.classes)

    @property
    def window(self) -> int:
        """T, the longest length."""
        return self.longest

    def floors(self) -> tuple[Floor, ...]:
        """By which markers are known, and by how many were X whatever their order."""
        m = self.markers
        counts = np.zeros((m + 1, 2**m))
        for number, name in enumerate(self.classes):
            counts[name.count("X"), number] = 2**-m
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            level("how many X, not their order", counts),
            *(
                Floor(
                    f"the last {'marker' if known == 1 else f'{known} markers'}",
                    loss=(m - known) * math.log(2),
                    accuracy=2.0 ** (known - m),
                )
                for known in range(m - 1, 0, -1)
            ),
            Floor("no memory", loss=m * math.log(2), accuracy=2.0**-m),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `distance`, steps from the last marker to the answer."""
        lengths = generator.integers(self.shortest, self.longest + 1, size=count)
        inputs = generator.integers(DISTRACTORS, size=(count, self.longest))
        kinds = generator.integers(2, size=(count, self.markers))
        every = np.arange(count)
        position = np.zeros(count, np.int64)
        for marker, share in enumerate(STARTS[self.markers]):
            # at least 1, where E does not stand
            least, most = (max(1, round(s * self.shortest)) for s in (share, share + WIDTH))
            position = generator.integers(least, most + 1, size=count)
            inputs[every, position] = X + kinds[:, marker]
        inputs[:, 0] = START
        last = lengths - 1
        inputs[every, last] = END
        inputs[np.arange(self.longest) > last[:, None]] = ABSENT
        targets, scored = np.zeros_like(inputs), np.zeros(inputs.shape, np.bool_)
        number = (kinds * 2 ** np.arange(self.markers - 1, -1, -1)).sum(axis=1)
        targets[every, last], scored[every, last] = END + 1 + number, True
        distance = np.broadcast_to((last - position)[:, None], inputs.shape)
        return Rows(inputs, targets, scored, {"distance": distance})


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "temporal-order") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "memory", "nats per sequence")
