"""Every row of the operator table against what the reference computes, derivatives included."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from cells.engine.measure.backprop import SLOPES
from cells.engine.measure.backprop import VALUES as ARRAYS
from cells.engine.pointwise import FUNCTIONS
from cells.expression import FLOATS, compiled
from cells.op import POINTWISE
from tests.cells.engine.formulas import VALUES

# Zeros of both signs, ties, both sides of the guard, and the guard itself.
EDGES = (0.0, -0.0, 1.0, -1.0, 1e-6, -1e-6, 5e-7, -5e-7, 2e-6, -2e-6, 0.3, -2.5, 12.0, -12.0)


@pytest.fixture
def arguments() -> tuple[Tensor, Tensor]:
    grid = torch.cartesian_prod(*[torch.tensor(EDGES, dtype=torch.float64)] * 2)
    a, b = grid.unbind(1)
    return a.clone().requires_grad_(), b.clone().requires_grad_()


def test_the_reference_knows_exactly_the_operators_of_the_table() -> None:
    assert FUNCTIONS.keys() == {op.name for op in POINTWISE}


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
def test_values_equal_the_formula(op, arguments) -> None:
    a, b = arguments
    result = FUNCTIONS[op.name](*arguments[: op.arity])
    torch.testing.assert_close(result, VALUES[op.name](a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
def test_gradients_equal_the_slopes_of_the_row(op, arguments) -> None:
    used = arguments[: op.arity]
    result = FUNCTIONS[op.name](*used)
    gradients = torch.autograd.grad(result.sum(), used)
    a, b = (argument.detach() for argument in arguments)
    points = torch.stack([a, b, result.detach()], 1).tolist()
    assert len(op.slopes) == op.arity
    for gradient, slope in zip(gradients, op.slopes, strict=True):
        run = compiled(slope, ("a", "b", "y"), FLOATS.__getitem__)
        expected = torch.tensor([run(*point) for point in points], dtype=torch.float64)
        torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
def test_floats_and_arrays_have_the_values_and_gradients_of_tensors(op, arguments) -> None:
    used = arguments[: op.arity]
    result = FUNCTIONS[op.name](*used)
    gradients = torch.autograd.grad(result.sum(), used)
    own = [argument.detach().numpy() for argument in used]
    value = ARRAYS[op.name](*own)
    np.testing.assert_allclose(value, result.detach().numpy(), rtol=1e-13, atol=1e-13)
    floats = [op.at(*point) for point in zip(*(one.tolist() for one in own), strict=True)]
    np.testing.assert_allclose(floats, value, rtol=1e-13, atol=1e-13)
    for pulled, gradient in zip(SLOPES[op.name], gradients, strict=True):
        with np.errstate(all="ignore"):  # as `Unrolled` does
            found = pulled(np.full_like(value, 3.0), value, own)
        np.testing.assert_allclose(found, 3 * gradient.numpy(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
def test_algebra_of_the_row_holds(op) -> None:
    for a in EDGES:
        for b in EDGES:
            if op.commutative:
                assert op.at(a, b) == op.at(b, a)
            if op.idempotent:
                assert op.at(a, a) == a
        if op.parity != "neither":
            assert op.at(-a) == (op.at(a) if op.parity == "even" else -op.at(a))
        if op.never_negative:
            assert op.at(a) >= 0
        if op.keeps_positive and a >= 0:
            assert op.at(a) == a
        if op.slope_from_result:
            slope = compiled(op.slopes[0], ("a",), FLOATS.__getitem__)
            assert slope(op.at(a)) == slope(a)


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
@pytest.mark.parametrize("place", [0, 1])
def test_nan_is_never_hidden(op, place) -> None:
    if place >= op.arity:
        place = 0
    arguments = [torch.tensor([2.0]) for _ in range(op.arity)]
    arguments[place] = torch.tensor([math.nan])
    assert FUNCTIONS[op.name](*arguments).isnan().all()
    assert np.isnan(ARRAYS[op.name](*(argument.numpy() for argument in arguments))).all()
    assert math.isnan(op.at(*(argument.item() for argument in arguments)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_division_keeps_dtype_and_sign_at_the_guard(dtype) -> None:
    zeros = torch.tensor([0.0, -0.0, -1e-9], dtype=dtype)
    quotient = FUNCTIONS["/"](torch.ones(3, dtype=dtype), zeros)
    assert quotient.dtype == dtype
    torch.testing.assert_close(quotient, torch.tensor([1e6, 1e6, -1e6], dtype=dtype))


def test_softplus_and_logsigmoid_do_not_overflow() -> None:
    far = torch.tensor([-1e4, 1e4])
    torch.testing.assert_close(FUNCTIONS["softplus"](far), torch.tensor([0.0, 1e4]))
    torch.testing.assert_close(FUNCTIONS["logsigmoid"](far), torch.tensor([-1e4, 0.0]))
