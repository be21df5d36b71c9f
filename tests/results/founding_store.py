"""Findings runs of the second edition for tests: a record with the values that a test gives, never trained.

Nothing published may come from here.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cells import to_text, zoo
from cells.identity.canonical import identify
from cells.training.budget import Budget
from cells.training.point import Point
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from cells.training.space import Space
from results.claims.findings import Run, run_of
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Confirm, FindingsPart, Screen, Study, TaskPlan
from results.record.trial import Trial

UPDATES = 1000
SCHEDULE = Schedule("ptb", epochs=5, constant=3)
FLOORS: Sequence[Mapping[str, Any]] = (
    {"name": "optimum", "loss": 0.0, "accuracy": 1.0},
    {"name": "constant symbol", "accuracy": 0.2},
    {"name": "no memory", "accuracy": 0.3},
    {"name": "one of the two numbers", "accuracy": 0.5},
)
RATES = (0.2, 0.5, 1.0)
"""The grid of learning rates."""
CLIPS = tuple(1.0 + number for number in range(100))


@dataclass(frozen=True)
class Cell:
    """What the trainings of a cell gave, as values of the metric.

    Attributes:
        tried: validation and test value of each setting; None for a training that failed, a test
            value of None for one that was not measured on test.
        confirmed: test value of each fresh seed; None for a training that failed.
        curve: validation values of the confirmed trainings at equal distances up to `UPDATES`, which
            rise with the seed by as much as the test values do, accuracies within 0 and 1; empty for
            a single point.
        rates: of the points of the curve, as shares of the first.
        selected: place of the confirmed setting.
    """

    tried: Sequence[tuple[float, float | None] | None]
    confirmed: Sequence[float | None]
    curve: Sequence[float] = ()
    rates: Sequence[float] = ()
    selected: int = 0


@dataclass(frozen=True)
class Part:
    """One study: the cells of a part on one task. Its first setting has the number `first`."""

    name: str
    cells: Mapping[str, Cell]
    task: str = "arithmetic"
    metric: str = "accuracy"
    scale: str = "laptop"
    floors: Sequence[Mapping[str, Any]] = FLOORS
    baselines: Sequence[Mapping[str, Any]] = ()
    updates: int = UPDATES
    first: int = 0


def setting(number: int) -> Setting:
    """The settings differ in rate and clip; number 1 has neither at the end of its grid."""
    return Setting(learning_rate=RATES[number % len(RATES)], clip=CLIPS[number])


def record(path: Path, *parts: Part) -> Run:
    """The run that these parts make, written to a store and read from it."""
    with Store.create_or_open(path) as store:
        studies = [_write(store, part) for part in parts]
        run = run_of(store, studies[0].id)
    assert run is not None
    return run


def _write(store: Store, part: Part) -> Study:
    settings = max(len(cell.tried) for cell in part.cells.values())
    budget = Budget(parameters=20_000, updates=part.updates)
    study = Study(
        name=f"founding-laptop-{part.name}",
        strategy="roster",
        seed=len(part.name) + part.first,
        lag=8,
        slots=2,
        proposals=0,
        tasks=(TaskPlan(part.task, part.scale, settings, budget, SCHEDULE),),
        screen=Screen("memorization", "smoke", 0.95, budget, SCHEDULE),
        baseline_settings=settings,
        baselines=tuple(part.cells),
        space=Space(learning_rates=RATES, clips=CLIPS, init_scales=(1.0,)),
        confirm=Confirm(0, 10),
        edition=2,
        findings=FindingsPart("founding", "laptop", part.name),
    )
    store.begin(study, {"python": "3.11.0"})
    store.add_task(
        name=part.task,
        scale=part.scale,
        version=1,
        digest=_digest(part),
        family="symbols",
        metric=part.metric,
        unit="nats per symbol",
        floors=part.floors,
        baselines=part.baselines,
    )
    for name, cell in part.cells.items():
        for place, values in enumerate(cell.tried):
            trial = _trial(part, name, place, seed=place, budget=budget)
            _add(store, study, Role.BASELINE, trial, _outcome(part, trial, cell, values))
        for seed, value in enumerate(cell.confirmed):
            trial = _trial(part, name, cell.selected, seed=1000 + seed, budget=budget)
            values = None if value is None else (value, value)
            _add(store, study, Role.CONFIRM, trial, _outcome(part, trial, cell, values))
    return study


def _digest(part: Part) -> str:
    return hashlib.sha256(f"{part.task} {part.scale}".encode()).hexdigest()


def _trial(part: Part, name: str, place: int, seed: int, budget: Budget) -> Trial:
    cell, cell_id = identify(zoo.load(name))
    return Trial(
        cell=to_text(cell),
        cell_id=cell_id,
        task=part.task,
        task_version=1,
        task_digest=_digest(part),
        scale=part.scale,
        setting=setting(part.first + place),
        schedule=SCHEDULE,
        budget=budget,
        seed=seed + 10_000 * sum(part.name.encode()),
    )


def _outcome(
    part: Part, trial: Trial, cell: Cell, values: tuple[float, float | None] | None
) -> Outcome:
    if values is None:
        return Outcome(trial.key, Ending.DIVERGED, step=7, detail="loss is inf")
    valid, test = values
    shape = cell.curve or (valid,)
    rates = cell.rates or (1.0,) * (len(shape) - 1) + (0.5,)
    loss = part.metric == "loss"
    curve = tuple(
        Point(
            update=part.updates * (place + 1) // len(shape),
            rate=trial.setting.learning_rate * rate,
            train_loss=1.0,
            valid_loss=value + valid - shape[-1] if loss else 1.0,
            valid_accuracy=0.5 if loss else min(1.0, max(0.0, value + valid - shape[-1])),
            norm=1.0,
            clipped=0.0,
        )
        for place, (value, rate) in enumerate(zip(shape, rates, strict=True))
    )
    return Outcome(
        key=trial.key,
        ending=Ending.OK,
        width=40,
        parameters=19_000,
        updates=part.updates,
        valid_loss=valid if loss else 1.0,
        valid_accuracy=0.5 if loss else valid,
        test_loss=(test if loss else 1.0) if test is not None else None,
        test_accuracy=(0.5 if loss else test) if test is not None else None,
        curve=curve,
    )


def _add(store: Store, study: Study, role: Role, trial: Trial, outcome: Outcome) -> None:
    number = store.select("SELECT count(*) AS n FROM ask WHERE study_id = ?", study.id)[0]["n"]
    store.add_ask(study.id, Ask(number, role, trial))
    store.add_outcome(study.id, number, outcome)
