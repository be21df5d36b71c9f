"""Analytic against numeric gradients, in float64, at tiny sizes, over two layers."""

import pytest
import torch
from torch import Tensor

from cells.cell import Cell, Kind
from cells.engine.learner import Model
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.initial import Initial
from cells.op import ACTIVATIONS, ARITHMETIC, OPS
from tests.cells.engine.made import Graph

STEPS, LANES, WIDTH, LAYERS = 4, 2, 3, 2


def with_op(name: str) -> Cell:
    """h' = tanh(op(p, q)) with p and q linear in x and h, moved off the operator's corners."""
    graph = Graph(1)
    p, q = graph.linear(0, 1), graph.linear(0, 1)
    if name == "sqrt":
        p = graph.add("+", graph.add("*", p, p), graph.constant(0.5))
    if name == "/":
        q = graph.add("+", q, graph.constant(4.0))
    result = graph.add(name, *(p, q)[: OPS[name].arity])
    return graph.cell([graph.add("tanh", result)])


def with_kinds() -> Cell:
    """All kinds of Linear, a vector, a scalar, a constant; a linear of a parameter; delayed x."""
    graph = Graph(2)
    total = graph.linear(0, 1, kind="diagonal", init=Initial("normal", (0.5,)))
    others: tuple[tuple[Kind, int], ...] = (("block", 3), ("frozen", 1), ("antisymmetric", 1))
    for kind, blocks in others:
        total = graph.add("+", total, graph.linear(1, 2, kind=kind, blocks=blocks))
    vector = graph.add("vector", parameter=Initial("uniform", (0.2, 0.9)))
    scalar = graph.add("scalar", parameter=Initial("value", (0.7,)))
    carried = graph.add("*", graph.add("*", vector, 1), graph.linear(scalar))
    total = graph.add("+", graph.add("+", total, carried), graph.constant(0.1))
    new = graph.add("tanh", total)
    return graph.cell([new, 0], output=graph.add("*", new, graph.linear(0, 2)))


CELLS = {name: with_op(name) for name in (*ACTIVATIONS, *ARITHMETIC)} | {
    "kinds": with_kinds(),
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_gradients_of_inputs_states_and_weights_are_numerically_right(cell: Cell) -> None:
    weights = tensors(draw(Model(cell, WIDTH, LAYERS, "symbols", 2), 1.4, 5))
    names = [name for name in weights if name.startswith("layer")]
    source = torch.Generator().manual_seed(7)
    count = len(cell.updates)

    def run(inputs: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        used = dict(zip(names, rest[count:], strict=True))
        values, ends = inputs, list[Tensor]()
        for layer in range(LAYERS):
            values, ends = unroll(cell, used, values, rest[:count], layer)
        return values, *ends

    inputs = torch.randn(STEPS, LANES, WIDTH, dtype=torch.float64, generator=source)
    states = torch.randn(count, LANES, WIDTH, dtype=torch.float64, generator=source).unbind(0)
    leaves = [leaf.clone().requires_grad_() for leaf in (inputs, *states)]
    leaves += [weights[name].requires_grad_() for name in names]
    assert torch.autograd.gradcheck(run, leaves, atol=1e-7, rtol=1e-5)
