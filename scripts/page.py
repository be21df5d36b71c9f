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


def run(name: str, tables: Mapping[str, Callable[[], str]], about: str, script: str) -> int:
    """The command that writes `docs/name`; 1 when the page was not up to date and is to be checked."""
    parser = argparse.ArgumentParser(description=about.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    page = DOCS / name
    old = page.read_text(encoding="utf-8")
    new = renewed(old, tables, name)
    if new == old:
        return 0
    if options.check:
        print(f"{name} is out of date: run scripts/{script}", file=sys.stderr)
        return 1
    page.write_text(new, encoding="utf-8")
    return 0
