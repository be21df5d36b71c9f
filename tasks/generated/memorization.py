"""Memorization: read k symbols and a delimiter, then reproduce the symbols in order.

The screen of Jozefowicz, Zaremba, Sutskever 2015, section 3.1 (5 of 26 symbols, pass at 95 %).
One sequence is one window of T = 2k steps, the fewest that can hold it under teacher forcing:

    step     0   1  ...  k-1   k   k+1 ... 2k-1
    reads    a1  a2      ak    |   a1      a(k-1)
    predicts                   a1  a2      ak        (scored)
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from string import ascii_lowercase

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import ACCURACY
from tasks import chance
from tasks import scale as scales
from tasks.digest import digest
from tasks.stream import cut_sequences
from tasks.task import Facts, Floor, Split, TaskError

VERSION = 1
DELIMITER = "|"


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        symbols: k, how many are to be remembered.
        alphabet: how many different ones there are, 2 to 26.
        train, valid, test: windows of each split, B sequences each.
        batch: B.
        fresh: True if each epoch of training has new sequences; else they repeat.
    """

    symbols: int
    alphabet: int
    train: int
    valid: int
    test: int
    batch: int
    fresh: bool = True

    def __post_init__(self) -> None:
        if not (self.symbols >= 1 and 2 <= self.alphabet <= 26):
            raise TaskError(
                "T004", f"memorization: {self.symbols} of {self.alphabet} symbols is out of range"
            )
        if min(self.train, self.valid, self.test, self.batch) < 1:
            raise TaskError("T004", "memorization: windows and batch must be positive")


@dataclass(frozen=True, slots=True)
class Memorization:
    """The task at one scale."""

    law: Law
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Each sequence is one window; every window resets every lane."""
        return _batches(self.law, self.facts.scale, split, epoch, lanes or self.law.batch)

    def sample(self, split: Split, count: int) -> list[str]:
        """Sequences as read and answered, e.g. `abc|abc`."""
        drawn = draw(self.law, self.facts.scale, split, 0)[:count]
        texts = ("".join(ascii_lowercase[symbol] for symbol in row) for row in drawn)
        return [f"{text}{DELIMITER}{text}" for text in texts]


def load(name: str, scale: str) -> Memorization:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "memorization") -> Memorization:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    first = islice(_batches(law, scale, "train", 0, law.batch), 2)
    return Memorization(
        law,
        Facts(
            name=name,
            family="memory",
            version=VERSION,
            scale=scale,
            digest=digest([name, VERSION, scale, asdict(law)], first),
            kind="symbols",
            size=law.alphabet + 1,
            metric=ACCURACY,
            unit="nats per reproduced symbol",
            window=2 * law.symbols,
            batch=law.batch,
            updates=law.train,
            vocabulary=(*ascii_lowercase[: law.alphabet], DELIMITER),
            floors=floors(law),
        ),
    )


def floors(law: Law) -> tuple[Floor, ...]:
    """Exact levels: the answer is determined; without memory of it only chance is left."""
    return (
        Floor("optimum", loss=0.0, accuracy=1.0),
        Floor("no memory", loss=math.log(law.alphabet), accuracy=1 / law.alphabet),
    )


@lru_cache(maxsize=8)
def draw(law: Law, scale: str, split: Split, epoch: int) -> NDArray[np.int64]:
    """The sequences of one pass, `[sequences, k]`, read-only."""
    count = {"train": law.train, "valid": law.valid, "test": law.test}[split] * law.batch
    part = epoch if law.fresh and split == "train" else 0
    generator = chance.generator("memorization", VERSION, scale, split, part)
    drawn = generator.integers(law.alphabet, size=(count, law.symbols))
    drawn.setflags(write=False)
    return drawn


def _batches(law: Law, scale: str, split: Split, epoch: int, lanes: int) -> Iterator[Batch]:
    drawn = draw(law, scale, split, epoch if split == "train" else 0)
    k = law.symbols
    delimiter = np.full((len(drawn), 1), law.alphabet)
    whole = np.concatenate([drawn, delimiter, drawn], axis=1)
    scored = np.tile(np.arange(2 * k) >= k, len(drawn))
    shuffle = None
    if split == "train" and not law.fresh:
        shuffle = chance.generator("memorization", VERSION, scale, "order", epoch)
    cut = cut_sequences(np.full(len(drawn), 2 * k), lanes, 2 * k, shuffle)
    return cut.gather(whole[:, :-1].reshape(-1), whole[:, 1:].reshape(-1), scored)
