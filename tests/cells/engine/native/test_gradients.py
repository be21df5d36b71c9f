"""Gradients of the native learner where they can be held to rounding: each cell, each parameter."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from cells import canonical, zoo
from cells.cell import Cell
from cells.engine.native.build import NativeError, library
from cells.engine.native.learner import NativeLearner
from cells.engine.reference import ReferenceLearner
from cells.op import ACTIVATIONS, ARITHMETIC
from tests.cells.engine.native.agreement import (
    Dtype,
    Shape,
    batches,
    calm,
    gap,
    gradient,
    model_of,
    random_case,
    weights_of,
)
from tests.cells.engine.test_gradient import CELLS

try:
    library("float32")
except NativeError as error:
    pytest.skip(f"no native runtime: {error}", allow_module_level=True)

DTYPES: tuple[Dtype, ...] = ("float64", "float32")
NEAR: dict[Dtype, float] = {"float64": 1e-9, "float32": 1e-5}


@pytest.fixture(autouse=True)
def _flushed() -> Iterator[None]:
    """Denormals are zero in the reference too, as in every trial."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


def is_near(seed: int, dtype: Dtype) -> bool:
    """Asserts that the gradients of a random cell are right to rounding.

    False if it tells nothing: there is no cell, or its gradient is infinite in every window, or ruled
    by rounding in every one.
    """
    case = random_case(seed)
    found = calm(*case, seed, dtype) if case else None
    if found is None:
        return False
    assert found.gap < NEAR[dtype], (seed, case, found)
    return True


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", range(0, 40, 20))
def test_every_random_or_mutated_cell_has_the_gradients_of_the_reference(
    start: int, dtype: Dtype
) -> None:
    assert sum(is_near(seed, dtype) for seed in range(start, start + 20)) >= 18


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*ACTIVATIONS, *ARITHMETIC])
def test_every_operator_has_the_scores_and_gradients_of_the_reference(
    name: str, dtype: Dtype
) -> None:
    found = calm(CELLS[name], Shape(layers=2), 0, dtype)
    assert found is not None
    assert found.gap < NEAR[dtype]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("start", range(40, 1040, 50))
def test_each_of_a_thousand_cells_has_the_gradients_of_the_reference(
    start: int, dtype: Dtype
) -> None:
    assert sum(is_near(seed, dtype) for seed in range(start, start + 50)) >= 47


ODD = [
    Shape(1, 1, 1),
    Shape(2, 7, 15, layers=2),
    Shape(35, 20, 16),
    Shape(7, 3, 33, layers=4, dropout=0.3),
    Shape(5, 2, 20, kind="roll", size=12),
    Shape(3, 20, 100, size=40),
]


@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_cell_has_the_gradients_of_the_reference_in_float32(name: str) -> None:
    cell = canonical(zoo.load(name))
    for shape in ODD:
        model, windows = model_of(cell, shape), batches(shape, 0)
        weights = {key: one.astype(np.float32) for key, one in weights_of(model, 0).items()}
        wanted = gradient(ReferenceLearner(model, weights, dtype="float64"), windows)
        found = gap(wanted, gradient(NativeLearner(model, weights, poison=True), windows))
        if found >= 1e-5:
            own = gap(wanted, gradient(ReferenceLearner(model, weights), windows))
            assert found < 4 * own, (shape, found, own)


def covering() -> dict[str, Cell]:
    """Cells of the zoo, each for an operator that those before it lack; then one an operator left."""
    left, found = {*ACTIVATIONS, *ARITHMETIC}, dict[str, Cell]()
    for name in zoo.names():
        cell = canonical(zoo.load(name))
        used = {node.op for node in cell.nodes}
        if left & used:
            found[name] = cell
            left -= used
    return found | {name: CELLS[name] for name in [*sorted(left), "kinds"]}


@pytest.mark.parametrize("steps", [3, 5])
@pytest.mark.parametrize(("name", "cell"), covering().items(), ids=lambda one: str(one)[:12])
def test_gradients_equal_finite_differences_for_every_operator(
    name: str, cell: Cell, steps: int
) -> None:
    shape = Shape(steps, 2, 6, layers=2, windows=2)
    model, (before, window) = model_of(cell, shape), batches(shape, 4)
    weights, source = weights_of(model, 4), np.random.default_rng(5)
    learner = NativeLearner(model, weights, dtype="float64", poison=True)
    learner.evaluate(before)
    learner.train(window, 1.0, math.inf)
    after = learner.weights()
    checked = 0
    for key, values in weights.items():
        if np.array_equal(after[key], values):  # frozen, or not read
            continue
        direction = source.normal(0, 1, values.shape)
        losses: list[float] = []
        for sign in (1.0, -1.0):
            learner.forget()
            learner.load(weights)
            learner.evaluate(before)
            learner.load({**weights, key: values + sign * 1e-5 * direction})
            losses.append(learner.evaluate(window).loss / shape.lanes)
        slope = float(((values - after[key]) * direction).sum())
        assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(slope, rel=1e-6, abs=1e-7), key
        checked += 1
    assert checked > 4
