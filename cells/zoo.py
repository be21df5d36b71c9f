"""The zoo: published cells, one file of cell text each, with source and pitfalls in its header."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from cells.cell import Cell
from cells.error import CellError
from cells.text.parser import read

_FOLDER: Final = Path(__file__).with_name("zoo")


@cache
def names() -> tuple[str, ...]:
    """The names of all cells of the zoo, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.cell")))


def _path(name: str) -> Path:
    known = names()
    if name not in known:
        raise CellError("C702", {"word": name}, words=known)
    return _FOLDER / f"{name}.cell"


@cache
def load(name: str) -> Cell:
    """The cell of this name; the header of its file is its `comment`.

    Raises:
        CellError: C702 for an unknown name, with the nearest known ones as its hint.
    """
    return read(_path(name))


@cache
def _shelves() -> dict[str, Any]:
    return tomllib.loads((_FOLDER / "shelves.toml").read_text(encoding="utf-8"))


def shelves() -> dict[str, tuple[str, ...]]:
    """The cells of each shelf, by its title."""
    return {title: tuple(cells) for title, cells in _shelves()["shelves"].items()}


def first() -> tuple[str, ...]:
    """The cells of the first records, sorted. This list never changes, whatever joins the zoo."""
    later = frozenset(_shelves()["later"])
    return tuple(name for name in names() if name not in later)


def unread() -> tuple[str, ...]:
    """Cells not yet compared with the text of the paper or the authors' code."""
    return tuple(_shelves()["unread"])


def outside() -> tuple[dict[str, str], ...]:
    """What the language cannot say: `missing`, the `cells` that need it, `reason`, `nearest`."""
    return tuple(_shelves()["outside"])


def source(name: str) -> str:
    """The text of the cell's file, header included.

    Raises:
        CellError: C702 for an unknown name.
    """
    return _path(name).read_text(encoding="utf-8")
