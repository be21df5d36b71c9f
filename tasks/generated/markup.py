"""Markup: predict the next character of nested tags with random names, the paper's XML.

Jozefowicz, Zaremba, Sutskever 2015, section 3.4. A tag name is 2 to 10 random letters. In a loop: with
probability 1/2, or after 50 iterations, the tag opened last is closed, or the string ends if none is
open; otherwise a new tag is opened. Strings follow each other with nothing between them, so the half
of them that is empty leaves no trace; the state is carried; every character is scored.
"""

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
from tasks.corpora import baseline
from tasks.digest import digest
from tasks.generated import nesting
from tasks.stream import stream_batches
from tasks.task import Facts, Split, TaskError

VERSION = 1
ABSENT = -1
BLOCK = 4096
"""Tags drawn at once, at least; part of the law of the data, since it orders the draws."""


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        letters: size of the alphabet of names, 2 to 26.
        shortest, longest: letters of a name, all lengths between equally likely.
        iterations: after so many, tags are only closed.
        train, valid, test: windows of each split.
        batch: B.
        window: T.
        fresh: True if each epoch of training has new strings; else they repeat.
    """

    letters: int
    shortest: int
    longest: int
    iterations: int
    train: int
    valid: int
    test: int
    batch: int
    window: int
    fresh: bool = False

    def __post_init__(self) -> None:
        if not (2 <= self.letters <= 26 and 1 <= self.shortest <= self.longest):
            raise TaskError(
                "T004",
                f"markup: names of {self.shortest} to {self.longest} of {self.letters} letters",
                "2 to 26 letters, at least one a name",
            )
        if min(self.iterations, self.train, self.valid, self.test, self.batch, self.window) < 1:
            raise TaskError("T004", "markup: iterations, windows and batch must be positive")


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags in order, `[M]` each, of whole strings that are not empty.

    Attributes:
        opening: True for `<name>`, False for `</name>`.
        name: which name; as many are drawn as tags are opened.
        iteration: of its string, from 1.
        height: tags open before it.
    """

    opening: NDArray[np.bool_]
    name: NDArray[np.int64]
    iteration: NDArray[np.int64]
    height: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Markup:
    """The task at one scale."""

    law: Law
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Each lane is one part of the stream, its state carried throughout."""
        return _batches(self.law, self.facts.scale, split, epoch, lanes or self.law.batch)

    def sample(self, split: Split, count: int) -> list[str]:
        """The first strings of the split, cut where no tag is open."""
        symbols = stream(self.law, self.facts.scale, split, 0)
        texts: list[str] = []
        height = begin = 0
        text = spelled(self.law, symbols)
        for at, character in enumerate(text):
            if len(texts) == count:
                break
            if character == "<":
                height += -1 if text[at + 1 : at + 2] == "/" else 1
            elif character == ">" and height == 0:
                texts.append(text[begin : at + 1])
                begin = at + 1
        return texts


def load(name: str, scale: str) -> Markup:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "markup") -> Markup:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    first = islice(_batches(law, scale, "valid", 0, law.batch), 2)
    return Markup(
        law,
        Facts(
            name=name,
            family="symbols",
            version=VERSION,
            scale=scale,
            digest=digest([name, VERSION, scale, asdict(law)], first),
            kind="symbols",
            size=law.letters + 3,
            metric=ACCURACY,
            unit="nats per character",
            window=law.window,
            batch=law.batch,
            updates=law.train,
            vocabulary=vocabulary(law),
            floors=nesting.levels(law.letters, law.shortest, law.longest, law.iterations),
            baselines=baseline.stored(name) if scale == "paper" else (),
        ),
    )


def vocabulary(law: Law) -> tuple[str, ...]:
    """Letters, then `<`, `>` and `/`."""
    return (*ascii_lowercase[: law.letters], "<", ">", "/")


def draw_tags(law: Law, least: int, generator: np.random.Generator) -> Tags:
    """At least `least` tags, up to the end of a string."""
    rows: list[tuple[bool, int, int, int]] = []
    stack: list[int] = []
    names = iteration = 0
    while True:
        for down in (generator.random(BLOCK) < 0.5).tolist():
            iteration += 1
            if not (down or iteration > law.iterations):
                rows.append((True, names, iteration, len(stack)))
                stack.append(names)
                names += 1
            elif stack:
                height = len(stack)
                rows.append((False, stack.pop(), iteration, height))
            else:
                iteration = 0
                if len(rows) >= least:
                    opening, name, at, height = zip(*rows, strict=True)
                    return Tags(np.array(opening), np.array(name), np.array(at), np.array(height))


def written(law: Law, tags: Tags, generator: np.random.Generator) -> NDArray[np.int64]:
    """The characters of `tags` with drawn names, `[N]`."""
    count = int(tags.opening.sum())
    sizes = generator.integers(law.shortest, law.longest + 1, size=count)
    letters = generator.integers(law.letters, size=(count, law.longest))
    names = np.where(np.arange(law.longest) < sizes[:, None], letters, ABSENT)
    whole = np.empty((len(tags.name), law.longest + 3), np.int64)
    whole[:, 0] = law.letters
    whole[:, 1] = np.where(tags.opening, ABSENT, law.letters + 2)
    whole[:, 2:-1] = names[tags.name]
    whole[:, -1] = law.letters + 1
    return whole[whole != ABSENT]


@lru_cache(maxsize=4)
def stream(law: Law, scale: str, split: Split, epoch: int) -> NDArray[np.int64]:
    """The characters of one pass, `[N + 1]`, read-only."""
    part = epoch if law.fresh and split == "train" else 0
    windows = {"train": law.train, "valid": law.valid, "test": law.test}[split]
    need = windows * law.batch * law.window + 1
    generator = chance.generator("markup", VERSION, scale, split, part)
    pieces: list[NDArray[np.int64]] = []
    while sum(map(len, pieces)) < need:
        pieces.append(written(law, draw_tags(law, BLOCK, generator), generator))
    symbols = np.concatenate(pieces)[:need]
    symbols.setflags(write=False)
    return symbols


def spelled(law: Law, symbols: NDArray[np.int64]) -> str:
    """The text of a stream."""
    indices: list[int] = symbols.tolist()
    text = vocabulary(law)
    return "".join(text[index] for index in indices)


def _batches(law: Law, scale: str, split: Split, epoch: int, lanes: int) -> Iterator[Batch]:
    drawn = epoch if law.fresh and split == "train" else 0
    return stream_batches(stream(law, scale, split, drawn), lanes, law.window)
