"""Does a line hold these letters in this order? The language A*B*C, where * is anything.

A line of random letters is accepted once the letters of a pattern have been read in their order, with
anything between them. Half of the lines end accepted. A line consists of as many gaps of 0 to G letters
as there are letters in the pattern, a letter after each gap, and one more gap; so its length tells
nothing. In a line that is not accepted every letter from some point on is not the awaited one.
Asked is `+` (accepted) or `-`, at the closing `?` or at every step; test lines may have longer gaps.
"""

from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

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
        pattern: the letters that must come, such as `abc`; letters may recur.
        letters: size of the alphabet, which the pattern is part of, 3 to 26.
        gap: G in train and valid, all lengths from 0 equally likely.
        farthest: G in test, at least `gap`.
        each: True if every step is scored, False if only the last.
    """

    pattern: str
    letters: int
    gap: int
    farthest: int
    each: bool = False

    def __post_init__(self) -> None:
        known = ascii_lowercase[: self.letters]
        self.demand(
            1 <= len(self.pattern) <= 6
            and set(self.pattern) <= set(known)
            and 3 <= self.letters <= 26
            and 0 <= self.gap <= self.farthest,
            f"subsequence: {self.pattern!r} in {self.letters} letters, gaps to {self.gap},"
            f" in test to {self.farthest}; a pattern has 1 to 6 letters",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Letters, `?`, and the two answers."""
        return (*ascii_lowercase[: self.letters], "?", "-", "+")

    @property
    def window(self) -> int:
        """T, of the longest line of training."""
        k = len(self.pattern)
        return (k + 1) * self.gap + k + 1

    @property
    def awaited(self) -> NDArray[np.int64]:
        """The pattern as symbols, `[k]`."""
        return np.array([ascii_lowercase.index(letter) for letter in self.pattern])

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the line; training and test where they differ."""
        near, far = self._levels(self.gap, ""), self._levels(self.farthest, ", in test")
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            *near,
            *(far if self.farthest != self.gap else ()),
        )

    def _levels(self, gap: int, where: str) -> tuple[Floor, ...]:
        seen, last = joint(self, gap)
        return (
            level(f"letters read, not their order{where}", seen),
            level(f"no memory{where}", last),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `length`, letters of the line in tens."""
        G = self.farthest if split == "test" else self.gap
        k, awaited = len(self.pattern), self.awaited
        accepted = generator.random(count) < 0.5
        reached = np.where(accepted, k, generator.integers(k, size=count))
        gaps = generator.integers(G + 1, size=(count, k + 1))

        # block i: gap i and the letter after it; what must not come there is the awaited letter
        block = np.minimum(np.arange(k + 1), reached[:, None])
        banned = np.append(awaited, self.letters)[block][:, :, None]
        free = self.letters - (block < k)[:, :, None]
        other = generator.integers(np.broadcast_to(free, (count, k + 1, G + 1)))
        other += other >= banned
        kept = np.arange(G + 1) < gaps[:, :, None]
        kept[:, :k, G] = True
        right = np.arange(k) < reached[:, None]
        other[:, :k, G] = np.where(right, awaited, other[:, :k, G])
        lines = np.where(kept, other, ABSENT)
        # the last column has the `?` instead of a letter after the last gap
        lines[:, k, G] = self.letters

        done = np.zeros(lines.shape, np.bool_)
        done[:, k] = accepted[:, None]
        done[:, k - 1, G] = accepted
        inputs = lines.reshape(count, -1)
        scored = np.full(inputs.shape, self.each)
        scored[:, -1] = True
        tens = (inputs != ABSENT).sum(axis=1) // 10 * 10
        return Rows(
            inputs,
            self.letters + 1 + done.reshape(count, -1),
            scored,
            {"length": np.broadcast_to(tens[:, None], inputs.shape)},
        )


def joint(law: Law, gap: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected scored steps of a line with gaps to `gap`, by what is known and by answer.

    Returns:
        By which letters of the pattern were read, as bits, `[2 ** d, 2]`, d distinct letters; and by
        the symbol read last, `[letters + 1, 2]`. Answers are `-` and `+`.
    """
    k, awaited = len(law.pattern), law.awaited
    distinct = sorted({ascii_lowercase.index(letter) for letter in law.pattern})
    subsets: NDArray[np.int64] = np.arange(1 << len(distinct))
    seen, last = np.zeros((subsets.size, 2)), np.zeros((law.letters + 1, 2))

    def step(chances: NDArray[np.float64]) -> NDArray[np.float64]:
        """From subset to subset when the next letter has these chances."""
        moved = np.zeros((subsets.size, subsets.size))
        for letter, chance in enumerate(chances.tolist()):
            bit = 1 << distinct.index(letter) if letter in distinct else 0
            moved[subsets, subsets | bit] += chance
        return moved

    for reached in range(k + 1):
        at = np.zeros(subsets.size)
        at[0] = 0.5 if reached == k else 0.5 / k
        weight = float(at[0])
        for block in range(k + 1):
            filler = np.ones(law.letters)
            if min(block, reached) < k:
                filler[awaited[min(block, reached)]] = 0
            filler /= filler.sum()
            answer = int(block == k and reached == k)
            # `at` among those lines whose gap is that long; a share leaves after each letter
            inside, left = step(filler), at / (gap + 1)
            for length in range(1, gap + 1):
                at = at @ inside
                still = (gap + 1 - length) / (gap + 1)
                left = left + at / (gap + 1)
                if law.each:
                    seen[:, answer] += at * still
                    last[:-1, answer] += filler * weight * still
            at = left
            if block < k:
                letter = np.eye(law.letters)[awaited[block]] if block < reached else filler
                at = at @ step(letter)
                answer = int(block == k - 1 and reached == k)
                if law.each:
                    seen[:, answer] += at
                    last[:-1, answer] += letter * weight
        answer = int(reached == k)
        seen[:, answer] += at
        last[-1, answer] += weight
    return seen, last


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "subsequence") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "symbols", "nats per answer")
