"""`gatewright leaderboard` and `report`: what a store has to say. None of them trains."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from search.console import DONE, Json, check_output, show, table
from search.error import UsageError

if TYPE_CHECKING:
    from results.leaderboard.board import Board, Row
    from results.record.store import Store
    from results.statistics.sensitivity import Method

METHODS: Final[dict[str, "Method"]] = {"ped-anova": "PED-ANOVA", "fanova": "fANOVA"}
"""Of importances, as they are written on the command line."""

StoreArgument = Annotated[
    Path,
    typer.Argument(metavar="STORE", help="The SQLite file of a search, or a published folder."),
]
StudyOption = Annotated[
    str | None,
    typer.Option("--study", help="Name or id of the study; default: the latest in the store."),
]


def study_id(record: "Store", wanted: str | None) -> str:
    """The id of the study of that name or id, or of the latest one.

    Raises:
        UsageError: the store has no such study, or none.
    """
    rows = record.studies()
    if not rows:
        raise UsageError(f"{record.path} holds no study yet")
    matching = [row for row in rows if wanted in (None, row.study.name, row.id)]
    if not matching:
        known = ", ".join(f"{row.study.name} ({row.id})" for row in rows)
        raise UsageError(f"--study {wanted}: the store holds {known}")
    return matching[-1].id


def spare(store: Path, out: Path) -> None:
    """Raises UsageError if writing to `out` would overwrite the record."""
    if out.resolve() == store.resolve():
        raise UsageError(f"--out {out}: this is the store itself", "give another --out")


def leaderboard(
    store: StoreArgument,
    study: StudyOption = None,
    top: Annotated[int, typer.Option(help="Number of rows to print.", min=1)] = 20,
    json: Json = False,
) -> int:
    """Show the cells of a search by the paper's score, with what was confirmed on fresh seeds."""
    from results.leaderboard import board as boards
    from results.publishing import publication

    with publication.open_record(store) as record:
        board = boards.build(record, study_id(record, study))
    document: dict[str, Any] = {
        **dataclasses.asdict(board),
        "study": dataclasses.asdict(board.study),
        "tasks": [{**dataclasses.asdict(task), "metric": task.metric.name} for task in board.tasks],
    }
    show(document, json, lambda: _print(board, top))
    return DONE


def _print(board: "Board", top: int) -> None:
    print(
        f"study {board.study.name}: {board.done} of {board.asked} asks done; {board.screened} new cells screened,"
        f" {board.passed} passed, {len(board.rows)} finished all tasks"
    )
    columns = ["", "cell", "score", "class", "parameters", "settings", "diverged"]
    for task in board.tasks:
        columns += [
            f"{task.name} {task.metric.short}",
            f"x {board.yardstick}",
        ]
    table(
        columns,
        [
            [
                rank,
                row.label,
                row.score,
                row.execution,
                row.parameters,
                row.tried,
                row.diverged,
                *_selected(row),
            ]
            for rank, row in enumerate(board.rows[:top], 1)
        ],
        title="selected on validation (the best of the settings tried, so a little too good)",
        spare=("class", "diverged", "settings", "parameters", f"x {board.yardstick}"),
    )
    confirmed = [row for row in board.rows if any(row.confirmed)]
    if confirmed:
        table(
            [
                "cell",
                *(f"{task.name} test, 95 % interval" for task in board.tasks),
                "score",
                "told from the leader",
            ],
            [
                [
                    row.label,
                    *_confirmed(row),
                    row.confirmed_score and row.confirmed_score.centre,
                    _tied(row),
                ]
                for row in confirmed
            ],
            title="confirmed on fresh seeds, on the test split (only these are results)",
        )
    if board.stopped:
        table(
            ["cell", "stopped"],
            [[row.label, row.stopped] for row in board.stopped[:top]],
            title="beyond the screen, but no further",
        )
    for task in board.tasks:
        if task.optimum is not None:
            value = f"{task.optimum:.4g} {task.unit}".rstrip()
            print(f"{task.name}: the best possible {task.metric.label} is {value}")


def _selected(row: "Row") -> list[object]:
    values: list[object] = []
    for selected in row.selected:
        values += [selected and selected.value, selected and selected.ratio]
    return values


def _confirmed(row: "Row") -> list[str]:
    return [
        "-" if estimate is None else f"{estimate.text(4)}, {estimate.count} seeds"
        for estimate in row.confirmed
    ]


def _tied(row: "Row") -> str:
    return {None: "-", True: "no", False: "yes"}[row.tied]


def report(
    store: StoreArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="HTML file; default: the store's name with .html, in a published folder report.html.",
        ),
    ] = None,
    study: StudyOption = None,
    importance: Annotated[
        str,
        typer.Option(
            "--importance",
            help="Of hyperparameters, in a report of findings: ped-anova, or fanova (needs"
            " gatewright[fanova], takes minutes).",
        ),
    ] = "ped-anova",
    json: Json = False,
) -> int:
    """Write one self-contained HTML page that opens offline."""
    from results.publishing import publication

    if importance not in METHODS:
        raise UsageError(f"--importance {importance}: expected {' or '.join(METHODS)}")
    beside = store / "report.html" if store.is_dir() else store.with_suffix(".html")
    path = out if out is not None else beside
    spare(store, path)
    if out is not None:
        check_output(out, "--out")
    with publication.open_record(store) as record:
        chosen = study_id(record, study)
        page = _page(record, chosen, METHODS[importance])
    path.write_text(page, encoding="utf-8")
    size = len(page.encode())
    document = {"report": str(path), "study": chosen, "bytes": size}
    show(
        document,
        json,
        lambda: print(f"wrote {path} ({size / 1024:.0f} KiB); open it in a browser"),
    )
    return DONE


def _page(record: "Store", chosen: str, method: "Method") -> str:
    """The report of a findings run if the study is part of one, else that of the study."""
    from results.claims import findings
    from results.report import findings_report, founding_report
    from results.report import search_report as report
    from results.statistics import sensitivity

    run = findings.run_of(record, chosen)
    if run is None:
        return report.render(record, chosen)
    if run.findings == findings.FOUNDING:
        return founding_report.render(record, run)
    from search.settings.importance import importances

    tried = sensitivity.selections(run.trainings, run.tasks)
    return findings_report.render(record, run, importances(tried, method))
