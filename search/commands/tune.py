"""`gatewright tune`: hyperparameters of one cell on one task, by Optuna's samplers."""

import shlex
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cells.training.metric import RECORDED, Held
from search.commands.cells import CellArgument
from search.commands.hyperparameters import (
    PARAMETERS,
    Given,
    WidthOption,
    hyperparameter_options,
    words,
)
from search.commands.study.search import (
    DeadlineFactor,
    MemoryShare,
    NoGuards,
    check_place,
    conduct,
    guard_words,
    guards_of,
)
from search.commands.tasks import ScaleOption, TaskArgument
from search.console import DONE, Executor, Json, show, table
from search.error import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cells import Cell
    from cells.training.budget import Budget
    from cells.training.metric import Metric
    from cells.training.space import Space
    from results.record.ask import Ask
    from results.record.outcome import Outcome
    from tasks.task import Facts


@hyperparameter_options(several=True)
def tune(
    cell: CellArgument,
    task: TaskArgument,
    scale: ScaleOption = "laptop",
    trials: Annotated[int, typer.Option(help="Settings to try.", min=1)] = 20,
    sampler: Annotated[str, typer.Option(help="tpe, random, or the paper's grid.")] = "tpe",
    parameters: Annotated[
        int | None, typer.Option(help="Parameter budget.", min=1, show_default="50000")
    ] = None,
    width: WidthOption = None,
    updates: Annotated[int, typer.Option(help="Most updates of one training.", min=1)] = 1_000,
    given: Given = MappingProxyType({}),
    seeds: Annotated[
        int, typer.Option(help="New seeds to retrain the best setting on.", min=1)
    ] = 3,
    seed: Annotated[int, typer.Option(help="Seed from which everything random is derived.")] = 1,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Ray workers; 0 runs in this process.", min=0)
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="A running Ray cluster to join.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="SQLite file of the record.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a store that has been started.")
    ] = False,
    executor: Executor = None,
    deadline_factor: DeadlineFactor = None,
    memory_share: MemoryShare = None,
    no_guards: NoGuards = False,
    json: Json = False,
) -> int:
    """Tune one cell on one task: try settings on validation, then train the best on fresh seeds."""
    from cells import canonical, to_text
    from cells.training.budget import Budget
    from cells.training.schedule import Schedule
    from results.record.ask import Role
    from results.record.store import Store
    from results.record.study import Confirm, SamplerName, Screen, Study, TaskPlan
    from results.record.words import EDITION
    from search.protocol import score
    from search.resolve import cell as resolve
    from search.resolve import label
    from tasks import registry

    if sampler not in get_args(SamplerName):
        raise UsageError(f"--sampler {sampler}: expected one of {', '.join(get_args(SamplerName))}")
    resolved = resolve(cell)
    facts = registry.load(task, scale).facts
    if parameters is None and width is None:
        parameters = PARAMETERS
    budget = Budget(parameters=parameters, updates=updates, width=width)
    if width is not None:
        _check_width(canonical(resolved), facts, given, budget)
    plan = Study(
        name=f"tune-{label(resolved)}-{task}".replace("_", "-")[:40],
        strategy="zoo",
        seed=seed,
        lag=8,
        slots=2,
        proposals=0,
        tasks=(TaskPlan(task, scale, 0, budget, Schedule()),),
        screen=Screen(scale="smoke"),
        baselines=(to_text(canonical(resolved)),),
        baseline_settings=trials,
        sampler=next(name for name in get_args(SamplerName) if name == sampler),
        space=_space(given),
        confirm=Confirm(cells=0, seeds=seeds),
        edition=EDITION,
    )
    path = store if store is not None else Path("runs") / f"{plan.name}.sqlite"
    check_place(path, resume, workers, address)
    options = {
        "--scale": scale,
        "--trials": trials,
        "--sampler": sampler,
        "--parameters": parameters,
        "--width": width,
        "--updates": updates,
        "--seeds": seeds,
        "--seed": seed,
        "--workers": workers,
        "--address": address,
        "--store": path,
        "--executor": executor,
    }
    again = ["gatewright", "tune", cell, task]
    for option, value in options.items():
        again += [] if value is None else [option, str(value)]
    again += words(given) + guard_words(deadline_factor, memory_share, no_guards)
    guards = guards_of(deadline_factor, memory_share, no_guards)
    command = shlex.join(again)
    summary = conduct(plan, command, workers, address, path, json, executor, guards=guards)
    with Store.read(path) as record:
        log = [
            (ask, outcome) for ask, outcome in record.log(summary.study_id) if ask.trial and outcome
        ]
    tried = [(a, o) for a, o in log if a.role is Role.BASELINE]
    tried.sort(key=lambda pair: -score.value(facts.metric, pair[1]))
    confirmed = [(a, o) for a, o in log if a.role is Role.CONFIRM]
    # The two that are recorded, and the one that counts where it is neither.
    shown = tuple(dict.fromkeys((*RECORDED, facts.metric)))
    document: dict[str, Any] = {
        "store": str(path),
        "digest": summary.digest,
        "metric": facts.metric.name,
        "tried": [_row(ask, outcome, shown) for ask, outcome in tried],
        "confirmed": [_row(ask, outcome, shown) for ask, outcome in confirmed],
    }

    def render() -> None:
        searched = [
            row for row in plan.space.searched if row.name != "dropout" or "dropout" in given
        ]
        table(
            [
                *(row.label for row in searched),
                "ended",
                *(metric.axis("valid") for metric in shown),
            ],
            [
                (
                    *(tried.get(row.name) for row in searched),
                    tried["ending"],
                    *(tried[f"valid_{metric.name}"] for metric in shown),
                )
                for tried in document["tried"]
            ],
            title=f"{resolved.name} on {task} ({scale}): settings, best first",
        )
        table(
            ["seed", "ended", *(metric.axis("test") for metric in shown)],
            [
                (row["seed"], row["ending"], *(row[f"test_{metric.name}"] for metric in shown))
                for row in document["confirmed"]
            ],
            title="the best setting on fresh seeds: only these are results",
        )
        print(f"store {path}")

    show(document, json, render)
    return DONE


def _check_width(cell: "Cell", facts: "Facts", given: Given, budget: "Budget") -> None:
    """Raises UsageError if the cell cannot have the width of `budget` with all the layers given."""
    from cells.engine.training.width import WidthError, width_of

    try:
        for layers in given.get("layers", (1,)):
            width_of(cell, facts.kind, facts.size, layers, budget)
    except WidthError as error:
        raise UsageError(str(error), "change --width") from error


def _space(given: Given) -> "Space":
    """The choices that were given, else the paper's of one layer.

    Raises:
        UsageError: choices that no optimizer among them has.
    """
    from cells.training.setting import HYPERPARAMETERS
    from cells.training.space import Space

    for row in HYPERPARAMETERS:
        optimizers = given.get("optimizer", ("sgd",))
        if row.name in given and row.optimizers and not set(row.optimizers) & set(optimizers):
            raise UsageError(
                f"{row.options[0]}: a hyperparameter of {' and '.join(row.optimizers)},"
                f" not of {' and '.join(optimizers)}",
                f"add --optimizer {row.optimizers[-1]}",
            )
    chosen = {row.choices: given[row.name] for row in HYPERPARAMETERS if row.name in given}
    return Space(**{"layers": (1,), **chosen})


def _row(ask: "Ask", outcome: "Outcome", shown: "Sequence[Metric]") -> dict[str, Any]:
    if ask.trial is None:
        raise ValueError(f"ask {ask.index} has no trial")
    setting = asdict(ask.trial.setting)
    return {
        **{name: value for name, value in setting.items() if value is not None},
        "seed": str(ask.trial.seed),
        "ending": str(outcome.ending),
        **{
            f"{split}_{metric.name}": metric.of(outcome, split)
            for split in get_args(Held)
            for metric in shown
        },
    }
