"""A page of `docs/` whose tables are written from the code; `--check` only compares."""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(entry).replace("|", "\\|") for entry in line) + " |" for line in lines
    )


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def renewed(text: str, tables: Mapping[str, Callable[[], str]], name: str) -> str:
    """The page `name` with every table between its marks written anew."""
    for table_name, made in tables.items():
        marks = re.compile(rf"(<!-- {table_name} -->\n).*?(<!-- end -->)", re.S)
        text, count = marks.subn(lambda hit, made=made: f"{hit[1]}{made()}\n{hit[2]}", text)
        if count != 1:
            raise SystemExit(f"{name} has {count} marks for the table {table_name}, not 1")
    return text


def run(
    name: str,
    tables: Mapping[str, Callable[[], str]],
    about: str,
    script: str,
    pictures: Mapping[str, Callable[[], str]] | None = None,
) -> int:
    """The command that writes `docs/name` and, beside it, files of `pictures`; 1 when one was not up
    to date and is to be checked.
    """
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    page = DOCS / name
    made = {page: renewed(page.read_text(encoding="utf-8"), tables, name)}
    made |= {DOCS / picture: make() for picture, make in (pictures or {}).items()}
    stale = [path for path, text in made.items() if not _holds(path, text)]
    if options.check and stale:
        names = ", ".join(path.name for path in stale)
        print(f"out of date: {names}: run scripts/{script}", file=sys.stderr)
        return 1
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
