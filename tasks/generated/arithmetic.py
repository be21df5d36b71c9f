"""Arithmetic: read a sum or difference strewn with letters, write its value digit by digit.

Jozefowicz, Zaremba, Sutskever 2015, section 3.4. 40 symbols. The paper's instance is

    3e36d9-h1h39f94eeh43keg3c=-13991064.

that is 3369 - 13994433. Instances follow each other in one stream; only the answer with its `.` is
scored. What the paper leaves open is decided here: operands have no sign of their own but for a
minus before the first (a fair coin), lengths and numbers of letters follow the weights of the
scale, and letters stand between any two characters up to the `=`. Numbers have no leading zeros.

With `disjoint` (version 2) a question, that is its operands and signs, whatever letters are strewn in
it, belongs to one split alone, by `home`: no question of the test is ever trained on.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from string import ascii_lowercase, digits

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import ACCURACY
from tasks import chance
from tasks import scale as scales
from tasks.corpora import baseline
from tasks.digest import digest
from tasks.generated import answer
from tasks.stream import stream_batches
from tasks.task import Facts, Split, TaskError

VOCABULARY = (*ascii_lowercase, *digits, "+", "-", "=", ".")
ZERO, PLUS, MINUS, EQUALS, STOP = (VOCABULARY.index(symbol) for symbol in "0+-=.")
ABSENT = -1
BLOCK = 4096
"""Instances drawn at once; part of the law of the data, since it orders the draws."""
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
TENTHS = np.array([0] * 8 + [1, 2])
"""Which of `SPLITS` has each tenth of the hashes of questions: 80, 10 and 10 % of them."""


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        lengths: weight of operands of 1, 2, ... digits; at most 17 of them.
        gaps: weight of 0, 1, ... letters between two characters of the question.
        train, valid, test: windows of each split.
        batch: B.
        window: T.
        fresh: True if each epoch of training has new instances; else they repeat.
        disjoint: True if no two splits share a question, see `home`.
    """

    lengths: tuple[float, ...]
    gaps: tuple[float, ...]
    train: int
    valid: int
    test: int
    batch: int
    window: int
    fresh: bool = False
    disjoint: bool = False

    def __post_init__(self) -> None:
        for name, weights in (("lengths", self.lengths), ("gaps", self.gaps)):
            if not weights or min(weights) < 0 or sum(weights) <= 0 or len(weights) > 17:
                raise TaskError("T004", f"arithmetic: {name} = {weights} is no list of weights")
        if min(self.train, self.valid, self.test, self.batch, self.window) < 1:
            raise TaskError("T004", "arithmetic: windows, batch and window must be positive")

    @property
    def version(self) -> int:
        """Of the task: 2 where the splits are disjoint."""
        return 2 if self.disjoint else 1

    def numbers(self) -> dict[str, object]:
        """What the digest of the data covers. `disjoint` is younger than the first records."""
        known = asdict(self)
        if not self.disjoint:
            del known["disjoint"]
        return known


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions as drawn, `[N]` each but for `sizes`.

    Attributes:
        operands: both numbers, `[2, N]`.
        sizes: their digits, `[2, N]`.
        negative: True where a minus stands before the first.
        minus: True where the second is subtracted.
    """

    operands: NDArray[np.int64]
    sizes: NDArray[np.int64]
    negative: NDArray[np.bool_]
    minus: NDArray[np.bool_]

    def __len__(self) -> int:
        return self.negative.size

    def having(self, kept: NDArray[np.bool_]) -> "Questions":
        """Those where `kept`, `[N]`, is True."""
        return Questions(
            self.operands[:, kept], self.sizes[:, kept], self.negative[kept], self.minus[kept]
        )


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The task at one scale."""

    law: Law
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Each lane is one part of the stream, its state carried throughout."""
        return _batches(self.law, self.facts.scale, split, epoch, lanes or self.law.batch)

    def sample(self, split: Split, count: int) -> list[str]:
        """The first instances of the split, question and answer."""
        symbols, _ = stream(self.law, self.facts.scale, split, 0)
        text = spelled(symbols[: 200 * count])
        return [part + "." for part in text.split(".")[:-1][:count]]


def load(name: str, scale: str) -> Arithmetic:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "arithmetic") -> Arithmetic:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    first = islice(_batches(law, scale, "valid", 0, law.batch), 2)
    return Arithmetic(
        law,
        Facts(
            name=name,
            family="symbols",
            version=law.version,
            scale=scale,
            digest=digest([name, law.version, scale, law.numbers()], first),
            kind="symbols",
            size=len(VOCABULARY),
            metric=ACCURACY,
            unit="nats per answer symbol",
            window=law.window,
            batch=law.batch,
            updates=law.train,
            vocabulary=VOCABULARY,
            boundary=STOP,
            floors=answer.levels(answer.law(law.lengths)),
            baselines=baseline.stored(name) if scale == "paper" else (),
        ),
    )


def ask(law: Law, count: int, generator: np.random.Generator) -> Questions:
    """`count` questions."""
    lengths = np.array(law.lengths) / sum(law.lengths)
    sizes = generator.choice(len(lengths), p=lengths, size=(2, count)) + 1
    least = np.where(sizes == 1, 0, 10 ** (sizes - 1))
    operands = generator.integers(least, 10**sizes)
    negative, minus = generator.random((2, count)) < 0.5
    return Questions(operands, sizes, negative, minus)


def home(questions: Questions) -> NDArray[np.int64]:
    """The only split that has each question where splits are disjoint, as index of `SPLITS`, `[N]`.

    A hash of the first operand, the second, and 2 (minus before the first) + (operator is minus):
    from 0 on, each in turn is combined by exclusive or and mixed by SplitMix64 (Steele, Lea, Flood
    2014, figure 17). The upper 32 bits modulo 10 name the tenth.
    """
    signs = 2 * questions.negative.astype(np.uint64) + questions.minus
    hashed = np.zeros(len(questions), np.uint64)
    for part in (*questions.operands.astype(np.uint64), signs):
        hashed = (hashed ^ part) + np.uint64(0x9E3779B97F4A7C15)
        hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashed ^= hashed >> np.uint64(31)
    return TENTHS[(hashed >> np.uint64(32)) % np.uint64(10)]


def draw(
    law: Law, count: int, generator: np.random.Generator, split: Split = "train"
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """`count` instances end to end: symbols, and which of them belong to an answer, `[N]` each.

    Where splits are disjoint, questions of other splits than `split` are dropped, and fewer remain.
    """
    questions = ask(law, count, generator)
    if law.disjoint:
        questions = questions.having(home(questions) == SPLITS.index(split))
        count = len(questions)
    D = len(law.lengths)
    operands, sizes = questions.operands, questions.sizes
    negative, minus = questions.negative, questions.minus
    value = np.where(negative, -1, 1) * operands[0] + np.where(minus, -1, 1) * operands[1]

    question = np.concatenate(
        [
            np.where(negative, MINUS, ABSENT)[:, None],
            _written(operands[0], sizes[0], D),
            np.where(minus, MINUS, PLUS)[:, None],
            _written(operands[1], sizes[1], D),
        ],
        axis=1,
    )
    most = len(law.gaps) - 1
    width = question.shape[1]
    gaps = generator.choice(most + 1, p=np.array(law.gaps) / sum(law.gaps), size=(count, width))
    letters = generator.integers(26, size=(count, width, most))
    kept = (np.arange(most) < gaps[:, :, None]) & (question != ABSENT)[:, :, None]
    strewn = np.concatenate([question[:, :, None], np.where(kept, letters, ABSENT)], axis=2)

    size = np.abs(value)
    shown = np.maximum(1, (size[:, None] >= 10 ** np.arange(D + 1)).sum(axis=1))
    whole = np.concatenate(
        [
            strewn.reshape(count, -1),
            np.full((count, 1), EQUALS),
            np.where(value < 0, MINUS, ABSENT)[:, None],
            _written(size, shown, D + 1),
            np.full((count, 1), STOP),
        ],
        axis=1,
    )
    scored = np.zeros(whole.shape, np.bool_)
    scored[:, -(D + 3) :] = True
    present = whole != ABSENT
    return whole[present].astype(np.int64), scored[present]


@lru_cache(maxsize=4)
def stream(
    law: Law, scale: str, split: Split, epoch: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The stream of one pass and which of its symbols are scored, `[N + 1]` each, read-only."""
    part = epoch if law.fresh and split == "train" else 0
    windows = {"train": law.train, "valid": law.valid, "test": law.test}[split]
    need = windows * law.batch * law.window + 1
    generator = chance.generator("arithmetic", law.version, scale, split, part)
    pieces: list[tuple[NDArray[np.int64], NDArray[np.bool_]]] = []
    while sum(len(symbols) for symbols, _ in pieces) < need:
        pieces.append(draw(law, BLOCK, generator, split))
    symbols = np.concatenate([symbols for symbols, _ in pieces])[:need]
    scored = np.concatenate([scored for _, scored in pieces])[:need]
    symbols.setflags(write=False)
    scored.setflags(write=False)
    return symbols, scored


def spelled(symbols: NDArray[np.int64]) -> str:
    """The text of a stream."""
    indices: list[int] = symbols.tolist()
    return "".join(VOCABULARY[index] for index in indices)


def _batches(law: Law, scale: str, split: Split, epoch: int, lanes: int) -> Iterator[Batch]:
    drawn = epoch if law.fresh and split == "train" else 0
    symbols, scored = stream(law, scale, split, drawn)
    return stream_batches(symbols, lanes, law.window, scored)


def _written(numbers: NDArray[np.int64], sizes: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """The digits of `numbers` as symbols, right-aligned, `[count, width]`, absent ones -1."""
    powers = 10 ** np.arange(width - 1, -1, -1)
    digit = numbers[:, None] // powers % 10
    return np.where(np.arange(width - 1, -1, -1) < sizes[:, None], digit + ZERO, ABSENT)
