"""Compression: take a whole line into the state, then give back the symbol at any place of it.

After S symbols their places are asked for, each once and in random order, so that the state has to hold
the line in a form that can be read at any place, not as a queue. The idea is that of MAD (Poli et al.
2024, arXiv 2403.17844), where a decoder reads a line back from the last state and a place; the form is
ours, and scores are not MAD scores. Scored are the answers, which are half of the steps and equally hard
throughout.

    reads      c a d 2 1 3
    predicts         a c d
"""

from dataclasses import dataclass
from string import ascii_lowercase

import numpy as np

from tasks import scale as scales
from tasks import sequences
from tasks.diagnostic.partition import remembered
from tasks.sequences import Rows, SequenceTask
from tasks.task import Floor, Split

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale, and see `sequences.Law`.

    Attributes:
        symbols: S, at least 2.
        alphabet: how many different ones there are, 2 to 26.
    """

    symbols: int
    alphabet: int

    def __post_init__(self) -> None:
        self.demand(
            self.symbols >= 2 and 2 <= self.alphabet <= 26,
            f"compression: {self.symbols} of {self.alphabet} symbols",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """Letters, and the places from 1."""
        places = (f"{place}" for place in range(1, self.symbols + 1))
        return (*ascii_lowercase[: self.alphabet], *places)

    @property
    def window(self) -> int:
        """T = 2 S."""
        return 2 * self.symbols

    def floors(self) -> tuple[Floor, ...]:
        """By what is known of the symbols."""
        return remembered(self.symbols, self.alphabet, "places")

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `place`, 0 to S - 1."""
        S = self.symbols
        symbols = generator.integers(self.alphabet, size=(count, S))
        places = generator.random((count, S)).argsort(axis=1)
        said = np.take_along_axis(symbols, places, axis=1)
        nothing = np.zeros_like(symbols)
        scored = np.broadcast_to(np.arange(2 * S) >= S, (count, 2 * S))
        return Rows(
            np.hstack([symbols, self.alphabet + places]),
            np.hstack([nothing, said]),
            scored,
            {"place": np.hstack([nothing, places])},
        )


def load(name: str, scale: str) -> SequenceTask:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "compression") -> SequenceTask:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "memory", "nats per symbol")
