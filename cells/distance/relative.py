"""How far two cells are apart, and by which edits: the nearest cell of the zoo.

Cells are compared as diagrams of their canonical forms (`cells.drawing.diagram`), with the loop closed: the new
value of a state is an arrow back to the state. Each vertex and arrow that is added, removed or changed
costs 1, so does each bias that starts differently. x, the output and states match only their like.

The distance is the least cost over all ways to match vertices (graph edit distance: Sanfeliu, Fu 1983).
Finding it is hard in general: an assignment by neighbourhoods (Riesen, Bunke 2009) is improved by
exchanges, then a bounded search proves it the least, or the distance is an upper bound.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

from cells import zoo
from cells.cell import Cell, Linear
from cells.distance.assignment import assign
from cells.drawing.diagram import Vertex, diagram, linear_of
from cells.identity.canonical import canonical
from cells.identity.naming import named
from cells.initial import Initial
from cells.text.printer import law_text, options_text

_EFFORT: Final = 3_000
"""Steps of the search that proves a distance the least, for graphs as small as the LSTM's."""

_TRIALS: Final = 700
"""Exchanges of partners that are tried to make a match cheaper: cells as large as ENAS have more."""

_ASSIGNMENTS: Final = 12_000
_IMPROVEMENTS: Final = 5_000
"""How much is spent on finding the nearest cell, in pairs of vertices: enough for most of the zoo where
cells are as small as the LSTM, for the likeliest few where they are large."""

_Labels = tuple[str, ...]


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
def _zoo_graphs() -> dict[str, "Graph"]:
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
    return Relative(name, match.cost, match.exact, tuple(_edits(left, right, match)))


def distance(a: Cell, b: Cell) -> tuple[int, bool]:
    """The cost of the edits that turn `a` into `b`, and whether no cheaper ones exist.

    Raises:
        CellError: C501 when nothing of x is left in an output.
    """
    left, right = Graph(canonical(a)), Graph(canonical(b))
    match = prove(left, right, improve(left, right, approach(left, right)))
    return match.cost, match.exact


@dataclass(frozen=True, slots=True)
class Match:
    """For each vertex of one graph its partner in the other, or -1; what that costs."""

    partners: tuple[int, ...]
    cost: int
    exact: bool = False


class Graph:
    """The diagram of a canonical cell with its loop closed.

    Attributes:
        kinds: of each vertex: vertices of different kinds never match.
        labels: what it computes.
        biases: laws of what is added to the sum before it.
        bias_count: of all of them.
        edges: labels of the arrows between two vertices, sorted.
    """

    def __init__(self, cell: Cell) -> None:
        made = diagram(cell)
        self.cell, self.diagram = cell, made
        count = sum(vertex.role not in ("new", "out") for vertex in made.vertices)
        self.count = count + 1  # the last one is the output
        self.kinds = [_kind(vertex) for vertex in made.vertices[:count]] + ["out"]
        self.labels = [_label(cell, vertex) for vertex in made.vertices[:count]] + ["out"]
        biases: list[list[str]] = [[] for _ in range(self.count)]
        arrows: dict[tuple[int, int], list[str]] = {}
        for index, vertex in enumerate(made.vertices[:count]):
            parameter = cell.nodes[vertex.node].parameter
            if isinstance(parameter, Linear):
                biases[index] += [law_text(parameter.bias)] if parameter.bias else []
        for edge in made.edges:
            if edge.target >= count:
                vertex = made.vertices[edge.target]
                if vertex.role == "new":
                    arrows.setdefault((edge.source, 1 + vertex.state), []).append("next")
                if vertex.output:
                    arrows.setdefault((edge.source, count), []).append("out")
                continue
            linear = linear_of(cell, edge)
            way = "" if linear is None else "W" + options_text(_without_bias(linear))
            arrows.setdefault((edge.source, edge.target), []).append(f"{edge.mark} {way}".strip())
            if linear is not None and linear.bias is not None:
                biases[edge.target].append(law_text(linear.bias))
        self.biases = [tuple(sorted(laws)) for laws in biases]
        self.bias_count = sum(map(len, self.biases))
        self.edges: dict[tuple[int, int], _Labels] = {
            pair: tuple(sorted(labels)) for pair, labels in arrows.items()
        }
        self.size = sum(map(len, self.edges.values()))

    @cached_property
    def surroundings(self) -> list[Counter[str]]:
        """For each vertex what arrives and what leaves, and from and to what."""
        around: list[Counter[str]] = [Counter() for _ in range(self.count)]
        for (source, target), labels in self.edges.items():
            for label in labels:
                around[source][f"> {label} {self.labels[target]}"] += 1
                around[target][f"< {label} {self.labels[source]}"] += 1
        return around


def _without_bias(linear: Linear) -> Linear:
    return Linear(linear.kind, linear.init, linear.diagonal, blocks=linear.blocks)


def _kind(vertex: Vertex) -> str:
    return vertex.role if vertex.role in ("input", "state") else "inner"


def _label(cell: Cell, vertex: Vertex) -> str:
    if vertex.role == "state":
        return "state"
    parameter = cell.nodes[vertex.node].parameter
    if isinstance(parameter, Linear):
        return vertex.text + options_text(_without_bias(parameter))
    return f"{vertex.text} {law_text(parameter)}" if isinstance(parameter, Initial) else vertex.text


def bound(a: Graph, b: Graph) -> int:
    """A cost that no match of two graphs falls below."""
    total = _apart(_pairs(a), _pairs(b))
    return total + _apart(
        tuple(label for labels in a.edges.values() for label in labels),
        tuple(label for labels in b.edges.values() for label in labels),
    )


def _pairs(graph: Graph) -> tuple[tuple[str, _Labels], ...]:
    return tuple(zip(graph.labels, graph.biases, strict=True))


def _apart(a: tuple[object, ...], b: tuple[object, ...]) -> int:
    """Fewest additions, removals and changes that turn one multiset into another."""
    if a == b:
        return 0
    if min(len(a), len(b)) == 0 or len(a) == len(b) == 1:
        return max(len(a), len(b))
    return max(len(a), len(b)) - (Counter(a) & Counter(b)).total()


def _changed(a: Graph, b: Graph, node: int, other: int) -> int:
    """What it costs to match two vertices."""
    return (a.labels[node] != b.labels[other]) + _apart(a.biases[node], b.biases[other])


def cost(a: Graph, b: Graph, partners: list[int]) -> int:
    """The cost of the edits that a match leaves to do."""
    total = a.count + b.count + b.bias_count
    for node, other in enumerate(partners):
        before = a.biases[node]
        if other < 0:
            total += len(before)
            continue
        after = b.biases[other]
        total += (a.labels[node] != b.labels[other]) - 2 - len(after)
        if before != after:
            total += _apart(before, after)
    covered = 0
    for (source, target), labels in a.edges.items():
        there = b.edges.get((partners[source], partners[target]))
        if there is None:
            total += len(labels)
            continue
        covered += len(there)
        if labels != there:
            total += _apart(labels, there)
    return total + b.size - covered


def approach(a: Graph, b: Graph) -> Match:
    """A cheap match of two graphs: an assignment by surroundings."""
    far = 10_000
    size = a.count + b.count
    table = [[0] * size for _ in range(size)]
    for node in range(size):
        for other in range(size):
            if node < a.count and other < b.count:
                if a.kinds[node] != b.kinds[other]:
                    table[node][other] = far
                    continue
                here, there = a.surroundings[node], b.surroundings[other]
                shared = sum(min(n, there[what]) for what, n in here.items() if what in there)
                around = here.total() + there.total() - 2 * shared
                table[node][other] = 4 * _changed(a, b, node, other) + around
            elif node < a.count:
                near = other - b.count == node and a.kinds[node] not in ("input", "out")
                table[node][other] = 4 + a.surroundings[node].total() if near else far
            elif other < b.count:
                near = node - a.count == other
                table[node][other] = 4 + b.surroundings[other].total() if near else far
    columns = assign(table)
    partners = [other if other < b.count else -1 for other in columns[: a.count]]
    return Match(tuple(partners), cost(a, b, partners))


def improve(a: Graph, b: Graph, start: Match) -> Match:
    """Gives vertices the partners of others, or free ones, or none, as long as that is cheaper.

    Ends after `_TRIALS` exchanges that were tried, with the best match so far.
    """
    partners, best, left = list(start.partners), start.cost, _TRIALS
    improved = True
    while improved:
        improved = False
        for node in range(a.count):
            if a.kinds[node] in ("input", "out"):
                continue
            fitting = [-1, *(o for o in range(b.count) if a.kinds[node] == b.kinds[o])]
            for other in fitting:
                if other == partners[node]:
                    continue
                left -= 1
                if left < 0:
                    return Match(tuple(partners), best)
                trial = list(partners)
                if other >= 0 and other in trial:
                    trial[trial.index(other)] = partners[node]
                trial[node] = other
                total = cost(a, b, trial)
                if total < best:
                    partners, best, improved = trial, total, True
    return Match(tuple(partners), best)


def prove(a: Graph, b: Graph, start: Match) -> Match:
    """The cheapest match, if a bounded search gets to its end; else the cheapest that it met."""
    best, left = start, _EFFORT * 25 // max(25, a.count)
    order = sorted(range(a.count), key=lambda node: (a.kinds[node] == "inner", node))
    rank = {node: position for position, node in enumerate(order)}
    closing: list[list[tuple[int, int, _Labels]]] = [[] for _ in order]
    for (source, target), labels in a.edges.items():
        closing[max(rank[source], rank[target])].append((source, target, labels))
    rest = [
        Counter((a.labels[node], a.biases[node]) for node in order[position:])
        for position in range(len(order) + 1)
    ]
    partners = [-1] * a.count
    used: dict[int, int] = {}
    # Depth first: position, partner to try, and cost so far of vertices and arrows.
    stack: list[tuple[int, int, int]] = [(0, other, 0) for other in _choices(a, b, order, 0, used)]
    while stack:
        position, other, spent = stack.pop()
        for taken in [o for o, at in used.items() if at >= position]:
            del used[taken]
        if other in used:
            continue
        left -= 1
        if left < 0:
            return best
        node = order[position]
        for later in order[position:]:
            partners[later] = -1
        partners[node] = other
        if other >= 0:
            used[other] = position
            spent += _changed(a, b, node, other)
        else:
            spent += 1 + len(a.biases[node])
        for source, target, labels in closing[position]:
            spent += _apart(labels, b.edges.get((partners[source], partners[target]), ()))
        # Arrows of b between partners that no arrow of a meets are paid for when both are there.
        if other >= 0:
            spent += _unmet(a, b, partners, other, used)
        free = Counter((b.labels[o], b.biases[o]) for o in range(b.count) if o not in used)
        waiting = rest[position + 1]
        least = max(waiting.total(), free.total()) - (waiting & free).total()
        if spent + least >= best.cost:
            continue
        if position + 1 == len(order):
            total = cost(a, b, partners)
            if total < best.cost:
                best = Match(tuple(partners), total)
            continue
        stack += [(position + 1, o, spent) for o in _choices(a, b, order, position + 1, used)]
    return Match(best.partners, best.cost, exact=True)


def _choices(
    a: Graph, b: Graph, order: list[int], position: int, used: dict[int, int]
) -> list[int]:
    """Partners to try for a vertex, the likeliest last."""
    node = order[position]
    free = [o for o in range(b.count) if a.kinds[node] == b.kinds[o] and o not in used]
    free.sort(key=lambda other: -_changed(a, b, node, other))
    return free if a.kinds[node] in ("input", "out") else [-1, *free]


def _unmet(a: Graph, b: Graph, partners: list[int], new: int, used: dict[int, int]) -> int:
    """Arrows of `b` between `new` and earlier partners where `a` has none at all."""
    back = {other: node for node, other in enumerate(partners) if other >= 0}
    total = 0
    for other in used:
        pairs = {(other, new), (new, other)}
        for pair in pairs:
            labels = b.edges.get(pair)
            if labels and (back[pair[0]], back[pair[1]]) not in a.edges:
                total += len(labels)
    return total


def _edits(a: Graph, b: Graph, match: Match) -> list[str]:
    """What turns `a` into `b`, in the order of `b`; arrows of what is added or gone go without saying."""
    before, after = _Words(a), _Words(b)
    back = {other: node for node, other in enumerate(match.partners) if other >= 0}
    said: list[str] = []
    for node, other in enumerate(match.partners):
        if other < 0:
            said.append(f"{before.title(node)} removed")
    for other in range(b.count):
        if other not in back:
            said.append(f"{after.title(other)} added")
            continue
        node = back[other]
        if a.labels[node] != b.labels[other]:
            said.append(f"{a.labels[node]} becomes {b.labels[other]} at {after.name(other)}")
        if a.biases[node] != b.biases[other]:
            was, now = ", ".join(a.biases[node]), ", ".join(b.biases[other])
            said.append(
                f"bias of {after.name(other)} starts at {now}, not {was}"
                if was and now
                else f"bias of {after.name(other)} added, starts at {now}"
                if now
                else f"bias of {after.name(other)} removed"
            )
    for (source, target), labels in a.edges.items():
        pair = match.partners[source], match.partners[target]
        if min(pair) >= 0 and pair not in b.edges:
            said.append(f"{before.source(source, target)} no longer {before.arrow(target, labels)}")
    for (source, target), labels in b.edges.items():
        if source not in back or target not in back:
            continue
        there = a.edges.get((back[source], back[target]))
        if there is None:
            said.append(f"{after.source(source, target)} now {after.arrow(target, labels)}")
        elif there != labels:
            ways = _way(labels), _way(there)
            said.append(f"{after.name(source)} {after.arrow(target, ())} {ways[0]}, not {ways[1]}")
    return said


def _way(labels: _Labels) -> str:
    words = [
        (
            "through a matrix"
            if label.endswith("W")
            else f"through {label}"
            if "W" in label
            else "directly"
        )
        + (f" as {label.split()[0]} argument" if label[:3] in ("1st", "2nd") else "")
        for label in labels
    ]
    return " and ".join(words)


class _Words:
    """What the vertices of a graph are called: by the author, by their state, or by what they do."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.vertices = graph.diagram.vertices
        self.arriving: dict[int, list[tuple[int, bool]]] = {}
        for edge in graph.diagram.edges:
            self.arriving.setdefault(edge.target, []).append((edge.source, edge.linear is not None))
        self.news = {
            arguments[0][0]: self.vertices[target].text
            for target, arguments in reversed(self.arriving.items())
            if self.vertices[target].role == "new"
        }

    def name(self, index: int, depth: int = 2) -> str:
        if index == self.graph.count - 1:
            return "the output"
        vertex = self.vertices[index]
        if vertex.role in ("input", "state") or vertex.name:
            return vertex.name or vertex.text
        return self.news.get(index) or self._formula(index, depth)

    def source(self, index: int, target: int) -> str:
        """Where an arrow comes from; not `h'` where the arrow says that this is the new h."""
        named = self.vertices[index].name or index not in self.news
        return (
            self.name(index)
            if named or self.graph.kinds[target] == "inner"
            else self._formula(index, 2)
        )

    def title(self, index: int) -> str:
        vertex = self.vertices[index]
        if vertex.role == "state":
            return f"state {vertex.text}"
        formula = self._formula(index, 2)
        name = vertex.name or self.news.get(index)
        role = {"number": "learned number", "matrix": "linear", "arithmetic": "operation"}.get(
            vertex.role, vertex.role
        )
        return f"{role} {name} = {formula}" if name else f"{role} {formula}"

    def _formula(self, index: int, depth: int) -> str:
        vertex = self.vertices[index]
        arguments = self.arriving.get(index, [])
        if not arguments:
            return vertex.text
        if not depth:
            return "..."
        words = [
            f"W {self.name(argument, depth - 1)}" if matrix else self.name(argument, depth - 1)
            for argument, matrix in arguments
        ]
        if vertex.role in ("product", "arithmetic") and len(words) > 1:
            return f"({f' {vertex.text} '.join(words)})"
        if vertex.role == "arithmetic":
            return f"({vertex.text} {words[0]})"
        return f"{vertex.text}({' + '.join(words)})"

    def arrow(self, target: int, labels: _Labels) -> str:
        if self.graph.kinds[target] == "out":
            return "is the output"
        if self.graph.kinds[target] == "state":
            return f"is the new {self.vertices[target].text}"
        matrix = any("W" in label for label in labels)
        return f"enters {self.name(target)}" + (" through a matrix" if matrix else "")
