"""How far two cells are apart, and by which edits: the nearest cell of the zoo.

Cells are compared as diagrams of their canonical forms (`cells.drawing.diagram`), with the loop closed: the new
value of a state is an arrow back to the state. Each vertex and arrow that is added, removed or changed
costs 1, so does each bias that starts differently. x, the output and states match only their like.

The distance is the least cost over all ways to match vertices (graph edit distance: Sanfeliu, Fu 1983).
Finding it is hard in general: an assignment by neighbourhoods (Riesen, Bunke 2009) is improved by
exchanges, then a bounded search proves it the least, or the distance is an upper bound.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cells import zoo
from cells.cell import Cell
from cells.distance.edit import edits
from cells.distance.graph import Graph, bound
from cells.distance.match import Match, approach, closest, improve, prove
from cells.identity.canonical import canonical
from cells.identity.naming import named

_ASSIGNMENTS: Final = 12_000
_IMPROVEMENTS: Final = 5_000
"""How much is spent on finding the nearest cell, in pairs of vertices: enough for most of the zoo where
cells are as small as the LSTM, for the likeliest few where they are large."""


@dataclass(frozen=True, slots=True)
class Relative:
    """A cell of the zoo, as far as it is from another cell.

    Attributes:
        name: of the zoo.
        distance: cost of the edits.
        exact: no cheaper edits exist; else the distance is an upper bound.
        edits: what turns the relative into the cell, one phrase each.
    """

    name: str
    distance: int
    exact: bool
    edits: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The relative for JSON."""
        return {
            "name": self.name,
            "distance": self.distance,
            "exact": self.exact,
            "edits": list(self.edits),
        }


@cache
def zoo_forms() -> dict[str, Cell]:
    """The canonical form of every cell of the zoo, by name."""
    return {name: canonical(zoo.load(name)) for name in zoo.names()}


@cache
def _zoo_graphs() -> dict[str, Graph]:
    return {name: Graph(form) for name, form in zoo_forms().items()}


def nearest(cell: Cell) -> Relative | None:
    """The nearest zoo cell that is not the same cell; of equally near ones the first by name.

    None if the zoo has no other cell.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    form = canonical(cell)
    own = Graph(form)
    others: list[tuple[int, str, Graph]] = []
    for name, graph in _zoo_graphs().items():
        if graph.cell != form:
            others.append((bound(graph, own), name, graph))
    if not others:
        return None
    met: list[tuple[int, str, int, Graph, Match]] = []
    work = _ASSIGNMENTS
    for least, name, graph in sorted(others, key=lambda entry: entry[:2]):
        work -= graph.count * own.count
        if met and (work < 0 or least > min(met)[0]):
            break
        first = approach(graph, own)
        met.append((first.cost, name, least, graph, first))
    best: tuple[int, str, Match] | None = None
    work = _IMPROVEMENTS
    for _, name, least, graph, first in sorted(met, key=lambda entry: entry[:2]):
        if best is not None and (least > best[0] or work < 0):
            continue
        work -= graph.count * own.count
        match = improve(graph, own, first)
        if best is None or (match.cost, name) < best[:2]:
            best = match.cost, name, match
    assert best is not None  # noqa: S101 - the first one is always improved
    _, name, match = best
    left, right = Graph(named(zoo.load(name))), Graph(named(cell))
    match = prove(left, right, match)
    return Relative(name, match.cost, match.exact, tuple(edits(left, right, match)))


def distance(a: Cell, b: Cell) -> tuple[int, bool]:
    """The cost of the edits that turn `a` into `b`, and whether no cheaper ones exist.

    Raises:
        CellError: C501 when nothing of x is left in an output.
    """
    left, right = Graph(canonical(a)), Graph(canonical(b))
    match = closest(left, right)
    return match.cost, match.exact
