"""Progressions: predict the next frame of generated four-voice music in C major.

Pieces are some phrases of the grammar in `chorale.py`, written for this project. Frames have 88 notes
as in the piano rolls of Boulanger-Lewandowski et al. 2012; the first one is predicted from a frame of
zeros. Scores here must never stand beside published ones: other data.
"""

from bisect import bisect
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import LOSS
from tasks import chance
from tasks import scale as scales
from tasks.digest import digest
from tasks.generated import chorale
from tasks.generated.chorale import BAR, LOWEST, NOTES, TONIC, VOICINGS
from tasks.stream import cut_sequences, roll_batches
from tasks.task import Facts, Split, TaskError

VERSION = 1
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        phrases: how many phrases a piece may have, each number equally likely.
        bars: how many bars of 4 steps a phrase may have, each equally likely, 3 or more.
        half: chance of a new chord in the middle of a bar.
        train, valid, test: pieces of each split.
        batch: B.
        window: T.
    """

    phrases: tuple[int, ...]
    bars: tuple[int, ...]
    half: float
    train: int
    valid: int
    test: int
    batch: int
    window: int

    def __post_init__(self) -> None:
        if not (self.phrases and self.bars and min(self.phrases) >= 1 and min(self.bars) >= 3):
            raise TaskError("T004", "progressions: a piece has phrases, a phrase 3 bars or more")
        if not 0 <= self.half <= 1:
            raise TaskError("T004", f"progressions: half = {self.half} is no chance")
        if min(self.train, self.valid, self.test, self.batch, self.window) < 1:
            raise TaskError("T004", "progressions: pieces, batch and window must be positive")


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces end to end, `[N]` steps in all.

    Attributes:
        roll: frames, `[N, 88]` of 0 and 1.
        offsets: piece i is `roll[offsets[i]:offsets[i + 1]]`.
        states: bar, step of the bar, harmony, voicing, note of the melody and its direction of each
            step, `[N, 6]`; harmony -1 where it is silent.
    """

    roll: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    states: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Progressions:
    """The task at one scale."""

    law: Law
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Pieces fill the lanes one after another; training shuffles them."""
        return _batches(self.law, self.facts.scale, split, epoch, lanes or self.law.batch)

    def rolls(self, split: Split, count: int) -> list[NDArray[np.uint8]]:
        """See `sound.Audible`: the first pieces of the split."""
        pieces = drawn(self.law, self.facts.scale, split)
        ends = zip(pieces.offsets[:-1], pieces.offsets[1:], strict=True)
        return [pieces.roll[begin:end] for begin, end in islice(ends, count)]

    def sample(self, split: Split, count: int) -> list[str]:
        """The first pieces of the split, the notes of each step in brackets, `[]` for silence."""
        return [
            " ".join(f"[{' '.join(spelled(frame))}]" for frame in roll)
            for roll in self.rolls(split, count)
        ]


def load(name: str, scale: str) -> Progressions:
    """The task `name` at `scale`. Raises TaskError if it has no such scale."""
    return make(scales.read(name, scale, Law), scale, name)


def make(law: Law, scale: str, name: str = "progressions") -> Progressions:
    """The task of these numbers; `scale` names them and goes into the seed of the data."""
    first = islice(_batches(law, scale, "valid", 0, law.batch), 2)
    lengths = np.diff(drawn(law, scale, "train").offsets)
    return Progressions(
        law,
        Facts(
            name=name,
            family="music",
            version=VERSION,
            scale=scale,
            digest=digest([name, VERSION, scale, asdict(law)], first),
            kind="roll",
            size=NOTES,
            metric=LOSS,
            unit="nats per step",
            window=law.window,
            batch=law.batch,
            updates=cut_sequences(lengths, law.batch, law.window).windows,
            floors=chorale.levels(chorale.grammar(law.bars, law.half)),
        ),
    )


def spelled(frame: NDArray[np.uint8]) -> list[str]:
    """The notes of a frame by name, lowest first; C4 is the middle C."""
    return [
        f"{NAMES[(column + LOWEST) % 12]}{(column + LOWEST) // 12 - 1}"
        for column in frame.nonzero()[0].tolist()
    ]


def draw(law: Law, count: int, generator: np.random.Generator) -> Pieces:
    """`count` pieces."""
    grammar = chorale.grammar(law.bars, law.half)
    opening = _ladder(grammar.opening)
    harmonies, voicings = _ladder(grammar.harmony), _ladder(grammar.voicing)
    first, melodies = _ladder(grammar.first), _ladder(grammar.melody)
    lengths: list[int] = []
    rows: list[tuple[int, int, int, int, int, int]] = []
    for phrases in generator.choice(law.phrases, size=count).tolist():
        begin = len(rows)
        for _ in range(phrases):
            # chances of harmony, voicing and melody of each step, whether needed or not
            chances: list[list[float]] = generator.random((BAR * grammar.bars, 3)).tolist()
            u, v, w = chances[0]
            harmony, voicing = bisect(opening, u), int(v * VOICINGS)
            note, direction = bisect(first[harmony], w), 0
            rows.append((0, 0, harmony, voicing, note, direction))
            for at in range(1, BAR * grammar.bars):
                bar, step = divmod(at, BAR)
                u, v, w = chances[at]
                if harmony == TONIC and step == BAR - 1:
                    rows.append((bar, step, -1, voicing, note, direction))
                    break
                after = bisect(harmonies[bar][step][harmony], u)
                if after != harmony:
                    voicing = bisect(voicings[voicing], v)
                harmony = after
                last = note
                note = bisect(melodies[step][harmony][last][direction], w)
                direction = 0 if note == last else 1 if note > last else 2
                rows.append((bar, step, harmony, voicing, note, direction))
        lengths.append(len(rows) - begin)
    states = np.array(rows, dtype=np.int64)
    return Pieces(frames(states), np.cumsum([0, *lengths]), states)


def frames(states: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The frames of `states` (of `Pieces`), `[N, 88]`."""
    harmony, voicing, note = states[:, 2], states[:, 3], states[:, 4]
    roll = chorale.bass()[harmony] | chorale.inner()[harmony, voicing] | chorale.top()[note]
    return (roll & (harmony >= 0)[:, None]).astype(np.uint8)


@lru_cache(maxsize=6)
def drawn(law: Law, scale: str, split: Split) -> Pieces:
    """The pieces of a split, arrays read-only."""
    count = {"train": law.train, "valid": law.valid, "test": law.test}[split]
    pieces = draw(law, count, chance.generator("progressions", VERSION, scale, split))
    for array in (pieces.roll, pieces.offsets, pieces.states):
        array.setflags(write=False)
    return pieces


def _ladder(chances: NDArray[np.float64]) -> Any:
    """Cumulated chances as nested lists, the last rung exactly 1, for `bisect`."""
    rungs = np.cumsum(chances, axis=-1)
    return (rungs / rungs[..., -1:]).tolist()


def _batches(law: Law, scale: str, split: Split, epoch: int, lanes: int) -> Iterator[Batch]:
    pieces = drawn(law, scale, split)
    order = chance.generator("progressions", VERSION, scale, "order", epoch)
    shuffle = order if split == "train" else None
    return roll_batches(pieces.roll, pieces.offsets, lanes, law.window, shuffle)
