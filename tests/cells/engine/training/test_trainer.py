"""The trainer on toy sources: budgets, best epochs, early stops, misfortunes."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count

import numpy as np
import pytest

from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.executor import hindrance, make
from cells.engine.learner import Model
from cells.engine.training.initial import draw
from cells.engine.training.run import Run
from cells.engine.training.trainer import Source, Split, train
from cells.engine.training.width import WidthError, parameter_count
from cells.training.budget import Budget
from cells.training.point import Point
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tasks.task import Task
from tests.cells.engine.made import Chords, Echo, Graph, elman, gru, lstm

SMALL = Budget(parameters=1_500)
FEW = Schedule(epochs=3)


def finite(run: Run) -> bool:
    """Whether nothing in the record would be NaN or infinite."""
    fields = asdict(replace(run, weights=None))
    json.dumps(fields, allow_nan=False)
    return all(np.isfinite(array).all() for array in (run.weights or {}).values())


def runaway() -> Cell:
    """h' = W x + U h + h: nothing bounds it."""
    graph = Graph(1)
    return graph.cell([graph.add("+", graph.linear(0, 1), 1)])


def test_every_task_is_a_source() -> None:
    def as_source(task: Task) -> Source:
        return task  # checked by the type checker

    assert callable(as_source)


@pytest.mark.parametrize("cell", [lstm(), gru(), elman()], ids=["lstm", "gru", "tanh"])
def test_recall_is_learned(cell: Cell) -> None:
    run = train(
        cell,
        Echo(),
        Setting(learning_rate=0.7),
        Schedule(epochs=40),
        Budget(parameters=3_000),
        0,
        stop_at=0.97,
    )
    assert run.ending == "ok"
    assert run.valid_accuracy is not None
    assert run.test_accuracy is not None
    assert run.valid_accuracy >= 0.97
    assert run.test_accuracy > 0.95
    assert run.valid_accuracy == run.curve[-1].valid_accuracy
    assert len(run.curve) < 40
    assert finite(run)


def test_a_cell_without_memory_stays_at_chance() -> None:
    graph = Graph(1)
    forgetful = graph.cell([graph.add("tanh", graph.linear(0))])
    run = train(forgetful, Echo(), Setting(0.7), Schedule(epochs=10), SMALL, 0, stop_at=0.97)
    assert run.test_accuracy is not None
    assert run.test_accuracy < 0.35
    assert all(point.valid_accuracy < 0.35 for point in run.curve)


def test_piano_rolls_train() -> None:
    run = train(gru(), Chords(), Setting(0.3), Schedule(epochs=12), Budget(parameters=3_000), 0)
    assert run.curve[-1].valid_loss < 0.5 * run.curve[0].valid_loss
    assert run.curve[-1].valid_accuracy > run.curve[0].valid_accuracy
    assert finite(run)


def test_the_curve_counts_updates_rates_and_clips() -> None:
    run = train(lstm(), Echo(), Setting(0.5, clip=1e-3), FEW, SMALL, 0)
    assert [point.update for point in run.curve] == [40, 80, 120]
    assert [point.rate for point in run.curve] == [0.5] * 3
    assert all(point.clipped == 1.0 for point in run.curve)
    assert run.updates == 120
    assert run.tokens == 120 * 12 * 10
    assert run.width > 1
    assert run.parameters <= 1_500
    assert run.parameters == parameter_count(Model(lstm(), run.width, 1, "symbols", 5))
    free = train(lstm(), Echo(), Setting(0.5, clip=1e9), FEW, SMALL, 0)
    assert all(point.clipped == 0.0 for point in free.curve)


def test_the_schedule_sets_the_rates() -> None:
    schedule = Schedule("ptb", epochs=4, constant=2, decay=0.5)
    run = train(elman(), Echo(updates=3), Setting(0.4), schedule, SMALL, 0)
    assert [point.rate for point in run.curve] == [0.4, 0.4, 0.2, 0.1]


@pytest.mark.parametrize(
    ("budget", "updates"),
    [
        (replace(SMALL, updates=15), [15]),
        (replace(SMALL, updates=40), [40]),
        (replace(SMALL, updates=50), [40, 50]),
        (replace(SMALL, tokens=120 * 45 + 119), [40, 45]),
        (replace(SMALL, tokens=119), []),
        (replace(SMALL, updates=0), []),
    ],
)
def test_a_budget_cuts_the_epoch_and_validates_it(budget: Budget, updates: list[int]) -> None:
    run = train(elman(), Echo(), Setting(), FEW, budget, 0)
    assert run.ending == "ok"
    assert [point.update for point in run.curve] == updates
    assert run.updates == (updates[-1] if updates else 0)
    assert (run.test_loss is None) == (not updates)


@dataclass(frozen=True)
class Turning(Echo):
    """Recall whose training targets become wrong after the second epoch."""

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(split, epoch, lanes):
            wrong = split == "train" and epoch >= 2
            yield replace(batch, targets=(batch.targets + wrong) % self.size)


def repeated(batch: Batch, times: int) -> Batch:
    """The same window again and again, as one long one."""
    return replace(
        batch,
        inputs=np.concatenate([batch.inputs] * times),
        targets=np.concatenate([batch.targets] * times),
        mask=np.concatenate([batch.mask] * times),
    )


def test_the_best_epoch_is_reported_and_its_weights_kept() -> None:
    source = Turning()
    run = train(elman(), source, Setting(0.3), Schedule(epochs=4), SMALL, 0)
    losses = [point.valid_loss for point in run.curve]
    best = int(np.argmin(losses))
    assert best == 1
    assert run.valid_loss == losses[best]
    assert run.valid_accuracy == run.curve[best].valid_accuracy
    assert run.weights is not None
    model = Model(elman(), run.width, 1, "symbols", 5, window=12)
    again = make("reference", model, run.weights, dtype="float32", seed=0)
    splits: tuple[Split, Split] = ("valid", "test")
    for split, expected in zip(splits, (run.valid_loss, run.test_loss), strict=True):
        again.forget()
        scores = [again.evaluate(batch) for batch in source.batches(split)]
        assert sum(s.loss for s in scores) / sum(s.scored for s in scores) == expected


def test_the_model_starts_from_the_drawn_weights() -> None:
    run = train(elman(), Echo(updates=1), Setting(0.0), Schedule(epochs=1), SMALL, 9)
    model = Model(elman(), run.width, 1, "symbols", 5, window=12)
    assert run.weights is not None
    for name, array in draw(model, 1.0, 9).items():
        np.testing.assert_array_equal(run.weights[name], array.astype(np.float32))


def test_divergence_is_an_ending_with_its_step() -> None:
    run = train(runaway(), Echo(), Setting(1e6, clip=1e30), FEW, SMALL, 0)
    assert run.ending == "diverged"
    assert run.step is not None
    assert run.updates == run.step - 1
    assert run.updates < 40
    assert run.curve == ()
    assert (run.valid_loss, run.test_loss, run.weights) == (None, None, None)
    assert finite(run)


@dataclass(frozen=True)
class Bursting(Echo):
    """Recall whose training windows become so long in the third epoch that a linear cell bursts."""

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(split, epoch, lanes):
            if split == "train" and epoch == 2:
                yield repeated(batch, 40)
            else:
                yield batch


def test_a_late_divergence_keeps_the_best_epoch() -> None:
    graph = Graph(1)
    double = graph.add("*", 1, graph.constant(2.0))
    cell = graph.cell([graph.add("+", graph.linear(0), double)])
    run = train(cell, Bursting(), Setting(1e-3), Schedule(epochs=9), SMALL, 0)
    assert run.ending == "diverged"
    assert run.step == 81
    assert len(run.curve) == 2
    assert run.valid_loss == min(point.valid_loss for point in run.curve)
    assert run.test_loss is not None
    assert finite(run)


@dataclass(frozen=True)
class Trap(Echo):
    """Recall with one split so long that a linear cell bursts in it."""

    split: str = "valid"

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(split, epoch, lanes):
            yield repeated(batch, 40 if split == self.split else 1)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_divergence_outside_of_training_is_found(split: str) -> None:
    graph = Graph(1)
    double = graph.add("*", 1, graph.constant(2.0))
    cell = graph.cell([graph.add("+", graph.linear(0), double)])
    run = train(cell, Trap(split=split), Setting(1e-3), Schedule(epochs=1), SMALL, 0)
    assert run.ending == "diverged"
    assert run.step == 40
    assert len(run.curve) == (1 if split == "test" else 0)
    assert run.test_loss is None
    assert finite(run)


def test_a_training_that_takes_too_long_is_ended() -> None:
    ticks = count()
    run = train(
        elman(),
        Echo(),
        Setting(),
        Schedule(epochs=9),
        replace(SMALL, seconds=100.0),
        0,
        clock=lambda: float(next(ticks)),
    )
    assert run.ending == "timed_out"
    assert run.step is None
    assert len(run.curve) == 2  # 40 + 5 looks at the clock an epoch
    assert run.valid_loss is not None
    assert run.test_loss is None
    assert run.seconds > 100.0


def test_every_epoch_is_announced() -> None:
    seen = list[tuple[Point, int, int]]()
    run = train(
        elman(),
        Echo(),
        Setting(),
        FEW,
        replace(SMALL, updates=90),
        0,
        on_epoch=lambda point, done, total: seen.append((point, done, total)),
    )
    assert [point for point, _, _ in seen] == list(run.curve)
    assert [(done, total) for _, done, total in seen] == [(40, 90), (80, 90), (90, 90)]


def test_layers_and_dropout_reach_the_model() -> None:
    deep = train(elman(), Echo(), Setting(layers=3), Schedule(epochs=1), SMALL, 0)
    assert deep.weights is not None
    assert "layer2.node2.weight" in deep.weights
    dropping = train(elman(), Echo(), Setting(layers=3, dropout=0.5), Schedule(epochs=1), SMALL, 0)
    assert dropping.curve != deep.curve


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(WidthError, match="needs a budget of parameters"):
        train(elman(), Echo(), Setting(), FEW, Budget(), 0)
    with pytest.raises(WidthError, match="too small"):
        train(elman(), Echo(), Setting(), FEW, Budget(parameters=5), 0)
    with pytest.raises(ValueError, match="unknown executor 'quick'; known are reference"):
        train(elman(), Echo(), Setting(), FEW, SMALL, 0, executor="quick")


def test_an_endless_rate_never_puts_nan_into_the_run() -> None:
    for rate in (1e6, 1e20, 1e38):
        run = train(elman("relu"), Echo(), Setting(rate, clip=20.0), FEW, SMALL, 0)
        assert finite(run)
        assert math.isfinite(run.parameters)


@pytest.mark.parametrize("executor", ["reference", "native"])
def test_the_batch_size_is_that_of_training_alone(executor: str) -> None:
    if executor == "native" and hindrance() is not None:
        pytest.skip("no native runtime")
    setting = Setting(0.3, batch_size=4)
    run = train(elman(), Echo(), setting, Schedule(epochs=2), SMALL, 0, executor=executor)
    assert run.tokens == 2 * 40 * 12 * 4
    plain = train(elman(), Echo(), Setting(0.3), Schedule(epochs=2), SMALL, 0, executor=executor)
    assert plain.tokens == 2 * 40 * 12 * 10
    own = train(
        elman(),
        Echo(),
        Setting(0.3, batch_size=10),
        Schedule(epochs=2),
        SMALL,
        0,
        executor=executor,
    )
    assert own == plain
    learner = make(
        "reference",
        Model(elman(), run.width, 1, "symbols", 5),
        run.weights or {},
        dtype="float32",
        seed=0,
    )
    scores = [learner.evaluate(batch) for batch in Echo().batches("valid")]
    loss = sum(score.loss for score in scores) / sum(score.scored for score in scores)
    assert run.valid_loss == pytest.approx(loss, rel=1e-4)


def test_an_optimizer_follows_the_schedule_and_the_best_epoch_is_kept() -> None:
    setting = Setting(0.01, optimizer="adamw")
    source = Turning()
    run = train(elman(), source, setting, Schedule("ptb", epochs=4, constant=2), SMALL, 0)
    assert [point.rate for point in run.curve] == [0.01, 0.01, 0.005, 0.0025]
    losses = [point.valid_loss for point in run.curve]
    assert run.valid_loss == min(losses) < losses[-1]


def test_a_width_is_given_instead_of_a_number_of_parameters() -> None:
    run = train(elman(), Echo(), Setting(0.3), Schedule(epochs=1), Budget(width=10), 0)
    assert run.width == 10
