"""The seam between the cascade and a strategy: where new cells and their settings come from."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cells.cell import Cell
from cells.mutation import Reading, Refusal, mutate
from cells.training.setting import Setting
from search.protocol.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Proposal:
    """A cell put forward, or why none came of an attempt.

    Attributes:
        cell: None if the attempt gave no cell.
        parent_id, operators: of the attempt; empty for a cell that was drawn from nothing.
        problem: one line saying why there is no cell.
        code: of that problem, stable: digests cover it.
        values: what the line is filled with.
    """

    cell: Cell | None
    parent_id: str = ""
    operators: tuple[str, ...] = ()
    problem: str = ""
    code: str = ""
    values: Mapping[str, str | int] = field(default_factory=dict[str, str | int])


class Source(Protocol):
    """What tells one strategy from another; everything else is the cascade."""

    def propose(self, generator: random.Random, members: Sequence[Candidate]) -> Proposal:
        """One attempt at a new cell, given the list as it is known; duplicates are found elsewhere."""
        ...

    def inherit(
        self,
        draw: float,
        parent: Candidate | None,
        baselines: Sequence[Candidate],
        task_index: int,
    ) -> Sequence[Setting]:
        """Settings to draw a new cell's next one from on task number `task_index`.

        Empty means: from the study's sampler. `draw` is uniform on [0, 1) and chooses between the
        sources of a mixture; `parent` is None if it was not trained in this study.
        """
        ...


def mutant(parent: Cell, parent_id: str, reading: Reading, generator: random.Random) -> Proposal:
    """One attempt at a mutation of `parent`."""
    mutated = mutate(parent, generator, reading)
    if isinstance(mutated, Refusal):
        why = mutated.reason, mutated.code, dict(mutated.values)
        return Proposal(None, parent_id, mutated.operators, *why)
    return Proposal(mutated.cell, parent_id, mutated.operators)
