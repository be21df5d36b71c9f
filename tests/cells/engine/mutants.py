"""Wrong copies of a cell, one fault each, derived from its graph: what a golden test must notice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cells.cell import Cell
from cells.op import OPS

Edges = Mapping[tuple[int, int], int]  # (reading node, position) -> the node that it reads instead


@dataclass(frozen=True)
class Mutant:
    """A wrong copy.

    Attributes:
        fault: the fault, for people.
        cell: the copy.
        origin: for each of its nodes the index in the cell that it was copied from.
    """

    fault: str
    cell: Cell
    origin: tuple[int, ...]

    def renamed(self, parameter: str) -> str:
        """The name here of a parameter of the cell, e.g. `layer0.node7.weight`."""
        layer, node, *rest = parameter.split(".")
        return ".".join([layer, f"node{self.origin.index(int(node[4:]))}", *rest])


def mutants(cell: Cell) -> list[Mutant]:
    """All copies of `cell` that compute another function of the same parameters."""
    terms = dict[tuple[object, ...], int]()
    own = _meaning(cell, range(len(cell.nodes)), terms)
    rewired = [
        copy
        for fault, edges, ends in (*_stale(cell), *_missing(cell), *_exchanged(cell))
        if (copy := _rewired(cell, fault, edges, ends)) is not None
    ]
    return [copy for copy in rewired if _meaning(copy.cell, copy.origin, terms) != own]


def gates(cell: Cell) -> set[int]:
    """The nodes that are exchanged in pairs: activations, and both of `a` and `1 - a`."""
    found = {i for i, node in enumerate(cell.nodes) if OPS[node.op].family == "activation"}
    for index, node in enumerate(cell.nodes):
        if node.op == "-" and cell.nodes[node.args[0]].op == "constant":
            found |= {index, node.args[1]}
    return found


def _label(cell: Cell, index: int) -> str:
    if not index:
        return "x"
    if index <= len(cell.updates):
        return f"old {cell.states[index - 1]}"
    return f"{cell.names[index] or cell.nodes[index].op} ({index})"


def _stale(cell: Cell) -> Iterator[tuple[str, Edges, Mapping[int, int]]]:
    """An old state read instead of the new one, the new one instead of the old, or another state."""
    states = range(1, 1 + len(cell.updates))
    renewed = {state: cell.updates[state - 1] for state in states}
    for index, node in enumerate(cell.nodes):
        for position, argument in enumerate(node.args):
            others = {state for state, new in renewed.items() if new == argument}
            if argument in states:
                others |= {renewed[argument], *states} - {argument}
            for other in sorted(others):
                words = f"{_label(cell, index)} reads {_label(cell, other)}"
                fault = f"{words} instead of {_label(cell, argument)}"
                yield fault, {(index, position): other}, {}
    for state, new in renewed.items():
        if new == cell.output:
            yield f"the output is {_label(cell, state)}", {}, {-1: state}


def _missing(cell: Cell) -> Iterator[tuple[str, Edges, Mapping[int, int]]]:
    """An activation left out: everyone reads its argument."""
    for index, node in enumerate(cell.nodes):
        if OPS[node.op].family == "activation":
            yield (
                f"{_label(cell, index)} is missing",
                dict.fromkeys(_readers(cell, index), node.args[0]),
                _ends(cell, {index: node.args[0]}),
            )


def _exchanged(cell: Cell) -> Iterator[tuple[str, Edges, Mapping[int, int]]]:
    """Two gates exchanged where both are read later."""
    above = _ancestors(cell)
    for one, two in combinations(sorted(gates(cell)), 2):
        edges = {edge: two for edge in _readers(cell, one) if edge[0] not in above[two] | {two}}
        edges |= {edge: one for edge in _readers(cell, two) if edge[0] not in above[one] | {one}}
        fault = f"{_label(cell, one)} and {_label(cell, two)} are exchanged"
        yield fault, edges, _ends(cell, {one: two, two: one})


def _readers(cell: Cell, index: int) -> list[tuple[int, int]]:
    return [
        (reader, position)
        for reader, node in enumerate(cell.nodes)
        for position, argument in enumerate(node.args)
        if argument == index
    ]


def _ends(cell: Cell, moved: Mapping[int, int]) -> dict[int, int]:
    """The updates (by state, from 0) and the output (-1) that move along."""
    ends = {state: moved[new] for state, new in enumerate(cell.updates) if new in moved}
    return ends | ({-1: moved[cell.output]} if cell.output in moved else {})


def _ancestors(cell: Cell) -> list[set[int]]:
    above = list[set[int]]()
    for node in cell.nodes:
        above.append(set[int](node.args).union(*(above[a] for a in node.args)))
    return above


def _rewired(cell: Cell, fault: str, edges: Edges, ends: Mapping[int, int]) -> Mutant | None:
    """The copy with these edges, sorted again; None if it has a cycle."""
    arguments = [
        [edges.get((index, position), argument) for position, argument in enumerate(node.args)]
        for index, node in enumerate(cell.nodes)
    ]
    order, place = list[int](), dict[int, int]()
    while len(order) < len(cell.nodes):
        ready = (i for i, a in enumerate(arguments) if i not in place and place.keys() >= set(a))
        first = next(ready, None)
        if first is None:
            return None
        place[first] = len(order)
        order.append(first)
    updates = [ends.get(state, new) for state, new in enumerate(cell.updates)]
    copy = replace(
        cell,
        nodes=tuple(
            cell.nodes[i]._replace(args=tuple(place[a] for a in arguments[i])) for i in order
        ),
        updates=tuple(place[new] for new in updates),
        output=place[ends.get(-1, cell.output)],
        names=(),
    )
    return Mutant(fault, copy, tuple(order))


def _meaning(
    cell: Cell, origin: Sequence[int], terms: dict[tuple[object, ...], int]
) -> tuple[int, ...]:
    """Output and new states as numbers of terms, equal up to the order of sums and products."""
    numbers = list[int]()
    chains = dict[tuple[int, str], list[int]]()  # the terms of a sum, the factors of a product
    for index, node in enumerate(cell.nodes):
        op, arguments = OPS[node.op], [numbers[argument] for argument in node.args]
        if op.commutative:
            chain = node.op if op.associative else ""
            arguments = sorted(part for a in arguments for part in chains.get((a, chain), [a]))
        # Parameters belong to their node: the same words at another place are another function.
        own = origin[index] if op.family in {"leaf", "parameter", "linear"} else None
        kind = node.parameter if node.op == "constant" else own
        number = terms.setdefault((node.op, kind, *arguments), len(terms))
        chains[number, node.op] = arguments
        numbers.append(number)
    return tuple(numbers[index] for index in (cell.output, *cell.updates))
