"""What turns one cell into another: edits in words, and which parts of their diagrams they touch."""

from dataclasses import dataclass
from typing import Any, Literal

from cells.cell import Cell
from cells.distance.edit import edits
from cells.distance.graph import Graph, Pair
from cells.distance.match import closest
from cells.drawing.diagram import Edge
from cells.identity.naming import named

Change = Literal["same", "changed", "added", "removed"]
"""`added` occurs in the second cell alone, `removed` in the first alone."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two cells.

    Attributes:
        cell: in canonical form, with the names that its author gave.
        vertices: what became of each vertex of its diagram.
        edges: what became of each arrow of its diagram.
    """

    cell: Cell
    vertices: tuple[Change, ...]
    edges: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two cells compared.

    Attributes:
        before, after: the cells.
        distance: cost of the edits, as in `cells.distance.relative`; 0 for one cell in two spellings.
        exact: no cheaper edits exist; else the distance is an upper bound.
        edits: what turns the first into the second, one phrase each.
    """

    before: Side
    after: Side
    distance: int
    exact: bool
    edits: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The difference for JSON."""
        return {"distance": self.distance, "exact": self.exact, "edits": list(self.edits)}


def difference(a: Cell, b: Cell) -> Difference:
    """The edits that turn `a` into `b`.

    Raises:
        CellError: C501 when nothing of x is left in an output.
    """
    left, right = Graph(named(a)), Graph(named(b))
    match = closest(left, right)
    forward = list(match.partners)
    backward = [-1] * right.count
    for node, other in enumerate(forward):
        if other >= 0:
            backward[other] = node
    return Difference(
        _side(left, right, forward, "removed"),
        _side(right, left, backward, "added"),
        match.cost,
        match.exact,
        tuple(edits(left, right, match)),
    )


def _side(own: Graph, other: Graph, partners: list[int], alone: Change) -> Side:
    """What became of the parts of `own`; `alone` is said of those that `other` has not."""
    last = own.count - 1

    def vertex(index: int) -> Change:
        partner = partners[index]
        if partner < 0:
            return alone
        same = own.labels[index] == other.labels[partner]
        return "same" if same and own.biases[index] == other.biases[partner] else "changed"

    def arrow(pair: Pair) -> Change:
        source, target = partners[pair[0]], partners[pair[1]]
        there = other.edges.get((source, target)) if min(source, target) >= 0 else None
        if there is None:
            return alone
        return "same" if there == own.edges[pair] else "changed"

    def edge(drawn: Edge) -> Change:
        if drawn.target < last:
            return arrow((drawn.source, drawn.target))
        shown = own.diagram.vertices[drawn.target]
        return arrow((drawn.source, last if shown.role == "out" else 1 + shown.state))

    vertices = own.diagram.vertices
    changes: list[Change] = [
        # A new state is drawn apart from the state, and is the same vertex with the loop closed.
        vertex(index if index < last else last if shown.role == "out" else 1 + shown.state)
        for index, shown in enumerate(vertices)
    ]
    return Side(own.cell, tuple(changes), tuple(edge(drawn) for drawn in own.diagram.edges))
