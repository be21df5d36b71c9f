"""The paper's search: mutants of list members, which inherit settings from their parents.

Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.1; where it is silent D16 and D17 of our reading:
members are drawn uniformly, and inheritance is task by task.
"""

import random
from collections.abc import Sequence
from typing import Final

from cells.mutation import Reading
from cells.training.setting import Setting
from results.record.study import Study
from search.protocol.candidate import Candidate
from search.protocol.score import ranked
from search.strategies.source import Proposal, mutant

FEW: Final = 420
"""A parent with more evaluated settings than this on a task is known well (half of the 840)."""

BEST: Final = 100
"""How many of the best settings are inherited from."""

FROM_KNOWN_PARENT: Final = 0.8
"""Chance that a setting comes from the best ones of a parent that is known well."""

THIRD: Final = 1 / 3
"""Chance of each of the three sources for a parent that is not known well (33 % in the paper)."""


class Paper:
    """The paper's strategy as a `search.strategies.source.Source`."""

    def __init__(self, study: Study) -> None:
        self._reading: Reading = study.mutation

    def propose(self, generator: random.Random, members: Sequence[Candidate]) -> Proposal:
        """A mutant of a uniformly drawn list member."""
        parent = members[generator.randrange(len(members))]
        return mutant(parent.cell, parent.cell_id, self._reading, generator)

    def inherit(
        self,
        draw: float,
        parent: Candidate | None,
        baselines: Sequence[Candidate],
        task_index: int,
    ) -> Sequence[Setting]:
        """The paper's mixture, from what is known of the parent on this task."""
        tried = [] if parent is None else evaluated(parent, task_index)
        if parent is not None and len(tried) > FEW:
            return best_settings([parent], task_index) if draw < FROM_KNOWN_PARENT else ()
        if draw < THIRD:
            return ()
        if draw < 2 * THIRD:
            return best_settings(baselines, task_index)
        return tried


def evaluated(candidate: Candidate, task_index: int) -> list[Setting]:
    """Settings whose result is known on a task, failed ones included, in the order they were tried."""
    return [
        setting for setting, result in candidate.tried[task_index].items() if result is not None
    ]


def best_settings(candidates: Sequence[Candidate], task_index: int) -> list[Setting]:
    """The `BEST` best settings of the candidates together on a task, best first, each once."""
    ordered = ranked(*(candidate.tried[task_index] for candidate in candidates))
    return list(dict.fromkeys(setting for setting, _ in ordered))[:BEST]
