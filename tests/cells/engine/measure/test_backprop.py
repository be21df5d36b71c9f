"""Values and gradients in NumPy against the reference and autograd, whatever the cell."""

import numpy as np
import pytest
import torch

from cells import canonical, zoo
from cells.cell import Cell
from cells.engine.learner import Model, Weights
from cells.engine.measure.backprop import Unrolled
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.engine.training.parameter import parameters
from cells.engine.training.width import width_step
from tests.cells.engine.test_gradient import CELLS
from tests.cells.engine.test_random_cells import random_cell

STEPS, LANES = 4, 3


def equals_autograd(cell: Cell, seed: int) -> bool:
    """Asserts that both agree in float64; False if gradients are infinite or rounding rules them."""
    step = width_step(cell)
    model = Model(cell, -(-6 // step) * step, 1, "symbols", 2)
    source = np.random.default_rng(seed)
    drawn = draw(model, 1.0, seed)
    weights: Weights = {name: one + source.normal(0, 0.1, one.shape) for name, one in drawn.items()}
    x, outer = source.normal(size=(2, STEPS, LANES, model.width))
    run = Unrolled(cell, weights, x)
    inputs, found = run.gradients(outer)
    shaken = x * (1 + 1e-15 * source.normal(size=x.shape))
    moved = Unrolled(cell, weights, shaken).gradients(outer)[0]
    usual = np.isfinite(moved) & np.isfinite(inputs)
    gap = np.abs(moved[usual] - inputs[usual]).max(initial=0)
    if gap > 1e-11 * np.abs(inputs[usual]).max(initial=0):
        return False

    leaves = tensors(weights)
    trained = {one.name: leaves[one.name].requires_grad_() for one in parameters(model)}
    embedded = torch.tensor(x, requires_grad=True)
    starts = [torch.zeros(LANES, model.width, dtype=torch.float64)] * len(cell.updates)
    outputs, _ = unroll(cell, leaves, embedded, starts)
    names = [name for name in trained if name.startswith("layer0.")]
    gradients = torch.autograd.grad(
        (outputs * torch.tensor(outer)).sum() + 0 * embedded.sum(),
        [embedded, *(trained[name] for name in names)],
        allow_unused=True,
        materialize_grads=True,
    )
    wanted = [gradient.numpy() for gradient in gradients]
    top = max(np.abs(want[np.isfinite(want)]).max(initial=0) for want in wanted)
    np.testing.assert_allclose(run.outputs, outputs.detach().numpy(), rtol=1e-9, atol=1e-12)
    for name, array, want in zip(
        ("x", *names), (inputs, *(found[name] for name in names)), wanted, strict=True
    ):
        assert np.array_equal(np.isfinite(array), np.isfinite(want)), name
        np.testing.assert_allclose(array, want, rtol=1e-9, atol=1e-12 * top, err_msg=name)
    return all(bool(np.isfinite(want).all()) for want in wanted)


@pytest.mark.parametrize("name", zoo.names())
def test_gradients_of_a_zoo_cell_equal_those_of_autograd(name: str) -> None:
    assert equals_autograd(canonical(zoo.load(name)), 1)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_gradients_of_every_operator_and_kind_of_linear_equal_those_of_autograd(cell: Cell) -> None:
    assert equals_autograd(cell, 2)


def test_gradients_of_any_graph_equal_those_of_autograd() -> None:
    finite = [equals_autograd(random_cell(seed), seed) for seed in range(150)]
    assert sum(finite) > 120


def test_denormals_count_as_zero() -> None:
    cell = canonical(zoo.load("elman"))
    model = Model(cell, 4, 1, "symbols", 2)
    weights: Weights = {name: one.astype(np.float32) for name, one in draw(model, 1.0, 0).items()}
    x = np.zeros((2, 1, 4), np.float32)
    outer = np.full((2, 1, 4), 1e-39, np.float32)
    inputs, found = Unrolled(cell, weights, x).gradients(outer)
    assert not inputs.any()
    assert not any(array.any() for array in found.values())
