"""A synthetic store for tests: plausible numbers from a formula, never from training.

Nothing that is published may come from here.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from cells import Cell, parse, to_text, zoo
from cells.identity.canonical import identify
from cells.training.budget import Budget
from cells.training.point import Point
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Cost, Ending, Outcome
from results.record.store import Store
from results.record.study import Confirm, Screen, Study, TaskPlan
from results.record.trial import Trial

SCHEDULE = Schedule("search", epochs=8, patience=2, decay=0.5, tail=2)
BUDGET = Budget(parameters=20_000, updates=400)


def invented(number: int) -> tuple[Cell, str]:
    """A canonical cell that differs for every number, with its id."""
    act, gate = (("tanh", "relu"), ("sin", "tanh"))[number % 2]
    text = (
        f"cell invented(x; h)\n  g = sigmoid(linear(x, h, bias={number % 97 / 8}))\n"
        f"  n = {act}(linear(x, g * h))\n  h' = g * h + (1 - g) * {gate}(n)\n"
    )
    return identify(parse(text))


BASELINES = {name: identify(zoo.load(name)) for name in ("lstm", "gru")}


def study(name: str = "synthetic", seed: int = 1) -> Study:
    """A study over three invented tasks."""
    return Study(
        name=name,
        strategy="paper",
        seed=seed,
        lag=8,
        slots=2,
        proposals=24,
        tasks=tuple(
            TaskPlan(task, "smoke", 4, BUDGET, SCHEDULE) for task in ("alpha", "beta", "gamma")
        ),
        screen=Screen("memorization", "smoke", 0.95, BUDGET, SCHEDULE),
        baseline_settings=4,
        confirm=Confirm(2, 3),
    )


def uniform(*words: object) -> float:
    """A number in [0, 1) that depends on the words alone."""
    digest = hashlib.sha256(repr(words).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def trial(cell: tuple[Cell, str], task: str, number: int, seed: int = 0) -> Trial:
    """Setting `number` of a cell on a task."""
    return Trial(
        cell=to_text(cell[0]),
        cell_id=cell[1],
        task=task,
        task_version=1,
        task_digest=hashlib.sha256(task.encode()).hexdigest(),
        scale="smoke",
        setting=Setting(
            learning_rate=(0.25, 0.5, 1.0, 2.0)[number % 4], init_scale=1.0 + number % 2
        ),
        schedule=SCHEDULE,
        budget=BUDGET,
        seed=1000 * seed + number,
        stop_at=0.95 if task == "memorization" else None,
    )


def outcome(of: Trial, skill: float, points: int = 6) -> Outcome:
    """What a cell of that skill in [0, 1] might reach; one in ten settings diverges."""
    key = of.key
    luck = uniform(key)
    cost = Cost(2.0 + luck, 1.9 + luck, 50_000_000)
    if luck < 0.1 and of.task != "memorization":
        return Outcome(key, Ending.DIVERGED, step=37, detail="loss is inf", width=40, cost=cost)
    level = min(0.999, skill * (0.93 + 0.07 * luck))
    curve = tuple(
        Point(
            update=300 * (epoch + 1) // points,
            rate=of.setting.learning_rate * (1.0 if epoch < points - 1 else 0.5),
            train_loss=3.0 - 2.6 * level * share,
            valid_loss=3.1 - 2.6 * level * share,
            valid_accuracy=level * share,
            norm=1.0 + luck,
            clipped=0.25,
        )
        for epoch, share in enumerate(1 - 0.5 ** (6 * (n + 1) / points) for n in range(points))
    )
    last = curve[-1]
    return Outcome(
        key=key,
        ending=Ending.OK,
        width=40 + int(10 * luck),
        parameters=19_000 + int(900 * luck),
        updates=300,
        tokens=300 * 700,
        valid_loss=last.valid_loss,
        valid_accuracy=last.valid_accuracy,
        test_loss=last.valid_loss + 0.01,
        test_accuracy=last.valid_accuracy * 0.99,
        curve=curve,
        cost=cost,
    )


def tasks(store: Store, judged: Mapping[str, str] = MappingProxyType({})) -> None:
    """Facts of the three tasks and the screen; `judged` names other metrics of some of them."""
    metrics = {"alpha": "accuracy", "beta": "accuracy", "gamma": "loss", "memorization": "accuracy"}
    for name, metric in (metrics | dict(judged)).items():
        store.add_task(
            name=name,
            scale="smoke",
            version=1,
            digest=hashlib.sha256(name.encode()).hexdigest(),
            family={"alpha": "symbols", "beta": "text", "gamma": "music"}.get(name, "memory"),
            metric=metric,
            unit="nats per step",
            floors=[{"name": "optimum", "loss": 0.35, "accuracy": 0.97}],
            baselines=[
                {
                    "name": "bigram",
                    "metric": metric,
                    "value": 2.0 if metric == "loss" else 0.5,
                    "split": "test",
                    "source": "an invented page",
                    "comparable": True,
                }
            ],
        )


def history(of: Study) -> list[tuple[Ask, Outcome | None]]:
    """All asks of the study with their outcomes."""
    return list(_history(of))


@cache
def _history(of: Study) -> tuple[tuple[Ask, Outcome | None], ...]:
    log: list[tuple[Ask, Outcome | None]] = []
    rejections: list[Rejection] = []
    admissions: list[str] = []
    known: dict[str, tuple[Cell, str]] = {cell[1]: cell for cell in BASELINES.values()}

    def ask(
        role: Role,
        cell_id: str,
        task: str,
        number: int,
        parent: str = "",
        operators: tuple[str, ...] = (),
        seed: int = 0,
    ) -> Outcome:
        nonlocal rejections, admissions
        asked = trial(known[cell_id], task, number, of.seed + seed)
        skill = 0.83 + 0.13 * uniform("skill", cell_id)
        if task == "memorization":
            skill = 1.2 * uniform("screen", cell_id) + 0.3
        came = outcome(asked, skill)
        verdicts = tuple(rejections), tuple(admissions)
        log.append((Ask(len(log), role, asked, parent, operators, *verdicts), came))
        rejections, admissions = [], []
        return came

    names = [plan.name for plan in of.tasks]
    members = list(known)
    for cell_id in members:
        for task in names:
            for number in range(of.baseline_settings):
                ask(Role.BASELINE, cell_id, task, number)
        admissions.append(cell_id)
    log.append((Ask(len(log), Role.IDLE, None), None))
    for proposal in range(of.proposals):
        cell = invented(of.seed * 1000 + proposal)
        cell_id = cell[1]
        known[cell_id] = cell
        parent = members[int(uniform("parent", cell_id) * len(members))]
        operators = ("insert", "replace")[: 1 + proposal % 2]
        if proposal % 4 == 3:
            rejections.append(Rejection(Cause.DUPLICATE, parent, parent, operators, "seen before"))
        came = ask(Role.SCREEN, cell_id, "memorization", 0, parent, operators)
        accuracy = came.valid_accuracy or 0.0
        if accuracy < of.screen.pass_mark:
            detail = f"accuracy {accuracy:.3f} < {of.screen.pass_mark}"
            rejections.append(Rejection(Cause.SCREEN, cell_id, parent, operators, detail))
            continue
        for place, task in enumerate(names):
            best = 0.0
            for number in range(of.tasks[0].settings):
                came = ask(Role.STAGE, cell_id, task, number, parent, operators)
                best = max(best, came.valid_accuracy or 0.0)
            if best < 0.80 + 0.02 * place:
                detail = f"{task}: {best:.3f}"
                rejections.append(Rejection(Cause.THRESHOLD, cell_id, parent, operators, detail))
                break
        else:
            admissions.append(cell_id)
            members.append(cell_id)
    for cell_id in (*members[:2], *members[2:][: of.confirm.cells]):
        for task in names:
            for number in range(of.confirm.seeds):
                ask(Role.CONFIRM, cell_id, task, number, seed=500)
    return tuple(log)


def write(
    path: Path, of: Study | None = None, judged: Mapping[str, str] = MappingProxyType({})
) -> tuple[Store, Study]:
    """A closed history in a store, still open for writing."""
    of = of or study()
    store = Store.create_or_open(path)
    store.begin(of, {"python": "3.11.0", "gatewright": "0.1.0"})
    tasks(store, judged)
    for ask, came in history(of):
        store.add_ask(of.id, ask)
        if came is not None:
            store.add_attempt(of.id, ask.index, 1, f"slot-{ask.index % 2}")
            store.add_outcome(of.id, ask.index, came)
    return store, of
