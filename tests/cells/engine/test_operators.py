"""Every row of the operator table against what the reference computes, derivatives included."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cells.engine.reference import FUNCTIONS
from cells.op import DIVISION_GUARD, OPS

EVALUATED = tuple(op for op in OPS.values() if op.family in {"activation", "arithmetic"})


def step(a: Tensor) -> Tensor:
    return (a > 0).to(a.dtype)


def guard(b: Tensor) -> Tensor:
    return torch.where(b < 0, b.clamp(max=-DIVISION_GUARD), b.clamp(min=DIVISION_GUARD))


FORMULAS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": lambda a, b: 1 - 2 / (torch.exp(2 * a) + 1),
    "sigmoid": lambda a, b: 1 / (1 + torch.exp(-a)),
    "relu": lambda a, b: a * step(a),
    "exp": lambda a, b: math.e**a,
    "logsigmoid": lambda a, b: -torch.log(1 + torch.exp(-a)),
    "softplus": lambda a, b: torch.log(1 + torch.exp(a)),
    "silu": lambda a, b: a / (1 + torch.exp(-a)),
    "sqrt": lambda a, b: (a * step(a)) ** 0.5,
    "sin": lambda a, b: torch.cos(a - math.pi / 2),
    "cos": lambda a, b: torch.sin(a + math.pi / 2),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / guard(b),
    "max": lambda a, b: a * (1 - step(b - a)) + b * step(b - a),
    "min": lambda a, b: a * (1 - step(a - b)) + b * step(a - b),
}

DERIVATIVES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "1": lambda a, b, y: torch.ones_like(y),
    "-1": lambda a, b, y: -torch.ones_like(y),
    "a": lambda a, b, y: a,
    "b": lambda a, b, y: b,
    "y": lambda a, b, y: y,
    "1 - y * y": lambda a, b, y: 1 - y * y,
    "y * (1 - y)": lambda a, b, y: y * (1 - y),
    "step(a)": lambda a, b, y: step(a),
    "1 - exp(y)": lambda a, b, y: 1 - torch.exp(y),
    "1 - exp(-y)": lambda a, b, y: 1 - torch.exp(-y),
    "sigmoid(a) * (1 + a * (1 - sigmoid(a)))": lambda a, b, y: (
        torch.sigmoid(a) * (1 + a * (1 - torch.sigmoid(a)))
    ),
    # 0 / 0 at a = 0 stands for 0, as the formula column says.
    "step(a) * 0.5 / y": lambda a, b, y: torch.nan_to_num(step(a) * 0.5 / y, nan=0.0),
    "cos(a)": lambda a, b, y: torch.cos(a),
    "-sin(a)": lambda a, b, y: -torch.sin(a),
    "1 / guard(b)": lambda a, b, y: 1 / guard(b),
    "-step(|b| - 1e-6) * y / guard(b)": lambda a, b, y: (
        -step(b.abs() - DIVISION_GUARD) * y / guard(b)
    ),
    "1 - step(b - a)": lambda a, b, y: 1 - step(b - a),
    "step(b - a)": lambda a, b, y: step(b - a),
    "1 - step(a - b)": lambda a, b, y: 1 - step(a - b),
    "step(a - b)": lambda a, b, y: step(a - b),
}

# Zeros of both signs, ties, both sides of the guard, and the guard itself.
EDGES = (0.0, -0.0, 1.0, -1.0, 1e-6, -1e-6, 5e-7, -5e-7, 2e-6, -2e-6, 0.3, -2.5, 12.0, -12.0)


@pytest.fixture
def arguments() -> tuple[Tensor, Tensor]:
    grid = torch.cartesian_prod(*[torch.tensor(EDGES, dtype=torch.float64)] * 2)
    a, b = grid.unbind(1)
    return a.clone().requires_grad_(), b.clone().requires_grad_()


def test_the_reference_knows_exactly_the_operators_of_the_table() -> None:
    assert FUNCTIONS.keys() == {op.name for op in EVALUATED}


@pytest.mark.parametrize("op", EVALUATED, ids=lambda op: op.name)
def test_values_equal_the_formula(op, arguments) -> None:
    a, b = arguments
    result = FUNCTIONS[op.name](*arguments[: op.arity])
    torch.testing.assert_close(result, FORMULAS[op.name](a, b), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op", EVALUATED, ids=lambda op: op.name)
def test_gradients_equal_the_derivative_column(op, arguments) -> None:
    used = arguments[: op.arity]
    result = FUNCTIONS[op.name](*used)
    gradients = torch.autograd.grad(result.sum(), used)
    a, b = (argument.detach() for argument in arguments)
    assert len(op.derivative) == op.arity
    for gradient, column in zip(gradients, op.derivative, strict=True):
        expected = DERIVATIVES[column](a, b, result.detach())
        torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("op", EVALUATED, ids=lambda op: op.name)
@pytest.mark.parametrize("place", [0, 1])
def test_nan_is_never_hidden(op, place) -> None:
    if place >= op.arity:
        place = 0
    arguments = [torch.tensor([2.0]) for _ in range(op.arity)]
    arguments[place] = torch.tensor([math.nan])
    assert FUNCTIONS[op.name](*arguments).isnan().all()


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
