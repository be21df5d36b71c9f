#!/usr/bin/env python3
"""Write the tables of `docs/tasks.md` from `docs/tasks.csv`; `--check` only compares.

The numbers come from `measure_tasks.py`. Exit status 1 when the page was not up to date.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import zoo
from cells.text.header import header
from scripts.measure_tasks import CELLS, PAGE_DATA, PARAMETERS, SCALE, SEEDS, TASKS
from scripts.page import code, run, table
from tasks import registry

Row = dict[str, str]


@cache
def rows() -> tuple[Row, ...]:
    """Every row that was measured."""
    with PAGE_DATA.open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def chosen(task: str, cell: str) -> list[Row]:
    """The rows of all seeds of one cell on one task."""
    return [row for row in rows() if row["task"] == task and row["cell"] == cell]


def spread(values: Sequence[str]) -> str:
    """The mean over seeds, or both ends where they are further apart than 0.05."""
    numbers = [float(value) for value in values if value]
    if len(numbers) < len(values) or not numbers:
        return "failed"
    if max(numbers) - min(numbers) > 0.05:
        return f"{min(numbers):.2f} to {max(numbers):.2f}"
    return f"{fmean(numbers):.2f}"


def by_length() -> str:
    """A table a task: accuracy by cell and length."""

    def parts() -> Iterator[str]:
        for task in TASKS:
            facts = registry.load(task, SCALE).facts
            known = {floor.name: floor.accuracy or 0.0 for floor in facts.floors}
            levels = {name: known.get(f"{name}, in test", known[name]) for name in known}
            below = max(
                (name for name in levels if name != "optimum" and "in test" not in name),
                key=levels.__getitem__,
            )
            lengths = list(dict.fromkeys(row["length"] for row in rows() if row["task"] == task))
            heads = (
                ("test",) if lengths == ["0"] else tuple(f"test at {length}" for length in lengths)
            )
            yield f"### `{task}`\n"
            updates = f"{TASKS[task]:,} updates."
            yield f'{updates} Best level without the ability: "{below}", {levels[below]:.2f} in test.\n'
            yield (
                table(
                    ("cell", "updates to 0.9", "valid", *heads),
                    (line(task, cell, lengths) for cell in CELLS),
                )
                + "\n"
            )

    return "\n".join(parts()).rstrip("\n")


def line(task: str, cell: str, lengths: Sequence[str]) -> tuple[str, ...]:
    """The row of one cell."""
    found = chosen(task, cell)
    once = [row for row in found if row["length"] == lengths[0]]
    reached = ", ".join(row["updates_to_90"] or "never" for row in once)
    tested = (
        spread([row["test_accuracy"] for row in found if row["length"] == length])
        for length in lengths
    )
    return code(cell), reached, spread([row["valid_accuracy"] for row in once]), *tested


def cells() -> str:
    """What the cells are."""
    return table(
        ("cell", "what it is", "width on `parity`"),
        (
            (code(cell), header(zoo.load(cell).comment).title, chosen("parity", cell)[0]["width"])
            for cell in CELLS
        ),
    )


def cost() -> str:
    """What the measurement took."""
    trainings = {(r["task"], r["cell"], r["seed"]): float(r["cpu_seconds"]) for r in rows()}
    return (
        f"{len(trainings)} trainings of {PARAMETERS:,} parameters, {SEEDS} seeds each,"
        f" {sum(trainings.values()) / 60:.1f} core-minutes."
    )


TABLES: Final[dict[str, Callable[[], str]]] = {"cells": cells, "length": by_length, "cost": cost}


if __name__ == "__main__":
    sys.exit(run("tasks.md", TABLES, __doc__ or "", Path(__file__).name))
