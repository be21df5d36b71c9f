"""Transduction: read a whole sequence, then write another one that is a function of it, and an end.

`reverse` writes the symbols from the last to the first, `sort` in the order of the alphabet. For
systems that read and write at different times, which no stream of windows can ask for.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.task import Floor, TaskError

Rule = Literal["reverse", "sort"]


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of the task.

    Attributes:
        rule: what is written.
        symbols: V without the end symbol, which is number V.
        shortest, longest: length of a source; each is equally likely.
    """

    rule: Rule = "reverse"
    symbols: int = 8
    shortest: int = 1
    longest: int = 6

    def __post_init__(self) -> None:
        if not (self.symbols >= 2 and 1 <= self.shortest <= self.longest):
            raise TaskError(
                "T004",
                f"transduction: {self.shortest} to {self.longest} of {self.symbols} symbols",
                "at least 2 symbols and 1 <= shortest <= longest are needed",
            )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of one length, side by side.

    Attributes:
        sources: `[S, B]` int64.
        targets: `[S + 1, B]` int64, the end symbol last.
    """

    sources: NDArray[np.int64]
    targets: NDArray[np.int64]


def draw(law: Law, generator: np.random.Generator, lanes: int, length: int | None = None) -> Pairs:
    """`lanes` pairs of one length: `length`, or one drawn as the law says."""
    if length is None:
        length = int(generator.integers(law.shortest, law.longest + 1))
    sources = generator.integers(law.symbols, size=(length, lanes))
    written = sources[::-1] if law.rule == "reverse" else np.sort(sources, axis=0)
    return Pairs(sources, np.concatenate([written, np.full((1, lanes), law.symbols)]))


def floors(law: Law) -> tuple[Floor, ...]:
    """Exact levels of the share of targets that are written without a fault.

    `optimum`: a target is a function of its source. `no source`: always the likeliest target.
    """
    likeliest = max(_likeliest(law, length) for length in range(law.shortest, law.longest + 1))
    return (
        Floor("optimum", loss=0.0, accuracy=1.0),
        Floor("no source", accuracy=likeliest / (law.longest - law.shortest + 1)),
    )


def _likeliest(law: Law, length: int) -> float:
    """Chance of the likeliest target of one length."""
    ways = 1
    if law.rule == "sort":
        # The most spellings belong to counts of the symbols that are as equal as can be.
        counts = Counter(position % law.symbols for position in range(length))
        ways = math.factorial(length) // math.prod(map(math.factorial, counts.values()))
    return ways / law.symbols**length
