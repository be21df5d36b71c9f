"""Selective copying: symbols stand anywhere among blanks; say them in order at the end.

Unlike in `copy`, when a symbol comes cannot be known before it is read, so a cell has to choose what it
takes in. The form is that of Jing et al. 2019 and of MAD (Poli et al. 2024, arXiv 2403.17844); sizes are
ours, and scores are not MAD scores. Trained on short lines, tested on longer ones. All answers stand in
the last quarter of a sequence and all are scored.

    reads      . b . . a . . c | . .
    predicts                   b a c
"""

from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from tasks import scale as scales
from tasks import sequences
from tasks.diagnostic.partition import remembered
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        symbols: S, how many are to be said.
        alphabet: how many different ones there are, 2 to 26.
        shortest, longest: letters and blanks of a line in train and valid, all lengths between equally
            likely; at least 3 S, so that all answers stand in the last quarter.
        tested: the same in test, all equally likely.
    """

    symbols: int
    alphabet: int
    shortest: int
    longest: int
    tested: tuple[int, ...]

    def __post_init__(self) -> None:
        least = 3 * self.symbols
        self.demand(
            self.symbols >= 1
            and 2 <= self.alphabet <= 26
            and least <= self.shortest <= self.longest
            and min(self.tested, default=0) >= least,
            f"selective copy: {self.symbols} of {self.alphabet} symbols in {self.shortest} to"
            f" {self.longest} letters and blanks, in test {self.tested}",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Letters, the blank `.` and the delimiter `|`."""
        return (*ascii_lowercase[: self.alphabet], ".", "|")

    @property
    def window(self) -> int:
        """T: the longest line of training and its answers."""
        return self.longest + self.symbols

    def lengths(self, split: Split) -> tuple[int, ...]:
        """Letters and blanks of a line in a split, all equally likely."""
        return self.tested if split == "test" else tuple(range(self.shortest, self.longest + 1))

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the symbols, at any length."""
        return remembered(self.symbols, self.alphabet, "order")

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `length`, letters and blanks, and by `place`, 0 to S - 1."""
        S, possible = self.symbols, np.array(self.lengths(split), np.int64)
        lengths: NDArray[np.int64] = generator.choice(possible, size=(count, 1))
        L = int(possible.max())
        symbols = generator.integers(self.alphabet, size=(count, S))
        # the places of the symbols: those of the smallest of independent draws
        rank = np.where(np.arange(L) < lengths, generator.random((count, L)), 2.0)
        places = np.sort(rank.argsort(axis=1)[:, :S], axis=1)
        step = np.arange(L + S)
        inputs = np.full((count, L + S), self.alphabet)
        np.put_along_axis(inputs, places, symbols, axis=1)
        np.put_along_axis(inputs, lengths, self.alphabet + 1, axis=1)
        inputs[step >= lengths + S] = ABSENT
        place = step - lengths
        scored = (place >= 0) & (place < S)
        targets = np.take_along_axis(symbols, np.clip(place, 0, S - 1), axis=1)
        labels = {"length": np.broadcast_to(lengths, inputs.shape), "place": place}
        return Rows(inputs, targets, scored, labels)


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "selective-copy") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "memory", "nats per copied symbol")
