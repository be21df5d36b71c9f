"""Whatever graph comes, the reference runs it, and hoisting out of the loop changes nothing."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from cells.cell import KINDS, Cell
from cells.engine.learner import Model
from cells.engine.measure.probe import probe
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.initial import Initial
from cells.op import ACTIVATIONS, ARITHMETIC, OPS
from tests.cells.engine.made import Graph

LEAVES = ("constant", "vector", "scalar")


def random_cell(seed: int) -> Cell:
    """Any graph that the types allow: dead nodes, unused x, constant states, all operators."""
    source = np.random.default_rng(seed)
    graph = Graph(int(source.integers(1, 4)))
    states = len(graph.nodes) - 1
    for _ in range(int(source.integers(1, 14))):
        op = str(source.choice([*ACTIVATIONS, *ARITHMETIC, *LEAVES, *["linear"] * 12]))
        arguments = [int(source.integers(len(graph.nodes))) for _ in range(OPS[op].arity)]
        if op == "linear":
            kind = source.choice(list(KINDS))
            graph.linear(*arguments, kind=kind, blocks=2 if kind == "block" else 1)
        elif op == "constant":
            graph.constant(float(source.normal()))
        else:
            graph.add(op, *arguments, parameter=Initial() if op in LEAVES else None)
    chosen = [int(source.integers(len(graph.nodes))) for _ in range(states + 1)]
    return graph.cell(chosen[1:], output=chosen[0])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_a_window_equals_its_steps_one_by_one(seed: int) -> None:
    cell = random_cell(seed)
    weights = tensors(draw(Model(cell, 4, 1, "symbols", 2), 1.0, seed))
    source = torch.Generator().manual_seed(seed)
    inputs = torch.randn(5, 3, 4, dtype=torch.float64, generator=source)
    start = list(torch.randn(len(cell.updates), 3, 4, dtype=torch.float64, generator=source))
    outputs, ends = unroll(cell, weights, inputs, start)
    assert outputs.shape == (5, 3, 4)
    states, steps = start, list[Tensor]()
    for step in range(5):
        output, states = unroll(cell, weights, inputs[step : step + 1], states)
        steps.append(output)
    torch.testing.assert_close(outputs, torch.cat(steps), equal_nan=True, rtol=1e-9, atol=1e-12)
    for end, state in zip(ends, states, strict=True):
        assert end.shape == (3, 4)
        torch.testing.assert_close(end, state, equal_nan=True, rtol=1e-9, atol=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 2**32 - 1))
def test_the_probe_answers_for_every_cell(seed: int) -> None:
    found = probe(random_cell(seed), 0)
    assert found is None or (found and "\n" not in found and "nan" not in found)
