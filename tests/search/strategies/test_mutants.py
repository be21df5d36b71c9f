"""Mutants of the zoo."""

from cells import zoo
from cells.identity.canonical import identifier
from cells.seed import study_generator
from search import configuration
from search.strategies.mutants import Mutants


def test_every_zoo_cell_is_a_parent_and_every_mutant_names_its_own() -> None:
    source = Mutants(configuration.load("smoke"))
    known = {identifier(zoo.load(name)) for name in zoo.first()}
    assert len(zoo.first()) == 116
    numbers = range(12 * len(known))
    proposals = [source.propose(study_generator(0, number, "test"), ()) for number in numbers]
    assert {proposal.parent_id for proposal in proposals} == known
    assert all(proposal.operators for proposal in proposals)
    assert sum(proposal.cell is not None for proposal in proposals) > len(numbers) // 2
    assert not source.inherit(0.5, None, (), 0)
