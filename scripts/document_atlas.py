#!/usr/bin/env python3
"""Writes `docs/atlas.md` and `docs/atlas.svg`: what cells of each size there are, and how few are different.

A text is `n` statements of one operator each, `linear`, `tanh`, `sigmoid`, `1 -`, `*`, `+` or `-`, over x,
one state and earlier statements; every statement is read, and the last is the new state and the
output. Small sizes are looked at text by text; of larger ones a uniform sample.

Usage: python scripts/document_atlas.py [--exhaustive 3] [--largest 10] [--sample 2000] [--seed 0]
"""

import argparse
import io
import sys
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import Cell, CellError, Linear, Node, identify, to_text
from cells.engine.measure.fingerprint import Fingerprint, classes, fingerprint
from cells.verify import finding

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
UNARY: Final = ("linear", "tanh", "sigmoid", "1 -")
BINARY: Final = ("*", "+", "-")
LINEAR: Final = Linear()
LEAVES: Final = 2
SHOWN: Final = 6

Statement = tuple[str, tuple[int, ...]]
FATES: Final = (
    "x or h is not read",
    "x folds away",
    "written before",
    "the function was there before",
    "x or h has no effect",
    "a new function",
)


class Row(NamedTuple):
    """One size: how many texts there are, were looked at, and what became of them."""

    size: int
    texts: int
    seen: int
    refused: int
    folded: int
    cells: int
    functions: int
    dead_input: int
    dead_state: int
    fates: dict[str, int]


def choices(known: int, unread: tuple[int, ...]) -> Iterator[tuple[Statement, tuple[int, ...]]]:
    """Every next statement after `known` values, and which statements are unread then."""
    for op, arity in [*((op, 1) for op in UNARY), *((op, 2) for op in BINARY)]:
        for args in product(range(known), repeat=arity):
            yield (op, args), (*(at for at in unread if at not in args), known)


@cache
def completions(left: int, known: int, unread: int) -> int:
    """Texts that go on from here: so many statements left, values known, and statements unread."""
    if left == 0:
        return int(unread == 1)
    old = known - unread
    unary, binary = len(UNARY), len(BINARY)
    ways = {
        unread + 1: unary * old + binary * old * old,
        unread: unary * unread + binary * (2 * unread * old + unread),
        unread - 1: binary * unread * (unread - 1),
    }
    return sum(
        count * completions(left - 1, known + 1, after) for after, count in ways.items() if count
    )


def every(size: int) -> Iterator[list[Statement]]:
    """All texts of a size."""

    def extend(done: list[Statement], unread: tuple[int, ...]) -> Iterator[list[Statement]]:
        if len(done) == size:
            yield done
            return
        known = LEAVES + len(done)
        for statement, after in choices(known, unread):
            if completions(size - len(done) - 1, known + 1, len(after)):
                yield from extend([*done, statement], after)

    yield from extend([], ())


def drawn(size: int, generator: Random) -> list[Statement]:
    """One text of a size, all equally likely."""
    done: list[Statement] = []
    unread: tuple[int, ...] = ()
    while len(done) < size:
        known, left = LEAVES + len(done), size - len(done) - 1
        statements = list(choices(known, unread))
        weights = [completions(left, known + 1, len(after)) for _, after in statements]
        statement, unread = generator.choices(statements, weights)[0]
        done.append(statement)
    return done


def as_cell(statements: list[Statement]) -> Cell:
    nodes = [Node("input"), Node("state"), Node("constant", (), 1.0)]
    for op, places in statements:
        args = tuple(at if at < LEAVES else at + 1 for at in places)  # the constant stands between
        if op == "1 -":
            nodes.append(Node("-", (2, *args)))
        else:
            nodes.append(Node(op, args, LINEAR if op == "linear" else None))
    return Cell(tuple(nodes), (len(nodes) - 1,), len(nodes) - 1, "atlas", ("h",))


def look(size: int, texts: Iterator[list[Statement]]) -> tuple[Row, list[tuple[str, str]]]:
    """The row of a size, and cells with two ids and one function."""
    seen = refused = folded = 0
    forms: dict[str, Cell] = {}
    for statements in texts:
        seen += 1
        cell = as_cell(statements)
        if finding(cell) is not None:
            refused += 1
            continue
        try:
            form, name = identify(cell)
        except CellError:
            folded += 1
            continue
        forms.setdefault(name, form)
    prints: list[Fingerprint] = [fingerprint(form) for form in forms.values()]
    groups = classes(prints)
    first = [prints[group[0]] for group in groups]
    dead = sum(
        not mark.reads_input or not mark.cell.updates or mark.dead_states > 0 for mark in first
    )
    counts = (
        refused,
        folded,
        seen - refused - folded - len(forms),
        len(forms) - len(groups),
        dead,
        len(groups) - dead,
    )
    row = Row(
        size,
        completions(size, LEAVES, 0),
        seen,
        refused,
        folded,
        len(forms),
        len(groups),
        sum(not mark.reads_input for mark in first),
        sum(not cell.cell.updates or cell.dead_states > 0 for cell in first),
        dict(zip(FATES, counts, strict=True)),
    )
    pairs = [
        (to_text(prints[a].cell), to_text(prints[b].cell))
        for a, b, *_ in (g for g in groups if len(g) > 1)
    ]
    return row, pairs


def draw(rows: list[Row]) -> str:
    """Shares of the texts looked at, by size, as SVG."""
    frame = pd.DataFrame(
        [
            {"statements": str(row.size), "fate": fate, "share": count / row.seen}
            for row in rows
            for fate, count in row.fates.items()
        ]
    )
    wide = frame.pivot_table(index="statements", columns="fate", values="share", sort=False)[
        list(FATES)
    ]
    style: Any = {"svg.hashsalt": "gatewright", "svg.fonttype": "none", "font.size": 9.0}
    with mpl.rc_context(style):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        wide.plot.bar(
            stacked=True,
            ax=axes,
            rot=0,
            width=0.85,
            color=sns.color_palette("colorblind", len(FATES)),
        )
        axes.set_xlabel("statements of a text")
        axes.set_ylabel("share of the texts looked at")
        axes.set_ylim(0, 1)
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(
            handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False
        )
        sns.despine(ax=axes)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def page(rows: list[Row], pairs: list[tuple[str, str]], command: str) -> str:
    head = (
        "statements",
        "texts",
        "looked at",
        "x or h is not read",
        "x folds away",
        "canonical cells",
        "functions",
        "of these without effect of x",
        "of h",
    )
    lines = [head, ("---:",) * len(head)]
    for row in rows:
        looked = "all" if row.seen == row.texts else f"{row.seen:,}"
        numbers = (
            row.refused,
            row.folded,
            row.cells,
            row.functions,
            row.dead_input,
            row.dead_state,
        )
        lines.append(
            (str(row.size), f"{row.texts:,}", looked, *(f"{number:,}" for number in numbers))
        )
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    full = [row for row in rows if row.seen == row.texts]
    last = full[-1]
    examples = "\n".join(
        f"```\n{a.strip()}\n```\n\nis\n\n```\n{b.strip()}\n```\n" for a, b in pairs[:SHOWN]
    )
    return f"""# A small atlas of cells

Written by `{command}`; every number here is from that run.

How many cells are there, and how many are different? A text here is a list of statements of one
operator each, `{"`, `".join((*UNARY, *BINARY))}`, over x, one state h and earlier statements. Every
statement is read by a later one, and the last is the new state and the output. Two texts with the same
[canonical form](language.md) are one cell; two cells with the same fingerprint
(`cells/engine/measure/fingerprint.py`) are shown to be one function of weights, states and inputs.

{table}

Texts are counted without writing them down. Of sizes that say *all* every text was looked at; of the
others a uniform sample, in which most repetitions do not show: what a sample holds of canonical cells and
functions grows with it. "x or h is not read" are texts that the language refuses; "x folds away" those
where nothing of x is left once the laws of arithmetic are used. "Without effect" are functions in which no
output of the probe has a gradient at any x, or at the start of h.

Of all {last.texts:,} texts of {last.size} statements {last.functions:,} functions are left, one for
{last.texts / last.functions:.0f} texts.

![Shares of texts by size](atlas.svg)

## One function, two ids

The first pairs, by size, that the canonical form tells apart and the fingerprint does not:

{examples}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--exhaustive", type=int, default=3, help="The largest size of which all are seen."
    )
    parser.add_argument("--largest", type=int, default=10)
    parser.add_argument("--sample", type=int, default=2000, help="Texts of each larger size.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=DOCS, help="Folder of the page and the figure.")
    arguments = parser.parse_args()
    rows: list[Row] = []
    pairs: list[tuple[str, str]] = []
    for size in range(1, arguments.largest + 1):
        if size <= arguments.exhaustive:
            texts = every(size)
        else:
            generator = Random(f"atlas {arguments.seed} {size}")  # noqa: S311 - no secret is drawn
            texts = (drawn(size, generator) for _ in range(arguments.sample))
        row, more = look(size, texts)
        rows.append(row)
        pairs += more
        print(f"{row.size}: {row.seen:,} texts, {row.cells:,} cells, {row.functions:,} functions")
    arguments.out.mkdir(parents=True, exist_ok=True)
    command = " ".join(["scripts/document_atlas.py", *sys.argv[1:]])
    (arguments.out / "atlas.md").write_text(page(rows, pairs, command), encoding="utf-8")
    (arguments.out / "atlas.svg").write_text(draw(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
