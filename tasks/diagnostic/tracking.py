"""State tracking: after every letter, say the product of all letters so far in a finite group.

`parity` and `cycle` add modulo 2 and k; `s3` and `a5` multiply permutations that two generators, read
as `a` and `b`, stand for. A linear recurrence with positive eigenvalues cannot track parity (Grazzi et
al. 2024, arXiv 2411.12537); S3 does not commute, and A5 is the smallest group that cannot be solved by
products of commuting parts (Barrington 1989; Merrill, Petty, Sabharwal 2024 ask for its products).
Trained on short sequences, tested on longer ones.

    reads      1 0 1 1      a   b   b
    predicts   1 1 0 1      213 321 132
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks import scale as scales
from tasks import sequences
from tasks.diagnostic import quarter
from tasks.diagnostic.group import Group, named
from tasks.floor import level
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        group: as `tasks.diagnostic.group.named` has it. All letters are equally likely.
        shortest, longest: letters in train and valid, all lengths between equally likely; at least 1.
        tested: lengths in test, all equally likely.
    """

    group: str
    shortest: int
    longest: int
    tested: tuple[int, ...]

    def __post_init__(self) -> None:
        named(self.group)
        self.demand(
            1 <= self.shortest <= self.longest and min(self.tested, default=0) >= 1,
            f"{self.group}: {self.shortest} to {self.longest} letters, in test {self.tested}",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Letters that are no elements, then the elements."""
        group = named(self.group)
        return (*group.letters, *group.names)

    @property
    def window(self) -> int:
        """T, the longest length of training."""
        return self.longest

    def lengths(self, split: Split) -> tuple[int, ...]:
        """Lengths in a split, all equally likely."""
        return self.tested if split == "test" else tuple(range(self.shortest, self.longest + 1))

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the letters; training and test. Of the last quarter alone."""
        group = named(self.group)
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            *levels(group, self.lengths("valid")),
            # a sum of fair numbers is fair at once
            *(levels(group, self.lengths("test"), ", in test") if group.letters else ()),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `length`, letters of the sequence."""
        group, possible = named(self.group), np.array(self.lengths(split), np.int64)
        lengths: NDArray[np.int64] = generator.choice(possible, size=(count, 1))
        step = np.arange(int(possible.max()))
        letters = generator.integers(len(group.moves), size=(count, step.size))
        inside = step < lengths
        return Rows(
            np.where(inside, letters, ABSENT),
            len(group.letters) + products(group, letters),
            inside if split == "train" else inside & (step >= quarter.first(lengths)),
            {"length": np.broadcast_to(lengths, letters.shape)},
        )


def products(group: Group, letters: NDArray[np.int64]) -> NDArray[np.int64]:
    """The element after each letter of each row, `[S, L]`."""
    reached = np.zeros_like(letters)
    state = np.zeros(len(letters), np.int64)
    for step in range(letters.shape[1]):
        state = group.moves[letters[:, step], state]
        reached[:, step] = state
    return reached


def levels(group: Group, lengths: tuple[int, ...], where: str = "") -> tuple[Floor, ...]:
    """Exact levels of the last quarter of sequences of these lengths, all equally likely.

    The law of the element after t letters is that of a random walk from the identity.
    """
    m, n = group.moves.shape
    longest = max(lengths)
    scored = np.zeros(longest)
    for length in lengths:
        scored[quarter.first(length) : length] += 1 / len(lengths)
    by_step = np.zeros((longest, m, n))
    law = np.zeros(n)
    law[0] = 1.0
    for step in range(longest):
        for letter in range(m):
            by_step[step, letter, group.moves[letter]] = law / m
        law = by_step[step].sum(axis=0)
    by_step *= scored[:, None, None]
    joint = by_step.sum(axis=0)
    known = level(f"the last letter{where}", joint)
    if not group.letters:
        return (known,)
    counted = level(f"the number of letters and the last{where}", by_step)
    if not group.odd.any():
        return known, counted
    odd, even = (joint.sum(axis=0) * side for side in (group.odd, ~group.odd))
    return known, counted, level(f"the sign of the product{where}", np.stack([odd, even]))


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str) -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    notes = {"scored": quarter.NOTE}
    return sequences.make(law, scale, name, VERSION, "memory", "nats per product", notes)
