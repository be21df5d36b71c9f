"""Findings runs: the studies that test families of claims at a scale, every cell with an equal budget."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from results.claims import claim, paper_table
from results.claims.claim import Family
from results.claims.findings import ALL, PARTS
from results.record.study import FindingsPart, Study
from search import configuration
from search.error import SearchError

YARDSTICK: Final = "gru"
"""In every run, and last in it: ratios are taken to this cell."""
TABLES: Final = "paper-tables"
"""The family of claims about the paper's tables."""


def names() -> tuple[str, ...]:
    """What can be reproduced: the families of claims, and all of them together."""
    return (*claim.names(), ALL)


def families(name: str) -> tuple[Family, ...]:
    """The families of claims of a findings run.

    Raises:
        SearchError: there is no such run.
    """
    if name == ALL:
        return tuple(claim.load(name) for name in claim.names())
    if name not in claim.names():
        raise SearchError(
            "findings.unknown",
            f"there are no findings {name!r}",
            f"known are {', '.join(names())}",
        )
    return (claim.load(name),)


def scales() -> tuple[str, ...]:
    """The scales that findings can be reproduced at."""
    split = (name.split("-") for name in configuration.names() if name.startswith("findings-"))
    return tuple(dict.fromkeys(words[1] for words in split))


def studies(name: str, scale: str, overrides: Sequence[str] = ()) -> tuple[Study, ...]:
    """The studies of a findings run, one a part, with only the cells and tasks that its claims name.

    The claims about the paper's tables stand for all rows of the tables. A part that would only
    repeat another is left out.

    Args:
        name: one of `names`.
        scale: one of `scales`.
        overrides: laid over every part, see `configuration.load`.

    Raises:
        SearchError: unknown name or scale, or an override that does not fit.
    """
    wanted = families(name)
    if scale not in scales():
        raise SearchError(
            "findings.unknown",
            f"there is no scale {scale!r} for findings",
            f"known are {', '.join(scales())}",
        )
    arms = _arms(wanted)
    built: list[Study] = []
    trained: set[tuple[str, str]] = set()
    for part, prefix in PARTS.items():
        file = f"findings-{scale}{part and '-' + part}"
        if file not in configuration.names():
            continue
        study = configuration.load(file, overrides)
        pairs = [
            (arm.removeprefix(prefix), task)
            for arm, task in arms
            if arm.startswith(prefix) and ":" not in arm.removeprefix(prefix)
        ]
        tasks = tuple(plan for plan in study.tasks if plan.name in {task for _, task in pairs})
        runnable = {plan.name for plan in tasks}
        cells = dict.fromkeys(
            cell
            for cell, task in pairs
            if task in runnable and cell != YARDSTICK and cell in study.baselines
        )
        new = {(prefix + cell, plan.name) for cell in cells for plan in tasks} - trained
        if new:
            trained |= new
            built.append(
                replace(
                    study,
                    name=f"{name}-{scale}{part and '-' + part}",
                    tasks=tasks,
                    baselines=(*cells, YARDSTICK),
                    findings=FindingsPart(name, scale, part),
                )
            )
    return tuple(built)


def _arms(wanted: Sequence[Family]) -> list[tuple[str, str]]:
    """Arm and task of all that the families compare, and of the paper's tables if they are judged."""
    arms = [
        (arm, comparison.task)
        for family in wanted
        for told in family.claims
        for comparison in told.comparisons
        for arm in (comparison.better, comparison.worse)
    ]
    if any(family.name == TABLES for family in wanted):
        arms += [
            (column.part + row.arm, column.task)
            for table in paper_table.tables()
            for column in table.columns
            for row in table.rows
        ]
    return arms
