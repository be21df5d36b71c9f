"""The adding problem: a long line of numbers, two of them marked; say the sum of the two.

Hochreiter and Schmidhuber 1997, experiment 4, as a task of symbols: numbers are drawn from 0 to
Q - 1 instead of from an interval, and the sum is a symbol. The first mark stands anywhere in the
first half and the second in the second half, as in Arjovsky, Shah, Bengio 2016. Only the answer to
the final `=` is scored:

    3 7 +5 0 2 2 +8 1 = -> 13
"""

from dataclasses import dataclass

import numpy as np

from tasks import scale as scales
from tasks import sequences
from tasks.floor import level
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        values: Q, how many different numbers there are, at least 2.
        shortest, longest: numbers in a sequence, all lengths between equally likely; at least 2.
    """

    values: int
    shortest: int
    longest: int

    def __post_init__(self) -> None:
        self.demand(
            self.values >= 2 and 2 <= self.shortest <= self.longest,
            f"adding: {self.shortest} to {self.longest} of {self.values} numbers",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Sums, of which the first Q are also the unmarked numbers; marked numbers; `=`."""
        Q = self.values
        return (*(f"{n}" for n in range(2 * Q - 1)), *(f"+{n}" for n in range(Q)), "=")

    @property
    def window(self) -> int:
        """T: the longest line and `=`."""
        return self.longest + 1

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the two numbers: both, one, or neither."""
        Q = self.values
        joint = np.zeros((Q, 2 * Q - 1))
        for value in range(Q):
            joint[value, value : value + Q] = 1 / Q**2
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            level("one of the two numbers", joint),
            level("no memory", joint.sum(axis=0)),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `distance`, steps from the first mark to the answer."""
        Q = self.values
        lengths = generator.integers(self.shortest, self.longest + 1, size=count)
        numbers = generator.integers(Q, size=(count, self.longest))
        half = lengths // 2
        first, second = generator.integers(half), generator.integers(half, lengths)
        every = np.arange(count)
        sums = numbers[every, first] + numbers[every, second]

        inputs = np.full((count, self.window), ABSENT)
        inputs[:, :-1] = np.where(np.arange(self.longest) < lengths[:, None], numbers, ABSENT)
        for marked in (first, second):
            inputs[every, marked] += 2 * Q - 1
        inputs[:, -1] = 3 * Q - 1
        targets, scored = np.zeros_like(inputs), np.zeros(inputs.shape, np.bool_)
        targets[:, -1], scored[:, -1] = sums, True
        distance = np.broadcast_to((lengths - first)[:, None], inputs.shape)
        return Rows(inputs, targets, scored, {"distance": distance})


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "adding") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "memory", "nats per sum")
