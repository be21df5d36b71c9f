"""Two cells side by side, with what one has and the other has not marked in both.

Added and removed parts differ in line as well as in colour, so that they can be told apart in grey.
"""

from html import escape
from typing import Final

from cells.distance.difference import Change, Difference, Side
from cells.drawing.svg import STYLE, Picture, framed
from cells.error import visible

_MARKS: Final = """\
.gwc{--added:#0969da;--removed:#bc4c00;--changed:#8250df}
@media (prefers-color-scheme:dark){.gwc{--added:#58a6ff;--removed:#f0883e;--changed:#d2a8ff}}
.gwc .shape.added,.gwc .shape.removed,.gwc .shape.changed{stroke-width:4}
.gwc .added{color:var(--added)}.gwc .removed{color:var(--removed)}.gwc .changed{color:var(--changed)}
.gwc .line.added,.gwc .line.removed,.gwc .line.changed{stroke-width:2.4;opacity:1}
.gwc .line.heavy.added,.gwc .line.heavy.removed,.gwc .line.heavy.changed{stroke-width:5}
.gwc .removed{stroke-dasharray:7 4}.gwc .changed{stroke-dasharray:2 2}
.gwc .tip.removed,.gwc .tip.changed{stroke-dasharray:none}
.gwc .same{opacity:.55}
.gwc text.side{font-size:15px;font-weight:600;text-anchor:start}
"""
_KEY: Final[dict[Change, str]] = {
    "removed": "removed: in the first cell alone",
    "added": "added: in the second cell alone",
    "changed": "changed: another function, start or way",
}
_WIDE: Final = 1500.0
"""Pixels from which on the second cell stands below the first."""
_GAP: Final = 24.0
_TITLE: Final = 34.0


def draw_difference(difference: Difference, first: str = "", second: str = "") -> str:
    """Both cells as one SVG picture.

    Args:
        difference: of the two cells.
        first: what the first is called; by default by the name in its text.
        second: the same of the second.
    """
    sides = difference.before, difference.after
    called = [said or side.cell.name for said, side in zip((first, second), sides, strict=True)]
    drawn = [Picture(side.cell, *_classes(side)).body() for side in sides]
    (_, width, height), (_, other_width, other_height) = drawn
    if width + _GAP + other_width <= _WIDE:
        places = (0.0, 0.0), (width + _GAP, 0.0)
    else:
        places = (0.0, 0.0), (0.0, height + _TITLE + _GAP)
    elements: list[str] = []
    for name, (body, wide, high), (x, y) in zip(called, drawn, places, strict=True):
        elements += [
            f'<text class="side" x="{x + _GAP:.0f}" y="{y + _TITLE / 2:.0f}">{escape(visible(name))}</text>',
            f'<svg x="{x:.0f}" y="{y + _TITLE:.0f}" width="{wide:.0f}" height="{high:.0f}">',
            *body,
            "</svg>",
        ]
    total = max(places[0][0] + width, places[1][0] + other_width)
    bottom = _TITLE + max(places[0][1] + height, places[1][1] + other_height) + _GAP / 2
    for change in _KEY:
        if any(change in side.vertices or change in side.edges for side in sides):
            elements += [
                f'<path class="line {change}" d="M{_GAP:.0f} {bottom:.0f}h28"/>',
                f'<text class="word" x="{_GAP + 36:.0f}" y="{bottom:.0f}">{_KEY[change]}</text>',
            ]
            bottom += 20.0
    title = f"Cells {called[0]} and {called[1]}"
    return framed(visible(title), STYLE + _MARKS, elements, total, bottom)


def _classes(side: Side) -> tuple[list[str], list[str]]:
    return [f" {change}" for change in side.vertices], [f" {change}" for change in side.edges]
