#!/usr/bin/env python3
"""Checks identity on random cells: ids survive disguise, canonical forms are fixed and keep meaning.

Usage: python scripts/check_identity.py [--cells 20000] [--seed 0]
"""

import argparse
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import CellError, canonical, identifier, identify, parse, sample, to_text
from cells.identity.disguise import disguise
from cells.identity.interpreter import rewriting_error

CLOSE = 1e-12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.perf_counter()
    names: dict[str, object] = {}
    faults = ("id", "fixed", "text", "collision", "meaning")
    counts: dict[str, int] = dict.fromkeys(("folded away", "measured", *faults), 0)
    worst = 0.0
    for index in range(arguments.cells):
        generator = Random(arguments.seed * 1_000_003 + index)  # noqa: S311 - no secret is drawn
        cell = sample(generator, generator.randint(1, 30), extended=index % 2 == 1)
        other = disguise(cell, generator)
        try:
            form, name = identify(cell)
        except CellError as error:
            counts["folded away"] += 1
            try:
                identifier(other)
            except CellError as second:
                counts["id"] += second.code != error.code
            else:
                counts["id"] += 1
            continue
        try:
            counts["id"] += identifier(other) != name
        except CellError:
            counts["id"] += 1
        counts["fixed"] += canonical(form) != form
        counts["text"] += canonical(parse(to_text(form))) != form
        counts["collision"] += names.setdefault(name, form) != form
        error = rewriting_error(cell, generator)
        if error is not None:
            counts["measured"] += 1
            counts["meaning"] += error > CLOSE
            worst = max(worst, error)
    found = sum(counts[fault] for fault in faults)
    print(f"{arguments.cells} random cells, {len(names)} different ids")
    print(f"  input folded away (refused, disguised or not)  {counts['folded away']}")
    print(f"  id changed by a disguise                       {counts['id']}")
    print(f"  canonical form not a fixed point               {counts['fixed']}")
    print(f"  text of the form reads as another cell         {counts['text']}")
    print(f"  one id for two forms                           {counts['collision']}")
    print(
        f"  meaning changed by more than {CLOSE}             {counts['meaning']}"
        f" of {counts['measured']} measured, largest {worst:.1e}"
    )
    print(f"  {time.perf_counter() - start:.0f} s; {'FAULTS' if found else 'all well'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
