"""The open space: every valid cell, and the paper's edits as moves between them."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from cells.cell import Cell
from cells.error import CellError
from cells.identity.canonical import identifier
from cells.limit import LIMITS, Limits
from cells.mutation import Mutant, Reading, Refusal, mutate
from cells.sampling import sample
from cells.space.edit import edited
from cells.verify import finding

SMALLEST: Final = 4
"""Operations of the Elman cell, `tanh(linear(x) + linear(h))`."""

LARGEST: Final = 24
"""A little above the operations of the LSTM."""


@dataclass(frozen=True, slots=True)
class Open:
    """The cells of the language within limits, as a `cells.space.protocol.Space`.

    Attributes:
        reading: how much a mutation edits, see `cells.mutate`.
        smallest, largest: operations of a cell that is drawn; the number is uniform.
        limits: of all cells.
    """

    reading: Reading = "edits"
    smallest: int = SMALLEST
    largest: int = LARGEST
    limits: Limits = LIMITS

    @property
    def name(self) -> str:
        """`open`."""
        return "open"

    def __contains__(self, cell: object) -> bool:
        """Whether a cell passes `cells.verify.check` and keeps x in its canonical form."""
        if not isinstance(cell, Cell) or finding(cell, self.limits) is not None:
            return False
        try:
            identifier(cell, self.limits)
        except CellError:
            return False
        return True

    def sample(self, generator: Random) -> Cell:
        """A cell of `cells.sample`; x may fold away in it, as in a search."""
        size = generator.randint(self.smallest, self.largest)
        return sample(generator, size, limits=self.limits)

    def neighbours(self, cell: Cell) -> Iterator[Cell]:
        """Every cell that is one edit away, in the order of `cells.space.edit.edited`."""
        for _, mutant in edited(cell, self.limits):
            yield mutant.cell

    def mutate(self, cell: Cell, generator: Random) -> Mutant | Refusal:
        """One attempt of `cells.mutate`."""
        return mutate(cell, generator, self.reading, self.limits)
