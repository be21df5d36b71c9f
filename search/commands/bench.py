"""`gatewright bench`: how fast the parts are on this machine."""

from collections.abc import Mapping
from typing import Annotated

import typer

from search.console import DONE, Json, show, table

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
    from search.bench import bench_cells

    figures = bench_cells(seconds)
    show(figures, json, lambda: _print(figures))
    return DONE


@app.command()
def driver(
    trials: Annotated[int, typer.Option(help="New cells to propose.", min=10)] = 500,
    json: Json = False,
) -> int:
    """Measure the driver: trials a second when training takes no time."""
    from search.bench import bench_driver

    figures = bench_driver(trials)
    show(figures, json, lambda: _print(figures))
    return DONE
