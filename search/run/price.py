"""The price of a study on this machine, whether or not its data is here."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cells import CellError, identifier, zoo
from cells.cell import Cell
from cells.engine.training.trainer import Source
from cells.engine.training.width import WidthError
from cells.identity.canonical import canonical
from cells.seed import study_generator
from cells.text.parser import parse
from cells.training.setting import Setting
from cells.training.space import Space
from results.record.study import Study, TaskPlan
from search.protocol.candidate import Candidate, Tries
from search.run.estimate import (
    Estimate,
    epoch_updates,
    estimate,
    most_updates,
    screen_plan,
    tasks_of,
)
from search.run.rates import Rates
from search.run.timing import StandIn, Timing, positions, timed
from search.settings import grid
from search.strategies.registry import STRATEGIES
from tasks import registry
from tasks.task import Facts, TaskError

SAMPLE: Final = 6
"""New cells that are timed on each task: they are drawn as the study itself would draw them."""
SHAPES: Final = 3
"""Settings that are timed: those of the space that differ in layers, lanes or the optimizer."""
ATTEMPTS: Final = 200
"""Attempts at a new cell."""

Told = Callable[[int, int], None]
"""Told how many timings of how many are done."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a study will cost.

    Attributes:
        estimate: trainings, updates and time.
        absent: tasks that are not on this machine, each with the code of the reason; they are priced
            from the study's own numbers, without validation and test.
    """

    estimate: Estimate
    absent: tuple[str, ...]


@dataclass(slots=True)
class Timings:
    """Timings of cells with an executor, each made once, however many studies need it."""

    executor: str
    _made: dict[tuple[object, ...], Timing | None] = field(
        default_factory=dict[tuple[object, ...], Timing | None]
    )
    _scored: dict[tuple[str, str], tuple[int, int]] = field(
        default_factory=dict[tuple[str, str], tuple[int, int]]
    )

    def of(self, cell: Cell, plan: TaskPlan, setting: Setting, screened: bool) -> Timing | None:
        """The timing of a training; None if no width meets its budget, so that it is refused."""
        budget = plan.budget
        key = (
            *(identifier(cell), plan.name, plan.scale, budget.parameters, budget.width),
            *(_shape(setting), screened),
        )
        if key not in self._made:
            source, scored = self._sized(plan.name, plan.scale)
            try:
                self._made[key] = timed(
                    cell, source, setting, budget, self.executor, scored, screened=screened
                )
            except (WidthError, TaskError):
                self._made[key] = None
        return self._made[key]

    def _sized(self, name: str, scale: str) -> tuple[Source, tuple[int, int]]:
        """A task, or what stands in for it, and the sizes of its splits that are not trained on."""
        try:
            source: Source = registry.load(name, scale)
        except TaskError:
            source = StandIn()
        if (name, scale) not in self._scored:
            self._scored[name, scale] = positions(source)
        return source, self._scored[name, scale]


def price(plan: Study, timings: Timings, rates: Rates, told: Told | None = None) -> Price:
    """What a study will cost, from a short timing of each of its cells on each of its tasks.

    Args:
        plan: the study.
        timings: with the executor that the study will use; filled here.
        rates: of the search, see `search.run.rates`.
        told: of progress.

    Raises:
        SearchError: `estimate`, a task is not here and its budget bounds neither updates nor tokens.
        CellError: a baseline is neither a zoo name nor the text of a cell.
    """
    facts: dict[tuple[str, str], Facts] = {}
    absent: list[str] = []
    for name, scale in tasks_of(plan)[0 if plan.proposals else 1 :]:
        try:
            facts[name, scale] = registry.load(name, scale).facts
        except TaskError as error:
            absent.append(f"{name} ({error.code})")
    cells = {word: [_baseline(word)] for word in plan.baselines}
    if plan.proposals:
        cells[""] = sample(plan)
    settings = shapes(plan.space)
    screen = screen_plan(plan)
    pairs = [(cell, task) for task in plan.tasks for group in cells.values() for cell in group]
    pairs += [(cell, screen) for cell in cells.get("", ())]
    for number, (cell, task) in enumerate(pairs, 1):
        for setting in settings:
            timings.of(cell, task, setting, task == screen)
        if told is not None:
            told(number, len(pairs))

    def seconds(word: str, task: TaskPlan, share: float) -> float:
        known = facts.get((task.name, task.scale))
        spent = [
            seconds_of(timing, task, known, setting.batch_size, share)
            for cell in cells[word]
            for setting in settings
            if (timing := timings.of(cell, task, setting, task == screen)) is not None
        ]
        return sum(spent) / len(spent) if spent else 0.0

    return Price(estimate(plan, facts, seconds, rates), tuple(absent))


def sample(plan: Study) -> list[Cell]:
    """Some new cells as the strategy of the study proposes them, each from those before it."""
    source, generator = STRATEGIES[plan.strategy](plan), study_generator(plan.seed, 0, "price")
    members = [_candidate(_baseline(word), plan) for word in plan.baselines]
    known = {member.cell_id for member in members}
    new: list[Cell] = []
    for _ in range(ATTEMPTS):
        if len(new) == SAMPLE:
            break
        proposed = source.propose(generator, members).cell
        if proposed is None:
            continue
        try:
            candidate = _candidate(canonical(proposed), plan)
        except CellError:
            continue
        if candidate.cell_id not in known:
            known.add(candidate.cell_id)
            members.append(candidate)
            new.append(candidate.cell)
    return new


def shapes(space: Space) -> list[Setting]:
    """Settings of the space that cost different amounts: at most `SHAPES`, evenly from all."""
    differing = {_shape(setting): setting for setting in grid.settings(space)}
    kept = list(differing.values())
    if len(kept) <= SHAPES:
        return kept
    return [kept[index * (len(kept) - 1) // (SHAPES - 1)] for index in range(SHAPES)]


def _shape(setting: Setting) -> tuple[object, ...]:
    return setting.layers, setting.batch_size, setting.dropout > 0, setting.optimizer


def seconds_of(
    timing: Timing, plan: TaskPlan, facts: Facts | None, batch: int | None, share: float
) -> float:
    """Seconds of a training that does a share of its most updates."""
    updates = round(share * most_updates(plan, facts, batch))
    epochs = 0 if facts is None else -(-updates // epoch_updates(facts, batch))
    return timing.seconds(updates, epochs)


def yardstick(plan: Study) -> Cell:
    """The cell that others are compared with."""
    return _baseline(plan.baselines[-1])


def _baseline(word: str) -> Cell:
    return canonical(zoo.load(word) if word in zoo.names() else parse(word))


def _candidate(cell: Cell, plan: Study) -> Candidate:
    tried = tuple(Tries() for _ in plan.tasks)
    return Candidate(
        cell=cell, text="", cell_id=identifier(cell), parent_id="", operators=(), tried=tried
    )
