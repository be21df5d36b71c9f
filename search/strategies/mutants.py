"""Mutants of the zoo without selection: what the operators reach when nothing is learned on the way."""

import random
from collections.abc import Sequence
from functools import cache

from cells import zoo
from cells.cell import Cell
from cells.identity.canonical import identify
from cells.mutation import Reading
from cells.training.setting import Setting
from results.record.study import Study
from search.protocol.candidate import Candidate
from search.strategies.source import Proposal, mutant


@cache
def _parents() -> tuple[tuple[Cell, str], ...]:
    """The cells of the first zoo in canonical form, with ids: a study of it stays what it was."""
    return tuple(identify(zoo.load(name)) for name in zoo.first())


class Mutants:
    """Mutants of uniformly drawn zoo cells, with settings from the study's sampler alone."""

    def __init__(self, study: Study) -> None:
        self._reading: Reading = study.mutation
        self._parents = _parents()

    def propose(self, generator: random.Random, members: Sequence[Candidate]) -> Proposal:
        """A mutant of a zoo cell; the list plays no part."""
        del members
        parent, parent_id = self._parents[generator.randrange(len(self._parents))]
        return mutant(parent, parent_id, self._reading, generator)

    def inherit(
        self,
        draw: float,
        parent: Candidate | None,
        baselines: Sequence[Candidate],
        task_index: int,
    ) -> Sequence[Setting]:
        """Nothing, so that the search does not learn settings either."""
        del draw, parent, baselines, task_index
        return ()
