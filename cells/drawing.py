"""A cell as a picture: a layered SVG drawing, old states and x on the left, new states on the right.

Heavy arrows go through a weight matrix, thin ones do not. A gate's box adds what arrives at it before
its function; a circle is arithmetic, channel by channel; `2nd` is what is subtracted or divided by.
The drawing follows the reader's light or dark scheme, and is a function of the cell alone.

Layout after Sugiyama, Tagawa, Toda 1981: layers by longest path, order by barycentres, then heights
that are nearest to those of the neighbours.
"""

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final, Literal

from cells.cell import Cell, Linear
from cells.error import visible
from cells.op import ACTIVATIONS, ARITHMETIC
from cells.printer import number_text, state_names

Shape = Literal["leaf", "gate", "circle", "matrix", "result"]

_SIGNS: Final = {
    "sigmoid": "σ",
    "logsigmoid": "log σ",
    "sqrt": "√",
    "*": "×",
    "-": "−",
    "/": "÷",
    "linear": "W",
}
_COLUMN: Final = 92.0
_ROW: Final = 44.0
_MARGIN: Final = 24.0
_SWEEPS: Final = 12

_STYLE: Final = """
.gwc{color:#1f2328;--gwc-leaf:#eaeef2;--gwc-gate:#dbe9f9;--gwc-circle:#fbe6d4;--gwc-matrix:#e8e0f7;\
--gwc-result:#d8f0de}
@media (prefers-color-scheme:dark){.gwc{color:#e6edf3;--gwc-leaf:#30363d;--gwc-gate:#1f3a5c;\
--gwc-circle:#5a3a1e;--gwc-matrix:#41316b;--gwc-result:#1d4a2b}}
.gwc text{font:12px system-ui,sans-serif;fill:currentColor;text-anchor:middle;\
dominant-baseline:central}
.gwc .name{font-size:10px;font-style:italic;opacity:.75}
.gwc .shape{stroke:currentColor;stroke-width:1}
.gwc .leaf{fill:var(--gwc-leaf)}.gwc .gate{fill:var(--gwc-gate)}
.gwc .circle{fill:var(--gwc-circle)}.gwc .matrix{fill:var(--gwc-matrix)}
.gwc .result{fill:var(--gwc-result)}.gwc .out{stroke-width:2.4}
.gwc path{fill:none;stroke:currentColor;stroke-width:1.1;opacity:.75}
.gwc .heavy{stroke-width:2.8}.gwc .dashed{stroke-dasharray:5 3}
.gwc .tip{fill:currentColor;stroke:none}
"""


@dataclass(slots=True)
class _Vertex:
    shape: Shape
    text: str
    name: str = ""
    output: bool = False
    layer: int = 0
    height: float = 0.0

    @property
    def reach(self) -> float:
        """Half of the width in pixels."""
        if self.shape == "circle":
            return max(13.0, 4.0 * len(self.text) + 5.0)
        return max(17.0, 3.8 * len(self.text) + 9.0)


@dataclass(frozen=True, slots=True)
class _Edge:
    """From one vertex to another.

    Attributes:
        source, target: vertices.
        kind: structure of the matrix on the way, or "".
        mark: `1st` or `2nd` where the order of arguments counts.
    """

    source: int
    target: int
    kind: str = ""
    mark: str = ""


def draw(cell: Cell) -> str:
    """The drawing of a valid cell as one SVG element that stands alone or in a page."""
    vertices, edges = _graph(cell)
    _assign_layers(vertices, edges)
    columns, routes = _routed(vertices, edges)
    heights = _heights(columns, routes)
    for index, vertex in enumerate(vertices):
        vertex.height = heights[index]
    return _svg(cell, vertices, edges, routes, heights)


def _graph(cell: Cell) -> tuple[list[_Vertex], list[_Edge]]:
    """What is drawn: single-use matrices become heavy edges, sums before a gate part of it."""
    uses = [0] * len(cell.nodes)
    readers: list[list[int]] = [[] for _ in cell.nodes]
    for index, node in enumerate(cell.nodes):
        for arg in node.args:
            uses[arg] += 1
            readers[arg].append(index)
    for index in (*cell.updates, cell.output):
        # Read from outside, so drawn for itself.
        uses[index] += 2
    folded: set[int] = set()
    for index, node in enumerate(cell.nodes):
        if node.op == "linear" and uses[index] == 1 and node.args[0] not in folded:
            folded.add(index)
    sums: set[int] = set()
    for index in reversed(range(len(cell.nodes))):
        node = cell.nodes[index]
        if node.op != "+" or uses[index] != 1 or _has_constant(cell, index):
            continue
        reader = readers[index][0]
        if reader in sums or cell.nodes[reader].op in ACTIVATIONS:
            sums.add(index)
    vertices: list[_Vertex] = []
    edges: list[_Edge] = []
    places: dict[int, int] = {}
    old = state_names(cell)
    for index, node in enumerate(cell.nodes):
        if index in folded or index in sums or (node.op == "constant" and not _alone(cell, index)):
            continue
        places[index] = len(vertices)
        vertices.append(_vertex(cell, index, old))
        if node.op == "constant" or not node.args:
            continue
        for position, arg in enumerate(node.args):
            if arg not in places and cell.nodes[arg].op == "constant":
                continue
            ordered = node.op in ("-", "/") and not _has_constant(cell, index)
            mark = ("1st", "2nd")[position] if ordered else ""
            edges += _arriving(cell, arg, places, folded, sums, mark)
    for state, index in enumerate(cell.updates):
        is_output = index == cell.output and cell.updates.index(index) == state
        edges.append(_Edge(places[index], len(vertices)))
        vertices.append(_Vertex("result", f"{visible(old[state])}′", output=is_output))
    if cell.output not in cell.updates:
        edges.append(_Edge(places[cell.output], len(vertices)))
        vertices.append(_Vertex("result", "out", output=True))
    return vertices, edges


def _has_constant(cell: Cell, index: int) -> bool:
    return any(cell.nodes[arg].op == "constant" for arg in cell.nodes[index].args)


def _alone(cell: Cell, index: int) -> bool:
    """Whether a constant is drawn for itself rather than written into the circle that uses it."""
    if index in cell.updates or index == cell.output:
        return True
    return any(
        index in node.args
        and (node.op not in ARITHMETIC or all(cell.nodes[a].op == "constant" for a in node.args))
        for node in cell.nodes
    )


def _vertex(cell: Cell, index: int, states: tuple[str, ...]) -> _Vertex:
    node = cell.nodes[index]
    name = cell.names[index] if index < len(cell.names) else None
    name = "" if name is None else visible(name)
    sign = _SIGNS.get(node.op, node.op)
    if node.op == "input":
        return _Vertex("leaf", "x")
    if node.op == "state":
        return _Vertex("leaf", visible(states[index - 1]))
    if node.op == "constant":
        return _Vertex("leaf", _number(node.parameter))
    if node.op in ("vector", "scalar"):
        return _Vertex("leaf", node.op, name)
    if node.op == "linear":
        return _Vertex("matrix", sign, name)
    if node.op in ACTIVATIONS:
        return _Vertex("gate", sign, name)
    constants = [cell.nodes[arg].op == "constant" for arg in node.args]
    if all(constants) or not any(constants):
        return _Vertex("circle", sign, name)
    number = _number(cell.nodes[node.args[constants.index(True)]].parameter)
    return _Vertex("circle", f"{number} {sign}" if constants[0] else f"{sign} {number}", name)


def _number(parameter: object) -> str:
    return number_text(parameter) if isinstance(parameter, float) else visible(str(parameter))


def _arriving(
    cell: Cell, arg: int, places: dict[int, int], folded: set[int], sums: set[int], mark: str
) -> list[_Edge]:
    """The edges that bring `arg` to the vertex that was added last."""
    target, found, waiting = len(places) - 1, list[_Edge](), [arg]
    while waiting:
        index = waiting.pop()
        node = cell.nodes[index]
        if index in sums:
            waiting.extend(reversed(node.args))
        elif index in folded:
            kind = node.parameter.kind if isinstance(node.parameter, Linear) else "free"
            source = node.args[0]
            found.append(_Edge(places[source], target, kind, mark))
        else:
            found.append(_Edge(places[index], target, "", mark))
    return found


def _assign_layers(vertices: list[_Vertex], edges: list[_Edge]) -> None:
    for edge in edges:  # in topological order of their targets
        vertices[edge.target].layer = max(
            vertices[edge.target].layer, vertices[edge.source].layer + 1
        )
    last = max(vertex.layer for vertex in vertices)
    for index, vertex in enumerate(vertices):
        if vertex.shape == "result":
            vertex.layer = last
        elif vertex.shape == "leaf" and vertex.text in ("vector", "scalar"):
            # Learned numbers stand beside their first reader.
            readers = [vertices[e.target].layer for e in edges if e.source == index]
            vertex.layer = max(0, min(readers, default=1) - 1)


def _routed(
    vertices: list[_Vertex], edges: list[_Edge]
) -> tuple[list[list[int]], list[tuple[int, ...]]]:
    """The entries of each layer, and for each edge its way through them.

    Entries from `len(vertices)` on are bends: where a long edge passes a layer. Edges of one source
    share their bends.
    """
    columns: list[list[int]] = [[] for _ in range(1 + max(vertex.layer for vertex in vertices))]
    for index, vertex in enumerate(vertices):
        columns[vertex.layer].append(index)
    bends: dict[tuple[int, str, int], int] = {}
    routes: list[tuple[int, ...]] = []
    for edge in edges:
        way = [edge.source]
        for layer in range(vertices[edge.source].layer + 1, vertices[edge.target].layer):
            key = (edge.source, edge.kind, layer)
            if key not in bends:
                bends[key] = len(vertices) + len(bends)
                columns[layer].append(bends[key])
            way.append(bends[key])
        routes.append((*way, edge.target))
    return columns, routes


def _heights(columns: list[list[int]], routes: list[tuple[int, ...]]) -> dict[int, float]:
    """The height of every entry, with as few crossings and as straight edges as sweeps find."""
    before: dict[int, list[int]] = {entry: [] for column in columns for entry in column}
    after: dict[int, list[int]] = {entry: [] for column in columns for entry in column}
    for route in routes:
        for left, right in pairwise(route):
            after[left].append(right)
            before[right].append(left)
    heights = {entry: place * _ROW for column in columns for place, entry in enumerate(column)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            nearest = before if forward else after
            wishes = {entry: _mean(nearest[entry], heights, entry) for entry in column}
            column.sort(key=lambda entry: (wishes[entry], heights[entry], entry))
            _settle(column, wishes, heights)
    both = {entry: before[entry] + after[entry] for entry in before}
    for sweep in range(_SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            wishes = {entry: _mean(both[entry], heights, entry) for entry in column}
            _settle(column, wishes, heights)
    top = min(heights.values())
    return {entry: height - top for entry, height in heights.items()}


def _mean(entries: list[int], heights: dict[int, float], own: int) -> float:
    if not entries:
        return heights[own]
    return sum(heights[entry] for entry in entries) / len(entries)


def _settle(column: list[int], wishes: dict[int, float], heights: dict[int, float]) -> None:
    """Gives a column the heights nearest to the wishes that keep its order and its distances.

    Least squares under an order: neighbours that would come too close are moved as one block.
    """
    blocks: list[tuple[float, int]] = []
    for place, entry in enumerate(column):
        total, count = wishes[entry] - place * _ROW, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            earlier, number = blocks.pop()
            total, count = total + earlier, count + number
        blocks.append((total, count))
    levels = [total / count for total, count in blocks for _ in range(count)]
    for place, (entry, level) in enumerate(zip(column, levels, strict=True)):
        heights[entry] = level + place * _ROW


def _svg(
    cell: Cell,
    vertices: list[_Vertex],
    edges: list[_Edge],
    routes: list[tuple[int, ...]],
    heights: dict[int, float],
) -> str:
    width = 2 * _MARGIN + 60 + _COLUMN * max(vertex.layer for vertex in vertices)
    height = 2 * _MARGIN + max(heights.values()) + 12
    title = escape(visible(cell.name))
    parts = [
        f'<svg class="gwc" xmlns="http://www.w3.org/2000/svg" role="img"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">',
        f"<title>Cell {title}</title><style>{_STYLE}</style>",
    ]
    drawn: set[str] = set()
    for edge, route in zip(edges, routes, strict=True):
        for line in _edge(edge, route, vertices, heights):
            if line not in drawn:
                drawn.add(line)
                parts.append(line)
    parts += [_shape(vertex) for vertex in vertices]
    return "\n".join((*parts, "</svg>"))


def _at(layer: int) -> float:
    return _MARGIN + 30 + layer * _COLUMN


def _edge(
    edge: _Edge, route: tuple[int, ...], vertices: list[_Vertex], heights: dict[int, float]
) -> list[str]:
    source, target = vertices[edge.source], vertices[edge.target]
    style = ""
    if edge.kind:
        style = ' class="heavy"' if edge.kind == "free" else ' class="heavy dashed"'
    lines: list[str] = []
    left = _at(source.layer) + source.reach
    for step, (here, there) in enumerate(pairwise(route)):
        final = step == len(route) - 2
        right = _at(source.layer + step + 1)
        if final:
            right -= target.reach + 6
        y0, y1 = heights[here] + _MARGIN + 6, heights[there] + _MARGIN + 6
        if final and edge.mark:
            y1 += 6.0 if edge.mark == "2nd" else -6.0
        middle = (left + right) / 2
        lines.append(
            f'<path{style} d="M{left:.1f} {y0:.1f}C{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f}'
            f' {right:.1f} {y1:.1f}"/>'
        )
        if final:
            lines.append(f'<path class="tip" d="M{right + 6:.1f} {y1:.1f}l-8 -3.5v7z"/>')
            if edge.mark == "2nd":
                lines.append(f'<text class="name" x="{right - 5:.1f}" y="{y1 + 10:.1f}">2nd</text>')
        left = right
    return lines


def _shape(vertex: _Vertex) -> str:
    x, y, reach = _at(vertex.layer), vertex.height + _MARGIN + 6, vertex.reach
    radius = {"circle": 13.0, "leaf": 13.0, "result": 13.0}.get(vertex.shape, 4.0)
    style = f"shape {vertex.shape}" + (" out" if vertex.output else "")
    name = ""
    if vertex.name:
        name = f'<text class="name" x="{x:.1f}" y="{y - 20:.1f}">{escape(vertex.name)}</text>'
    return (
        f'<rect class="{style}" x="{x - reach:.1f}" y="{y - 13:.1f}" width="{2 * reach:.1f}"'
        f' height="26" rx="{radius:g}"/><text x="{x:.1f}" y="{y:.1f}">{escape(vertex.text)}</text>'
        f"{name}"
    )
