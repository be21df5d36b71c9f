"""What every command shares: one JSON document or text on standard output, errors in one place.

Exit codes: 0 done, 1 finished but something failed or was found wrong, 2 wrong usage, 130
interrupted after printing how to resume.
"""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer

DONE, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130

Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on standard output, and nothing else there."
    ),
]
"""The option that every command takes."""


class UsageError(Exception):
    """The command line asks for something that cannot be: exit code 2."""


class StoppedError(Exception):
    """The user stopped a long command; the message says how to resume. Exit code 130."""


def show(document: Mapping[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Prints `document` as JSON, or calls `render` to print the same facts for people."""
    if as_json:
        json.dump(document, sys.stdout, indent=2, allow_nan=False, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        render()


def note(message: str) -> None:
    """Prints one line for people on standard error, where it never mixes with a document."""
    print(message, file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Prints a table: aligned and coloured on a terminal, the same words without colour elsewhere.

    Numbers are right-aligned; a float is shown with four significant digits, None as a dash.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    filled = [list(row) for row in rows]
    drawn = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = all(isinstance(row[index], int | float | None) for row in filled)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in filled:
        drawn.add_row(*(Text(_word(value)) for value in row))
    terminal = sys.stdout.isatty()
    Console(width=None if terminal else 160, highlight=False).print(drawn)


def _word(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
