"""The difference of two cells: what is marked is what the edits say."""

from random import Random

import pytest

from cells import canonical, mutate, parse, zoo
from cells.distance.difference import Difference, difference
from cells.distance.relative import distance
from cells.drawing.diagram import diagram
from cells.identity.naming import named
from cells.mutation import Mutant

PAIRS = (("lstm", "lstm_f"), ("gru", "mut1"), ("elman", "lstm"), ("lstm", "gru"), ("mgu", "janet"))


def changes(found: Difference) -> set[str]:
    """What is said of any part of either cell."""
    sides = found.before, found.after
    return {change for side in sides for change in (*side.vertices, *side.edges)}


def test_a_removed_gate_is_marked_with_its_arrows_in_the_first_cell_alone() -> None:
    found = difference(zoo.load("lstm"), zoo.load("lstm_f"))
    vertices = diagram(found.before.cell).vertices
    gone = [
        v for v, change in zip(vertices, found.before.vertices, strict=True) if change != "same"
    ]
    assert [vertex.text for vertex in gone] == ["σ", "×"]
    assert gone[0].name == "f"
    assert found.before.edges.count("removed") == 5
    assert set(found.after.vertices) == {"same"}
    assert found.after.edges.count("added") == 1


def test_a_bias_that_starts_elsewhere_is_a_change_of_its_gate_on_both_sides() -> None:
    found = difference(zoo.load("lstm"), zoo.load("lstm_b"))
    assert found.distance == 1
    for side in (found.before, found.after):
        vertices = diagram(side.cell).vertices
        marked = [vertices[i].name for i, change in enumerate(side.vertices) if change == "changed"]
        assert marked == ["f"]
        assert set(side.edges) == {"same"}


@pytest.mark.parametrize("name", ["lstm", "gru", "mut1", "scrn"])
def test_a_cell_differs_in_nothing_from_another_spelling_of_itself(name: str) -> None:
    cell = zoo.load(name)
    found = difference(cell, canonical(cell))
    assert (found.distance, found.exact, found.edits) == (0, True, ())
    assert changes(found) == {"same"}


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_turned_round_what_was_added_is_removed(first: str, second: str) -> None:
    there = difference(zoo.load(first), zoo.load(second))
    assert there.distance == distance(zoo.load(first), zoo.load(second))[0]
    assert "added" not in there.before.vertices + there.before.edges
    assert "removed" not in there.after.vertices + there.after.edges
    back = difference(zoo.load(second), zoo.load(first))
    assert back.distance == there.distance


@pytest.mark.parametrize("seed", range(12))
def test_a_mutant_is_marked_where_it_was_edited_and_nowhere_if_it_was_not(seed: int) -> None:
    generator = Random(seed)  # noqa: S311
    cell = zoo.load(("lstm", "gru")[seed % 2])
    while not isinstance(mutant := mutate(cell, generator), Mutant):
        pass
    found = difference(cell, mutant.cell)
    same = canonical(cell) == canonical(mutant.cell)
    assert (found.distance == 0) == same == (changes(found) == {"same"})
    assert bool(found.edits) != same
    for side, whole in ((found.before, cell), (found.after, mutant.cell)):
        made = diagram(named(whole))
        assert len(side.vertices) == len(made.vertices)
        assert len(side.edges) == len(made.edges)


def test_a_new_state_is_marked_where_it_enters_and_where_it_leaves() -> None:
    elman = parse("cell a(x; h)\n  h' = tanh(linear(x, h))")
    other = parse("cell b(x; h, c)\n  c' = tanh(linear(x, c))\n  h' = tanh(linear(x, h)) + c")
    found = difference(elman, other)
    vertices = diagram(found.after.cell).vertices
    told = {
        (vertex.role, found.after.vertices[index])
        for index, vertex in enumerate(vertices)
        if vertex.role in ("state", "new")
    }
    assert told >= {("state", "same"), ("state", "added"), ("new", "same"), ("new", "added")}
