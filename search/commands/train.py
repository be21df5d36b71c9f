"""`gatewright train`: one cell on one task, with progress."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.cells import CellArgument, StoreOption
from search.commands.tasks import ScaleOption, TaskArgument
from search.console import DONE, WRONG, Json, UsageError, show

if TYPE_CHECKING:
    from cells.engine.run import Run
    from tasks.task import Facts


def train(
    cell: CellArgument,
    task: TaskArgument,
    scale: ScaleOption = "laptop",
    parameters: Annotated[
        int, typer.Option(help="Budget of parameters; the width is solved for it.", min=1)
    ] = 50_000,
    learning_rate: Annotated[float, typer.Option(help="Of plain SGD.", min=0.0)] = 0.5,
    initial_scale: Annotated[
        float, typer.Option(help="Weights start uniform on +- this / sqrt(width).", min=0.0)
    ] = 1.0,
    clip: Annotated[float, typer.Option(help="Largest norm of the gradient.", min=0.0)] = 5.0,
    layers: Annotated[int, typer.Option(help="Layers of the cell.", min=1, max=4)] = 1,
    dropout: Annotated[
        float, typer.Option(help="On non-recurrent connections.", min=0.0, max=0.95)
    ] = 0.0,
    schedule: Annotated[str, typer.Option(help="The paper's search, music or ptb.")] = "search",
    epochs: Annotated[
        int | None, typer.Option(help="At most; else the schedule's own.", min=1)
    ] = None,
    decay: Annotated[
        float | None, typer.Option(help="Factor at each cut of the rate; else the schedule's own.")
    ] = None,
    constant: Annotated[
        int, typer.Option(help="Schedule ptb: epochs before the first cut.", min=0)
    ] = 4,
    updates: Annotated[int | None, typer.Option(help="At most.", min=1)] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this time.", min=0.0)] = None,
    seed: Annotated[int, typer.Option(help="Of initialisation and dropout.")] = 0,
    save: Annotated[
        Path | None, typer.Option("--save", help="Write the best epoch's weights as .npz.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Train one cell on one task and measure it on the test split."""
    from cells import canonical
    from cells.budget import Budget
    from cells.engine import determinism, trainer
    from cells.engine.run import Point
    from cells.engine.width import WidthError
    from cells.schedule import NAMES, Schedule
    from cells.setting import Setting
    from search.display import TrainDisplay
    from search.resolve import cell as resolve
    from tasks import registry

    if schedule not in NAMES:
        raise UsageError(f"--schedule {schedule}: expected one of {', '.join(NAMES)}")
    plan = Schedule.of(schedule, epochs=epochs, decay=decay, constant=constant)
    found = resolve(cell, store)
    source = registry.load(task, scale)
    setting = Setting(learning_rate, initial_scale, clip, layers, dropout)
    budget = Budget(parameters=parameters, updates=updates, seconds=seconds)
    determinism.prepare()
    points: list[Point] = []
    with TrainDisplay(f"{found.name} on {task} ({scale})", source.facts, quiet=json) as display:

        def on_epoch(point: Point, done: int, total: int) -> None:
            points.append(point)
            display.update(point, done, total)

        try:
            run = trainer.train(
                canonical(found), source, setting, plan, budget, seed, on_epoch=on_epoch
            )
        except WidthError as error:
            raise UsageError(str(error)) from error
    if save is not None and run.weights is not None:
        import numpy as np

        with save.open("wb") as file:
            np.savez(file, allow_pickle=False, **run.weights)
    fields = {
        f.name: getattr(run, f.name)
        for f in dataclasses.fields(run)
        if f.name not in ("weights", "curve")
    }
    document: dict[str, Any] = {
        "cell": found.name,
        "task": task,
        "scale": scale,
        "setting": dataclasses.asdict(setting),
        "schedule": dataclasses.asdict(plan),
        "seed": seed,
        **fields,
        "curve": [dataclasses.asdict(point) for point in run.curve],
    }
    show(document, json, lambda: _render(run, source.facts))
    return DONE if run.ending == "ok" else WRONG


def _render(run: "Run", facts: "Facts") -> None:
    import math

    ended = {
        "ok": "trained to the end of its schedule or budget",
        "diverged": f"diverged at update {run.step}: lower the rate, the initial scale or the clip",
        "timed_out": "stopped by --seconds",
    }[run.ending]
    print(
        f"{ended}; width {run.width}, {run.parameters:,} parameters, {run.updates:,} updates, {run.seconds:.0f} s"
    )
    for split, loss, accuracy in (
        ("valid", run.valid_loss, run.valid_accuracy),
        ("test", run.test_loss, run.test_accuracy),
    ):
        if loss is None or accuracy is None:
            continue
        more = ""
        if facts.bits:
            more = f" ({loss / math.log(2):.4f} bits)"
        elif facts.family == "text":
            more = f" (perplexity {math.exp(min(loss, 700.0)):.2f})"
        print(f"{split:>5}: {loss:.4f} {facts.unit}{more}, accuracy {accuracy:.4f}")
    for floor in facts.floors:
        if floor.name == "optimum":
            print(f"the best possible: loss {floor.loss}, accuracy {floor.accuracy}")
    for baseline in facts.baselines:
        if baseline.split == "test" and baseline.comparable:
            print(
                f"beside it: {baseline.name}: {baseline.metric} {baseline.value:.4g} on {baseline.split} ({baseline.source})"
            )
