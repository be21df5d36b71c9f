"""`gatewright export`: a study's record for other programs."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.record.leaderboard import StoreArgument, StudyOption, spare, study_id
from search.console import DONE, Json, check_output, progress, show
from search.error import SearchError, UsageError

if TYPE_CHECKING:
    from results.record.store import Store

FORMS = ("csv", "json", "parquet", "optuna")


def export(
    store: StoreArgument,
    to: Annotated[
        str, typer.Option("--to", help=f"{', '.join(FORMS[:-1])} or {FORMS[-1]}.")
    ] = "csv",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder of the tables, or file of the Optuna journal; default: the store's name. "
            "What was exported there before is replaced.",
        ),
    ] = None,
    study: StudyOption = None,
    json: Json = False,
) -> int:
    """Write trials, curves, rejections and cells as tables, or the trials as Optuna studies."""
    from results.publishing import publication

    if to not in FORMS:
        raise UsageError(f"--to {to}: expected {', '.join(FORMS[:-1])} or {FORMS[-1]}")
    if to == "parquet" and importlib.util.find_spec("pyarrow") is None:
        hint = "install it with `pip install 'gatewright[parquet]'`; csv and json need nothing"
        raise SearchError("parquet.missing", "--to parquet needs the package pyarrow", hint)
    tables = to != "optuna"
    suffix = ("" if store.suffix else ".tables") if tables else ".journal"
    path = out if out is not None else store.with_suffix(suffix)
    spare(store, path)
    if not tables:
        check_output(path, "--out")
    with publication.open_record(store) as record, progress("export", quiet=json) as advance:
        chosen = study_id(record, study)
        if tables:
            written = _tables(record, chosen, path, to, advance)
        else:
            written = _journal(record, chosen, path, advance)

    def render() -> None:
        for file in written:
            if tables:
                print(f"wrote {file['file']} ({file['rows']} rows)")
            else:
                print(
                    f"wrote {file['file']}: study {file['study']},"
                    f" {file['trials']} trials, {file['failed']} of them failed"
                )

    show({"study": chosen, "files": written}, json, render)
    return DONE


def _tables(
    record: "Store", chosen: str, folder: Path, to: str, advance: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    from results import frame

    folder.mkdir(parents=True, exist_ok=True)
    written: list[dict[str, Any]] = []
    makers = (frame.trials, frame.curves, frame.rejections, frame.cells)
    for done, make in enumerate(makers):
        advance(done, len(makers))
        rows = make(record, chosen)
        path = folder / f"{make.__name__}.{to}"
        if to == "csv":
            frame.for_spreadsheets(rows).to_csv(path, index=False)
        elif to == "json":
            rows.to_json(path, orient="records", indent=1)
        else:
            rows.to_parquet(path, engine="pyarrow", index=False)
        written.append({"file": str(path), "rows": len(rows)})
    return written


def _journal(
    record: "Store", chosen: str, path: Path, advance: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    from search import journal

    return [
        {
            "file": str(path),
            "study": export.name,
            "metric": export.metric,
            "trials": export.trials,
            "failed": export.failed,
        }
        for export in journal.write(record, chosen, path, advance)
    ]
