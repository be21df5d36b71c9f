"""The probe: what it passes, what it turns away, and in which words."""

import pytest

from cells.cell import Cell
from cells.engine.measure.probe import path_exists, probe
from cells.initial import Initial
from tests.cells.engine.made import Graph, elman, gru, gru_after, lstm


def runaway() -> Cell:
    graph = Graph(1)
    grown = graph.add("exp", graph.add("exp", graph.add("exp", 1)))
    return graph.cell([graph.add("+", graph.linear(0), grown)])


def erased() -> Cell:
    """The state is carried by the graph, and multiplied by zero."""
    graph = Graph(1)
    kept = graph.add("*", 1, graph.constant(0.0))
    return graph.cell([graph.add("tanh", graph.add("+", graph.linear(0), kept))])


def silent() -> Cell:
    """A relu that nothing can switch on."""
    graph = Graph(1)
    low = graph.add("-", graph.add("tanh", graph.linear(0, 1)), graph.constant(9.0))
    return graph.cell([graph.add("relu", low)])


def steep() -> Cell:
    """1 / exp(200 + a) is 0, its slope 0 times infinity."""
    graph = Graph(1)
    total = graph.linear(0, 1)
    far = graph.add("exp", graph.add("+", total, graph.constant(200.0)))
    zero = graph.add("/", graph.constant(1.0), far)
    return graph.cell([graph.add("+", graph.add("tanh", total), zero)])


def delayed(steps: int) -> Cell:
    """The output is what was read `steps` steps before."""
    graph = Graph(steps)
    out = graph.add("tanh", graph.linear(steps))
    return graph.cell([0, *range(1, steps)], output=out)


@pytest.mark.parametrize("cell", [elman(), elman("relu"), lstm(), gru(), gru_after()])
def test_cells_that_train_pass(cell: Cell) -> None:
    assert [probe(cell, seed) for seed in range(5)] == [None] * 5


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (runaway(), "the output of a fresh model is not finite at step"),
        (erased(), "no gradient reaches back 5 steps or more"),
        (silent(), "no gradient reaches a parameter below the readout"),
        (steep(), "gradient of a fresh model is not finite at"),
    ],
    ids=["runaway", "erased", "silent", "steep"],
)
def test_cells_that_cannot_train_are_turned_away_with_the_reason(cell: Cell, reason: str) -> None:
    found = probe(cell, 0)
    assert found is not None
    assert reason in found
    assert "\n" not in found


def test_a_cell_without_a_long_path_is_left_to_the_screen() -> None:
    assert not path_exists(delayed(2), 5)
    assert probe(delayed(2), 0) is None


def test_paths_are_as_long_as_the_graph_makes_them() -> None:
    assert [path_exists(delayed(3), lag) for lag in range(5)] == [False] * 3 + [True, False]
    assert all(path_exists(elman(), lag) for lag in range(9))
    assert probe(delayed(7), 0) is None


def test_the_probe_is_a_function_of_cell_and_seed() -> None:
    assert [probe(runaway(), 3) for _ in range(3)] == [probe(runaway(), 3)] * 3


@pytest.mark.parametrize("blocks", [3, 4, 5])
def test_block_cells_are_probed_at_a_width_they_have(blocks: int) -> None:
    graph = Graph(1)
    cell = graph.cell([graph.add("tanh", graph.linear(0, 1, kind="block", blocks=blocks))])
    assert probe(cell, 0) is None


def test_every_kind_of_parameter_is_probed() -> None:
    graph = Graph(1)
    vector, scalar = (
        graph.add(op, parameter=Initial("value", (0.5,))) for op in ("vector", "scalar")
    )
    mixed = graph.add("+", graph.add("*", vector, 1), graph.add("*", scalar, 0))
    assert probe(graph.cell([graph.add("tanh", mixed)]), 0) is None
