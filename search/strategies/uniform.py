"""Random cells without parents: the baseline that a search must beat."""

import random
from collections.abc import Sequence
from typing import Final

from cells.space.open import Open
from cells.training.setting import Setting
from results.record.study import Study
from search.protocol.candidate import Candidate
from search.strategies.source import Proposal

_SPACE: Final = Open()


class Uniform:
    """Cells of `cells.sample`, of uniform size, with settings from the study's sampler alone."""

    def __init__(self, study: Study) -> None:
        del study

    def propose(self, generator: random.Random, members: Sequence[Candidate]) -> Proposal:
        """A random cell; the list plays no part."""
        del members
        return Proposal(_SPACE.sample(generator))

    def inherit(
        self,
        draw: float,
        parent: Candidate | None,
        baselines: Sequence[Candidate],
        task_index: int,
    ) -> Sequence[Setting]:
        """Nothing: there is no parent."""
        del draw, parent, baselines, task_index
        return ()
