"""`scripts/storm`: injects the faults of the table and prints a line each."""

import argparse
import json
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from scripts.page import DOCS, renewed, table
from tests.storm.fault import FAILED, Fault, Line, Tally, Task
from tests.storm.table import FAULTS

HEAD: Final = (
    f"{'id':4} {'runs':>8} {'lost':>5} {'twice':>5} {'silent':>6} {'slowest':>9} {'took':>7}"
    "  verdict  fault"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every fault was withstood, 1 if not."""
    parser = argparse.ArgumentParser(
        prog="scripts/storm", description="Faults of machines, disks, networks and strangers."
    )
    parser.add_argument("--full", action="store_true", help="all runs; takes hours")
    parser.add_argument("--only", default="", help="some faults, such as G3,G7")
    parser.add_argument("--without", default="", help="all faults but these")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--count", type=int, help="runs of each fault, instead of the table's")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--record", type=Path, help="file to keep each line in, as soon as it is there"
    )
    parser.add_argument(
        "--resume", action="store_true", help="take lines from --record where it has them"
    )
    parser.add_argument("--page", action="store_true", help="write the figures into docs/faults.md")
    parser.add_argument("--under", default="", help="what else ran on the machine, for the page")
    parser.add_argument("--list", action="store_true", help="print the table, inject nothing")
    options = parser.parse_args(arguments)
    chosen = select(options.only, options.without, parser)
    if options.resume and options.record is None:
        parser.error("--resume needs --record")
    if options.list:
        for fault in chosen:
            runs = f"{fault.reduced} / {fault.full} {fault.unit}"
            print(f"{fault.id:4} {runs:28} {fault.what}")
        return 0
    known: dict[str, Line] = {}
    if options.resume and options.record.exists():
        kept = read(options.record)
        same = [line for line in kept if (line.full, line.seed) == (options.full, options.seed)]
        known = {line.id: line for line in same if line.verdict != FAILED}
    lines: list[Line] = []
    if not options.json:
        print(HEAD, flush=True)
    for number, fault in enumerate(chosen, 1):
        line = known.get(fault.id)
        if line is None:
            count = options.count or (fault.full if options.full else fault.reduced)
            at = f"[{number}/{len(chosen)}]"
            line = inject(fault, count, options.full, options.seed, at)
            if options.record is not None:
                with options.record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(line)) + "\n")
        lines.append(line)
        if not options.json:
            print(render(line), flush=True)
    bad = [line.id for line in lines if line.verdict == FAILED]
    if options.json:
        print(json.dumps({"faults": [asdict(line) for line in lines], "failed": bad}, indent=1))
    else:
        seconds = sum(line.seconds for line in lines)
        print(f"seed {options.seed}: {len(lines)} faults, {len(bad)} failed, {seconds:.0f} s")
    if options.page:
        write_page(lines, options.under)
    return 1 if bad else 0


def write_page(lines: Sequence[Line], under: str) -> None:
    """Writes the lines between the marks of docs/faults.md, and where they were measured."""
    page = DOCS / "faults.md"
    where = f"`scripts/storm{' --full' if lines[0].full else ''}`, seed {lines[0].seed}"
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    beside = f", {under}" if under else ""
    seconds = sum(line.seconds for line in lines)
    figures = table(
        (
            "id",
            "what is done, and must hold",
            "runs",
            "lost",
            "twice",
            "silent",
            "slowest",
            "verdict",
        ),
        [
            (
                line.id,
                f"{line.what} ({line.note})" if line.note else line.what,
                f"{line.runs:,} {line.unit}",
                line.lost,
                line.duplicated,
                line.silent,
                f"{line.worst:.2f} s",
                line.verdict,
            )
            for line in lines
        ],
    )
    head = f"{where}, on {machine}{beside}: {len(lines)} faults in {seconds / 60:.0f} minutes."
    made = {"storm": lambda: f"{head}\n\n{figures}"}
    page.write_text(renewed(page.read_text(encoding="utf-8"), made, page.name), encoding="utf-8")


def select(only: str, without: str, parser: argparse.ArgumentParser) -> list[Fault]:
    """The faults of these ids, in the order of the table; ends with an error if there is no such one."""
    ids = {fault.id for fault in FAULTS}
    wanted, unwanted = (
        {word.strip().upper() for word in text.split(",") if word.strip()}
        for text in (only, without)
    )
    if unknown := (wanted | unwanted) - ids:
        parser.error(f"no fault {', '.join(sorted(unknown))}; --list shows them all")
    chosen = [f for f in FAULTS if (not wanted or f.id in wanted) and f.id not in unwanted]
    if not chosen:
        parser.error("no fault is left to inject")
    return chosen


def inject(fault: Fault, count: int, full: bool, seed: int, at: str = "") -> Line:
    """Injects a fault `count` times. Each fault draws from a generator of its own."""
    shows = sys.stderr.isatty()
    last = 0.0

    def tick(done: int) -> None:
        nonlocal last
        if shows and time.monotonic() - last > 0.2:
            last = time.monotonic()
            print(f"\r\x1b[K{at} {fault.id} {done} {fault.unit}", end="", file=sys.stderr)

    draw = random.Random(f"{seed} {fault.id}")  # noqa: S311 - nothing secret
    began = time.monotonic()
    tick(0)
    with tempfile.TemporaryDirectory(prefix="storm-", ignore_cleanup_errors=True) as name:
        try:
            tally = fault.body(Task(Path(name), count, draw, full, tick))
        except Exception as error:  # a body that cannot go on has not withstood anything
            tally = Tally()
            tally.fail(f"{type(error).__name__}: {error}")
    if shows:
        print("\r\x1b[K", end="", file=sys.stderr)
    return Line.of(fault, tally, time.monotonic() - began, full, seed)


def render(line: Line) -> str:
    """The line as text, with what went wrong below it."""
    note = f" ({line.note})" if line.note else ""
    runs = f"{line.runs:,}"
    head = (
        f"{line.id:4} {runs:>8} {line.lost:5} {line.duplicated:5} {line.silent:6}"
        f" {line.worst:7.2f} s {line.seconds:5.0f} s  {line.verdict:7}  {line.what}{note}"
    )
    return "\n".join([head, *(f"       WRONG: {problem}" for problem in line.problems)])


def read(path: Path) -> list[Line]:
    """The lines that `--record` kept."""
    return [
        Line.from_json(json.loads(text)) for text in path.read_text(encoding="utf-8").splitlines()
    ]
