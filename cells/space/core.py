"""The closed core space: all cells that the template writes, with ids, slots and neighbours.

The table is derived from `cells.space.template` when it is first asked for, in about three seconds of
one core, and kept for the life of the process.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property, lru_cache
from random import Random
from typing import Final, Literal

from cells.cell import Cell
from cells.error import CellError
from cells.identity.canonical import identifier
from cells.mutation import Mutant, Refusal, mutate
from cells.space.edit import edited
from cells.space.template import SLOTS, Slots, build, combinations, slots, write
from cells.text.parser import parse

Moves = Literal["slots", "edits"]
"""One slot changed, or edits of the paper that stay inside."""

ATTEMPTS: Final = 2_000
"""Mutations that are tried for one that stays inside; between 1 and 5 of 100 do."""


class Core:
    """The core space as a `cells.space.protocol.Space`. `core` holds the only one that is needed.

    Attributes:
        ids: of all cells, `[N]`, in the order of the first combination of slots that writes each.
    """

    def __init__(self) -> None:
        self._spellings: dict[str, list[Slots]] = {}
        self._id: dict[Slots, str] = {}
        by_text: dict[str, str] = {}
        for chosen in combinations():
            text = write(chosen)
            if text not in by_text:
                by_text[text] = identifier(parse(text))
            self._id[chosen] = by_text[text]
            self._spellings.setdefault(by_text[text], []).append(chosen)
        self.ids = tuple(self._spellings)

    @property
    def name(self) -> str:
        """`core`."""
        return "core"

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Cell]:
        """All cells, in the order of `ids`."""
        return map(self.cell_of, self.ids)

    def __contains__(self, cell: object) -> bool:
        """Whether a cell under any spelling, or an id, is in the space."""
        if isinstance(cell, Cell):
            try:
                cell = identifier(cell)
            except CellError:
                return False
        return cell in self._spellings

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the sorted ids, a line each: two tables of the space agree when this does."""
        return hashlib.sha256(
            "".join(f"{name}\n" for name in sorted(self.ids)).encode()
        ).hexdigest()

    def id_of(self, cell: Cell | str | Mapping[str, str] | Slots) -> str:
        """The id of a cell, of a combination of slots, or the id itself if it is of the space.

        Raises:
            CellError: C703 or C704 for slots that do not fit, C705 for a cell outside.
        """
        if isinstance(cell, Slots):
            cell = cell._asdict()
        if isinstance(cell, Mapping):
            return self._id[slots(cell)]
        name = identifier(cell) if isinstance(cell, Cell) else cell
        if name not in self._spellings:
            word = cell.name if isinstance(cell, Cell) else cell
            raise CellError("C705", {"word": word})
        return name

    def slots_of(self, cell: Cell | str) -> Slots:
        """The first combination of slots that writes a cell, given in any spelling or by its id.

        Raises:
            CellError: C705 for a cell outside.
        """
        return self._spellings[self.id_of(cell)][0]

    def spellings(self, cell: Cell | str) -> tuple[Slots, ...]:
        """All combinations that write a cell, in order: they differ in slots that act on nothing.

        Raises:
            CellError: C705 for a cell outside.
        """
        return tuple(self._spellings[self.id_of(cell)])

    def cell_of(self, which: str | Mapping[str, str] | Slots) -> Cell:
        """The cell of an id or of slots, written as the template does and named `core_ID`.

        Raises:
            CellError: as `id_of`.
        """
        name = self.id_of(which)
        return _built(self._spellings[name][0], name)

    def changed(self, cell: Cell | str) -> dict[str, tuple[str, ...]]:
        """The ids one slot away, each with the slots that do it; itself never.

        A cell is one slot away from another if any of its spellings is from any of the other's, so
        the relation is symmetric.

        Raises:
            CellError: C705 for a cell outside.
        """
        own = self.id_of(cell)
        near: dict[str, dict[str, None]] = {}
        for spelling in self._spellings[own]:
            for slot, levels in SLOTS.items():
                for level in levels:
                    other = self._id[spelling._replace(**{slot: level})]
                    if other != own:
                        near.setdefault(other, {})[slot] = None
        return {name: tuple(by) for name, by in near.items()}

    def edited(self, cell: Cell | str) -> dict[str, str]:
        """The ids inside that one edit of the paper leads to, each with the first operator that does.

        Not symmetric. It takes seconds for a cell of the LSTM's size; see `cells.space.edit.edited`.

        Raises:
            CellError: C705 for a cell outside.
        """
        form = self.cell_of(self.id_of(cell))
        return {
            name: mutant.operators[0] for name, mutant in edited(form) if name in self._spellings
        }

    def neighbours(self, cell: Cell, moves: tuple[Moves, ...] = ("slots",)) -> Iterator[Cell]:
        """Every cell one move away, once each and never the cell itself: by slots, by edits, or both.

        Raises:
            CellError: C705 for a cell outside.
        """
        near: dict[str, None] = {}
        for move in moves:
            reached = self.changed(cell) if move == "slots" else self.edited(cell)
            for name in reached:
                if name not in near:
                    near[name] = None
                    yield self.cell_of(name)

    def draw(self, generator: Random) -> str:
        """An id drawn uniformly: cells are equally likely, combinations of slots are not."""
        return self.ids[generator.randrange(len(self.ids))]

    def sample(self, generator: Random) -> Cell:
        """The cell of `draw`."""
        return self.cell_of(self.draw(generator))

    def mutate(self, cell: Cell, generator: Random, moves: Moves = "slots") -> Mutant | Refusal:
        """A random move: a uniform neighbour by slots, or the paper's mutation given that it stays inside.

        The operator of the mutant is the slot that changed, or those of `cells.mutate`. There is a
        refusal only where `ATTEMPTS` mutations led out or back.

        Raises:
            CellError: C705 for a cell outside.
        """
        if moves == "slots":
            near = tuple(self.changed(cell).items())
            name, by = near[generator.randrange(len(near))]
            return Mutant(self.cell_of(name), by[:1])
        own = self.id_of(cell)
        form, applied = self.cell_of(own), tuple[str, ...]()
        for _ in range(ATTEMPTS):
            mutant = mutate(form, generator)
            applied = mutant.operators
            if isinstance(mutant, Refusal) or mutant.cell not in self:
                continue
            if self.id_of(mutant.cell) != own:
                return mutant
        values = {"word": cell.name}
        return Refusal("C705", CellError("C705", values).message, applied, tuple(values.items()))


@lru_cache(maxsize=256)
def _built(chosen: Slots, name: str) -> Cell:
    return build(chosen, f"core_{name}")


@cache
def core() -> Core:
    """The core space, derived at the first call."""
    return Core()
