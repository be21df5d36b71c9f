"""Tasks of separate sequences: each one starts from the zero state at the start of a window.

A sequence longer than a window goes on in the next one with its state carried, so that what is
trained on short sequences can be tested on long ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.training.metric import ACCURACY
from tasks import chance
from tasks.digest import digest
from tasks.stream import cut_sequences
from tasks.task import Facts, Floor, Split, TaskError

ABSENT = -1
"""Stands in a row where there is no step."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Sequences as drawn, one a row, `[S, L]`; steps whose input is `ABSENT` are left out.

    Attributes:
        inputs: symbols read.
        targets: symbols to predict; any where not scored.
        scored: True where the step counts.
        labels: by name, of what sort the step or its sequence is, see `tasks.breakdown`.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    scored: NDArray[np.bool_]
    labels: Mapping[str, NDArray[np.int64]] = field(default_factory=dict[str, NDArray[np.int64]])


@dataclass(frozen=True, slots=True)
class Sequences:
    """Sequences laid end to end, N steps.

    Attributes:
        inputs, targets, scored, labels: as in `Rows`, `[N]` each.
        lengths: steps of each sequence, at least one, `[S]`.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    scored: NDArray[np.bool_]
    labels: Mapping[str, NDArray[np.int64]]
    lengths: NDArray[np.int64]

    def having(self, label: str, value: int) -> "Sequences":
        """Those with a scored step of this label and value; no other step of theirs is scored."""
        counts = self.scored & (self.labels[label] == value)
        owner = np.repeat(np.arange(len(self.lengths)), self.lengths)
        present = np.bincount(owner, counts, minlength=len(self.lengths)) > 0
        kept = present[owner]
        return Sequences(
            self.inputs[kept],
            self.targets[kept],
            counts[kept],
            {name: values[kept] for name, values in self.labels.items()},
            self.lengths[present],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Law(ABC):
    """The law of the sequences of a task, by the numbers of a scale; each task adds its own.

    Attributes:
        train, valid, test: sequences of each split, in batches of B.
        batch: B.
        fresh: True if each epoch of training has new sequences; else they repeat in another order.
        bounded: no sequence of training is longer than a window.
    """

    bounded: ClassVar[bool] = True

    train: int
    valid: int
    test: int
    batch: int
    fresh: bool = False

    @property
    @abstractmethod
    def vocabulary(self) -> tuple[str, ...]:
        """Text of each symbol, `[V]`."""

    @property
    @abstractmethod
    def window(self) -> int:
        """T: steps of the longest sequence of training, where it is bounded."""

    @abstractmethod
    def floors(self) -> tuple[Floor, ...]:
        """What is reached by what is known, exactly."""

    @abstractmethod
    def draw(self, split: Split, count: int, generator: np.random.Generator) -> Rows:
        """`count` sequences of `split`."""

    def demand(self, holds: bool, wrong: str) -> None:
        """Raises TaskError T004 unless it `holds` and all sizes are positive."""
        if not holds:
            raise TaskError("T004", wrong)
        if min(self.train, self.valid, self.test, self.batch) < 1:
            raise TaskError("T004", "the batches of each split, and B, must be positive")


@dataclass(frozen=True, slots=True)
class SequenceTask:
    """A task of separate sequences at one scale."""

    law: Law
    facts: Facts

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `Task.batches`. Each sequence begins with a window, and with a reset."""
        law, facts = self.law, self.facts
        order = None
        if split == "train" and not law.fresh:
            order = chance.generator(facts.name, facts.version, facts.scale, "order", epoch)
        rows = self.sequences(split, epoch)
        cut = cut_sequences(rows.lengths, lanes or law.batch, facts.window, order)
        return cut.gather(rows.inputs, rows.targets, rows.scored)

    @property
    def divided_by(self) -> tuple[str, ...]:
        """The labels there are, for `tasks.breakdown`."""
        return tuple(self.sequences("valid").labels)

    def labels(self, split: Split, label: str) -> tuple[int, ...]:
        """The values of `label` at the scored steps of `split`, ascending."""
        sequences = self.sequences(split)
        return tuple(np.unique(sequences.labels[label][sequences.scored]).tolist())

    def part(self, split: Split, label: str, value: int) -> Iterator[Batch]:
        """Windows of `split` that score those steps alone whose `label` has this value.

        Raises:
            TaskError: T005 if there is no such step.
        """
        chosen = self.sequences(split).having(label, value)
        cut = cut_sequences(chosen.lengths, self.law.batch, self.facts.window)
        return cut.gather(chosen.inputs, chosen.targets, chosen.scored)

    def sequences(self, split: Split, epoch: int = 0) -> Sequences:
        """All sequences of one pass over `split`."""
        facts = self.facts
        return drawn(self.law, facts.name, facts.version, facts.scale, split, epoch)

    def sample(self, split: Split, count: int) -> list[str]:
        """Sequences as read, and what is to be said at their scored steps: `abc..|.. -> abc`."""
        sequences = self.sequences(split)
        texts: list[str] = []
        begin = 0
        for length in sequences.lengths[:count].tolist():
            steps = slice(begin, begin + length)
            said = sequences.targets[steps][sequences.scored[steps]]
            texts.append(f"{self._spelled(sequences.inputs[steps])} -> {self._spelled(said)}")
            begin += length
        return texts

    def _spelled(self, symbols: NDArray[np.int64]) -> str:
        vocabulary = self.facts.vocabulary
        indices: list[int] = symbols.tolist()
        texts = [vocabulary[index] for index in indices]
        return ("" if all(len(text) == 1 for text in vocabulary) else " ").join(texts)


def make(
    law: Law,
    scale: str,
    name: str,
    version: int,
    family: Literal["memory", "symbols"],
    unit: str,
    notes: Mapping[str, str] = MappingProxyType({}),
) -> SequenceTask:
    """The task of this law; `scale` names its numbers and goes into the seed of the data."""
    updates = law.train
    if not law.bounded:
        lengths = drawn(law, name, version, scale, "train", 0).lengths
        updates = cut_sequences(lengths, law.batch, law.window).windows
    sequences = drawn(law, name, version, scale, "valid", 0)
    cut = cut_sequences(sequences.lengths, law.batch, law.window)
    first = islice(cut.gather(sequences.inputs, sequences.targets, sequences.scored), 2)
    return SequenceTask(
        law,
        Facts(
            name=name,
            family=family,
            version=version,
            scale=scale,
            digest=digest([name, version, scale, asdict(law)], first),
            kind="symbols",
            size=len(law.vocabulary),
            metric=ACCURACY,
            unit=unit,
            window=law.window,
            batch=law.batch,
            updates=updates,
            vocabulary=law.vocabulary,
            floors=law.floors(),
            notes=dict(notes),
        ),
    )


@lru_cache(maxsize=4)
def drawn(law: Law, name: str, version: int, scale: str, split: Split, epoch: int) -> Sequences:
    """The sequences of one pass, read-only."""
    part = epoch if law.fresh and split == "train" else 0
    count = {"train": law.train, "valid": law.valid, "test": law.test}[split] * law.batch
    rows = law.draw(split, count, chance.generator(name, version, scale, split, part))
    present = rows.inputs != ABSENT
    sequences = Sequences(
        rows.inputs[present],
        rows.targets[present],
        rows.scored[present],
        {label: values[present] for label, values in rows.labels.items()},
        present.sum(axis=1),
    )
    arrays = (
        sequences.inputs,
        sequences.targets,
        sequences.scored,
        sequences.lengths,
        *sequences.labels.values(),
    )
    for array in arrays:
        array.setflags(write=False)
    return sequences
