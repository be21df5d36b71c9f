"""Every edit there is: the exhaustive list holds what `cells.mutate` can draw, and nothing else."""

from collections.abc import Iterator
from random import Random

import pytest

from cells import CellError, canonical, identifier, parse, zoo
from cells.cell import Cell
from cells.mutation import OPERATORS, Draft
from cells.space.edit import _Choices, edited, outcomes
from cells.space.open import Open
from cells.verify import finding


def ids(drafts: Iterator[Draft]) -> set[str]:
    found: set[str] = set()
    for draft in drafts:
        cell = draft.cell("cell", ())
        if finding(cell) is None:
            try:
                found.add(identifier(cell))
            except CellError:
                continue
    return found


def played_back(cell: Cell, operator: str, node: int) -> Iterator[Draft]:
    """All outcomes by all choices, operator 6 included."""
    choices = _Choices()
    more = True
    while more:
        draft = Draft(cell)
        if OPERATORS[operator](draft, node, choices):
            yield draft
        more = choices.advance()


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("name", ["elman", "mingru"])
def test_the_list_is_that_of_all_choices(name: str, operator: str):
    form = canonical(zoo.load(name))
    for node in Draft(form).current():
        assert ids(outcomes(form, operator, node)) == ids(played_back(form, operator, node))


def test_the_list_is_what_random_draws_meet_and_no_more():
    form = canonical(zoo.load("elman"))
    nodes = Draft(form).current()
    generator = Random(3)  # noqa: S311 - no secret is drawn
    for operator, function in OPERATORS.items():
        listed = set[str]().union(*(ids(outcomes(form, operator, node)) for node in nodes))

        def draws() -> Iterator[Draft]:
            for _ in range(600):
                draft = Draft(form)
                if function(draft, generator.choice(nodes), generator):  # noqa: B023 - used at once
                    yield draft

        met = ids(draws())
        assert met <= listed
        assert len(met) > 0.8 * len(listed)


def test_neighbours_in_the_open_space_are_other_cells_once_each():
    elman = zoo.load("elman")
    names = [identifier(cell) for cell in Open().neighbours(elman)]
    assert len(names) == len(set(names)) > 100
    assert identifier(elman) not in names
    assert [name for name, _ in edited(elman)] == names


def test_a_change_that_leaves_no_cell_is_no_neighbour():
    only = parse("cell c(x)\n  out = tanh(x)\n")
    for _, mutant in edited(only):
        assert finding(mutant.cell) is None
