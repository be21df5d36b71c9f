"""Training one cell on one source of data, as the paper does it. Knows no task and no executor."""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.executor import Dtype, make
from cells.engine.learner import Learner, Model, Weights
from cells.engine.training.initial import draw
from cells.engine.training.run import Run, RunEnding
from cells.engine.training.width import parameter_count, width_of
from cells.training.budget import Budget
from cells.training.point import Point
from cells.training.schedule import Schedule
from cells.training.setting import Setting

Split = Literal["train", "valid", "test"]


class SourceFacts(Protocol):
    """The facts of a source that training needs, see `tasks.task.Facts`."""

    @property
    def kind(self) -> Literal["symbols", "roll"]:
        """What a step is."""
        ...

    @property
    def size(self) -> int:
        """V or F."""
        ...

    @property
    def window(self) -> int:
        """T of one training window."""
        ...

    @property
    def batch(self) -> int:
        """B."""
        ...

    @property
    def updates(self) -> int:
        """Training windows in one epoch."""
        ...


class Source(Protocol):
    """Where windows come from. Every `tasks.task.Task` is one."""

    @property
    def facts(self) -> SourceFacts:
        """What is fixed about it."""
        ...

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """The windows of one pass over `split`, in order, with so many lanes or the source's own."""
        ...


class _EndedError(Exception):
    """The training cannot go on."""

    def __init__(self, ending: RunEnding, step: int | None = None) -> None:
        super().__init__(ending)
        self.ending: RunEnding = ending
        self.step = step


@dataclass(slots=True)
class _Meter:
    """What was spent of a budget."""

    budget: Budget
    clock: Callable[[], float]
    start: float
    look: Callable[[], None] | None = None
    updates: int = 0
    tokens: int = 0

    def allows(self, tokens: int) -> bool:
        """One more update of `tokens` positions stays within the budget."""
        updates, most = self.budget.updates, self.budget.tokens
        return (updates is None or self.updates < updates) and (
            most is None or self.tokens + tokens <= most
        )

    def watch(self) -> None:
        if self.look is not None:
            self.look()
        if self.budget.seconds is not None and self.seconds() > self.budget.seconds:
            raise _EndedError("timed_out")

    def seconds(self) -> float:
        return self.clock() - self.start


def train(
    cell: Cell,
    source: Source,
    setting: Setting,
    schedule: Schedule,
    budget: Budget,
    seed: int,
    *,
    stop_at: float | None = None,
    dtype: Dtype = "float32",
    executor: str = "reference",
    device: str = "cpu",
    on_epoch: Callable[[Point, int, int], None] | None = None,
    clock: Callable[[], float] = time.monotonic,
    watch: Callable[[], None] | None = None,
) -> Run:
    """Trains `cell` to the end of its schedule or budget and measures its best epoch.

    A function of its arguments alone: equal ones give equal bits on one machine class, whatever the
    process did before, as long as `determinism.prepare` was called in it. (`budget.seconds` is the
    exception: it depends on the machine's speed, and is a guard.)

    After each epoch, also one that the budget cuts short, the validation split is scored. Weights of
    the epoch with the lowest validation loss are kept (choice D7); the test split is scored once, at
    the end, with those. A model whose loss or gradient norm stops being finite has diverged; its best
    epoch before that is still reported.

    Args:
        cell: the cell, in canonical form.
        source: the data; the width depends on its kind and size.
        setting: hyperparameters.
        schedule: gives the rate of each epoch, or the end.
        budget: gives parameters or the width; no update is begun that would exceed updates or tokens.
        seed: of initialisation and dropout.
        stop_at: validation accuracy at which to stop; the epoch that reaches it is the one reported.
        dtype: of all arithmetic.
        executor: name of the executor.
        device: where it runs.
        on_epoch: called after each epoch with its point, updates done, and most updates possible.
        clock: seconds, never going back; injected by tests.
        watch: called before each window; what it raises ends the training, which then has no result.

    Raises:
        WidthError: if no width meets the budget, or none is asked for.
        ValueError: if a split scores no step, or the executor is unknown.

    Source: Jozefowicz, Zaremba, Sutskever 2015, sections 3.3, 4 and 5.
    """
    meter = _Meter(budget, clock, clock(), watch)
    facts = source.facts
    width = width_of(cell, facts.kind, facts.size, setting.layers, budget)
    model = Model(
        cell, width, setting.layers, facts.kind, facts.size, setting.dropout, facts.window
    )
    weights = draw(model, setting.init_scale, seed, portable=executor == "portable")
    learner = make(
        executor,
        model,
        weights,
        dtype=dtype,
        seed=seed,
        device=device,
        optimizer=setting.rule,
    )

    curve: list[Point] = []
    best: tuple[Point, Weights] | None = None
    tested: tuple[float, float] | None = None
    ending: RunEnding = "ok"
    step: int | None = None
    try:
        while True:
            rate = schedule.rate(setting.learning_rate, [point.valid_loss for point in curve])
            if rate is None:
                break
            point = _epoch(learner, source, len(curve), rate, setting, meter)
            if point is None:
                break
            curve.append(point)
            reached = stop_at is not None and point.valid_accuracy >= stop_at
            if best is None or reached or point.valid_loss < best[0].valid_loss:
                best = point, learner.weights()
            if on_epoch is not None:
                most = most_updates(facts, schedule, budget, setting.batch_size)
                on_epoch(point, meter.updates, most)
            if reached:
                break
    except _EndedError as end:
        ending, step = end.ending, end.step
    if best is not None and ending != "timed_out":
        try:
            learner.load(best[1])
            tested = _measure(learner, source, "test", meter, best[0].update)
        except _EndedError as end:
            ending, step = end.ending, end.step
    return Run(
        ending=ending,
        step=step,
        width=width,
        parameters=parameter_count(model),
        updates=meter.updates,
        tokens=meter.tokens,
        curve=tuple(curve),
        valid_loss=best[0].valid_loss if best else None,
        valid_accuracy=best[0].valid_accuracy if best else None,
        test_loss=tested[0] if tested else None,
        test_accuracy=tested[1] if tested else None,
        seconds=meter.seconds(),
        weights=best[1] if best else None,
    )


def most_updates(
    facts: SourceFacts, schedule: Schedule, budget: Budget, batch_size: int | None = None
) -> int:
    """Updates that no training under `schedule` and `budget` can exceed.

    With another batch size than the source's own, about so many: windows of sequences are not filled
    alike.
    """
    lanes = batch_size or facts.batch
    most = schedule.epochs * -(-facts.updates * facts.batch // lanes)
    if budget.updates is not None:
        most = min(most, budget.updates)
    if budget.tokens is not None:
        most = min(most, budget.tokens // (facts.window * lanes))
    return most


def _epoch(
    learner: Learner, source: Source, epoch: int, rate: float, setting: Setting, meter: _Meter
) -> Point | None:
    """One pass over the training split and one over the validation split.

    None if the budget allows not one update.
    """
    before, loss, scored, norms, clipped = meter.updates, 0.0, 0, 0.0, 0
    if not meter.allows(0):
        return None
    learner.forget()
    for batch in source.batches("train", epoch, setting.batch_size):
        if not meter.allows(batch.steps * batch.lanes):
            break
        meter.watch()
        score = learner.train(batch, rate, setting.clip)
        norm = math.nan if score.norm is None else score.norm
        if not math.isfinite(score.loss + norm):
            raise _EndedError("diverged", meter.updates + 1)
        meter.updates += 1
        meter.tokens += batch.steps * batch.lanes
        loss, scored = loss + score.loss, scored + score.scored
        norms, clipped = norms + norm, clipped + (norm > setting.clip)
    done = meter.updates - before
    if not done:
        return None
    valid_loss, valid_accuracy = _measure(learner, source, "valid", meter, meter.updates)
    train_loss, norm = loss / max(scored, 1), norms / done
    if not math.isfinite(train_loss + norm):
        raise _EndedError("diverged", meter.updates)
    return Point(meter.updates, rate, train_loss, valid_loss, valid_accuracy, norm, clipped / done)


def _measure(
    learner: Learner, source: Source, split: Split, meter: _Meter, update: int
) -> tuple[float, float]:
    """Loss and accuracy over one pass of `split`, means over what is scored."""
    loss, correct, wrong, scored = 0.0, 0.0, 0.0, 0
    learner.forget()
    for batch in source.batches(split):
        meter.watch()
        score = learner.evaluate(batch)
        if not math.isfinite(score.loss):
            raise _EndedError("diverged", update)
        loss, scored = loss + score.loss, scored + score.scored
        correct, wrong = correct + score.correct, wrong + score.wrong
    if not scored:
        raise ValueError(f"the {split} split scores no step")
    if not math.isfinite(loss):
        raise _EndedError("diverged", update)
    if source.facts.kind == "symbols":
        return loss / scored, correct / scored
    return loss / scored, correct / (correct + wrong) if correct + wrong else 1.0
