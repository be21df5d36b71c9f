"""`gatewright bench`: how fast the parts are on this machine."""

import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from search.console import DONE, WRONG, Json, note, show, table
from search.error import UsageError

app = typer.Typer(help="Measure the speed of the parts on this machine.", no_args_is_help=True)


def _print(figures: Mapping[str, float]) -> None:
    rows = [(name.removesuffix("_per_s").replace("_", " "), rate) for name, rate in figures.items()]
    table(("what", "a second"), rows)


@app.command()
def cells(
    seconds: Annotated[float, typer.Option(help="Time for each figure.", min=0.1)] = 3.0,
    json: Json = False,
) -> int:
    """Measure the language: cells a second on one core."""
    from search.bench.throughput import bench_cells

    figures = bench_cells(seconds)
    show(figures, json, lambda: _print(figures))
    return DONE


@app.command()
def driver(
    cells: Annotated[int, typer.Option(help="New cells to propose.", min=10)] = 2000,
    slots: Annotated[int, typer.Option(help="Simulated slots.", min=1)] = 1000,
    json: Json = False,
) -> int:
    """Measure the driver with simulated slots: speed, memory, and how long a resume takes."""
    from dataclasses import asdict

    from search.bench.driver import measure

    figures = measure(cells, slots)
    rows = (
        ("trials, of them faults", f"{figures.trials:,}, {figures.faults:,}"),
        ("simulated slots", f"{figures.slots:,}"),
        ("trials a second", f"{figures.trials_per_s:,.0f}"),
        ("driver, ms a trial", f"{figures.driver_ms:.2f}"),
        ("strategy, ms a trial", f"{figures.strategy_ms:.2f}"),
        ("commits a trial", f"{figures.commits_per_trial:.3f}"),
        ("bytes a finished trial", f"{figures.bytes_per_trial:,.0f}"),
        ("tasks, s to load", f"{figures.load_s:.2f}"),
        ("asks resumed", f"{figures.resume_asks:,}"),
        ("resume, s to read", f"{figures.resume_read_s:.2f}"),
        ("resume, ms a trial to read", f"{figures.resume_trial_ms:.3f}"),
        ("resume, s to replay the strategy", f"{figures.resume_replay_s:.2f}"),
        ("same digest after the resume", "yes" if figures.same_digest else "NO"),
    )
    show(asdict(figures), json, lambda: table(("what", "figure"), rows))
    return DONE if figures.same_digest else WRONG


@app.command()
def engine(
    executor: Annotated[
        str | None, typer.Option(help="Executor to measure; default: the fastest on this machine.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Under a minute: fewer repeats, no torch.compile.")
    ] = False,
    widths: Annotated[
        list[int] | None,
        typer.Option("--width", help="Widths to measure; default: 64, 128 and 256.", min=1),
    ] = None,
    turns: Annotated[int | None, typer.Option(help="Repeats per comparison.", min=2)] = None,
    cells: Annotated[int | None, typer.Option(help="Mutated cells.", min=1)] = None,
    json: Json = False,
) -> int:
    """Measure training: whole steps against nn.LSTM, loops and compilers, on one thread."""
    from dataclasses import replace

    from cells.engine.executor import EXECUTORS, hindrance
    from search.bench.engine import QUICK, Effort, disagrees, measure, omissions
    from search.bench.table import render
    from search.error import SearchError

    if executor is not None and executor not in EXECUTORS:
        raise UsageError(f"--executor {executor}: unknown", f"known are {', '.join(EXECUTORS)}")
    reason = None if executor is None else hindrance(executor)
    if reason is not None:
        raise SearchError("bench.native", str(reason), "or measure with --executor reference")
    effort = QUICK if quick else Effort()
    effort = replace(
        effort,
        widths=tuple(widths or effort.widths),
        turns=turns or effort.turns,
        cells=cells or effort.cells,
        ready=4 * cells if cells else effort.ready,
    )
    document = measure(effort, executor, note if sys.stderr.isatty() else lambda _: None)
    show(document, json, lambda: render(document, omissions(document)))
    return WRONG if disagrees(document) else DONE
