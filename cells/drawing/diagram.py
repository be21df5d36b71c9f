"""A cell as people draw it: gates, functions, products and states, with matrices on the arrows.

A matrix that one node reads is the arrow into it, a sum before a function is part of that function,
a number is part of the operation that uses it. What is left has about half as many nodes as the
cell. `cells.drawing` lays it out, `cells.distance.relative` compares it.
"""

from dataclasses import dataclass
from typing import Literal

from cells.cell import Cell, Linear
from cells.error import visible
from cells.op import ACTIVATIONS, ARITHMETIC, OPS
from cells.text.printer import number_text, state_names

Role = Literal[
    "input",
    "state",
    "number",
    "gate",
    "function",
    "product",
    "arithmetic",
    "matrix",
    "new",
    "out",
]


@dataclass(frozen=True, slots=True)
class Vertex:
    """One shape of the diagram.

    Attributes:
        role: `gate` is a sigmoid, or an exp that a product reads; `function` any other activation;
            `product` multiplies two values, `arithmetic` is the rest; `number` a constant or learned
            number; `new` the new value of a state.
        text: what is written in it.
        name: what the author called it, or "".
        node: index of its node; of a `new` and `out` that of the node which it shows.
        state: number of the state for `state` and `new`, counted from 0; else -1.
        output: it is the output of the cell.
    """

    role: Role
    text: str
    name: str = ""
    node: int = -1
    state: int = -1
    output: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow.

    Attributes:
        source, target: positions of vertices.
        linear: node of the matrix on the way, or None.
        mark: `1st` or `2nd` where the order of arguments counts.
    """

    source: int
    target: int
    linear: int | None = None
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Diagram:
    """Vertices in topological order, then the new states and the output; edges by target."""

    vertices: tuple[Vertex, ...]
    edges: tuple[Edge, ...]


def diagram(cell: Cell) -> Diagram:
    """The diagram of a valid cell; dead nodes and names that it carries are kept."""
    return _Diagram(cell).made()


class _Diagram:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        count = len(cell.nodes)
        self.readers: list[list[int]] = [[] for _ in range(count)]
        for index, node in enumerate(cell.nodes):
            for arg in node.args:
                self.readers[arg].append(index)
        self.outside = {*cell.updates, cell.output}
        self.folded: set[int] = set()
        for index, node in enumerate(cell.nodes):
            if node.op == "linear" and self._once(index) and node.args[0] not in self.folded:
                self.folded.add(index)
        self.sums: set[int] = set()
        for index in reversed(range(count)):
            if cell.nodes[index].op != "+" or not self._once(index) or self._has_constant(index):
                continue
            reader = self.readers[index][0]
            if reader in self.sums or cell.nodes[reader].op in ACTIVATIONS:
                self.sums.add(index)
        self.places: dict[int, int] = {}

    def _once(self, index: int) -> bool:
        return len(self.readers[index]) == 1 and index not in self.outside

    def made(self) -> Diagram:
        cell = self.cell
        vertices: list[Vertex] = []
        edges: list[Edge] = []
        states = state_names(cell)
        for index, node in enumerate(cell.nodes):
            if index in self.folded or index in self.sums:
                continue
            if node.op == "constant" and not self._alone(index):
                continue
            vertex = self.places[index] = len(vertices)
            vertices.append(self._vertex(index, states))
            for position, arg in enumerate(node.args):
                if arg not in self.places and cell.nodes[arg].op == "constant":
                    continue
                ordered = not OPS[node.op].commutative and not self._has_constant(index)
                mark = ("1st", "2nd")[position] if ordered and len(node.args) > 1 else ""
                edges += self._arriving(arg, vertex, mark)
        for state, index in enumerate(cell.updates):
            is_output = index == cell.output and cell.updates.index(index) == state
            edges.append(Edge(self.places[index], len(vertices)))
            text = f"{visible(states[state])}′"
            vertices.append(Vertex("new", text, "", index, state, is_output))
        if cell.output not in cell.updates:
            edges.append(Edge(self.places[cell.output], len(vertices)))
            vertices.append(Vertex("out", "out", "", cell.output, output=True))
        return Diagram(tuple(vertices), tuple(edges))

    def _has_constant(self, index: int) -> bool:
        return any(self.cell.nodes[arg].op == "constant" for arg in self.cell.nodes[index].args)

    def _alone(self, index: int) -> bool:
        """Whether a constant is drawn for itself rather than written into its reader."""
        if index in self.outside:
            return True
        nodes = self.cell.nodes
        return any(
            nodes[reader].op not in ARITHMETIC
            or all(nodes[arg].op == "constant" for arg in nodes[reader].args)
            for reader in self.readers[index]
        )

    def _vertex(self, index: int, states: tuple[str, ...]) -> Vertex:
        cell = self.cell
        node = cell.nodes[index]
        name = cell.names[index] if index < len(cell.names) else None
        name = "" if name is None else visible(name)
        sign = OPS[node.op].sign
        if node.op == "input":
            return Vertex("input", "x", "", index)
        if node.op == "state":
            return Vertex("state", visible(states[index - 1]), "", index, index - 1)
        if node.op == "constant":
            return Vertex("number", _number(node.parameter), name, index)
        if node.op in ("vector", "scalar"):
            return Vertex("number", node.op, name, index)
        if node.op == "linear":
            return Vertex("matrix", sign, name, index)
        if node.op in ACTIVATIONS:
            return Vertex("gate" if self._is_gate(index) else "function", sign, name, index)
        role = "product" if node.op == "*" else "arithmetic"
        constants = [cell.nodes[arg].op == "constant" for arg in node.args]
        if any(constants) and not all(constants):
            number = _number(cell.nodes[node.args[constants.index(True)]].parameter)
            sign = f"{number} {sign}" if constants[0] else f"{sign} {number}"
            role = "arithmetic"
        return Vertex(role, sign, name, index)

    def _is_gate(self, index: int) -> bool:
        op = self.cell.nodes[index].op
        multiplies = any(self.cell.nodes[reader].op == "*" for reader in self.readers[index])
        return op == "sigmoid" or (op == "exp" and multiplies)

    def _arriving(self, arg: int, target: int, mark: str) -> list[Edge]:
        """The edges that bring `arg` to the vertex at `target`."""
        edges, waiting = list[Edge](), [arg]
        while waiting:
            index = waiting.pop()
            node = self.cell.nodes[index]
            if index in self.sums:
                waiting.extend(reversed(node.args))
            elif index in self.folded:
                edges.append(Edge(self.places[node.args[0]], target, index, mark))
            else:
                edges.append(Edge(self.places[index], target, None, mark))
        return edges


def _number(parameter: object) -> str:
    """A number as a box shows it: four digits, so that it stays within its box."""
    if isinstance(parameter, float):
        return number_text(float(f"{parameter:.4g}"))
    return visible(str(parameter))


def linear_of(cell: Cell, edge: Edge) -> Linear | None:
    """The matrix that an edge goes through."""
    if edge.linear is None:
        return None
    parameter = cell.nodes[edge.linear].parameter
    assert isinstance(parameter, Linear)  # noqa: S101 - by construction
    return parameter
