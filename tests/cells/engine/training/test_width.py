"""Parameter counts and solved widths, against the paper's formulas and by exhaustion."""

from dataclasses import replace

import pytest

from cells.cell import Cell
from cells.engine.learner import Model
from cells.engine.training.initial import draw
from cells.engine.training.width import WidthError, parameter_count, solve_width, width_of
from cells.initial import Initial
from cells.training.budget import Budget
from tests.cells.engine.made import Graph, elman, gru, gru_after, lstm


def mut1() -> Cell:
    graph = Graph(1)
    z = graph.add("sigmoid", graph.linear(0))
    r = graph.add("sigmoid", graph.linear(0, 1))
    bare = graph.add("tanh", 0)
    n = graph.add("tanh", graph.add("+", graph.linear(graph.add("*", r, 1)), bare))
    keep = graph.add("*", 1, graph.add("-", graph.constant(1.0), z))
    return graph.cell([graph.add("+", graph.add("*", n, z), keep)])


def mut2() -> Cell:
    graph = Graph(1)
    z = graph.add("sigmoid", graph.linear(0, 1))
    r = graph.add("sigmoid", graph.add("+", 0, graph.linear(1)))
    n = graph.add("tanh", graph.linear(0, graph.add("*", r, 1)))
    keep = graph.add("*", 1, graph.add("-", graph.constant(1.0), z))
    return graph.cell([graph.add("+", graph.add("*", n, z), keep)])


def lstm_without_forget_gate() -> Cell:
    graph = Graph(2)
    i, o = (graph.add("sigmoid", graph.linear(0, 1)) for _ in range(2))
    c = graph.add("+", 2, graph.add("*", i, graph.add("tanh", graph.linear(0, 1))))
    return graph.cell([graph.add("*", o, graph.add("tanh", c)), c])


def blocks(count: int) -> Cell:
    graph = Graph(1)
    return graph.cell([graph.add("tanh", graph.linear(0, 1, kind="block", blocks=count))])


# Widths of Jozefowicz et al. 2015 at 250K with V = 40 and at 5M with V = 10,000.
PAPER = {
    "tanh": (elman(), 333, 243),
    "lstm": (lstm(), 171, 228),
    "lstm_f": (lstm_without_forget_gate(), 197, 233),
    "gru": (gru(), 197, 233),
    "mut1": (mut1(), 239, 238),
    "mut2": (mut2(), 215, 235),
}


@pytest.mark.parametrize(("cell", "small", "large"), PAPER.values(), ids=PAPER.keys())
def test_widths_are_those_of_the_paper(cell: Cell, small: int, large: int) -> None:
    assert solve_width(cell, "symbols", 40, 1, 250_000) == small
    assert solve_width(cell, "symbols", 10_000, 1, 5_000_000) == large
    for width, size, budget in ((small, 40, 250_000), (large, 10_000, 5_000_000)):
        assert 0.99 * budget < parameter_count(Model(cell, width, 1, "symbols", size)) <= budget


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("kind", ["symbols", "roll"])
@pytest.mark.parametrize("budget", [20_000, 100_000, 1_000_000])
@pytest.mark.parametrize("cell", [elman(), lstm(), gru(), mut1(), blocks(4)])
def test_the_width_is_the_largest_that_fits(cell, budget, kind, layers) -> None:
    size = 88 if kind == "roll" else 26
    width = solve_width(cell, kind, size, layers, budget)
    model = Model(cell, width, layers, kind, size)
    step = 4 if cell == blocks(4) else 1
    count, more = parameter_count(model), parameter_count(replace(model, width=width + step))
    assert count <= budget < more
    # No width lies nearer, so the shortfall is that of one unit: at most about 2 / H.
    assert (budget - count) / budget < 2.1 * step / width
    if width >= 210 * step:
        assert count > 0.99 * budget


@pytest.mark.parametrize("kind", ["symbols", "roll"])
def test_the_count_is_that_of_the_drawn_weights(kind) -> None:
    graph = Graph(1)
    total = graph.linear(0, 1, kind="frozen")
    total = graph.add("+", total, graph.linear(0, 1, kind="antisymmetric"))
    total = graph.add("+", total, graph.linear(1, kind="diagonal", bias=None))
    total = graph.add("+", total, graph.linear(1, kind="block", blocks=2))
    vector, scalar = (graph.add(op, parameter=Initial()) for op in ("vector", "scalar"))
    cell = graph.cell([graph.add("+", graph.add("*", vector, total), scalar)])
    model = Model(cell, 6, 2, kind, 5)
    one_layer = (2 * 36 + 6) + (2 * 36 + 6) + 6 + (18 + 6) + 6 + 1
    outer = (5 * 6 if kind == "symbols" else 5 * 6 + 6) + (5 * 6 + 5)
    assert parameter_count(model) == 2 * one_layer + outer
    assert sum(array.size for array in draw(model, 1.0, 0).values()) == parameter_count(model)


def test_gates_after_the_product_cost_one_bias_more() -> None:
    before, after = (Model(cell, 10, 1, "symbols", 4) for cell in (gru(), gru_after()))
    assert parameter_count(before) == 6 * 100 + 3 * 10 + 2 * 40 + 4
    assert parameter_count(after) == parameter_count(before) + 10


def test_block_widths_are_multiples_of_all_block_counts() -> None:
    graph = Graph(1)
    total = graph.add(
        "+", graph.linear(0, kind="block", blocks=4), graph.linear(1, kind="block", blocks=6)
    )
    cell = graph.cell([graph.add("tanh", total)])
    assert solve_width(cell, "symbols", 10, 1, 5_000) % 12 == 0


def test_a_budget_too_small_names_the_narrowest_model() -> None:
    assert parameter_count(Model(lstm(), 1, 1, "symbols", 40)) == 132
    assert solve_width(lstm(), "symbols", 40, 1, 132) == 1
    with pytest.raises(WidthError, match=r"131 parameters is too small.*width 1.*has 132"):
        solve_width(lstm(), "symbols", 40, 1, 131)


def test_a_budget_may_give_the_width_itself() -> None:
    assert width_of(gru(), "symbols", 40, 1, Budget(width=24)) == 24
    assert width_of(gru(), "symbols", 40, 1, Budget(parameters=250_000)) == 197
    fits = parameter_count(Model(gru(), 24, 2, "symbols", 40))
    assert width_of(gru(), "symbols", 40, 2, Budget(parameters=fits, width=24)) == 24


@pytest.mark.parametrize(
    ("cell", "budget", "said"),
    [
        (gru(), Budget(), "needs a budget of parameters, or a width"),
        (gru(), Budget(parameters=5_000, width=64), "more than the budget of 5000"),
        (blocks(4), Budget(width=30), "no width 30: expected a multiple of 4"),
        (gru(), Budget(width=0), "no width 0"),
    ],
)
def test_a_width_that_cannot_be_is_refused(cell: Cell, budget: Budget, said: str) -> None:
    with pytest.raises(WidthError, match=said):
        width_of(cell, "symbols", 40, 1, budget)
