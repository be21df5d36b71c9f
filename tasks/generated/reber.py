"""The embedded Reber grammar: predict each symbol that the string so far determines.

`reber`: strings one after another, the state reset before each (Hochreiter and Schmidhuber 1997,
experiment 1). `reber-continual`: one endless stream of strings, no reset (Gers, Schmidhuber, Cummins
2000). Scored are the symbols that only one thing can be: after the outer T or P, the end of the inner
string, the same T or P again (the distant one), the last E; in the stream also the B after it. At the
others the two possible symbols are equally likely, and nothing can be learned but that.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice, pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import ACCURACY
from tasks import chance, sequences
from tasks import scale as scales
from tasks.digest import digest
from tasks.generated import grammar
from tasks.generated.grammar import SYMBOLS
from tasks.sequences import ABSENT, Rows, SequenceTask
from tasks.stream import stream_batches
from tasks.task import Facts, Floor, Split, TaskError

VERSION = 1
UNIT = "nats per determined symbol"
BLOCK = 1024
"""Strings of the stream drawn at once; part of the law of the data, since it orders the draws."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(sequences.Law):
    """The numbers of a scale for separate strings, see `sequences.Law`.

    Attributes:
        steps: T; longer strings, which are rare, take a second window.
    """

    bounded: ClassVar[bool] = False

    steps: int

    def __post_init__(self) -> None:
        self.demand(
            self.steps >= 1 and not self.fresh,
            "reber: windows have at least one step, and strings of their own each epoch would"
            " fill another number of windows each time; leave out fresh",
        )

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The seven symbols."""
        return tuple(SYMBOLS)

    @property
    def window(self) -> int:
        """T."""
        return self.steps

    def floors(self) -> tuple[Floor, ...]:
        """Exact, from the grammar's chain of states."""
        return grammar.levels(endless=False)

    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """See `sequences.Law`. Labelled by `distant`, 1 where T or P of long before is due."""
        symbols, states = grammar.walk(count, generator)
        chain = grammar.embedded()
        inputs = np.where(symbols[:, 1:] == ABSENT, ABSENT, symbols[:, :-1])
        at = states[:, 1:]
        return Rows(inputs, symbols[:, 1:], chain.certain[at], {"distant": chain.distant[at] * 1})


@dataclass(frozen=True, slots=True)
class StreamLaw:
    """The numbers of a scale for the endless stream.

    Attributes:
        train, valid, test: windows of each split.
        batch: B.
        window: T.
    """

    train: int
    valid: int
    test: int
    batch: int
    window: int

    def __post_init__(self) -> None:
        if min(self.train, self.valid, self.test, self.batch, self.window) < 1:
            raise TaskError("T004", "reber-continual: windows, batch and window must be positive")


@dataclass(frozen=True, slots=True)
class Continual:
    """The endless stream at one scale."""

    law: StreamLaw
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Each lane is one part of the stream, its state carried throughout."""
        symbols, states = stream(self.law, self.facts.scale, split)
        certain = grammar.embedded().certain[states]
        return stream_batches(symbols, lanes or self.law.batch, self.law.window, certain)

    @property
    def divided_by(self) -> tuple[str, ...]:
        """See `tasks.breakdown`."""
        return ("distant",)

    def labels(self, split: Split, label: str) -> tuple[int, ...]:
        """See `tasks.breakdown`. `distant` is 1 where T or P of long before is due, else 0."""
        return {"distant": (0, 1)}[label]

    def part(self, split: Split, label: str, value: int) -> Iterator[Batch]:
        """See `tasks.breakdown`."""
        symbols, states = stream(self.law, self.facts.scale, split)
        chain = grammar.embedded()
        sort = {"distant": chain.distant}[label] == value
        return stream_batches(
            symbols, self.law.batch, self.law.window, (chain.certain & sort)[states]
        )

    def sample(self, split: Split, count: int) -> list[str]:
        """The first strings of the split."""
        symbols, states = stream(self.law, self.facts.scale, split)
        text = "".join(SYMBOLS[symbol] for symbol in symbols.tolist())
        starts = (states == grammar.START).nonzero()[0][: count + 1].tolist()
        return [text[a:b] for a, b in pairwise(starts)]


def load(name: str, scale: str) -> SequenceTask | Continual:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    if name == "reber":
        return make(scales.read(name, scale, Law), scale, name)
    return make_stream(scales.read(name, scale, StreamLaw), scale, name)


def make(law: Law, scale: str, name: str = "reber") -> SequenceTask:
    """The task of separate strings; `scale` names the numbers and goes into the seed of the data."""
    return sequences.make(law, scale, name, VERSION, "symbols", UNIT)


def make_stream(law: StreamLaw, scale: str, name: str = "reber-continual") -> Continual:
    """The task of the stream; `scale` names the numbers and goes into the seed of the data."""
    symbols, states = stream(law, scale, "valid")
    first = islice(
        stream_batches(symbols, law.batch, law.window, grammar.embedded().certain[states]), 2
    )
    return Continual(
        law,
        Facts(
            name=name,
            family="symbols",
            version=VERSION,
            scale=scale,
            digest=digest([name, VERSION, scale, asdict(law)], first),
            kind="symbols",
            size=len(SYMBOLS),
            metric=ACCURACY,
            unit=UNIT,
            window=law.window,
            batch=law.batch,
            updates=law.train,
            vocabulary=tuple(SYMBOLS),
            floors=grammar.levels(endless=True),
        ),
    )


@lru_cache(maxsize=4)
def stream(law: StreamLaw, scale: str, split: Split) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The stream of one pass and the state in which each symbol was drawn, `[N + 1]`, read-only."""
    windows = {"train": law.train, "valid": law.valid, "test": law.test}[split]
    need = windows * law.batch * law.window + 1
    generator = chance.generator("reber-continual", VERSION, scale, split)
    pieces: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    while sum(len(symbols) for symbols, _ in pieces) < need:
        symbols, states = grammar.walk(BLOCK, generator)
        pieces.append((symbols[symbols != ABSENT], states[symbols != ABSENT]))
    arrays = tuple(np.concatenate(parts)[:need] for parts in zip(*pieces, strict=True))
    for array in arrays:
        array.setflags(write=False)
    return arrays[0], arrays[1]
