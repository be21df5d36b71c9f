"""The scan against the loop: whatever the steps give, all at once give."""

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from cells import Cell, CellError, Mutant, canonical, execution_class, mutate, parse, sample, zoo
from cells.engine.learner import Model
from cells.engine.reference import tensors, unroll
from cells.engine.scan import scan
from cells.engine.training.initial import draw

SCANS = [name for name in zoo.names() if execution_class(zoo.load(name)) == "S"]
LANES, WIDTH = 3, 4


def given(cell: Cell, steps: int, seed: int = 0) -> dict[str, Tensor]:
    """Random parameters, inputs and start states that are not zero, all asking for gradients."""
    source = torch.Generator().manual_seed(seed)
    drawn = tensors(draw(Model(cell, WIDTH, 1, "symbols", 2), 2.0, seed))
    values = {name: one for name, one in drawn.items() if name.startswith("layer0.")}
    values["inputs"] = torch.randn(steps, LANES, WIDTH, generator=source, dtype=torch.float64)
    for state in range(len(cell.updates)):
        # Above 0, since some cells divide by what they have summed.
        values[f"state{state}"] = 0.2 + torch.rand(
            LANES, WIDTH, generator=source, dtype=torch.float64
        )
    return {name: one.requires_grad_() for name, one in values.items()}


def starts(values: dict[str, Tensor]) -> list[Tensor]:
    return [one for name, one in values.items() if name.startswith("state")]


def gradients(values: dict[str, Tensor], results: Sequence[Tensor], seed: int) -> list[Tensor]:
    source = torch.Generator().manual_seed(seed)
    slopes = [torch.randn(one.shape, generator=source, dtype=one.dtype) for one in results]
    return list(
        torch.autograd.grad(
            results, list(values.values()), slopes, allow_unused=True, materialize_grads=True
        )
    )


def cut(cell: Cell, values: dict[str, Tensor], places: Sequence[int]) -> list[Tensor]:
    """Outputs and last states of scans from cut to cut, the states handed on."""
    steps, states, outputs = len(values["inputs"]), starts(values), list[Tensor]()
    for begin, end in zip([0, *places], [*places, steps], strict=True):
        output, states = scan(cell, values, values["inputs"][begin:end], states)
        outputs.append(output)
    return [torch.cat(outputs), *states]


def assert_agree(cell: Cell, steps: int, seed: int = 0) -> None:
    """The scan, whole and cut at random places, gives what the steps give; so do the gradients."""
    values = given(cell, steps, seed)
    output, ends = unroll(cell, values, values["inputs"], starts(values))
    wanted = [output, *ends]
    slopes = gradients(values, wanted, seed)
    source = np.random.default_rng(seed)
    places = sorted(set(source.integers(1, steps, 3).tolist())) if steps > 1 else []
    for cuts in ([], places):
        found = cut(cell, values, cuts)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)
        for one, other in zip(gradients(values, found, seed), slopes, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-8)


def test_the_zoo_has_a_dozen_scans() -> None:
    assert len(SCANS) >= 12
    assert {"lru", "mingru", "minlstm", "qrnn_2", "rg_lru", "s4d"} <= set(SCANS)


@pytest.mark.parametrize("name", SCANS)
def test_scan_and_steps_agree_from_a_nonzero_start_and_cut_anywhere(name: str) -> None:
    for seed, steps in enumerate((1, 2, 37)):
        assert_agree(zoo.load(name), steps, seed)


@pytest.mark.parametrize(
    ("states", "body"),
    [
        ("h", "h' = linear(h, kind=diagonal, bias=0.5) / (2 + sigmoid(linear(x))) - x"),
        ("a, b", "a' = x; b' = a; out = tanh(linear(x, a, b))"),
        ("s, h", "s' = 0.9 * s + x; h' = h * sigmoid(linear(s')) + s'; out = tanh(linear(h'))"),
        ("s, h", "h' = 0.5 * h + tanh(linear(s)) + x; s' = 0.9 * s - x; out = h'"),
        ("p, q", "p' = 0.5 * q - p / 3; q' = x - p' * sigmoid(x) + 0.1 * q; out = p' * q"),
        ("a, b, c", "a' = b + x; b' = c - x; c' = 0.3 * (a - b); out = max(a', b)"),
        ("h, d", "d' = h; h' = 0.5 * h + 0.2 * d + x"),
        ("h, d", "h' = 0.5 * h + x; d' = h; out = h' + d"),
        ("h", "h' = vector(0.5); out = h + x"),
        ("", "out = tanh(linear(x))"),
    ],
)
def test_every_way_of_being_affine_is_found_in_the_graph(states: str, body: str) -> None:
    lines = "\n".join(f"  {line.strip()}" for line in body.split(";"))
    head = f"x; {states}" if states else "x"
    assert_agree(parse(f"cell f({head})\n{lines}\n"), 13)


def mutants(count: int) -> list[Cell]:
    """Mutants of the scans of the zoo, and random cells, that are scans again."""
    source, found = Random(7), dict[str, Cell]()  # noqa: S311
    while len(found) < count:
        if source.random() < 0.7:
            grown = mutate(zoo.load(source.choice(SCANS)), source)
            cell = grown.cell if isinstance(grown, Mutant) else None
        else:
            cell = sample(source, source.randint(4, 12), extended=True)
        try:
            form = canonical(cell) if cell is not None else None
        except CellError:  # nothing of x is left
            continue
        if form is not None and form.updates and execution_class(form) == "S":
            found[repr(form.nodes)] = form
    return list(found.values())


def test_scan_and_steps_agree_for_random_mutants_of_class_s() -> None:
    tame = 0
    for seed, cell in enumerate(mutants(40)):
        values = given(cell, 11, seed)
        output, ends = unroll(cell, values, values["inputs"], starts(values))
        # Where numbers explode, rounding decides; where they are NaN, nothing does.
        if all(bool((one.abs() < 1e3).all()) for one in (output, *ends)):
            assert_agree(cell, 11, seed)
            tame += 1
    assert tame >= 25


@pytest.mark.parametrize(
    ("name", "op"), [("gru", "linear"), ("sru", "sigmoid"), ("rwkv4", "max"), ("ugrnn", "linear")]
)
def test_a_cell_that_is_no_scan_is_refused_with_the_node(name: str, op: str) -> None:
    cell = zoo.load(name)
    values = given(cell, 3)
    with pytest.raises(ValueError, match=rf"{name} is no scan: node \d+ \({op}\)"):
        scan(cell, values, values["inputs"], starts(values))


def test_the_start_state_enters_as_it_is_and_not_through_the_g_of_the_log_space_form() -> None:
    """A public scan put g on the start state, where its own step did not."""
    for name in ("mingru_log", "minlstm_log"):
        cell = zoo.load(name)
        values = given(cell, 9)
        (start,) = starts(values)
        right, _ = unroll(cell, values, values["inputs"], [start])
        wrong = torch.maximum(torch.sigmoid(start), start + 0.5)
        torch.testing.assert_close(scan(cell, values, values["inputs"], [start])[0], right)
        assert (scan(cell, values, values["inputs"], [wrong])[0] - right).abs().max() > 1e-2


class Counted(TorchFunctionMode):
    calls = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Tensor:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def test_operations_grow_with_the_logarithm_of_the_steps() -> None:
    cell, calls = zoo.load("lru"), dict[int, int]()
    for steps in (8, 64, 512):
        values = given(cell, steps)
        with Counted() as counted:
            scan(cell, values, values["inputs"], starts(values))
        calls[steps] = counted.calls
    assert calls[512] - calls[64] == calls[64] - calls[8] > 0
