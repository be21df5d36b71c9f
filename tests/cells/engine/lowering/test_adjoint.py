"""Pointwise programs and their derivatives against torch autograd, run by a few lines of NumPy."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from cells.engine.lowering.adjoint import EXPENSIVE, Operation, Program, backward, forward
from cells.engine.measure.backprop import ELEMENTARY
from cells.engine.pointwise import FUNCTIONS
from cells.expression import compiled, scaled, variable
from cells.op import ACTIVATIONS, ARITHMETIC, POINTWISE

Real = NDArray[np.float64]


def _sigmoid(a: Real) -> Real:
    return 1 / (1 + np.exp(-a))


def _torch(name: str) -> Callable[..., Real]:
    function = FUNCTIONS[name]

    def run(*args: Any) -> Real:
        tensors = torch.broadcast_tensors(*(torch.as_tensor(a, dtype=torch.float64) for a in args))
        return function(*tensors).numpy()

    return run


OPERATIONS: dict[str, Callable[..., Any]] = {
    **{name: _torch(name) for name in (*ACTIVATIONS, *ARITHMETIC)},
    "copy": lambda a: a,
    "negate": lambda a: -a,
    "one_minus": lambda a: 1 - a,
    "multiply_add": lambda a, b, c: a * b + c,
    "multiply_subtract": lambda a, b, c: c - a * b,
    "blend": lambda a, b, c: a * b + (1 - a) * c,
    **{
        kernel: compiled(scaled(variable("g"), slope), ("g", *reads), ELEMENTARY.__getitem__)
        for row in POINTWISE
        for slope, (kernel, reads) in zip(
            row.slopes, map(row.backward, range(row.arity)), strict=True
        )
        if kernel and not row.kernel_reads
    },
    "d_logsigmoid": lambda g, y: -g * np.expm1(y),
    "d_softplus": lambda g, y: -g * np.expm1(-y),
}


def run(program: Program, arrays: dict[str, Real]) -> None:
    """Executes a program in place."""
    temporaries: list[Any] = [None] * program.temporaries
    for one in program.instructions:
        values = [
            arrays[arg]
            if isinstance(arg, str)
            else temporaries[arg]
            if isinstance(arg, int)
            else arg
            for arg in one.args
        ]
        with np.errstate(all="ignore"):  # of what `where` leaves out
            result = np.broadcast_to(OPERATIONS[one.op](*map(np.asarray, values)), (SIZE,)).copy()
        if isinstance(one.out, int):
            temporaries[one.out] = result
        elif one.accumulate:
            arrays[one.out] = arrays[one.out] + result
        else:
            arrays[one.out] = result


SIZE = 5
LEAVES = ("x", "h", "a")


def stage(seed: int, size: int) -> list[Operation]:
    """Random operations, all of them, some on constants; later ones mostly read recent ones."""
    source = random.Random(seed)  # noqa: S311 - no secret
    names: list[str] = list(LEAVES)
    found: list[Operation] = []
    for index in range(size):
        op = source.choice((*ACTIVATIONS, *ARITHMETIC, "+", "*", "-", "*", "copy"))
        args: list[str | float] = [
            source.choice(names[-6:]) for _ in range(2 if op in ARITHMETIC else 1)
        ]
        if op in ARITHMETIC and source.random() < 0.25:
            args[source.randrange(2)] = source.choice((1.0, 0.5, -1.0))
        found.append(Operation(f"n{index}", op, tuple(args)))
        names.append(f"n{index}")
    return found


@pytest.mark.parametrize("seed", range(150))
def test_a_random_stage_and_its_gradients_equal_those_of_autograd(seed: int) -> None:
    source = random.Random(-seed - 1)  # noqa: S311 - no secret
    own = stage(seed, source.randint(1, 25))
    ends = sorted({own[-1].name, *(one.name for one in own if source.random() < 0.2)})
    numbers = np.random.default_rng(seed)
    arrays = {leaf: numbers.normal(0, 1, SIZE) for leaf in LEAVES}

    values: dict[str, torch.Tensor] = {
        leaf: torch.tensor(arrays[leaf], requires_grad=True) for leaf in LEAVES
    }
    leaves = [values[leaf] for leaf in LEAVES]
    for one in own:
        args = [
            values[a] if isinstance(a, str) else torch.full((SIZE,), a, dtype=torch.float64)
            for a in one.args
        ]
        values[one.name] = args[0] if one.op == "copy" else FUNCTIONS[one.op](*args)
    slopes = {name: numbers.normal(0, 1, SIZE) for name in ends}
    loss = sum((values[name] * torch.tensor(slopes[name])).sum() for name in ends)
    assert isinstance(loss, torch.Tensor)
    expected = (
        torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
        if loss.requires_grad
        else [torch.zeros(SIZE, dtype=torch.float64)] * 3
    )

    start = {leaf: numbers.normal(0, 1, SIZE) for leaf in LEAVES}
    wanted = {leaf: source.random() < 0.5 for leaf in LEAVES}
    reverse = backward(own, ends, wanted, ends)
    made = {one.name for one in own}
    kept = {name for name in reverse.loads if name in made} | set(ends)
    run(forward(own, kept), arrays)
    for name in ends:
        np.testing.assert_allclose(arrays[name], values[name].detach().numpy(), rtol=1e-12)
    arrays |= {f"d{name}": slope for name, slope in slopes.items()}
    arrays |= {f"d{leaf}": start[leaf] for leaf in LEAVES}
    run(reverse, arrays)
    for leaf, gradient in zip(LEAVES, expected, strict=True):
        written = f"d{leaf}" in reverse.stores
        before = start[leaf] if wanted[leaf] or not written else 0.0
        found = arrays[f"d{leaf}"] - before
        scale = max(1.0, float(gradient.abs().max()))
        np.testing.assert_allclose(found / scale, gradient.numpy() / scale, rtol=1e-9, atol=1e-12)


def test_a_gate_between_two_values_is_one_instruction() -> None:
    own = [
        Operation("p", "*", ("z", "h")),
        Operation("r", "-", (1.0, "z")),
        Operation("q", "*", ("r", "n")),
        Operation("y", "+", ("p", "q")),
    ]
    program = forward(own, {"y"})
    assert [one.op for one in program.instructions] == ["blend"]
    assert program.temporaries == 0


def test_equal_parts_are_computed_once_and_dead_ones_never() -> None:
    own = [
        Operation("a", "tanh", ("x",)),
        Operation("b", "tanh", ("x",)),
        Operation("c", "exp", ("x",)),
        Operation("y", "*", ("a", "b")),
    ]
    assert [one.op for one in forward(own, {"y"}).instructions] == ["tanh", "*"]


def test_an_array_is_not_written_while_it_is_still_to_be_read() -> None:
    own = [Operation("s", "sigmoid", ("a",)), Operation("y", "*", ("s", "a"))]
    program = forward(own, {"s", "y"}, {"s": "a"})
    arrays = {"a": np.linspace(-1, 1, SIZE)}
    expected = _sigmoid(arrays["a"])
    run(program, arrays)
    np.testing.assert_allclose(arrays["y"], expected * np.linspace(-1, 1, SIZE))
    np.testing.assert_allclose(arrays["a"], expected)


def test_what_is_cheap_is_not_kept_for_the_derivative() -> None:
    own = [
        Operation("a", "tanh", ("x",)),
        Operation("b", "-", (1.0, "a")),
        Operation("c", "+", ("b", "h")),
        Operation("y", "*", ("c", "b")),
    ]
    reverse = backward(own, {"y"}, {"x": False, "h": False}, {"y"})
    assert reverse.loads == {"a", "h", "dy"}
    assert not EXPENSIVE & {one.op for one in reverse.instructions}
