"""What a cell is called in tables and figures: its name in the zoo, else its id."""

from functools import cache

from cells import parse, zoo
from cells.identity.canonical import identifier


@cache
def zoo_ids() -> dict[str, str]:
    """The zoo's name of each id; of two names for one cell the shorter."""
    ordered = sorted(zoo.names(), key=lambda name: (len(name), name), reverse=True)
    return {identifier(zoo.load(name)): name for name in ordered}


def baseline_id(word: str) -> str:
    """The id of a baseline as a study names it: a zoo name, or the text of a cell."""
    return identifier(zoo.load(word) if word in zoo.names() else parse(word))


def label(cell_id: str) -> str:
    """The zoo's name of a cell, or its id."""
    return zoo_ids().get(cell_id, cell_id)
