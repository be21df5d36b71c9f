"""A cell as a picture: a layered SVG drawing, old states and x on the left, new states on the right.

Heavy arrows go through a weight matrix, thin ones do not. A gate's box adds what arrives at it before
its function; a circle is arithmetic, channel by channel. What comes straight from x or a state has its
colour, and the new value of a state has the colour of the old one. A key explains what occurs. The
drawing follows the reader's light or dark scheme, and is a function of the cell alone.

Layout after Sugiyama, Tagawa, Toda 1981: layers by longest path, orders with few crossings, then heights
that are nearest to those of the neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from cells.cell import Cell
from cells.drawing.diagram import Vertex, diagram, linear_of
from cells.drawing.layering import Columns, arrange
from cells.error import visible

_COLUMN: Final = 92.0
_MARGIN: Final = 24.0
_LEAST: Final = 300.0
"""Width that the key needs."""
_COLOURS: Final = 5

STYLE: Final = """
.gwc{--ink:#1f2328;--c0:#0969da;--c1:#1a7f37;--c2:#9a6700;--c3:#8250df;--c4:#bf3989;--leaf:#eef1f4;\
--gate:#ffd8a8;--function:#d6e8fb;--product:#ffb3b3;--arithmetic:#f4f4f4;--matrix:#e5dbf8}
@media (prefers-color-scheme:dark){.gwc{--ink:#e6edf3;--c0:#58a6ff;--c1:#3fb950;--c2:#d29922;\
--c3:#bc8cff;--c4:#f778ba;--leaf:#262c36;--gate:#7a4510;--function:#1f3f63;--product:#7d2430;\
--arithmetic:#2b3138;--matrix:#43316e}}
.gwc{color:var(--ink)}.gwc text{font:13px system-ui,sans-serif;fill:var(--ink);text-anchor:middle;\
dominant-baseline:central}
.gwc .name{font-size:11px;font-style:italic}.gwc .word{font-size:11px;text-anchor:start;opacity:.8}
.gwc .shape{stroke:currentColor;stroke-width:1.2}
.gwc .leaf,.gwc .result,.gwc .number{fill:var(--leaf);stroke-width:1.8}
.gwc .gate{fill:var(--gate)}.gwc .function{fill:var(--function)}.gwc .product{fill:var(--product)}
.gwc .arithmetic{fill:var(--arithmetic)}.gwc .matrix{fill:var(--matrix)}.gwc .out{stroke-width:3.4}
.gwc .line{fill:none;stroke:currentColor;stroke-width:1.2;opacity:.85}
.gwc .heavy{stroke-width:3}.gwc .dashed{stroke-dasharray:5 3}.gwc .tip{fill:currentColor;stroke:none}
.gwc .c0{color:var(--c0)}.gwc .c1{color:var(--c1)}.gwc .c2{color:var(--c2)}.gwc .c3{color:var(--c3)}\
.gwc .c4{color:var(--c4)}
"""
"""Of every drawing: an `svg` of class `gwc`."""

_KEY: Final = {
    "gate": "gate",
    "function": "function",
    "product": "product",
    "arithmetic": "other arithmetic",
    "matrix": "weight matrix",
    "heavy": "through a weight matrix",
    "dashed": "through a structured matrix",
    "out": "bold border: the output",
    "2nd": "2nd: subtracted, or divided by",
}


def draw(cell: Cell) -> str:
    """The drawing of a valid cell as one SVG element that stands alone or in a page."""
    elements, width, height = Picture(cell).body()
    return framed(f"Cell {visible(cell.name)}", STYLE, elements, width, height)


def framed(title: str, style: str, elements: Sequence[str], width: float, height: float) -> str:
    """Elements as one SVG picture of that size in pixels."""
    return "\n".join(
        (
            f'<svg class="gwc" xmlns="http://www.w3.org/2000/svg" role="img"'
            f' viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"'
            f' height="{height:.0f}">',
            f"<title>{escape(title)}</title><style>{style}</style>",
            *elements,
            "</svg>",
        )
    )


@dataclass(frozen=True, slots=True)
class _Place:
    x: float
    y: float


def _reach(vertex: Vertex) -> float:
    """Half of the width in pixels."""
    if vertex.role in ("product", "arithmetic"):
        return max(13.0, 4.2 * len(vertex.text) + 5.0)
    return max(17.0, 4.1 * len(vertex.text) + 9.0)


class Picture:
    """A drawing in the making.

    Args:
        cell: a valid cell.
        vertices: further classes of each vertex of its diagram; none for an ordinary drawing.
        edges: the same of each arrow.
    """

    def __init__(self, cell: Cell, vertices: Sequence[str] = (), edges: Sequence[str] = ()) -> None:
        made = diagram(cell)
        self.cell = cell
        self.vertices, self.edges = made.vertices, made.edges
        self.vertex_marks = vertices or [""] * len(made.vertices)
        self.edge_marks = edges or [""] * len(made.edges)
        self.columns: Columns = arrange(made)
        self.places = [
            _Place(_MARGIN + 30 + layer * _COLUMN, self.columns.heights[index] + _MARGIN + 6)
            for index, layer in enumerate(self.columns.layers)
        ]
        self.seen: set[str] = {vertex.role for vertex in self.vertices}
        if any(vertex.output for vertex in self.vertices):
            self.seen.add("out")

    def body(self) -> tuple[list[str], float, float]:
        """The elements of the drawing, its width and its height in pixels."""
        width = max(_LEAST, 2 * _MARGIN + 60 + _COLUMN * max(self.columns.layers))
        bottom = max(self.columns.heights.values()) + 2 * _MARGIN + 12
        lines: dict[str, None] = {}
        for number in range(len(self.edges)):
            lines |= dict.fromkeys(self._edge(number))
        shapes = (self._shape(index) for index in range(len(self.vertices)))
        key, height = self._key(width, bottom)
        return [*lines, *shapes, *key], width, height

    def _colour(self, vertex: Vertex) -> str:
        """The class that colours what belongs to x or to a state."""
        if vertex.role == "input":
            return " c0"
        if vertex.state >= 0:
            return f" c{1 + vertex.state % (_COLOURS - 1)}"
        return ""

    def _edge(self, number: int) -> list[str]:
        edge, route = self.edges[number], self.columns.routes[number]
        source, target = self.vertices[edge.source], self.vertices[edge.target]
        linear = linear_of(self.cell, edge)
        colour = self._colour(source) if target.role != "new" else self._colour(target)
        style = colour
        if linear is not None:
            style = " heavy" + (" dashed" if linear.kind != "free" else "") + colour
            self.seen.add("heavy" if linear.kind == "free" else "dashed")
        mark = self.edge_marks[number]
        style, colour = f"{style}{mark}", f"{colour}{mark}"
        lines: list[str] = []
        heights = self.columns.heights
        left = self.places[edge.source].x + _reach(source)
        for step, (here, there) in enumerate(pairwise(route)):
            final = step == len(route) - 2
            right = self.places[edge.source].x + (step + 1) * _COLUMN
            if final:
                right -= _reach(target) + 6
            y0, y1 = heights[here] + _MARGIN + 6, heights[there] + _MARGIN + 6
            if final and edge.mark:
                y1 += 6.0 if edge.mark == "2nd" else -6.0
            middle = (left + right) / 2
            lines.append(
                f'<path class="line{style}" d="M{left:.1f} {y0:.1f}C{middle:.1f} {y0:.1f}'
                f' {middle:.1f} {y1:.1f} {right:.1f} {y1:.1f}"/>'
            )
            if final:
                lines.append(f'<path class="tip{colour}" d="M{right + 6:.1f} {y1:.1f}l-9 -4v8z"/>')
                if edge.mark == "2nd":
                    self.seen.add("2nd")
                    lines.append(
                        f'<text class="name" x="{right - 5:.1f}" y="{y1 + 10:.1f}">2nd</text>'
                    )
            left = right
        return lines

    def _shape(self, index: int) -> str:
        vertex, at = self.vertices[index], self.places[index]
        reach = _reach(vertex)
        kind = {"input": "leaf", "state": "leaf", "new": "result", "out": "result"}.get(
            vertex.role, vertex.role
        )
        radius = 4.0 if kind in ("gate", "function", "matrix") else 13.0
        style = f"shape {kind}{' out' if vertex.output else ''}{self._colour(vertex)}"
        style += self.vertex_marks[index]
        name = ""
        if vertex.name:
            name = f'<text class="name" x="{at.x:.1f}" y="{at.y - 20:.1f}">{escape(vertex.name)}</text>'
        return (
            f'<rect class="{style}" x="{at.x - reach:.1f}" y="{at.y - 13:.1f}"'
            f' width="{2 * reach:.1f}" height="26" rx="{radius:g}"/>'
            f'<text x="{at.x:.1f}" y="{at.y:.1f}">{escape(vertex.text)}</text>{name}'
        )

    def _key(self, width: float, top: float) -> tuple[list[str], float]:
        """What the shapes and lines mean that occur, in rows; and the height of the picture."""
        parts: list[str] = []
        x, y = _MARGIN, top
        for what, words in _KEY.items():
            if what not in self.seen:
                continue
            sample = 0.0 if what in ("out", "2nd") else 22.0
            long = sample + 5.9 * len(words) + 20
            if x + long > width and x > _MARGIN:
                x, y = _MARGIN, y + 20
            if what in ("heavy", "dashed"):
                style = "heavy" if what == "heavy" else "heavy dashed"
                parts.append(f'<path class="line {style}" d="M{x:.1f} {y:.1f}h18"/>')
            elif sample:
                round_end = 2 if what in ("gate", "function", "matrix") else 6
                parts.append(
                    f'<path class="shape {what}" d="M{x + round_end:.1f} {y - 6:.1f}'
                    f"h{16 - 2 * round_end}a{round_end} {round_end} 0 0 1 {round_end} {round_end}"
                    f"v{12 - 2 * round_end}a{round_end} {round_end} 0 0 1 {-round_end} {round_end}"
                    f"h{2 * round_end - 16}a{round_end} {round_end} 0 0 1 {-round_end} {-round_end}"
                    f'v{2 * round_end - 12}a{round_end} {round_end} 0 0 1 {round_end} {-round_end}z"/>'
                )
            parts.append(f'<text class="word" x="{x + sample:.1f}" y="{y:.1f}">{words}</text>')
            x += long
        return parts, y + 16
