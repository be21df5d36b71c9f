"""Uniform random cells."""

from cells.identity.canonical import identifier
from cells.seed import study_generator
from cells.space.open import LARGEST
from cells.verify import finding
from search import configuration
from search.strategies.uniform import Uniform


def test_cells_are_valid_varied_and_without_parents() -> None:
    source = Uniform(configuration.load("smoke"))
    proposals = [source.propose(study_generator(0, number, "test"), ()) for number in range(200)]
    cells = [proposal.cell for proposal in proposals if proposal.cell is not None]
    assert len(cells) == 200
    assert all(finding(cell) is None for cell in cells)
    assert {(proposal.parent_id, proposal.operators) for proposal in proposals} == {("", ())}
    sizes = {len(cell.nodes) - len(cell.updates) - 1 for cell in cells}
    assert max(sizes) == LARGEST
    assert len(sizes) > 10
    assert not source.inherit(0.5, None, (), 0)


def test_the_same_generator_draws_the_same_cell() -> None:
    source = Uniform(configuration.load("smoke"))
    once, again = (source.propose(study_generator(0, 3, "test"), ()).cell for _ in range(2))
    assert once is not None
    assert again is not None
    assert identifier(once) == identifier(again)
