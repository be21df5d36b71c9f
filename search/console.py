"""What every command shares: one JSON document or text on standard output, errors in one place.

Exit codes: 0 done, 1 finished but something failed or was found wrong, 2 wrong usage, 130
interrupted after printing how to resume.
"""

import codecs
import io
import json
import math
import shlex
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from results.exact import exact
from search.error import UsageError

DONE, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130

SENTENCE = 24
"""Characters of the longest word of a table that is not broken."""

WIDE = 1000
"""Columns of a table that no terminal shows: rows stay whole lines for `grep` and `awk`."""

Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON document on standard output, and nothing else there."
    ),
]
"""The option that every command takes."""

Executor = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="What runs the cells: native, portable (the same bits on every x86-64-v3 machine), "
        "native-bf16 (large products in bfloat16), or reference (slow, no compiler); else the best "
        "here.",
    ),
]
"""The option of commands that train. A search that is resumed goes on with the one it began with."""


def escape_what_cannot_be_shown() -> None:
    """Lets standard output write letters that its encoding lacks as JSON escapes them.

    Among them are bytes of a file's name that are no text in any encoding.
    """
    codecs.register_error("gatewright.escape", _escaped)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="gatewright.escape")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - standard output is only written
    # As JSON has them, in ASCII.
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def in_unicode() -> bool:
    """Whether standard output has every letter."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def drawn(picture: str) -> str:
    """An SVG as it can be printed: references to characters that standard output may not have."""
    return picture if in_unicode() else picture.encode("ascii", "xmlcharrefreplace").decode()


def show(document: Mapping[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Prints `document` as JSON, or calls `render` to print the same facts for people.

    Whole numbers that other programs would round are text, see `results.exact`.

    Raises:
        ValueError: the document holds NaN or an infinity; nothing has been printed then.
    """
    if as_json:
        text = json.dumps(exact(document), indent=2, allow_nan=False, ensure_ascii=not in_unicode())
        sys.stdout.write(text + "\n")
    else:
        render()


def note(message: str) -> None:
    """Prints one line for people on standard error, where it never mixes with a document."""
    print(message, file=sys.stderr, flush=True)


@contextmanager
def progress(title: str, quiet: bool) -> Generator[Callable[[int, int], None]]:
    """Shows a bar on a terminal until all is done; yields what is told how much of how much is.

    It writes to standard error, and nothing where that is no terminal or with `quiet`.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    off = quiet or not sys.stderr.isatty()
    console = Console(stderr=True)
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=off
    ) as bar:
        shown = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(shown, completed=done, total=total)


def check_output(path: Path, option: str) -> None:
    """Raises UsageError if no file can be made at `path`, before any work is done for it."""
    if path.is_dir():
        raise UsageError(f"{option} {path}: a folder, expected a file")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")


def version() -> str:
    """The version of the distribution, for people."""
    from importlib import metadata

    try:
        return f"gatewright {metadata.version('gatewright')}"
    except metadata.PackageNotFoundError:
        return "gatewright, run from its sources and not installed"


def typed(command: str) -> str:
    """A command line `gatewright ...` as it can be typed here: with the program's path if need be."""
    program = Path(sys.argv[0])
    if program.name != "gatewright" or shutil.which("gatewright") == str(program):
        return command
    return f"{shlex.quote(str(program))} {command.removeprefix('gatewright').lstrip()}".rstrip()


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    title: str = "",
    spare: Sequence[str] = (),
) -> None:
    """Prints a table: aligned and coloured on a terminal, the same words without colour elsewhere.

    Columns of numbers are right-aligned, whole ones in groups of three, others by `numbers`; None is
    a dash. What is a number and no quantity, such as a seed, is better given as text.

    Args:
        columns: their heads.
        rows: their values.
        title: a line above.
        spare: heads of columns to leave out, the first first, where a terminal is too narrow.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    filled = [list(row) for row in rows]
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else WIDE, highlight=False)
    drawn = [_Column(head, [row[column] for row in filled]) for column, head in enumerate(columns)]
    left_out: list[str] = []
    for head in spare:
        if sum(column.least + 3 for column in drawn) <= console.width:
            break
        left_out.append(head)
        drawn = [column for column in drawn if column.head != head]
    shape = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in drawn:
        side = "right" if column.numeric else "left"
        shape.add_column(column.head, justify=side, overflow="fold", min_width=column.least)
    for row in zip(*(column.words for column in drawn), strict=True):
        shape.add_row(*map(Text, row))
    with console.capture() as capture:
        console.print(shape)
        if left_out:
            console.print(f"a wider terminal also shows: {', '.join(left_out)}", style="dim")
    lines = (line.rstrip() for line in capture.get().splitlines())
    print("\n".join(line for line in lines if line))


class _Column:
    """A column of a table: its words, and the width below which it can hardly be read."""

    def __init__(self, head: str, values: Sequence[object]) -> None:
        self.head = head
        self.numeric = all(isinstance(value, int | float | None) for value in values)
        self.words = _words(values)
        widest = max((len(word) for word in self.words), default=0)
        if widest > SENTENCE:  # words between which a line may be broken
            widest = SENTENCE
        self.least = max([widest, *map(len, head.split())], default=1)


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
    least, most = min(sizes, default=1.0), max(sizes, default=1.0)
    if least < 0.01 or most >= 999.5 or most > 1000 * least:
        return [number(value) for value in values]
    decimals = min(4, 3 - math.floor(math.log10(least)))
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
