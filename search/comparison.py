"""The study that compares named cells: equal settings, equal budgets, fresh seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cells import Cell, identifier, to_text, zoo
from cells.error import visible
from results.record.study import Confirm, Study, TaskPlan
from search import configuration
from search.error import UsageError
from tasks import registry

_STUDIES: Final = configuration.STUDIES / "compare"

LEAST_SEEDS: Final = 3
"""With two seeds an interval is wider than any difference."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained.

    Attributes:
        study: a roster; its first baseline is compared with the others.
        names: what its cells are called, the first one first.
        same: pairs of words that name one cell; the second of each is left out.
    """

    study: Study
    names: tuple[str, ...]
    same: tuple[tuple[str, str], ...]


def scales() -> tuple[str, ...]:
    """The scales that cells can be compared at."""
    return tuple(sorted(path.stem for path in _STUDIES.glob("*.toml")))


def plan(
    cells: Sequence[tuple[str, Cell]],
    tasks: Sequence[str] = (),
    scale: str = "quick",
    settings: int | None = None,
    seeds: int | None = None,
    overrides: Sequence[str] = (),
) -> Plan:
    """The study that compares the first cell with the others.

    Args:
        cells: the word that names each, and the cell.
        tasks: names of tasks; by default those of the study file.
        scale: one of `scales()`.
        settings: tried for each cell on each task; by default those of the file.
        seeds: fresh ones on which the best setting is trained again; by default those of the file.
        overrides: laid over the study file, see `configuration.load`.

    Raises:
        UsageError: an unknown scale, too few seeds, or two different cells of one name.
        SearchError: an override does not fit.
        TaskError: there is no such task, or it has no such scale.
    """
    if scale not in scales():
        raise UsageError(f"--scale {scale}: expected one of {', '.join(scales())}")
    if seeds is not None and seeds < LEAST_SEEDS:
        raise UsageError(
            f"--seeds {seeds}: expected at least {LEAST_SEEDS}, so that means have bounds"
        )
    study = configuration.load(str(_STUDIES / f"{scale}.toml"), overrides)
    if settings is not None:
        listed = tuple(replace(task, settings=settings) for task in study.tasks)
        study = replace(study, baseline_settings=settings, tasks=listed)
    if seeds is not None:
        study = replace(study, confirm=Confirm(0, seeds))
    if tasks:
        study = replace(study, tasks=tuple(_task(study, name) for name in dict.fromkeys(tasks)))
    words, names, same = _distinct(cells)
    return Plan(replace(study, baselines=words), names, same)


def _task(study: Study, name: str) -> TaskPlan:
    """How the study uses a task: as its file says, or like the first one there."""
    known = next((task for task in study.tasks if task.name == name), None)
    wanted = known or replace(study.tasks[0], name=name)
    if wanted.scale not in registry.scales_of(name):
        registry.load(name, wanted.scale)  # says which scales there are
    return wanted


def _distinct(
    cells: Sequence[tuple[str, Cell]],
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Words for the study, names for people, and which words name a cell that came before."""
    words: dict[str, str] = {}
    names: dict[str, str] = {}
    given: dict[str, str] = {}
    same: list[tuple[str, str]] = []
    for word, cell in cells:
        cell_id = identifier(cell)
        if cell_id in given:
            same.append((given[cell_id], word))
            continue
        name = word if word in zoo.names() else visible(cell.name)
        if name in names.values():
            raise UsageError(
                f"{word}: another cell is called {name!r} too", "rename the cell in its file"
            )
        given[cell_id], names[cell_id] = word, name
        words[cell_id] = word if word in zoo.names() else to_text(cell)
    return tuple(words.values()), tuple(names.values()), tuple(same)
