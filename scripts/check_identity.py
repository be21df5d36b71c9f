#!/usr/bin/env python3
"""Checks identity on random cells and mutants: ids are fixed points, survive disguise and keep meaning.

A fifth of the cells each is sampled as in a search, mutated from the zoo, arbitrary in the whole
grammar, made of sums that overlap, and rewritten by identities of algebra.

Usage: python scripts/check_identity.py [--cells 20000] [--seed 0]
"""

import argparse
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import Cell, CellError, identifier, identify, parse, to_text
from cells.identity.arbitrary import SOURCES
from cells.identity.disguise import disguise
from cells.identity.interpreter import rewriting_error

CLOSE: Final = 1e-12

FAULTS: Final = {
    "id": "id changed by a disguise",
    "fixed": "canonical form not a fixed point",
    "text": "text of the form has another id",
    "collision": "one id for two forms",
    "meaning": f"meaning changed by more than {CLOSE}",
}


class Check:
    """Counts over all cells that `add` was given."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(FAULTS, 0)
        self.folded = 0
        self.measured = 0
        self.worst = 0.0
        self.forms: dict[str, Cell] = {}

    def add(self, cell: Cell, generator: Random) -> list[str]:
        """The faults of one cell."""
        other = disguise(cell, generator)
        try:
            form, name = identify(cell)
        except CellError as error:
            self.folded += 1
            return [] if _code(other) == error.code else self._count(["id"])
        faults: list[str] = []
        if _id(other) != name:
            faults.append("id")
        if _fixed(form) != (form, name):
            faults.append("fixed")
        if _id(parse(to_text(form))) != name:
            faults.append("text")
        if self.forms.setdefault(name, form) != form:
            faults.append("collision")
        error = rewriting_error(cell, generator)
        if error is not None:
            self.measured += 1
            self.worst = max(self.worst, error)
            if error > CLOSE:
                faults.append("meaning")
        return self._count(faults)

    def _count(self, faults: list[str]) -> list[str]:
        for fault in faults:
            self.counts[fault] += 1
        return faults


def _fixed(form: Cell) -> tuple[Cell, str] | None:
    try:
        return identify(form)
    except CellError:
        return None


def _id(cell: Cell) -> str | None:
    try:
        return identifier(cell)
    except CellError:
        return None


def _code(cell: Cell) -> str | None:
    try:
        identifier(cell)
    except CellError as error:
        return error.code
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    check = Check()
    sources = list(SOURCES.items())
    drawn = dict.fromkeys(SOURCES, 0)
    for index in range(arguments.cells):
        source, draw = sources[index % len(sources)]
        drawn[source] += 1
        generator = Random(f"identity {arguments.seed} {index}")  # noqa: S311 - nothing secret
        cell = draw(generator)
        for fault in check.add(cell, generator):
            print(
                f"{FAULTS[fault]}: {source} cell {index} of seed {arguments.seed}\n{to_text(cell)}"
            )
    kinds = ", ".join(f"{count} {source}" for source, count in drawn.items())
    print(f"seed {arguments.seed}: {arguments.cells} cells ({kinds}), {len(check.forms)} ids")
    print(f"  {'input folded away (refused, disguised or not)':45} {check.folded}")
    for fault, words in FAULTS.items():
        print(f"  {words:45} {check.counts[fault]}")
    print(f"  {check.measured} measured, largest change of meaning {check.worst:.1e}")
    bad = any(check.counts.values())
    print(f"  {time.perf_counter() - start:.0f} s; {'FAULTS' if bad else 'all well'}")
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
