"""Language modelling on one long text: predict the next word or character, state carried on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import LOSS
from tasks.digest import digest
from tasks.stream import Cut, cut_stream
from tasks.task import Baseline, Facts, Split, TaskError

Symbols = NDArray[np.uint16]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        batch: B.
        window: T.
        parts: epochs that one pass over the training text takes; each epoch starts from the zero
            state where the one before it ended.
        train, valid, test: leading symbols of each split that are used; 0 for all.
    """

    batch: int
    window: int
    parts: int = 1
    train: int = 0
    valid: int = 0
    test: int = 0

    def __post_init__(self) -> None:
        if min(self.batch, self.window, self.parts) < 1:
            raise TaskError("T004", "batch, window and parts must be at least 1")
        if min(self.train, self.valid, self.test) < 0:
            raise TaskError("T004", "train, valid and test are 0 for all, or a number of symbols")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A text in symbols.

    Attributes:
        vocabulary: text of each symbol, `[V]`.
        streams: symbols of each split, `[N]`.
        end: the symbol that ends a line; it stands before the first symbol of each split.
        digest: SHA-256 that fixes the text.
    """

    vocabulary: tuple[str, ...]
    streams: Mapping[Split, Symbols]
    end: int
    digest: str


@dataclass(frozen=True, slots=True)
class Text:
    """A language-modelling task at one scale."""

    law: Law
    facts: Facts
    corpus: Corpus
    blank: str

    def stream(self, split: Split) -> Symbols:
        """The symbols of `split` that this scale uses, all of them to be predicted, `[N]`."""
        return _leading(self.corpus, self.law, split)

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Every symbol of the split is predicted exactly once in a pass."""
        symbols = self.stream(split)
        cut = _cut(len(symbols), lanes or self.law.batch, self.law.window)
        if split == "train":
            cut = part(cut, epoch % self.law.parts, self.law.parts)
        before = np.concatenate([np.asarray([self.corpus.end], np.uint16), symbols[:-1]])
        return cut.gather(before, symbols)

    def sample(self, split: Split, count: int) -> list[str]:
        """The first `count` lines, without their ends."""
        lines = islice(_lines(self.stream(split), self.corpus.end), count)
        known = self.corpus.vocabulary
        return [self.blank.join(known[int(symbol)] for symbol in line) for line in lines]


def make(
    corpus: Corpus,
    law: Law,
    *,
    name: str,
    version: int,
    scale: str,
    unit: str,
    blank: str,
    bits: bool,
    baselines: Sequence[Baseline] = (),
    notes: Mapping[str, str] | None = None,
) -> Text:
    """The task of this text and these numbers; see `Facts` for what is not said here.

    `blank` stands between two symbols when they are shown. `baselines` are measured on the whole of
    a split; where the scale uses less of it, they are marked as not comparable.

    Raises:
        TaskError: T004, if a split is shorter than the scale asks for.
    """
    for split in SPLITS:
        size, wanted = len(corpus.streams[split]), getattr(law, split)
        if wanted > size:
            raise TaskError("T004", f"{name}: {split} has {size} symbols, {scale} asks {wanted}")
    windows = _cut(len(_leading(corpus, law, "train")), law.batch, law.window).windows
    return Text(
        law,
        Facts(
            name=name,
            family="text",
            version=version,
            scale=scale,
            digest=digest([name, version, asdict(law), corpus.digest], ()),
            kind="symbols",
            size=len(corpus.vocabulary),
            metric=LOSS,
            unit=unit,
            window=law.window,
            batch=law.batch,
            updates=-(-windows // law.parts),
            vocabulary=corpus.vocabulary,
            baselines=tuple(_scaled(baseline, law) for baseline in baselines),
            bits=bits,
            notes=notes or {},
            boundary=corpus.end,
        ),
        corpus,
        blank,
    )


def part(cut: Cut, index: int, parts: int) -> Cut:
    """The windows of part `index` of `parts` nearly equal ones; its first resets all lanes."""
    size = -(-cut.windows // parts)
    chosen = slice(index * size, (index + 1) * size)
    resets = cut.resets[chosen].copy()
    resets[:1] = True
    return replace(cut, starts=cut.starts[chosen], used=cut.used[chosen], resets=resets)


@lru_cache(maxsize=8)
def _cut(steps: int, lanes: int, window: int) -> Cut:
    return cut_stream(steps, lanes, window)


def _leading(corpus: Corpus, law: Law, split: Split) -> Symbols:
    symbols = corpus.streams[split]
    return symbols[: getattr(law, split) or len(symbols)]


def _lines(symbols: Symbols, end: int) -> Iterator[Symbols]:
    start = 0
    for stop in np.flatnonzero(symbols == end):
        yield symbols[start:stop]
        start = int(stop) + 1


def _scaled(baseline: Baseline, law: Law) -> Baseline:
    if getattr(law, baseline.split) == 0:
        return baseline
    source = f"{baseline.source}; on the whole split, of which this scale uses a part"
    return replace(baseline, comparable=False, source=source)
