"""`gatewright compare`: whether a cell is better than others."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.study.price import price
from search.commands.study.search import (
    Address,
    DeadlineFactor,
    DryRun,
    MemoryShare,
    NoGuards,
    Resume,
    StoreFile,
    Workers,
    check_place,
    conduct,
    guard_words,
    guards_of,
    option_words,
)
from search.console import DONE, Executor, Json, note, show, table, typed
from search.error import UsageError

if TYPE_CHECKING:
    from results.comparison.comparison import Comparison

Cells = Annotated[
    list[str],
    typer.Argument(
        metavar="CELL CELL...",
        help="Zoo names, .cell files or ids; the first is compared with each of the others.",
    ),
]


def compare(
    cells: Cells,
    tasks: Annotated[
        str | None,
        typer.Option(help="Tasks, with commas between; by default arithmetic,markup,progressions."),
    ] = None,
    scale: Annotated[
        str,
        typer.Option(
            "--scale", help="smoke (seconds), quick (a minute) or laptop (several minutes)."
        ),
    ] = "quick",
    seeds: Annotated[
        int | None, typer.Option(help="Fresh seeds for each cell on each task; 7 by default.")
    ] = None,
    settings: Annotated[
        int | None,
        typer.Option(help="Settings tried for each cell on each task; 10 by default.", min=1),
    ] = None,
    smallest: Annotated[
        float,
        typer.Option(help="Smallest meaningful difference: of accuracy, or as a share of a loss."),
    ] = 0.01,
    page: Annotated[
        Path | None, typer.Option(help="HTML file of the result; by default beside the store.")
    ] = None,
    workers: Workers = None,
    address: Address = None,
    store: StoreFile = None,
    resume: Resume = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number of the study. Repeatable."),
    ] = None,
    executor: Executor = None,
    deadline_factor: DeadlineFactor = None,
    memory_share: MemoryShare = None,
    no_guards: NoGuards = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Compare a cell with others: equal settings, budgets and fresh seeds, and a verdict a task."""
    from results.comparison import comparison
    from results.record.store import Store
    from results.report import comparison_report
    from search import comparison as plans
    from search.resolve import cell as resolve

    if not smallest > 0:
        raise UsageError(f"--smallest {smallest:g}: expected a number above 0")
    chosen = [name.strip() for name in tasks.split(",")] if tasks is not None else []
    if not all(chosen):
        raise UsageError(f"--tasks {tasks}: expected names with commas between")
    named = [(word, resolve(word, store if store and store.exists() else None)) for word in cells]
    plan = plans.plan(named, chosen, scale, settings, seeds, set_ or [])
    if not json:
        for kept, other in plan.same:
            note(f"{other} is the same cell as {kept}; it is trained once")
    if len(plan.names) < 2:
        return _nothing_to_compare(plan, json)
    # A store of our own is named after what it holds, so the same command goes on with it.
    path = store or Path("runs") / f"compare-{plan.study.id[:8]}.sqlite"
    resume = resume or (store is None and path.exists())
    if dry_run:
        return price([plan.study], path, executor, json)
    check_place(path, resume, workers, address)
    written = page or path.with_suffix(".html")
    if not written.parent.is_dir() and page is not None:
        raise UsageError(f"--page {page}: there is no folder {page.parent}")
    words = ["gatewright", "compare", *cells, "--scale", scale]
    words += ["--tasks", tasks] if tasks is not None else []
    words += ["--seeds", str(seeds)] if seeds is not None else []
    words += ["--settings", str(settings)] if settings is not None else []
    words += ["--smallest", f"{smallest:g}"] if smallest != comparison.SMALLEST else []
    words += option_words(workers, address, path, executor, set_ or [])
    words += guard_words(deadline_factor, memory_share, no_guards)
    guards = guards_of(deadline_factor, memory_share, no_guards)
    command = shlex.join(words)
    summary = conduct(plan.study, command, workers, address, path, json, executor, guards=guards)
    with Store.read(path) as record:
        told = comparison.compare(record, summary.study_id, smallest)
        written.write_text(comparison_report.render(record, told), encoding="utf-8")
    document: dict[str, Any] = {
        "store": str(path),
        "page": str(written),
        "digest": summary.digest,
        "seconds": summary.seconds,
        "same": [list(pair) for pair in plan.same],
        **told.document(),
    }
    show(document, json, lambda: _render(told, document))
    return DONE


def _nothing_to_compare(plan: "Any", json: bool) -> int:
    """Ends a comparison of one cell with itself, or refuses one of a single word."""
    if not plan.same:
        raise UsageError(
            f"{plan.names[0]}: compared with what?",
            f"name another cell, such as `{'gru' if plan.names[0] == 'lstm' else 'lstm'}`",
        )
    said = "; ".join(f"{other} is the same cell as {kept}" for kept, other in plan.same)
    document = {"same": [list(pair) for pair in plan.same], "contrasts": [], "arms": []}
    show(document, json, lambda: print(f"{said}: nothing was trained"))
    return DONE


def _render(told: "Comparison", document: dict[str, Any]) -> None:
    columns = {task.name: task for task in told.tasks}
    first = told.names[told.first]
    rows: list[tuple[object, ...]] = []
    for contrast in told.contrasts:
        decision, task = contrast.decision, columns[contrast.task]
        means = (told.arms[cell, task.name].mean for cell in (told.first, contrast.other))
        bounds = decision.estimate and decision.estimate.interval().text(task.metric.digits)
        rows.append(
            (
                contrast.task,
                told.names[contrast.other],
                task.metric.label,
                *means,
                bounds or "-",
                decision.word,
                contrast.reason,
            )
        )
    header = ("task", "against", "metric", first, "the other", "gain, 95 %", "verdict", "mind")
    table(
        header if any(row[-1] for row in rows) else header[:-1],
        rows if any(row[-1] for row in rows) else [row[:-1] for row in rows],
        title=f"{first}, test results on fresh seeds; above 0 where it is better",
    )
    for sentence in told.sentences():
        print(sentence)
    print(
        f"equal: within {told.smallest:g} of accuracy, or {100 * told.smallest:g} % of a loss;"
        f" the chance that any verdict is wrong is at most 5 %"
    )
    print(f"{document['seconds']:,.0f} s; record {document['store']}")
    print(f"page    {document['page']}")
    store = shlex.quote(document["store"])
    print(f"next    {typed(f'gatewright dashboard {store}')}")
