"""What a CELL on the command line means: a zoo name, a `.cell` file, or an id in a store or the core space."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from cells import Cell, CellError, identifier, parse, zoo
from cells.space.core import core
from cells.text.parser import read
from results import label as naming
from search.error import UsageError

if TYPE_CHECKING:
    from cells.engine.files.model_file import Trained


def cell(word: str, store: Path | None = None) -> Cell:
    """The cell that `word` names.

    Raises:
        CellError: the file's text is no cell, or no zoo cell has this name (the nearest is named).
        UsageError: `word` looks like a file that is not there, or is an id that is neither in `store` nor
            in the core space.
        StoreError: `store` cannot be read.
    """
    path = Path(word)
    if path.suffix == ".cell" or "/" in word:
        if not path.is_file():
            raise UsageError(
                f"{word}: no such file", "give a zoo name, a .cell file, or an id with --store"
            )
        try:
            return read(path)
        except CellError as error:
            error.add_note(word)
            raise
    if store is not None and word not in zoo.names():
        from results.publishing import publication

        with publication.open_record(store) as record:
            text = record.cell(word)
        if text is not None:
            return parse(text)
    if re.fullmatch("[0-9a-f]{12}", word):
        if word in core():
            return core().cell_of(word)
        if store is not None:
            raise UsageError(f"{word}: no cell in {store} has this id")
        raise UsageError(f"{word}: an id, but of which store?", "add --store FILE")
    return zoo.load(word)


def trained(path: Path) -> "Trained":
    """The model in a file of `gatewright train --save`.

    Raises:
        UsageError: there is no such file.
        ModelFileError: it holds no model.
    """
    from cells.engine.files import model_file

    if not path.exists():
        raise UsageError(f"{path}: no such file", "`gatewright train ... --save` writes one")
    return model_file.load(path)


def label(cell: Cell) -> str:
    """The zoo's name of a cell if it is there under any spelling, else its id."""
    return naming.label(identifier(cell))
