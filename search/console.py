"""What every command shares: one JSON document or text on standard output, errors in one place.

Exit codes: 0 done, 1 finished but something failed or was found wrong, 2 wrong usage, 130
interrupted after printing how to resume.
"""

import json
import math
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

DONE, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130

WIDE = 1000
"""Columns of a table that no terminal shows: rows stay whole lines for `grep` and `awk`."""

Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on standard output, and nothing else there."
    ),
]
"""The option that every command takes."""


class UsageError(Exception):
    """The command line asks for something that cannot be: exit code 2."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class StoppedError(Exception):
    """The user stopped a long command. Exit code 130.

    Attributes:
        message: what was reached, and what becomes of it.
        again: the command that goes on; empty for the one that was run.
    """

    def __init__(self, message: str, again: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.again = again


def show(document: Mapping[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Prints `document` as JSON, or calls `render` to print the same facts for people.

    Raises:
        ValueError: the document holds NaN or an infinity; nothing has been printed then.
    """
    if as_json:
        text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
        sys.stdout.write(text + "\n")
    else:
        render()


def note(message: str) -> None:
    """Prints one line for people on standard error, where it never mixes with a document."""
    print(message, file=sys.stderr, flush=True)


def check_output(path: Path, option: str) -> None:
    """Raises UsageError if no file can be made at `path`, before any work is done for it."""
    if path.is_dir():
        raise UsageError(f"{option} {path}: a folder, expected a file")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")


def typed(command: str) -> str:
    """A command line `gatewright ...` as it can be typed here: with the program's path if need be."""
    program = Path(sys.argv[0])
    if program.name != "gatewright" or shutil.which("gatewright") == str(program):
        return command
    return f"{shlex.quote(str(program))} {command.removeprefix('gatewright').lstrip()}".rstrip()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> None:
    """Prints a table: aligned and coloured on a terminal, the same words without colour elsewhere.

    Columns of numbers are right-aligned, whole ones in groups of three, others by `numbers`; None is
    a dash. What is a number and no quantity, such as a seed, is better given as text.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    filled = [list(row) for row in rows]
    drawn = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    words: list[list[str]] = []
    for place, column in enumerate(columns):
        values = [row[place] for row in filled]
        numeric = all(isinstance(value, int | float | None) for value in values)
        drawn.add_column(column, justify="right" if numeric else "left", overflow="fold")
        words.append(_words(values))
    for row in zip(*words, strict=True):
        drawn.add_row(*map(Text, row))
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDE, highlight=False)
    with console.capture() as capture:
        console.print(drawn)
    lines = (line.rstrip() for line in capture.get().splitlines())
    print("\n".join(line for line in lines if line))


def _words(values: Sequence[object]) -> list[str]:
    floats = iter(numbers([value for value in values if isinstance(value, float)]))
    words: list[str] = []
    for value in values:
        if value is None:
            words.append("-")
        elif isinstance(value, float):
            words.append(next(floats))
        elif isinstance(value, int) and not isinstance(value, bool):
            words.append(f"{value:,}")
        else:
            words.append(str(value))
    return words


def numbers(values: Sequence[float]) -> list[str]:
    """Numbers that stand below each other: equal decimals, unless their sizes are too far apart."""
    sizes = [abs(value) for value in values if value]
    if not sizes or max(sizes) >= 999.5 or max(sizes) > 1000 * min(sizes) or max(sizes) < 1e-3:
        return [number(value) for value in values]
    decimals = 3 - math.floor(math.log10(max(sizes)))
    return [f"{value:.{decimals}f}" for value in values]


def number(value: float) -> str:
    """A number for people: four significant digits, whole from 1,000 on, no exponent if it can be."""
    if 999.5 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def measure(value: float) -> str:
    """A loss or an accuracy with four decimals; one that ran away with an exponent."""
    return f"{value:.4f}" if abs(value) < 1e5 else f"{value:.3e}"


def hours(value: float, of: str = "") -> str:
    """A span for people in seconds, minutes or hours; `of` goes before the unit, as in `core-`."""
    for limit, unit, scale in ((1 / 30, "seconds", 3600), (2.0, "minutes", 60)):
        if value < limit:
            return f"{value * scale:.3g} {of}{unit}"
    return f"{value:.3g} {of}hours" if value < 1000 else f"{value:,.0f} {of}hours"
