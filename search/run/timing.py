"""What one training costs here, from timing a few windows of it with the executor that it will use.

Times are processor time: a busy machine lengthens the wall clock and hardly this.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.executor import make
from cells.engine.learner import Learner, Model
from cells.engine.measure.probe import probe
from cells.engine.training.initial import draw
from cells.engine.training.trainer import Source, Split
from cells.engine.training.width import width_of
from cells.training.budget import Budget
from cells.training.setting import Setting

CAP: Final = 0.15
"""Seconds for which the updates of one cell on one task are timed, after the first update."""
CAP_EVALUATION: Final = 0.03
"""Seconds for which windows of the validation split are timed."""
HELD: Final[tuple[Split, Split]] = "valid", "test"
WINDOWS: Final = 40
"""Windows that are timed at most."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Processor time of the parts of one training, in seconds.

    Attributes:
        begin: drawing the weights, making the learner, and for a cell on the screen the probe.
        epoch: the beginning of an epoch: the order of its windows, or new ones.
        update: one update, with the making of its window.
        valid: one pass over the validation split.
        test: one pass over the test split.
    """

    begin: float
    epoch: float
    update: float
    valid: float
    test: float

    def seconds(self, updates: int, epochs: int) -> float:
        """Of a training of so many updates, whose validation split is scored after every epoch."""
        once = self.begin + self.test
        return once + updates * self.update + epochs * (self.epoch + self.valid)


def timed(
    cell: Cell,
    source: Source,
    setting: Setting,
    budget: Budget,
    executor: str,
    scored: tuple[int, int],
    *,
    screened: bool = False,
) -> Timing:
    """What a training of `cell` costs, from a few updates and a few windows of validation.

    The cell gets the width that its budget gives, and the source's own windows; what is measured
    includes the padding of widths and everything else that the executor does. Whoever calls it
    limits the threads first, as `determinism.prepare` does.

    Args:
        cell: in canonical form.
        source: the data.
        setting: of the training; rate and clip make no difference.
        budget: gives the width.
        executor: name of the executor.
        scored: what `positions` says of the source.
        screened: whether the cell is put through the probe first.

    Raises:
        WidthError: no width meets the budget.
        TaskError: T005, the setting asks for more lanes than the data fill.
        NativeError: the executor cannot be had here.
    """
    began = time.process_time()
    if screened:
        probe(cell, 0)
    facts = source.facts
    width = width_of(cell, facts.kind, facts.size, setting.layers, budget)
    model = Model(
        cell, width, setting.layers, facts.kind, facts.size, setting.dropout, facts.window
    )
    weights = draw(model, setting.init_scale, 0, portable=executor == "portable")
    learner = make(executor, model, weights, dtype="float32", seed=0, optimizer=setting.rule)
    begin = time.process_time() - began
    epoch, update = _training(learner, source, setting)
    opening, position = _scoring(learner, source)
    valid, test = (opening + position * count if count else 0.0 for count in scored)
    return Timing(begin, epoch, update, valid, test)


def _training(learner: Learner, source: Source, setting: Setting) -> tuple[float, float]:
    """Seconds to begin an epoch, and of one update after the first, which fills caches."""
    lanes = setting.batch_size
    window = next(source.batches("train", 0, lanes))
    # So low a rate that the weights, and with them the work, stay what they are at the beginning.
    learner.train(window, 1e-9, setting.clip)
    epochs, done, opening, spent = 0, 0, 0.0, 0.0
    while done < WINDOWS and opening + spent < CAP:
        epochs += 1
        began = time.process_time()
        windows = source.batches("train", epochs, lanes)
        window = next(windows, None)
        opening += time.process_time() - began
        began, before = time.process_time(), spent
        while window is not None and done < WINDOWS and opening + spent < CAP:
            learner.train(window, 1e-9, setting.clip)
            done += 1
            window = next(windows, None)
            spent = before + time.process_time() - began
    return opening / epochs, spent / done if done else 0.0


def _scoring(learner: Learner, source: Source) -> tuple[float, float]:
    """Seconds to begin a pass that only scores, and those of one lane at one step of it."""
    began = time.process_time()
    windows = source.batches("valid")
    window = next(windows, None)
    opening = time.process_time() - began
    if window is None:
        return 0.0, 0.0
    learner.forget()
    learner.evaluate(window)
    seen, done, spent, began = 0, 0, 0.0, time.process_time()
    while window is not None and done < WINDOWS and spent < CAP_EVALUATION:
        learner.evaluate(window)
        done += 1
        seen += window.steps * window.lanes
        window = next(windows, None)
        spent = time.process_time() - began
    return opening, spent / seen


def positions(source: Source) -> tuple[int, int]:
    """Steps times lanes of one pass over the validation and over the test split."""
    valid, test = (
        sum(window.steps * window.lanes for window in source.batches(split)) for split in HELD
    )
    return valid, test


@dataclass(frozen=True, slots=True)
class StandInFacts:
    """The facts of `StandIn`."""

    kind: Literal["symbols"] = "symbols"
    size: int = 40
    window: int = 35
    batch: int = 20
    updates: int = WINDOWS


@dataclass(frozen=True, slots=True)
class StandIn:
    """Random windows of the paper's size, for timing where a task's data is not on this machine.

    Its splits that are not trained on are empty: how long a pass over them takes is not known.
    """

    facts: StandInFacts = StandInFacts()

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """See `cells.engine.training.trainer.Source`."""
        if split != "train":
            return
        shape = self.facts.window + 1, lanes or self.facts.batch
        generator = np.random.default_rng(epoch)
        for _ in range(self.facts.updates):
            symbols = generator.integers(0, self.facts.size, shape)
            mask = np.ones(symbols[1:].shape, np.bool_)
            yield Batch(symbols[:-1], symbols[1:], mask, np.zeros(shape[1], np.bool_))
