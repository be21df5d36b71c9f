"""`gatewright ancestors`: the systems that came before, each trained on what it is there for."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.console import DONE, Json, hours, measure, number, show, table
from search.error import StoppedError, UsageError

if TYPE_CHECKING:
    from search.ancestors.ancestor import Attained

app = typer.Typer(
    help="Train earlier systems that are more than a stack of cells.", no_args_is_help=True
)


@app.command()
def ls(json: Json = False) -> int:
    """List the systems, where they come from and what they learn."""
    from search.ancestors.ancestor import ANCESTORS

    columns = ("title", "source", "task", "updates", "cell")
    rows = [
        {"name": name, **{column: getattr(ancestor, column) for column in columns}}
        for name, ancestor in ANCESTORS.items()
    ]
    show(
        {"ancestors": rows},
        json,
        lambda: table(
            ("name", "what", "from", "learns to", "updates", "cell"),
            [tuple(row.values()) for row in rows],
            spare=("cell", "updates", "from"),
        ),
    )
    return DONE


@app.command()
def train(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A system, see `gatewright ancestors ls`.")
    ],
    updates: Annotated[
        int | None,
        typer.Option(help="Updates of the weights; default: what the system needs.", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights and the data.", min=0)] = 0,
    cell: Annotated[
        str | None,
        typer.Option(help="A zoo name or a .cell file, for systems that are built from a cell."),
    ] = None,
    json: Json = False,
) -> int:
    """Train one system and measure it on data of its own, beside what is known about them."""
    from cells import canonical
    from cells.engine.systems.descent import DivergedError
    from cells.engine.training import determinism
    from search.ancestors.ancestor import ANCESTORS, Order
    from search.ancestors.lesson import LESSONS
    from search.display import UpdateDisplay
    from search.error import SearchError
    from search.resolve import cell as resolve
    from tasks.scale import nearest

    if name not in ANCESTORS:
        raise UsageError(
            f"there is no ancestor {name!r}", nearest(name, tuple(ANCESTORS), "there are")
        )
    chosen = ANCESTORS[name]
    if cell is not None and chosen.cell is None:
        raise UsageError(f"--cell {cell}: {name} is not made of a cell")
    word = cell or chosen.cell
    resolved = None if word is None else canonical(resolve(word))
    total = chosen.updates if updates is None else updates
    determinism.prepare()
    start = time.monotonic()
    try:
        with UpdateDisplay(name, total, quiet=json) as display:
            attained = LESSONS[name](Order(total, seed, resolved, display.update))
    except DivergedError as error:
        raise SearchError("ancestor.diverged", f"{name}: {error}", "try another --seed") from None
    except KeyboardInterrupt:
        raise StoppedError("nothing of it is kept; to run it again:") from None
    document: dict[str, Any] = {
        "name": name,
        "title": chosen.title,
        "source": chosen.source,
        "task": chosen.task,
        "cell": word,
        "updates": total,
        "seed": seed,
        "parameters": attained.parameters,
        "measures": [
            {"name": row.name, "value": row.value, "levels": dict(row.levels)}
            for row in attained.measures
        ],
        "seconds": time.monotonic() - start,
    }
    show(document, json, lambda: _render(document, attained))
    return DONE


def _render(document: dict[str, Any], attained: "Attained") -> None:
    made = f", made of {document['cell']}" if document["cell"] else ""
    print(f"{document['title']}{made} ({document['source']})")
    print(f"task: {document['task']}")
    print(
        f"{attained.parameters:,} trained numbers, {document['updates']:,} updates, "
        f"seed {document['seed']}, {hours(document['seconds'] / 3600)}"
    )
    table(
        ("measure", "reached", "known levels"),
        [
            (
                row.name,
                measure(row.value),
                ", ".join(f"{level} {number(value)}" for level, value in row.levels.items()),
            )
            for row in attained.measures
        ],
    )
