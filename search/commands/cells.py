"""`gatewright cells`: look at cells, check them, mutate them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from search.console import DONE, WRONG, Json, check_output, drawn, show, table
from search.error import UsageError

app = typer.Typer(
    help="Look at cells, check, compare, draw, mutate and export them.", no_args_is_help=True
)

CellArgument = Annotated[
    str,
    typer.Argument(
        metavar="CELL",
        help="A zoo name, a .cell file, an id of the core space, or one with --store.",
    ),
]
StoreOption = Annotated[Path | None, typer.Option("--store", help="Where to look up ids.")]


@app.command()
def ls(
    width: Annotated[int, typer.Option(help="Hidden width for the parameter count.", min=1)] = 64,
    json: Json = False,
) -> int:
    """List the zoo: year, source, class, parameters of a layer, states."""
    from cells import execution_class, identifier, zoo
    from cells.size import parameters, width_step
    from cells.text.header import header

    shelf = {name: title for title, names in zoo.shelves().items() for name in names}
    rows: list[dict[str, Any]] = []
    for name in zoo.names():
        cell = zoo.load(name)
        read, own = header(cell.comment), parameters(cell)
        possible = -(-width // width_step(cell)) * width_step(cell)
        rows.append(
            {
                "name": name,
                "id": identifier(cell),
                "shelf": shelf.get(name),
                "year": read.year,
                "class": execution_class(cell),
                "states": len(cell.updates),
                "linears": sum(node.op == "linear" for node in cell.nodes),
                "parameters_formula": str(own),
                "width": possible,
                "parameters": own.at(possible),
                "title": read.title,
                "sources": list(read.sources),
            }
        )

    def render() -> None:
        shown = ("name", "year", "class", "states", "parameters_formula", "parameters", "title")
        heads = ("name", "year", "class", "states", "parameters", f"at H = {width}", "title")
        lines = [[str(row[key]) if key == "year" else row[key] for key in shown] for row in rows]
        table(heads, lines, spare=("states",))
        print(f"{len(rows)} cells. Sources: --json, or docs/zoo.md.")

    show({"cells": rows}, json, render)
    return DONE


@app.command(name="show")
def show_cell(
    cell: CellArgument,
    width: Annotated[int, typer.Option(help="Hidden width for the sizes.", min=1)] = 64,
    latex: Annotated[bool, typer.Option("--latex", help="Print the equations as LaTeX.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print how the engine runs the cell over a window.")
    ] = False,
    dynamic: Annotated[
        bool,
        typer.Option(
            "--dynamic",
            help="Measure how the cell behaves: Jacobian, gradient reach, gates, stability.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write everything, measurements included, as one HTML file."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the measurements.")] = 0,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Show a cell's passport: text, equations, sizes, nearest relative, and how it behaves."""
    from cells import canonical
    from cells.engine.lowering.plan import describe, summary
    from cells.engine.lowering.plan import render as plan_text
    from cells.engine.lowering.translate import lower
    from cells.measure.passport import passport
    from search import passport as measuring
    from search.resolve import cell as resolve

    if html is not None:
        check_output(html, "--html")
    resolved = resolve(cell, store)
    facts = passport(resolved, width)
    lowered = lower(canonical(resolved))
    document = {**facts.document(), "plan_summary": summary(lowered)}
    if plan:
        document["plan"] = describe(lowered, facts.width)
    measured = measuring.measure(resolved, seed) if dynamic or html is not None else None
    if measured is not None:
        document["dynamics"] = measured.document()
    if html is not None:
        from results.report.passport import render as page

        others = measuring.beside(resolved, seed)
        written = page(resolved, facts, document["plan_summary"], measured, others)
        html.write_text(written, encoding="utf-8")
        document["html"] = str(html)

    def render() -> None:
        print(facts.text)
        print(facts.latex if latex else facts.equations)
        print()
        for line in measuring.lines(facts, document["plan_summary"], measured):
            print(line)
        if plan:
            print(f"\n{plan_text(lowered, facts.width)}")
        if html is not None:
            print(f"\nwrote {html}")

    show(document, json, render)
    return DONE


@app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Files with one cell each.")
    ],
    json: Json = False,
) -> int:
    """Check `.cell` files; exit 1 if one is wrong."""
    from cells import CellError, identifier
    from cells.text.parser import read

    rows: list[dict[str, Any]] = []
    for path in files:
        try:
            rows.append(
                {"file": str(path), "good": True, "id": identifier(read(path)), "error": ""}
            )
        except (CellError, OSError) as error:
            rows.append({"file": str(path), "good": False, "id": "", "error": str(error)})
    good = all(row["good"] for row in rows)

    def render() -> None:
        for row in rows:
            print(f"{row['file']}: {'ok ' + row['id'] if row['good'] else row['error']}")

    show({"good": good, "files": rows}, json, render)
    return DONE if good else WRONG


@app.command()
def same(
    first: Annotated[str, typer.Argument(metavar="CELL", help="A cell, named as in `cells show`.")],
    second: Annotated[str, typer.Argument(metavar="CELL", help="The cell to compare with it.")],
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Say whether two cells are shown to be equal: as graphs, by id, or as functions; exit 1 if not."""
    from cells.engine.measure.fingerprint import fingerprint, shown_equal
    from search.resolve import cell as resolve

    cells = resolve(first, store), resolve(second, store)
    a, b = map(fingerprint, cells)
    by = {"graph": cells[0] == cells[1], "id": a.id == b.id, "function": shown_equal(a, b)}
    rows = [
        {"cell": word, "id": identity.id, "keys": identity.keys}
        for word, identity in zip((first, second), (a, b), strict=True)
    ]

    def render() -> None:
        for row in rows:
            print(f"{row['cell']}: id {row['id']}, fingerprint {' or '.join(row['keys'])}")
        if by["id"]:
            print("the same cell" + (", written alike" if by["graph"] else " in another spelling"))
        elif by["function"]:
            print("one function under two ids, as far as the probe shows")
        else:
            print("not shown to be equal")

    show({"same": by["function"], **by, "cells": rows}, json, render)
    return DONE if by["function"] else WRONG


@app.command()
def draw(
    cell: CellArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="SVG file; default: standard output.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Draw a cell as SVG."""
    from cells.drawing import svg as drawing
    from search.resolve import cell as resolve

    if out is not None:
        check_output(out, "--out")
    picture = drawing.draw(resolve(cell, store))
    if out is not None:
        out.write_text(picture, encoding="utf-8")
    show(
        {"svg": picture, "file": str(out) if out else None},
        json,
        lambda: print(drawn(picture) if out is None else f"wrote {out}"),
    )
    return DONE


@app.command()
def diff(
    first: Annotated[str, typer.Argument(metavar="CELL", help="A cell, named as in `cells show`.")],
    second: Annotated[str, typer.Argument(metavar="CELL", help="The cell to compare with it.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="SVG file: both drawings, the difference marked.")
    ] = None,
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Show which edits turn one cell into another, in words and, with --out, as drawings."""
    from cells import identifier
    from cells.distance.difference import difference
    from cells.drawing.compared import draw_difference
    from search.resolve import cell as resolve

    if out is not None:
        check_output(out, "--out")
    cells = resolve(first, store), resolve(second, store)
    found = difference(*cells)
    if out is not None:
        out.write_text(draw_difference(found, first, second), encoding="utf-8")
    ids = [identifier(cell) for cell in cells]

    def render() -> None:
        if ids[0] == ids[1]:
            print(f"{first} and {second} are the same cell, {ids[0]}")
        else:
            count = f"{found.distance} edit{'s' * (found.distance != 1)}"
            limit = "" if found.exact else "at most "
            print(f"from {first} to {second}: {limit}{count}")
            for edit in found.edits:
                print(f"  {edit}")
        if out is not None:
            print(f"wrote {out}")

    document = {
        "first": ids[0],
        "second": ids[1],
        "same": ids[0] == ids[1],
        **found.document(),
        "file": str(out) if out else None,
    }
    show(document, json, render)
    return DONE


@app.command()
def mutate(
    cell: CellArgument,
    count: Annotated[
        int, typer.Option(help="Attempts, including refused ones.", min=1, max=100_000)
    ] = 5,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal mutants.")] = 0,
    reading: Annotated[
        str, typer.Option(help="How much to change: edits (1 to 3 edits), sweep, or free_sweep.")
    ] = "edits",
    store: StoreOption = None,
    json: Json = False,
) -> int:
    """Mutate a cell with the paper's operators and show what came of it."""
    import random

    from cells import canonical, identifier, to_text
    from cells import mutate as apply
    from cells.mutation import Mutant
    from search.resolve import cell as resolve

    if reading not in ("edits", "sweep", "free_sweep"):
        raise UsageError(f"--reading {reading}: expected edits, sweep or free_sweep")
    parent = resolve(cell, store)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        result = apply(parent, random.Random(f"{seed}:{number}"), reading)  # noqa: S311 - not secret
        if isinstance(result, Mutant):
            text = to_text(canonical(result.cell))
            rows.append(
                {
                    "id": identifier(result.cell),
                    "operators": result.operators,
                    "text": text,
                    "refused": "",
                }
            )
        else:
            rows.append(
                {"id": "", "operators": result.operators, "text": "", "refused": result.reason}
            )

    def render() -> None:
        for row in rows:
            print(f"# {', '.join(row['operators'])}")
            print(row["text"] or f"# refused: {row['refused']}\n")

    show({"parent": identifier(parent), "mutants": rows}, json, render)
    return DONE


@app.command()
def space(
    slots: Annotated[
        str | None,
        typer.Option(help="Show the cell of these slots, SLOT=LEVEL,...; the rest as in the LSTM."),
    ] = None,
    neighbours: Annotated[
        str | None,
        typer.Option(metavar="CELL", help="Show a cell's slots and all cells one slot away."),
    ] = None,
    edits: Annotated[
        bool,
        typer.Option("--edits", help="With --neighbours: also those one edit of the paper away."),
    ] = False,
    sample: Annotated[int, typer.Option(help="Show this many random cells.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal samples.")] = 0,
    json: Json = False,
) -> int:
    """Show the core space: its size and slots, the zoo cells in it, random cells, neighbours."""
    from search.space import document, lines

    if edits and neighbours is None:
        raise UsageError("--edits: of which cell?", "add --neighbours CELL")
    shown = document(slots, neighbours, edits, sample, seed)

    def render() -> None:
        for line in lines(shown):
            print(line)

    show(shown, json, render)
    return DONE
