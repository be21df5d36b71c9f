"""Polyphonic music: predict which of 88 notes sound at the next step.

The four sets of Boulanger-Lewandowski, Bengio and Vincent (ICML 2012), with their splits. The loss
is the binary cross-entropy summed over notes, a mean over all steps of a split; the first step of
each piece counts, with all zeros before it.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import LOSS
from tasks import chance
from tasks import scale as scales
from tasks.corpora import baseline, corpus, derive
from tasks.corpora.text import SPLITS
from tasks.digest import digest
from tasks.stream import cut_sequences, roll_batches
from tasks.task import Baseline, Facts, Split, TaskError

VERSION = 1
SETS = ("nottingham", "piano-midi", "jsb", "musedata")
_SHOWN = 16
_KEYS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of a scale.

    Attributes:
        batch: B.
        window: T.
        train, valid, test: leading pieces of each split that are used; 0 for all.
    """

    batch: int
    window: int
    train: int = 0
    valid: int = 0
    test: int = 0

    def __post_init__(self) -> None:
        if min(self.batch, self.window) < 1:
            raise TaskError("T004", "batch and window must be at least 1")
        if min(self.train, self.valid, self.test) < 0:
            raise TaskError("T004", "train, valid and test are 0 for all, or a number of pieces")


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of one split, one after another.

    Attributes:
        roll: 1 where a note sounds, uint8 `[T, 88]`; column k is MIDI note 21 + k.
        offsets: piece i is rows `offsets[i]:offsets[i + 1]`, int64 `[pieces + 1]`.
    """

    roll: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def leading(self, count: int) -> "Pieces":
        """The first `count` pieces, or all if 0."""
        if count == 0:
            return self
        offsets = self.offsets[: count + 1]
        return Pieces(self.roll[: offsets[-1]], offsets)


@dataclass(frozen=True, slots=True)
class Music:
    """A music task at one scale."""

    law: Law
    facts: Facts
    pieces: dict[Split, Pieces]

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Every piece starts from the zero state; in training the pieces are
        dealt to lanes anew in each epoch.
        """
        chosen = self.pieces[split]
        order = None
        if split == "train":
            order = chance.generator(self.facts.name, VERSION, self.facts.scale, "order", epoch)
        own = self.law
        return roll_batches(chosen.roll, chosen.offsets, lanes or own.batch, own.window, order)

    def rolls(self, split: Split, count: int) -> list[NDArray[np.uint8]]:
        """See `sound.Audible`: the first pieces, whole."""
        chosen = self.pieces[split]
        ends = zip(chosen.offsets[:-1], chosen.offsets[1:], strict=True)
        return [chosen.roll[begin:end] for begin, end in islice(ends, count)]

    def sample(self, split: Split, count: int) -> list[str]:
        """The first steps of the first pieces, notes by name, e.g. `C3 E4 G4 | C3 E4 G4`."""
        chosen = self.pieces[split]
        starts = chosen.offsets[:-1][:count]
        stops = np.minimum(starts + _SHOWN, chosen.offsets[1:][:count])
        return [
            " | ".join(notes(row) for row in chosen.roll[start:stop])
            for start, stop in zip(starts, stops, strict=True)
        ]


def notes(row: NDArray[np.uint8]) -> str:
    """The names of the notes of one step, `-` for silence; middle C is C4."""
    sounding = np.flatnonzero(row) + derive.MIDI_LOW
    return " ".join(f"{_KEYS[note % 12]}{note // 12 - 1}" for note in sounding) or "-"


def load(name: str, scale: str) -> Music:
    """The task `name`, one of the four sets, at `scale`.

    Raises:
        TaskError: if the scale is not there (T002, T003), or the file (T102), or it is not intact
            (T103, T104).
    """
    law = scales.read(name, scale, Law)
    file = file_of(name)
    whole = read(corpus.locate(name, [file.path]), file)
    for split in SPLITS:
        size, wanted = len(whole[split].offsets) - 1, getattr(law, split)
        if wanted > size:
            raise TaskError("T004", f"{name}: {split} has {size} pieces, {scale} asks {wanted}")
    pieces: dict[Split, Pieces] = {
        split: whole[split].leading(getattr(law, split)) for split in SPLITS
    }
    lengths = np.diff(pieces["train"].offsets)
    return Music(
        law,
        Facts(
            name=name,
            family="music",
            version=VERSION,
            scale=scale,
            digest=digest([name, VERSION, scale, asdict(law), file.content], ()),
            kind="roll",
            size=derive.NOTES,
            metric=LOSS,
            unit="nats per step",
            window=law.window,
            batch=law.batch,
            updates=cut_sequences(lengths, law.batch, law.window).windows,
            baselines=tuple(_scaled(stored, law) for stored in baseline.stored(name)),
        ),
        pieces,
    )


def file_of(name: str) -> corpus.File:
    """The file with the rolls of set `name`."""
    return next(file for file in corpus.named(name).files if file.content is not None)


@lru_cache(maxsize=8)
def read(folder: Path, file: corpus.File) -> dict[Split, Pieces]:
    """The whole set, read from `folder` once a process.

    Raises:
        TaskError: T103 or T104, if the file is not intact.
    """
    arrays = derive.unpack(corpus.read(folder, file))
    return {
        split: Pieces(
            cast("NDArray[np.uint8]", arrays[split]),
            cast("NDArray[np.int64]", arrays[f"{split}_offsets"]),
        )
        for split in SPLITS
    }


def _scaled(stored: Baseline, law: Law) -> Baseline:
    if getattr(law, stored.split) == 0:
        return stored
    source = f"{stored.source}; on the whole split, of which this scale uses a part"
    return replace(stored, comparable=False, source=source)
