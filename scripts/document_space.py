#!/usr/bin/env python3
"""Write the tables and pictures of `docs/space.md` from the core space; `--check` only compares.

Exit status 1 when the page was not up to date.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import identifier, to_text, zoo
from cells.drawing.svg import STYLE, draw
from cells.space.core import core
from cells.space.template import SLOTS, Slots, combinations, write
from scripts.page import code, run, table

FULL: Final = Slots("gate", "gate", "xhc", "1", "before", "tanh", "xhc", "tanh")
"""A member in which every slot acts."""

BOXES: Final = (
    ("leaf", 70, 60, "m"),
    ("product", 290, 60, "× forget"),
    ("arithmetic", 400, 60, "+"),
    ("leaf", 470, 60, "m′"),
    ("function", 560, 60, "squash"),
    ("product", 680, 60, "× output"),
    ("leaf", 780, 60, "h′"),
    ("product", 400, 150, "× input"),
    ("function", 290, 150, "candidate"),
    ("product", 165, 150, "recurrence"),
    ("leaf", 70, 150, "h"),
    ("leaf", 70, 230, "x"),
    ("gate", 290, 230, "gates: forget (bias), input, reset"),
    ("gate", 680, 150, "output gate"),
)
LINES: Final = (
    *("M88 60H250", "M330 60H385", "M415 60H450", "M490 60H525", "M595 60H637", "M723 60H760"),
    *("M88 150H113", "M217 150H244", "M336 150H360", "M400 137V78", "M680 137V78"),
    *("M88 230H141", "M88 222C150 200 200 185 244 158"),
)


def slots() -> str:
    """Every level of every slot, and in how many cells it can stand."""
    rows: list[tuple[object, ...]] = []
    for position, (slot, levels) in enumerate(SLOTS.items()):
        held = [{chosen[position] for chosen in core().spellings(name)} for name in core().ids]
        for level, meaning in levels.items():
            word = code(slot) if level == next(iter(levels)) else ""
            rows.append((word, code(level), meaning, f"{sum(level in own for own in held):,}"))
    return table(("slot", "level", "what it does", "cells"), rows)


def counts() -> str:
    """How the combinations become cells."""
    texts = len({write(chosen) for chosen in combinations()})
    size = len(core())
    return (
        f"{len(combinations()):,} combinations write {texts:,} different texts and "
        f"**{size:,} cells**. The SHA-256 of their sorted ids, a line each, is "
        f"`{core().digest}`."
    )


def grid() -> str:
    """Cells by the two slots of the memory, and by whether the memory is a state of its own."""
    rows: list[tuple[object, ...]] = []
    for forget in SLOTS["forget"]:
        for own in SLOTS["input"]:
            chosen = [s for s in combinations() if (s.forget, s.input) == (forget, own)]
            alone = [s for s in chosen if s.output == "none" and s.squash == "identity"]
            sets = [{core().id_of(s) for s in part} for part in (chosen, alone)]
            rows.append((code(forget), code(own), *(f"{len(names):,}" for names in sets)))
    return table(("`forget`", "`input`", "cells", "of these with h′ = m′"), rows)


def members() -> str:
    """The zoo cells in the space, by slots."""
    named = ((name, identifier(zoo.load(name))) for name in zoo.names())
    rows = ((code(name), *map(code, core().slots_of(own))) for name, own in named if own in core())
    return table(("cell", *map(code, SLOTS)), rows)


def neighbours() -> str:
    near = sorted(len(core().changed(name)) for name in core().ids)
    return f"{near[0]} to {near[-1]} cells are one slot away from a cell, {median(near):g} in the middle."


def member() -> str:
    return f"```\n{to_text(core().cell_of(FULL))}```"


def template() -> str:
    """The template as a picture."""
    width = {text: 4.0 * len(text) + 12 for _, _, _, text in BOXES}
    shapes = (
        f'<rect class="shape {kind}" x="{x - width[text]:.0f}" y="{y - 14}" '
        f'width="{2 * width[text]:.0f}" height="28" rx="{4 if kind in ("gate", "function") else 13}"/>'
        f'<text x="{x}" y="{y}">{text}</text>'
        for kind, x, y, text in BOXES
    )
    lines = (f'<path class="line" marker-end="url(#tip)" d="{path}"/>' for path in LINES)
    return "\n".join(
        (
            '<svg class="gwc" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 830 260" '
            'width="830" height="260">',
            f"<title>The template of the core space</title><style>{STYLE}</style>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            'markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
            *lines,
            *shapes,
            "</svg>\n",
        )
    )


TABLES: Final[dict[str, Callable[[], str]]] = {
    "counts": counts,
    "slots": slots,
    "grid": grid,
    "member": member,
    "members": members,
    "neighbours": neighbours,
}

PICTURES: Final[dict[str, Callable[[], str]]] = {
    "space.svg": template,
    "space-member.svg": partial(draw, core().cell_of(FULL)),
}


if __name__ == "__main__":
    sys.exit(run("space.md", TABLES, __doc__ or "", Path(__file__).name, PICTURES))
