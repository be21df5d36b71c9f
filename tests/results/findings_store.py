"""A findings run for tests: numbers from a formula, never from training. Nothing published may come from here."""

import hashlib
from pathlib import Path

from cells import to_text, zoo
from cells.identity.canonical import identify
from cells.training.point import Point
from cells.training.setting import Setting
from results.record.ask import Ask, Role
from results.record.outcome import Cost, Ending, Outcome
from results.record.store import Store
from results.record.study import Confirm, Screen, Study, TaskPlan
from results.record.trial import Trial
from tests.results.synthetic import BUDGET, SCHEDULE, uniform

SKILLS = {"lstm": 0.9, "lstm_f": 0.4, "lstm_i": 0.8, "lstm_b": 0.92, "gru": 0.9}
"""Accuracy of each arm on arithmetic, but for luck; losses fall with it."""

SETTINGS, SEEDS = 10, 5


def study(name: str = "gates-smoke", scale: str = "smoke") -> Study:
    """A roster over arithmetic and characters."""
    return Study(
        name=name,
        strategy="roster",
        seed=3,
        lag=8,
        slots=2,
        proposals=0,
        tasks=tuple(
            TaskPlan(task, scale, SETTINGS, BUDGET, SCHEDULE) for task in ("arithmetic", "ptb-char")
        ),
        screen=Screen("memorization", "smoke", 0.95, BUDGET, SCHEDULE),
        baseline_settings=SETTINGS,
        baselines=tuple(SKILLS),
        confirm=Confirm(0, SEEDS),
    )


def digest(task: str) -> str:
    """Of the data of a task."""
    return hashlib.sha256(task.encode()).hexdigest()


def trial(arm: str, task: str, number: int, seed: int, scale: str = "smoke") -> Trial:
    """Setting `number` of an arm; the same for all arms."""
    cell, cell_id = identify(zoo.load(arm))
    return Trial(
        cell=to_text(cell),
        cell_id=cell_id,
        task=task,
        task_version=1,
        task_digest=digest(task),
        scale=scale,
        setting=Setting(learning_rate=0.1 * (1 + number), init_scale=1.0 + number % 3),
        schedule=SCHEDULE,
        budget=BUDGET,
        seed=seed,
    )


def outcome(of: Trial, skill: float) -> Outcome:
    """What an arm of that skill might reach; the highest rate diverges."""
    cost = Cost(2.0, 1.5, 50_000_000)
    if of.setting.learning_rate > 0.95:
        return Outcome(of.key, Ending.DIVERGED, step=7, detail="loss is inf", cost=cost)
    level = skill * (1 - 0.3 * abs(of.setting.learning_rate - 0.4)) + 0.01 * uniform(of.key)
    curve = tuple(
        Point(100 * epoch, 0.5, 3.0, 4.0 - 2 * level * epoch / 3, level * epoch / 3, 1.0, 0.1)
        for epoch in (1, 2, 3)
    )
    return Outcome(
        key=of.key,
        ending=Ending.OK,
        width=40,
        parameters=19_000,
        updates=300,
        tokens=300,
        valid_loss=curve[-1].valid_loss,
        valid_accuracy=curve[-1].valid_accuracy,
        test_loss=curve[-1].valid_loss + 0.01,
        test_accuracy=level - 0.01,
        curve=curve,
        cost=cost,
    )


def tasks(store: Store, scale: str = "smoke") -> None:
    """Facts of the two tasks."""
    for name, metric, floors in (
        ("arithmetic", "accuracy", [{"name": "optimum", "accuracy": 1.0}]),
        ("ptb-char", "loss", []),
    ):
        store.add_task(
            name=name,
            scale=scale,
            version=1,
            digest=digest(name),
            family="symbols",
            metric=metric,
            unit="nats per character",
            floors=[*floors, {"name": "no memory", "accuracy": 0.3, "loss": 3.5}],
        )


def write(path: Path, of: Study | None = None, machine: str = "a machine") -> tuple[Store, Study]:
    """A finished run in a store, still open for writing."""
    of = of or study()
    store = Store.create_or_open(path)
    command = f"gatewright reproduce gates --scale smoke --store {path}"
    store.begin(of, {"cpu": machine, "sources": "5" * 64, "commit": "c" * 40, "command": command})
    tasks(store, of.tasks[0].scale)
    number = 0
    for role, count in ((Role.BASELINE, SETTINGS), (Role.CONFIRM, SEEDS)):
        for arm, skill in SKILLS.items():
            for task in ("arithmetic", "ptb-char"):
                for place in range(count):
                    setting, seed = (3, 100 + place) if role is Role.CONFIRM else (place, place)
                    asked = trial(arm, task, setting, seed, of.tasks[0].scale)
                    store.add_ask(of.id, Ask(number, role, asked))
                    store.add_outcome(of.id, number, outcome(asked, skill))
                    number += 1
    return store, of
