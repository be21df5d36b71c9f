"""`gatewright train`: one cell on one task, with progress."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from cells.training.metric import LOSS, RECORDED, Held
from search.commands.cells import CellArgument, StoreOption
from search.commands.hyperparameters import PARAMETERS, Given, WidthOption, hyperparameter_options
from search.commands.tasks import ScaleOption, TaskArgument
from search.console import DONE, WRONG, Executor, Json, check_output, measure, note, number, show
from search.error import StoppedError, UsageError

if TYPE_CHECKING:
    from cells import Cell
    from cells.engine.training.run import Run
    from cells.training.setting import Setting
    from tasks.task import Facts


@hyperparameter_options(several=False)
def train(
    cell: CellArgument,
    task: TaskArgument,
    scale: ScaleOption = "laptop",
    parameters: Annotated[
        int | None,
        typer.Option(
            help="Parameter budget, from which the width is solved.", min=1, show_default="50000"
        ),
    ] = None,
    width: WidthOption = None,
    given: Given = MappingProxyType({}),
    schedule: Annotated[str, typer.Option(help="The paper's search, music or ptb.")] = "search",
    epochs: Annotated[
        int | None, typer.Option(help="Most epochs; default: the schedule's.", min=1)
    ] = None,
    decay: Annotated[
        float | None,
        typer.Option(
            help="Factor of each learning-rate cut; default: the schedule's.", min=0.0, max=1.0
        ),
    ] = None,
    constant: Annotated[
        int, typer.Option(help="Epochs before the first cut (schedule ptb).", min=0)
    ] = 4,
    updates: Annotated[int | None, typer.Option(help="Most updates.", min=1)] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after this many seconds, without testing.", min=0.0)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of initialisation and dropout.")] = 0,
    save: Annotated[
        Path | None,
        typer.Option("--save", help="Write the best epoch's model to this .safetensors file."),
    ] = None,
    store: StoreOption = None,
    executor: Executor = None,
    json: Json = False,
) -> int:
    """Train one cell on one task and measure it on the test split."""
    from cells import canonical
    from cells.engine.training import determinism, trainer
    from cells.engine.training.width import WidthError
    from cells.training.budget import Budget
    from cells.training.point import Point
    from cells.training.schedule import NAMES, Schedule
    from cells.training.setting import Setting
    from search.display import TrainDisplay
    from search.resolve import cell as resolve
    from search.run.executor import executor_of
    from tasks import registry

    if schedule not in NAMES:
        raise UsageError(f"--schedule {schedule}: expected one of {', '.join(NAMES)}")
    for option, value in {"--decay": decay, "--seconds": seconds}.items():
        if value is not None and not math.isfinite(value):
            raise UsageError(f"{option} {value}: expected a finite number")
    plan = Schedule.of(schedule, epochs=epochs, decay=decay, constant=constant)
    try:
        setting = Setting(**given)
    except ValueError as error:
        raise UsageError(str(error)) from error
    if plan.rate(setting.learning_rate, ()) is None:
        raise UsageError(
            f"--learning-rate {setting.learning_rate:g}: schedule {schedule} ends below {plan.least:g}"
        )
    resolved = resolve(cell, store)
    source = registry.load(task, scale)
    if parameters is None and width is None:
        parameters = PARAMETERS
    budget = Budget(parameters=parameters, updates=updates, seconds=seconds, width=width)
    if save is not None:
        check_output(save, "--save")
        if save.suffix != ".safetensors":
            raise UsageError(f"--save {save}: expected a name that ends in .safetensors")
    runner = executor_of(executor)
    determinism.prepare(runner)
    points: list[Point] = []
    title = f"{resolved.name} on {task} ({scale})"
    most = trainer.most_updates(source.facts, plan, budget, setting.batch_size)
    try:
        with TrainDisplay(title, source.facts, most, quiet=json) as display:

            def on_epoch(point: Point, done: int, total: int) -> None:
                points.append(point)
                display.update(point, done)

            watched = display.watch(source)
            run = trainer.train(
                canonical(resolved),
                watched,
                setting,
                plan,
                budget,
                seed,
                executor=runner,
                on_epoch=on_epoch,
            )
    except WidthError as error:
        hint = "raise --parameters, or take fewer --layers" if width is None else "change --width"
        raise WidthError(error.message, hint) from error
    except KeyboardInterrupt:
        best = min((point.valid_loss for point in points), default=None)
        reached = (
            "in the first epoch"
            if best is None
            else f"after {points[-1].update:,} updates, best validation loss {measure(best)}"
        )
        raise StoppedError(f"{reached}; a single training is not kept, to run it again:") from None
    fields = {
        f.name: getattr(run, f.name)
        for f in dataclasses.fields(run)
        if f.name not in ("weights", "curve")
    }
    document: dict[str, Any] = {
        "cell": resolved.name,
        "task": task,
        "scale": scale,
        "setting": dataclasses.asdict(setting),
        "schedule": dataclasses.asdict(plan),
        "executor": runner,
        "seed": seed,
        **fields,
        "curve": [dataclasses.asdict(point) for point in run.curve],
    }
    if save is not None:
        kept = {**document, "setting": setting.recorded()}
        _save(save, canonical(resolved), run, source.facts, setting, kept)
    show(document, json, lambda: _render(run, source.facts))
    return DONE if run.ending == "ok" else WRONG


def _save(
    path: Path,
    cell: "Cell",
    run: "Run",
    facts: "Facts",
    setting: "Setting",
    document: Mapping[str, Any],
) -> None:
    """Writes the model of the reported epoch, or says why there is none."""
    from importlib import metadata

    from cells.engine.files.model_file import Trained, save
    from cells.engine.learner import Model

    if run.weights is None:
        note(f"{path} is not written: the training ended before its first epoch did")
        return
    kept = ("setting", "schedule", "executor", "seed", "ending", "updates", "valid_loss")
    known = {key: document[key] for key in (*kept, "valid_accuracy", "test_loss", "test_accuracy")}
    known["point"] = next(
        dataclasses.asdict(point) for point in run.curve if point.valid_loss == run.valid_loss
    )
    known["task_version"], known["task_digest"] = facts.version, facts.digest
    known["versions"] = {name: metadata.version(name) for name in ("torch", "numpy")}
    model = Model(
        cell, run.width, setting.layers, facts.kind, facts.size, setting.dropout, facts.window
    )
    save(
        path,
        Trained(
            model,
            run.weights,
            facts.name,
            facts.scale,
            facts.vocabulary,
            facts.boundary,
            known,
        ),
    )


def _render(run: "Run", facts: "Facts") -> None:
    ended = {
        "ok": "trained to the end of its schedule or budget",
        "diverged": f"diverged at update {run.step}: the loss or the gradient is not finite",
        "timed_out": "given up: --seconds was not enough, so nothing was measured on the test split",
    }[run.ending]
    print(ended)
    if run.ending == "diverged":
        print("lower --learning-rate, --initial-scale or --clip")
    print(
        f"width {run.width:,}, {run.parameters:,} parameters, {run.updates:,} updates, {run.seconds:,.0f} s"
    )
    shown = dict.fromkeys((*RECORDED, facts.metric))
    for split in get_args(Held):
        if (loss := LOSS.of(run, split)) is None:
            continue
        quoted = f" ({facts.quoted.said(facts.quoted.derive(loss))})" if facts.quoted else ""
        said = [f"{measure(loss)} {facts.unit}{quoted}"]
        said += [
            metric.said(value)
            for metric in shown
            if metric is not LOSS and (value := metric.of(run, split)) is not None
        ]
        print(f"{split:>5}: {', '.join(said)}")
    for floor in facts.floors:
        if floor.name == "optimum":
            level = dataclasses.asdict(floor)
            known = [
                f"{metric.name} {number(value)}"
                for metric in shown
                if (value := metric.of_level(level)) is not None
            ]
            print(f"the best possible: {', '.join(known)}")
    for baseline in facts.baselines:
        if baseline.split == "test" and baseline.comparable:
            print(
                f"beside it: {baseline.name}: {baseline.metric} {number(baseline.value)}"
                f" on {baseline.split} ({baseline.source})"
            )
