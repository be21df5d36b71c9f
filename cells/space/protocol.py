"""What a search asks of a space of cells."""

from collections.abc import Iterator
from random import Random
from typing import Protocol

from cells.cell import Cell
from cells.mutation import Mutant, Refusal


class Space(Protocol):
    """Cells that can be reached, drawn and moved between: `cells.space.core.Core` or `cells.space.open.Open`."""

    @property
    def name(self) -> str:
        """What the space is called in words."""
        ...

    def __contains__(self, cell: object) -> bool:
        """Whether a cell, under any spelling, is in the space."""
        ...

    def sample(self, generator: Random) -> Cell:
        """A cell drawn from the space."""
        ...

    def neighbours(self, cell: Cell) -> Iterator[Cell]:
        """Every cell of the space that is one move away, once each and never the cell itself."""
        ...

    def mutate(self, cell: Cell, generator: Random) -> Mutant | Refusal:
        """One random move; an attempt that leaves the space is a refusal."""
        ...
