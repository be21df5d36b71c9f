"""Cells of the core space are trainable: each has a plan and finite gradients in every parameter."""

import numpy as np
import pytest

from cells.cell import Cell
from cells.engine import executor
from cells.engine.learner import Model
from cells.engine.lowering.translate import lower
from cells.engine.training.initial import draw
from cells.identity.canonical import canonical
from cells.space.core import core
from tests.cells.engine.made import symbols

EVERYDAY = core().ids[7::97]


def has_a_plan(cell: Cell) -> None:
    form = canonical(cell)
    plan = lower(form)
    assert len(plan.states) == len(form.updates)
    assert plan.linears == sum(node.op == "linear" for node in form.nodes)


def test_a_sample_of_the_cells_has_plans() -> None:
    for name in EVERYDAY:
        has_a_plan(core().cell_of(name))


@pytest.mark.slow
def test_every_cell_has_a_plan() -> None:
    for cell in core():
        has_a_plan(cell)


def learns(cell: Cell, kind: str) -> None:
    """One update moves every parameter by a finite amount, and the loss is finite before and after."""
    model = Model(canonical(cell), 6, 1, "symbols", 5)
    learner = executor.make(kind, model, draw(model, 1.0, 3), dtype="float32", seed=0)
    before = learner.weights()
    batch = symbols(0, 6, 4, 5)
    first = learner.train(batch, 0.1, 1e9)
    after = learner.weights()
    assert first.norm is not None
    assert np.isfinite(first.loss)
    assert np.isfinite(first.norm)
    for name, weight in after.items():
        assert np.isfinite(weight).all(), name
        assert (weight != before[name]).any(), name
    assert np.isfinite(learner.evaluate(batch).loss)


@pytest.mark.parametrize("name", EVERYDAY[::3])
def test_a_sample_of_the_cells_has_gradients_in_the_reference(name: str) -> None:
    learns(core().cell_of(name), "reference")


@pytest.mark.slow
def test_every_cell_has_gradients_in_the_fastest_executor() -> None:
    kind = executor.best()
    for cell in core():
        learns(cell, kind)
