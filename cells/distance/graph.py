"""What distances compare: the diagram of a cell with its loop closed, and what a match of two costs."""

from collections import Counter
from functools import cached_property

from cells.cell import Cell, Linear
from cells.drawing.diagram import Vertex, diagram, linear_of
from cells.initial import Initial
from cells.text.printer import law_text, options_text

Labels = tuple[str, ...]
"""Of all arrows from one vertex to another, sorted."""

Pair = tuple[int, int]
"""The vertices that an arrow leaves and enters."""


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
        arrows: dict[Pair, list[str]] = {}
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
        self.edges: dict[Pair, Labels] = {
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
    total = apart(_pairs(a), _pairs(b))
    return total + apart(
        tuple(label for labels in a.edges.values() for label in labels),
        tuple(label for labels in b.edges.values() for label in labels),
    )


def _pairs(graph: Graph) -> tuple[tuple[str, Labels], ...]:
    return tuple(zip(graph.labels, graph.biases, strict=True))


def apart(a: tuple[object, ...], b: tuple[object, ...]) -> int:
    """Fewest additions, removals and changes that turn one multiset into another."""
    if a == b:
        return 0
    if min(len(a), len(b)) == 0 or len(a) == len(b) == 1:
        return max(len(a), len(b))
    return max(len(a), len(b)) - (Counter(a) & Counter(b)).total()


def changed(a: Graph, b: Graph, node: int, other: int) -> int:
    """What it costs to match two vertices."""
    return (a.labels[node] != b.labels[other]) + apart(a.biases[node], b.biases[other])


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
            total += apart(before, after)
    covered = 0
    for (source, target), labels in a.edges.items():
        there = b.edges.get((partners[source], partners[target]))
        if there is None:
            total += len(labels)
            continue
        covered += len(there)
        if labels != there:
            total += apart(labels, there)
    return total + b.size - covered
