"""An LSTM with forget bias learns the classical tasks of memory; a cell without state does not."""

import pytest

from cells import zoo
from cells.engine.executor import make
from cells.engine.learner import Model
from cells.engine.native.build import NativeError, library
from cells.engine.training.trainer import train
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tasks import breakdown, registry
from tasks.generated.reber import Continual
from tasks.sequences import SequenceTask

try:
    library("float32")
except NativeError as error:
    pytest.skip(f"no native runtime: {error}", allow_module_level=True)

# task at the scale quick, updates within which the LSTM learns it, its level without memory
TASKS = [
    ("reber", 1000, "the last symbol"),
    ("reber-continual", 1000, "the last symbol"),
    ("copy", 4000, "no memory"),
    ("adding", 2000, "no memory"),
    ("temporal-order", 2000, "no memory"),
    ("agreement", 3000, "nearest noun"),
    ("subsequence", 3000, "letters read, not their order"),
]


def task_of(name):
    task = registry.load(name, "quick")
    assert isinstance(task, SequenceTask | Continual)
    return task


def trained(cell, task, updates):
    return train(
        zoo.load(cell),
        task,
        Setting(learning_rate=1.0),
        Schedule.of("search", patience=100),
        Budget(parameters=8_000, updates=updates),
        1,
        stop_at=0.97,
        executor="native",
    )


@pytest.mark.parametrize(("name", "updates", "level"), TASKS)
def test_an_lstm_with_forget_bias_leaves_the_level_of_little_memory_behind(name, updates, level):
    task = task_of(name)
    run = trained("lstm_b", task, updates)
    known = {floor.name: floor.accuracy or 0.0 for floor in task.facts.floors}
    reached = run.valid_accuracy or 0.0
    assert reached > 0.93
    assert reached > known[level] + 0.08


@pytest.mark.parametrize("name", [name for name, _, _ in TASKS])
def test_a_cell_without_state_stays_at_the_level_without_memory(name):
    task = task_of(name)
    run = trained("feedforward", task, 400)
    known = {floor.name: floor.accuracy or 0.0 for floor in task.facts.floors}
    least = known.get("no memory", known.get("the last symbol", 0.0))
    # 200 to 800 answers of the validation split: five standard errors are at most 0.18
    assert run.valid_accuracy is not None
    assert run.valid_accuracy < least + 0.18


def test_agreement_is_told_by_distance_and_by_opposite_attractors():
    task = task_of("agreement")
    run = trained("lstm_b", task, 3000)
    assert run.weights is not None
    facts = task.facts
    model = Model(zoo.load("lstm_b"), run.width, 1, "symbols", facts.size, window=facts.window)
    learner = make("native", model, run.weights, dtype="float32", seed=0, device="cpu")
    near = breakdown.by("distance", learner, task)
    assert sum(part.scored for part in near.values()) == 400
    told = sum(part.accuracy * part.scored for part in near.values()) / 400
    assert told == pytest.approx(run.test_accuracy)
    opposite = breakdown.by("opposite", learner, task)
    # where two nouns of the other number stand between, the nearest noun is always wrong
    assert opposite[2].accuracy > 0.7
