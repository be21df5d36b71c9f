"""`gatewright data`: corpora on this machine."""

from typing import Annotated, Any

import typer

from search.console import DONE, WRONG, Json, note, show, table

app = typer.Typer(help="List, fetch and verify the corpora.", no_args_is_help=True)


def _rows(check: bool) -> list[dict[str, Any]]:
    from tasks.corpora import corpus

    states = corpus.verify() if check else corpus.status()
    return [
        {
            "corpus": s.corpus,
            "file": s.file,
            "bytes": s.bytes,
            "folder": str(s.folder),
            "present": s.present,
            "ok": s.ok,
        }
        for s in states
    ]


def _print(rows: list[dict[str, Any]]) -> None:
    def word(row: dict[str, Any]) -> str:
        if not row["present"]:
            return "missing"
        return {None: "present", True: "ok", False: "WRONG DIGEST"}[row["ok"]]

    table(
        ("corpus", "file", "bytes", "state", "folder"),
        [(r["corpus"], r["file"], r["bytes"], word(r), r["folder"]) for r in rows],
    )


@app.command()
def ls(json: Json = False) -> int:
    """List the corpora, their files, and which are here."""
    rows = _rows(check=False)
    show({"files": rows}, json, lambda: _print(rows))
    return DONE


@app.command()
def verify(json: Json = False) -> int:
    """Compare the digest of every file that is here; exit 1 if one is wrong."""
    rows = _rows(check=True)
    show({"files": rows}, json, lambda: _print(rows))
    return WRONG if any(row["ok"] is False for row in rows) else DONE


@app.command()
def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A corpus, or a task that reads one.")
    ],
    json: Json = False,
) -> int:
    """Fetch a corpus by name, from fixed hosts over https, checked by SHA-256."""
    from tasks.corpora import corpus
    from tasks.corpora import fetch as fetching

    last = ""

    def report(progress: fetching.Progress) -> None:
        nonlocal last
        line = f"{progress.file}: {progress.note}"
        if line != last:
            note(line)
            last = line

    folder = corpus.destination()
    fetching.fetch(name, folder, report=report)
    show({"corpus": name, "folder": str(folder)}, json, lambda: print(f"{name} is in {folder}"))
    return DONE
