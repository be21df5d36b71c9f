"""Every cell of the zoo trains on the fast path: a smoke trial of the screening task."""

import math

import pytest

from cells import zoo
from cells.engine.native.build import NativeError, library
from cells.engine.training.trainer import train
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tasks import registry

try:
    library("float32")
except NativeError as error:
    pytest.skip(f"no native runtime: {error}", allow_module_level=True)


@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_cell_trains_a_smoke_trial_natively(name: str) -> None:
    """The native executor never falls back: what it cannot run, it refuses with an error."""
    task = registry.load("memorization", "smoke")
    budget = Budget(parameters=10_000, updates=200)
    run = train(
        zoo.load(name), task, Setting(), Schedule.of("search"), budget, 1, executor="native"
    )
    assert run.ending == "ok"
    assert 9_000 < run.parameters <= 10_000
    assert math.isfinite(run.test_loss or math.nan)
    assert run.valid_loss is not None
    assert run.valid_loss < run.curve[0].valid_loss, "nothing is learned after the first epoch"
