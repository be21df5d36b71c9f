#!/usr/bin/env python3
"""Write the tables of `docs/zoo.md` from the zoo; `--check` only compares.

Exit status 1 when the page was not up to date.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import execution_class, zoo
from cells.size import parameters
from cells.text.header import header
from scripts.page import code, run, table
from tests.cells.engine.published import PUBLISHED


def row(name: str) -> tuple[object, ...]:
    """One cell of a shelf."""
    cell = zoo.load(name)
    read = header(cell.comment)
    return (
        code(name),
        read.title.removesuffix("."),
        read.year,
        execution_class(cell),
        str(parameters(cell)).replace("^2", "²"),
        len(cell.updates),
        "; ".join(read.sources),
    )


def shelves() -> str:
    """Every shelf with its cells."""
    head = ("cell", "what it is", "year", "class", "parameters of a layer", "states", "source")

    def parts() -> Iterator[str]:
        for title, names in zoo.shelves().items():
            yield f"### {title}\n"
            yield table(head, map(row, names)) + "\n"

    return "\n".join(parts()).rstrip("\n")


def outside() -> str:
    """What the language cannot say."""
    head = ("what is missing", "cells that need it", "why", "the nearest that can be said")
    rows: Iterable[tuple[str, ...]] = (
        (row["missing"], row["cells"], row["reason"], row["nearest"]) for row in zoo.outside()
    )
    return table(head, rows)


def published() -> str:
    """What the comparison with published packages found."""
    head = ("cell", "published as", "finding", "how they differ, and which is right")
    return table(
        head, ((code(row.cell), code(row.module), row.verdict, row.finding) for row in PUBLISHED)
    )


def verdicts() -> str:
    """How often each."""
    counts = Counter(row.verdict for row in PUBLISHED)
    counted = ", ".join(f"{how_many} {verdict}" for verdict, how_many in sorted(counts.items()))
    return f"{len(PUBLISHED)} comparisons: {counted}."


def count() -> str:
    return f"{len(zoo.names())} cells."


def unread() -> str:
    return ", ".join(map(code, zoo.unread())) + "."


TABLES: Final[dict[str, Callable[[], str]]] = {
    "count": count,
    "shelves": shelves,
    "outside": outside,
    "unread": unread,
    "verdicts": verdicts,
    "published": published,
}


if __name__ == "__main__":
    sys.exit(run("zoo.md", TABLES, __doc__ or "", Path(__file__).name))
