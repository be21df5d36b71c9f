"""The author's names on the canonical form, so that facts about it can be told in his words."""

from dataclasses import replace
from random import Random

from cells.cell import Cell
from cells.identity.canonical import canonical
from cells.identity.interpreter import twin
from cells.text.printer import state_names

_DIGITS = 9


def named(cell: Cell) -> Cell:
    """The canonical form of a cell with its name and comment, and the names of states and nodes.

    A node of the form takes the name of a node of the cell that has the same value at random
    parameters. Rewriting leaves most named nodes as they are; what it takes apart stays nameless.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    try:
        form, before, after = twin(cell, Random(0))  # noqa: S311 - fixed on purpose
    except ValueError:
        return replace(canonical(cell), name=cell.name, comment=cell.comment)
    known = {
        _key(value): name
        for name, value in zip(cell.names, before.values, strict=False)
        if name is not None
    }
    states = state_names(cell)
    names = [known.pop(_key(value), None) for value in after.values]
    first = 1 + len(form.states)
    names[:first] = [None] * first
    return replace(
        form.cell,
        name=cell.name,
        comment=cell.comment,
        states=tuple(states[state] for state in form.states),
        names=tuple(names),
    )


def _key(value: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(f"{number:.{_DIGITS}e}" for number in value)
