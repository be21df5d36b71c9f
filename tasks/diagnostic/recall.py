"""Recall in context: pairs of a key and a value go by; when a key comes again, say its value.

Which value belongs to which key is drawn anew for each sequence, so it can only be read. Keys are drawn
evenly, so they come again at any distance. `noisy-recall` strews distractors between the pairs. The form
is that of MAD (Poli et al. 2024, arXiv 2403.17844); sizes, laws and what is scored are ours, and scores
are not MAD scores.

    reads      a 3 b 1 a 3 b 1 b
    predicts           3   1   1
"""

import math
from collections import Counter
from dataclasses import dataclass
from functools import cache
from string import ascii_lowercase, ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from tasks import scale as scales
from tasks import sequences
from tasks.diagnostic import quarter
from tasks.diagnostic.partition import arrangements, compositions, orders, partitions
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        keys: K, 2 to 10.
        values: M, 2 to 6; those of different keys are independent.
        shortest, longest: pairs in train and valid, all numbers between equally likely; at least 4.
        tested: pairs in test, all equally likely.
        noise: distractors before each pair, 0 to this many, all numbers equally likely.
        distractors: how many different ones there are, up to 20; 0 where there is no noise.
    """

    keys: int
    values: int
    shortest: int
    longest: int
    tested: tuple[int, ...]
    noise: int = 0
    distractors: int = 0

    def __post_init__(self) -> None:
        self.demand(
            2 <= self.keys <= 10
            and 2 <= self.values <= 6
            and 4 <= self.shortest <= self.longest
            and min(self.tested, default=0) >= 4
            and self.noise >= 0
            and (self.noise > 0) == (self.distractors > 0)
            and 0 <= self.distractors <= 20,
            f"recall: {self.keys} keys, {self.values} values, {self.shortest} to {self.longest} pairs,"
            f" in test {self.tested}, up to {self.noise} of {self.distractors} distractors",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Keys, values, distractors."""
        return (
            *ascii_lowercase[: self.keys],
            *map(str, range(self.values)),
            *ascii_uppercase[: self.distractors],
        )

    @property
    def window(self) -> int:
        """T: the most pairs of training with all their distractors; the last value is never needed."""
        return self.longest * (self.noise + 2) - 1

    def lengths(self, split: Split) -> tuple[int, ...]:
        """Pairs in a split, all numbers equally likely."""
        return self.tested if split == "test" else tuple(range(self.shortest, self.longest + 1))

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the pairs; training and test where they differ."""
        near, far = self.lengths("valid"), self.lengths("test")
        same = near == far
        return (
            Floor("optimum", loss=0.0, accuracy=1.0),
            *self._levels(near, ""),
            *(() if same else self._levels(far, ", in test")),
            Floor("no memory", loss=math.log(self.values), accuracy=1 / self.values),
        )

    def _levels(self, lengths: tuple[int, ...], where: str) -> tuple[Floor, ...]:
        return (
            last_pair(f"the pair before{where}", self.keys, self.values, lengths),
            unbound(f"the values read, not their keys{where}", self.keys, self.values, lengths),
        )

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `length`, pairs of the sequence, and by `distance`, pairs
        since the key was last read.
        """
        K, possible = self.keys, np.array(self.lengths(split), np.int64)
        lengths: NDArray[np.int64] = generator.choice(possible, size=(count, 1))
        P = int(possible.max())
        pair = np.arange(P)
        keys = generator.integers(K, size=(count, P))
        bound = generator.integers(self.values, size=(count, K))
        values = np.take_along_axis(bound, keys, axis=1)
        noise = generator.integers(self.noise + 1, size=(count, P))
        distractors = generator.integers(max(self.distractors, 1), size=(count, P, self.noise))

        inside = pair < lengths
        blocks = np.full((count, P, self.noise + 2), ABSENT)
        strewn = inside[:, :, None] & (np.arange(self.noise) < noise[:, :, None])
        blocks[:, :, :-2] = np.where(strewn, K + self.values + distractors, ABSENT)
        blocks[:, :, -2] = np.where(inside, keys, ABSENT)
        blocks[:, :, -1] = np.where(pair < lengths - 1, K + values, ABSENT)

        # at which pair each key was last read before each pair; far back where never
        distance = np.zeros((count, P), np.int64)
        last = np.full((count, K), -P - 1)
        every = np.arange(count)
        for at in range(P):
            distance[:, at] = at - last[every, keys[:, at]]
            last[every, keys[:, at]] = at
        asked = inside & (distance <= pair)
        if split != "train":
            asked &= pair >= quarter.first(lengths)
        targets, scored = np.zeros_like(blocks), np.zeros(blocks.shape, np.bool_)
        targets[:, :, -2], scored[:, :, -2] = K + values, asked
        shape = (count, P * (self.noise + 2))
        return Rows(
            blocks.reshape(shape),
            targets.reshape(shape),
            scored.reshape(shape),
            {
                "length": np.broadcast_to(lengths, shape),
                "distance": np.repeat(distance, self.noise + 2, axis=1),
            },
        )


def asked(lengths: tuple[int, ...]) -> list[int]:
    """How many pairs were read before each pair of the last quarter, over all lengths."""
    return [before for length in lengths for before in range(quarter.first(length), length)]


def last_pair(name: str, keys: int, values: int, lengths: tuple[int, ...]) -> Floor:
    """The level of who knows the pair before: right where the key is the same, else by chance."""
    same = other = 0.0
    for before in asked(lengths):
        same += 1 / keys
        other += 1 - (1 - 1 / keys) ** before - 1 / keys
    total = same + other
    return Floor(
        name,
        loss=other * math.log(values) / total,
        accuracy=(same + other / values) / total,
    )


def unbound(name: str, keys: int, values: int, lengths: tuple[int, ...]) -> Floor:
    """The level of who knows how often each value was read, but no key, not even the one asked for.

    Of n pairs before, let c_v have had the value v, and let m_v keys have this value. Summed over m,

        P(c, v is asked for) = sum P(m) n! prod_w (m_w / K)^c_w / c_w! * m_v (1 - (1 - 1/m_v)^c_v) / K

    where the last factor is the chance that the key has the value v and was read before.
    """
    total = right = loss = 0.0
    for before, times in Counter(asked(lengths)).items():
        seen, best, cost = _unbound(keys, values, before)
        total, right, loss = total + times * seen, right + times * best, loss + times * cost
    return Floor(name, loss=loss / total, accuracy=right / total)


@cache
def _unbound(keys: int, values: int, before: int) -> tuple[float, float, float]:
    """Chance that the key was read before, of being right then, and nats, after so many pairs."""
    shared = np.array([list(m) for m in compositions(keys, values)], dtype=np.float64)
    chance = np.array([orders(m) for m in compositions(keys, values)]) / values**keys
    falling = list(partitions(before, values))
    counts = np.array(falling, dtype=np.float64)
    ways = np.array([math.log(arrangements(c) * orders(c)) for c in falling])
    # a value that no key has is never read: 0^0 is 1, and 0^c is 0
    share = np.log(np.maximum(shared, 1e-300) / keys)
    law = np.exp(ways[:, None] + counts @ share.T) * chance
    joint = np.empty(counts.shape)
    for value in range(values):
        m = np.maximum(shared[:, value], 1.0)
        used = m * (1 - (1 - 1 / m) ** counts[:, value, None]) / keys
        joint[:, value] = (law * np.where(shared[:, value] > 0, used, 0.0)).sum(axis=1)
    known = np.broadcast_to(joint.sum(axis=1, keepdims=True), joint.shape)
    held = joint > 0
    cost = -float((joint[held] * np.log(joint[held] / known[held])).sum())
    return float(joint.sum()), float(joint.max(axis=1).sum()), cost


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "recall") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    notes = {"scored": f"keys that were read before; {quarter.NOTE} of the pairs"}
    return sequences.make(law, scale, name, VERSION, "memory", "nats per value", notes)
