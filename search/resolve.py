"""What a CELL on the command line means: a zoo name, a `.cell` file, or an id in a store."""

from pathlib import Path

from cells import Cell, identity, parse, zoo
from cells.parser import read
from search.console import UsageError


def cell(word: str, store: Path | None = None) -> Cell:
    """The cell that `word` names.

    Raises:
        CellError: the file's text is no cell, or no zoo cell has this name (the nearest is named).
        UsageError: `word` looks like a file that is not there.
        StoreError: `store` cannot be read.
    """
    path = Path(word)
    if path.suffix == ".cell" or "/" in word:
        if not path.is_file():
            raise UsageError(
                f"{word}: no such file; expected a zoo name, a .cell file, or an id with --store"
            )
        return read(path)
    if store is not None and word not in zoo.names():
        from results.store import Store

        with Store.read(store) as record:
            text = record.cell(word)
        if text is not None:
            return parse(text)
    return zoo.load(word)


def label(found: Cell) -> str:
    """The zoo's name of a cell if it is there under any spelling, else its id."""
    wanted = identity(found)
    for name in zoo.names():
        if identity(zoo.load(name)) == wanted:
            return name
    return wanted
