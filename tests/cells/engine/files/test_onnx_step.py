"""The step as an ONNX model, run by the evaluator of the package `onnx`, against the reference."""

import random
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator

from cells import Cell, zoo
from cells.engine.files.onnx_step import step
from cells.engine.reference import unroll
from cells.op import ACTIVATIONS, ARITHMETIC
from cells.size import width_step
from cells.text.printer import state_names
from tests.cells.engine.test_gradient import CELLS
from tests.cells.engine.test_torch_module import renamed, weights
from tests.strategies import random_cell

LANES = 3


def compare(cell: Cell, layers: int, held: bool) -> bool:
    """Compares output and new states to 1e-6; False if the reference overflows."""
    width = 4 * width_step(cell)
    ours = weights(cell, width, layers)
    named = {name: ours[old].numpy() for old, name in renamed(cell, ours).items()}
    held = held and bool(named)
    kind = np.float64 if held else np.float32
    source = np.random.default_rng(3)
    x = source.standard_normal((LANES, width)).astype(kind)
    starts = source.uniform(0.5, 1.5, (layers, len(cell.updates), LANES, width)).astype(kind)
    values, expected = torch.tensor(x.astype(np.float64))[None], list[Any]()
    for layer in range(layers):
        states = list(torch.tensor(starts[layer].astype(np.float64)))
        values, ends = unroll(cell, ours, values, states, layer)
        expected += ends
    expected = [values[0], *expected]
    if not all(one.isfinite().all() and one.abs().max() < 1e4 for one in expected):
        return False
    model = step(cell, layers, dict(named) if held else None)
    graph = onnx.load_from_string(model).graph
    labels = [f"layers.{layer}.{state}" for layer in range(layers) for state in state_names(cell)]
    given = {"x": x, **dict(zip(labels, starts.reshape(-1, LANES, width), strict=True))}
    if not held:
        given |= {name: array.astype(kind) for name, array in named.items()}
    assert {one.name for one in graph.input} == given.keys()
    assert [one.name for one in graph.output] == ["output", *(f"{one}_next" for one in labels)]
    found = cast("list[Any]", ReferenceEvaluator(model).run(None, given))
    bound = 1e-6 if kind == np.float64 else 1e-4
    for one, other in zip(found, expected, strict=True):
        assert one.shape == (LANES, width)
        assert np.allclose(one, other.numpy(), rtol=bound, atol=bound)
    return True


@pytest.mark.parametrize("name", zoo.names())
def test_the_step_of_a_zoo_cell_equals_the_reference(name: str) -> None:
    assert compare(zoo.load(name), 2, held=True)


@pytest.mark.parametrize("name", [*ACTIVATIONS, *ARITHMETIC])
@pytest.mark.parametrize("held", [True, False])
def test_the_step_of_an_operator_equals_the_reference(name: str, held: bool) -> None:
    assert compare(CELLS[name], 1, held)


@pytest.mark.parametrize("name", ["gru", "mut1", "mrnn", "slstm"])
def test_without_weights_they_are_inputs_and_any_width_will_do(name: str) -> None:
    assert compare(zoo.load(name), 1, held=False)


def test_the_steps_of_random_cells_equal_the_reference() -> None:
    generator = random.Random(5)  # noqa: S311 - not for secrets
    made = [random_cell(generator) for _ in range(60)]
    assert sum(compare(cell, 1, held=True) for cell in made) > 30


def test_the_same_cell_gives_the_same_bytes() -> None:
    assert step(zoo.load("lstm")) == step(zoo.load("lstm"))
