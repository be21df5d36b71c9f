"""How many cells pass, and how much of their updates trainings spend: measured, or assumed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from results.record.ask import Role
from results.record.store import Store
from results.record.study import Study


@dataclass(frozen=True, slots=True)
class Rates:
    """What an estimate takes for granted of a search.

    Attributes:
        screen: share of new cells that pass the screen.
        stages: share of the remaining cells that pass each task, in the order of the study; the last
            stands for all further tasks.
        spent: share of the most updates that a training of a role does; 1 where it is not named.
        source: where the numbers come from, in words.
    """

    screen: float
    stages: tuple[float, ...]
    source: str
    spent: Mapping[Role, float] = field(default_factory=dict[Role, float])

    def stage(self, index: int) -> float:
        """Share of the cells that pass task number `index`."""
        return self.stages[min(index, len(self.stages) - 1)]

    def spends(self, role: Role) -> float:
        """Share of its updates that a training of this role does."""
        return self.spent.get(role, 1.0)


PAPER: Final = Rates(
    screen=0.10,
    stages=(0.5,),
    source="assumed as in the paper, which screened 10,000 cells and kept 1,000",
)
"""The share that passes a task is not given in the paper; its totals allow any."""

MEASURED: Final[Mapping[str, Rates]] = {
    "quick": Rates(
        screen=203 / 420,
        stages=(173 / 203, 113 / 173),
        source="assumed as in a search of quick with the native executor and seed 1",
        spent={Role.SCREEN: 0.71, Role.STAGE: 0.98},
    ),
}
"""By name of a study. Of 420 cells of `quick` 203 passed the screen, 173 arithmetic, 113 progressions;
trainings on the screen ended after 355 of 500 updates on average, as it stops at its pass mark."""


def assumed(study: Study) -> Rates:
    """The rates of a study before it has run: those of a search of that name, or the paper's."""
    return MEASURED.get(study.name, PAPER)


def measured(record: Store, study: Study) -> Rates | None:
    """The rates that a record of the study shows so far; None if it holds no judged cell of it.

    Raises:
        StoreError: if the store cannot be read.
    """
    counts = {
        (row["role"], row["task"], row["scale"]): int(row["cells"])
        for row in record.select(_CELLS, study.id)
    }
    screen = counts.get((Role.SCREEN, study.screen.task, study.screen.scale), 0)
    reached = [counts.get((Role.STAGE, plan.name, plan.scale), 0) for plan in study.tasks]
    if not screen or not reached[0]:
        return None
    stages = [after / before for before, after in pairwise(reached) if before]
    spent = {
        Role(row["role"]): float(row["done"]) / float(row["most"])
        for row in record.select(_SPENT, study.id)
        if row["most"]
    }
    return Rates(
        reached[0] / screen,
        tuple(stages) or PAPER.stages,
        f"measured in {record.path}, of {screen:,} cells that were screened",
        spent,
    )


_CELLS: Final = """
SELECT role, task, scale, count(DISTINCT cell_id) AS cells
FROM ask JOIN trial ON key = trial_key
WHERE study_id = ? AND role IN ('screen', 'stage')
GROUP BY role, task, scale
"""

_SPENT: Final = """
SELECT role, sum(done) AS done, sum(number * most) AS most
FROM (
    SELECT role, count(*) AS number, sum(updates) AS done, max(updates) AS most
    FROM ask
    JOIN trial ON trial.key = ask.trial_key
    JOIN outcome ON outcome.trial_key = ask.trial_key
    WHERE ask.study_id = ?
    GROUP BY role, task, scale
)
GROUP BY role
"""
"""The most updates of a training on a task stand for what its budget and schedule allow."""
