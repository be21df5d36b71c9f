"""Findings runs: the studies that test families of claims at a scale, every cell with an equal budget."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from results.claims import claim, paper_table
from results.claims.claim import Family
from results.claims.findings import ALL, FOUNDING, PARTS, families_of
from results.record.study import FindingsPart, Study
from search import configuration
from search.error import SearchError

YARDSTICK: Final = "gru"
"""In every run, and last in it: ratios are taken to this cell."""
TABLES: Final = "paper-tables"
"""The family of claims about the paper's tables."""

_FOUNDING_STUDIES: Final = configuration.STUDIES / "founding"


def names() -> tuple[str, ...]:
    """What can be reproduced: the second edition, the families of the first, and all of these together."""
    return (FOUNDING, *claim.names(), ALL)


def families(name: str) -> tuple[Family, ...]:
    """The families of claims of a findings run.

    Raises:
        SearchError: there is no such run.
    """
    if name not in names():
        raise SearchError(
            "findings.unknown",
            f"there are no findings {name!r}",
            f"known are {', '.join(names())}",
        )
    return families_of(name)


def scales(name: str) -> tuple[str, ...]:
    """The scales that a findings run can be reproduced at."""
    if name == FOUNDING:
        return tuple(sorted(path.stem for path in _FOUNDING_STUDIES.glob("*.toml")))
    split = (study.split("-") for study in configuration.names() if study.startswith("findings-"))
    return tuple(dict.fromkeys(words[1] for words in split))


def studies(
    name: str, scale: str, overrides: Sequence[str] = (), parts: Sequence[str] = ()
) -> tuple[Study, ...]:
    """The studies of a findings run, one a part, in the order in which they are run.

    Args:
        name: one of `names`.
        scale: one of `scales(name)`.
        overrides: laid over every part, see `configuration.load`.
        parts: only these; all if empty.

    Raises:
        SearchError: unknown name, scale or part, or an override that does not fit.
    """
    families(name)
    if scale not in scales(name):
        raise SearchError(
            "findings.unknown",
            f"there is no scale {scale!r} for the findings {name!r}",
            f"known are {', '.join(scales(name))}",
        )
    whole = _second(scale, overrides) if name == FOUNDING else _first(name, scale, overrides)
    known = [study.findings.part for study in whole if study.findings is not None]
    for part in parts:
        if part not in known:
            raise SearchError(
                "findings.unknown",
                f"the findings {name!r} have no part {part!r} at the scale {scale!r}",
                f"the parts are {', '.join(word or repr(word) for word in known)}",
            )
    return tuple(
        study for study, part in zip(whole, known, strict=True) if not parts or part in parts
    )


def _second(scale: str, overrides: Sequence[str]) -> tuple[Study, ...]:
    """The parts as their file has them: what the claims of the second edition compare."""
    parts = configuration.load_parts(_FOUNDING_STUDIES / f"{scale}.toml", overrides)
    return tuple(
        replace(study, findings=FindingsPart(FOUNDING, scale, part))
        for part, study in parts.items()
    )


def _first(name: str, scale: str, overrides: Sequence[str]) -> tuple[Study, ...]:
    """The parts of the first edition, with only the cells and tasks that its claims name.

    The claims about the paper's tables stand for all rows of the tables. A part that would only
    repeat another is left out.
    """
    wanted = families_of(name)
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
