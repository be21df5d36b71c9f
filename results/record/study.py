"""The frozen description of a search. Its hash is its id; a TOML file in `search/studies/` is its text."""

from dataclasses import dataclass
from typing import Literal, Self

from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.space import Space
from results.record import plain, words
from results.record.decode import Recorded, read_recorded
from results.record.words import Edition

StrategyName = Literal["paper", "uniform", "zoo", "roster"]
SamplerName = Literal["grid", "random", "tpe"]


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """How a study uses one task.

    Attributes:
        name, scale: which task.
        settings: hyperparameter settings tried for a cell in one visit.
        budget, schedule: of each training.
    """

    name: str
    scale: str
    settings: int
    budget: Budget
    schedule: Schedule


@dataclass(frozen=True, slots=True)
class Screen:
    """The memorization screen: one random setting; `pass_mark` is an accuracy on the copied symbols."""

    task: str = "memorization"
    scale: str = "laptop"
    pass_mark: float = 0.95
    budget: Budget = Budget()
    schedule: Schedule = Schedule()


@dataclass(frozen=True, slots=True)
class Confirm:
    """The last act: the best `cells` of the list, and LSTM and GRU, once more on `seeds` fresh seeds."""

    cells: int = 3
    seeds: int = 3


@dataclass(frozen=True, slots=True)
class FindingsPart:
    """What a study of a findings run is of it.

    Attributes:
        findings: a family of claims, or `all`.
        scale: of the run.
        part: which part of it, see `results.claims.findings.PARTS`.
    """

    findings: str
    scale: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Study(Recorded):
    """A search, fully described.

    Attributes:
        name: `[a-z0-9-]{1,40}`.
        strategy: `paper` (the paper's search), `uniform` (random cells), `zoo` (mutations of the zoo),
            `roster` (no new cells: the baselines alone, all with the same settings and seeds).
        seed: everything drawn in the study derives from it.
        lag: trial n may use results 0..n - lag only, whatever the number of workers; at least 4 times
            the slots the study is meant for.
        slots: workers it is meant for. Not a limit; only `lag` shapes the history.
        proposals: new cells put forward (after duplicates and invalid ones are turned away).
        tasks: in the order of the cascade, cheapest first.
        screen: the gate before them.
        baselines: zoo names, or texts of cells, that the list starts with. The last is the yardstick.
        baseline_settings: settings for the baselines on each task before anything is compared.
        threshold: share of the GRU's best that a cell must exceed on a task to go on.
        list_size: members kept.
        reevaluate: chance that a step re-evaluates a list member (D15).
        retry: chance that a step takes up a cell that failed the screen, with an unused setting: the
            third step that the paper announces and does not describe (D15; off by default).
        sampler: where settings come from.
        space: what they are drawn from.
        mutation: reading of "how much": `edits` (1-3 edits), `sweep` (p uniform a mutation, each node
            edited with chance p, 1-3 edits kept) or `free_sweep` (any number of edits).
        confirm: re-measurement of the winners.
        edition: what digests of its history cover, see `results.record.words`.
        on_poison: what becomes of a trial that is struck out (see `search.run.guards.strikes`): `record` makes
            an outcome of it that did not end well, `stop` ends the run, to be resumed.
        findings: the findings run that it is a part of; None for any other study, and for all that the
            first version wrote.
    """

    name: str
    strategy: StrategyName
    seed: int
    lag: int
    slots: int
    proposals: int
    tasks: tuple[TaskPlan, ...]
    screen: Screen
    baseline_settings: int
    baselines: tuple[str, ...] = ("lstm", "gru")
    threshold: float = 0.9
    list_size: int = 100
    reevaluate: float = 0.5
    retry: float = 0.0
    sampler: SamplerName = "grid"
    space: Space = Space()  # noqa: RUF009 - frozen
    mutation: Literal["edits", "sweep", "free_sweep"] = "edits"
    confirm: Confirm = Confirm()
    edition: Edition = 1
    findings: FindingsPart | None = None
    on_poison: Literal["record", "stop"] = "record"

    def recorded(self) -> dict[str, object]:
        """What canonical JSON holds: all fields, but later ones only where they are not the default."""
        later = {
            "edition": self.edition > 1,
            "findings": self.findings is not None,
            "on_poison": self.on_poison != "record",
        }
        names = (name for name in self.__slots__ if later.get(name, True))
        return {words.recorded("Study", name): getattr(self, name) for name in names}

    def to_json(self) -> str:
        """Canonical JSON."""
        return plain.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The study that `to_json` wrote, in this version or an earlier one with fewer fields.

        Raises:
            UnknownError: it has a field or a value that this version does not know.
        """
        return read_recorded(cls, text)

    @property
    def id(self) -> str:
        """The identity of the study in the record, 16 hex digits: made as the key of a trial is."""
        return self.recorded_name[:16]
