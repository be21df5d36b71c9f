"""Distance of cells: exact for small ones against all matches, quick and readable for the zoo."""

from itertools import permutations
from random import Random

import pytest

from cells import Cell, CellError, canonical, parse, sample, zoo
from cells.distance.assignment import assign
from cells.distance.graph import Graph, bound, cost
from cells.distance.relative import distance, nearest


def cheapest(a: Graph, b: Graph) -> int:
    """The least cost over every match there is."""
    free = [*range(b.count), *([-1] * a.count)]
    least = 10**9
    for partners in set(permutations(free, a.count)):
        if any(o >= 0 and a.kinds[i] != b.kinds[o] for i, o in enumerate(partners)):
            continue
        if partners[0] == 0 and partners[-1] == b.count - 1:  # x and the output always match
            least = min(least, cost(a, b, list(partners)))
    return least


def tiny(seed: int) -> Cell:
    """A random cell whose diagram has at most five vertices."""
    generator = Random(seed)  # noqa: S311
    while True:
        try:
            cell = sample(generator, 3)
            if Graph(canonical(cell)).count <= 5:
                return cell
        except CellError:
            continue


@pytest.mark.parametrize("seed", range(30))
def test_the_distance_of_tiny_cells_is_the_least_over_all_matches(seed: int) -> None:
    a, b = tiny(2 * seed), tiny(2 * seed + 1)
    left, right = Graph(canonical(a)), Graph(canonical(b))
    found, exact = distance(a, b)
    assert exact
    assert found == cheapest(left, right)
    assert bound(left, right) <= found


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("tanh(linear(x, h))", 0),
        ("relu(linear(x, h))", 1),
        ("tanh(linear(x, h, bias=1))", 1),
        ("tanh(linear(x, h) + h)", 1),
        ("tanh(linear(x) + h)", 1),
        ("tanh(linear(x, h)) * x", 7),
    ],
)
def test_single_edits_cost_what_is_written(right: str, expected: int) -> None:
    # The last: a product and two arrows more; new h and output leave one vertex for another.
    elman = parse("cell a(x; h)\n  h' = tanh(linear(x, h))")
    other = parse(f"cell b(x; h)\n  h' = {right}")
    found, exact = distance(elman, other)
    assert exact
    assert found == expected


def test_the_distance_is_the_same_both_ways_and_none_to_itself() -> None:
    gru, mut1 = zoo.load("gru"), zoo.load("mut1")
    assert distance(gru, gru) == (0, True)
    assert distance(gru, mut1)[0] == distance(mut1, gru)[0] > 0


def test_the_nearest_relative_of_the_lstm_is_named_with_its_one_edit() -> None:
    found = nearest(zoo.load("lstm_b"))
    assert found is not None
    assert (found.name, found.distance, found.exact) == ("lstm", 1, True)
    assert found.edits == ("bias of f starts at 1, not 0",)


def test_an_exchanged_activation_is_told_by_the_name_of_its_gate() -> None:
    text = zoo.source("lstm").replace("o = sigmoid", "o = relu")
    found = nearest(parse(text))
    assert found is not None
    assert found.name in ("lstm", "lstm_tanh_o")
    assert found.distance == 1
    assert found.edits[0].endswith("becomes relu at o")


def test_a_gate_that_is_gone_is_told() -> None:
    found = nearest(parse(zoo.source("mut2").replace("(r * h)", "(h)").replace("r * h", "h")))
    assert found is not None
    assert found.distance > 0
    assert found.edits


@pytest.mark.parametrize("name", zoo.names())
def test_no_zoo_cell_is_farther_than_the_bound_allows(name: str) -> None:
    cell = zoo.load(name)
    found, form = nearest(cell), canonical(cell)
    assert found is not None
    other = canonical(zoo.load(found.name))
    assert other != form
    assert bound(Graph(other), Graph(form)) <= found.distance
    assert found.edits


def test_an_assignment_is_the_cheapest_of_all() -> None:
    generator = Random(4)  # noqa: S311
    for size in (1, 2, 4, 6):
        table = [[generator.randrange(20) for _ in range(size)] for _ in range(size)]
        found = assign(table)
        assert sorted(found) == list(range(size))
        best = min(
            sum(table[row][column] for row, column in enumerate(columns))
            for columns in permutations(range(size))
        )
        assert sum(table[row][column] for row, column in enumerate(found)) == best
