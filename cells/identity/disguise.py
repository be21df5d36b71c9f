"""The same cell written in another way: what must not change its identity.

Used by the tests and by `scripts/check_identity.py`.
"""

from random import Random
from typing import Final, cast

from cells.cell import Cell, Linear, Node
from cells.initial import ZERO, Initial
from cells.limit import LIMITS, Limits
from cells.op import OPS

_ASSOCIATIVE: Final = frozenset(op.name for op in OPS.values() if op.associative)
_COMMUTATIVE: Final = frozenset(op.name for op in OPS.values() if op.commutative)
_PURE: Final = frozenset(
    op.name for op in OPS.values() if op.family in ("activation", "arithmetic")
) | {"constant"}

_INVERSES: Final = ((0.5, 2.0), (0.1, 10.0), (0.8, 1.25), (64.0, 0.015625), (0.00032, 3125.0))
"""Numbers whose product is 1."""


class _Draft:
    """Nodes in any order; readers may come before what they read."""

    def __init__(self, cell: Cell) -> None:
        self.nodes = list(cell.nodes)
        self.updates = list(cell.updates)
        self.output = cell.output

    def new(self, op: str, *args: int, parameter: float | None = None) -> int:
        self.nodes.append(Node(op, args, parameter))
        return len(self.nodes) - 1

    def constant(self, value: float) -> int:
        return self.new("constant", parameter=value)

    def readers(self, node: int) -> list[int]:
        return [index for index, reader in enumerate(self.nodes) if node in reader.args]

    def depends(self) -> list[set[int]]:
        """For each node all nodes that it depends on, itself among them."""
        known: dict[int, set[int]] = {}
        for index in self.order(None):
            known[index] = {index}.union(*(known[arg] for arg in self.nodes[index].args))
        return [known[index] for index in range(len(self.nodes))]

    def order(self, generator: Random | None) -> list[int]:
        """A topological order, random if there is a generator."""
        waiting = {index: len(set(node.args)) for index, node in enumerate(self.nodes)}
        readers: dict[int, list[int]] = {index: [] for index in waiting}
        for index, node in enumerate(self.nodes):
            for arg in set(node.args):
                readers[arg].append(index)
        free = [index for index, count in waiting.items() if not count]
        ordered: list[int] = []
        while free:
            index = free.pop(generator.randrange(len(free)) if generator else -1)
            ordered.append(index)
            for reader in readers[index]:
                waiting[reader] -= 1
                if not waiting[reader]:
                    free.append(reader)
        return ordered

    def read_instead(self, reader: int, position: int, node: int) -> None:
        op, args, parameter = self.nodes[reader]
        self.nodes[reader] = Node(op, (*args[:position], node, *args[position + 1 :]), parameter)


def _commute(draft: _Draft, generator: Random) -> None:
    for index, (op, args, parameter) in enumerate(draft.nodes):
        if op in _COMMUTATIVE and generator.random() < 0.5:
            draft.nodes[index] = Node(op, args[::-1], parameter)


def _regroup(draft: _Draft, generator: Random) -> None:
    """(a + b) + c becomes a + (b + c), and (a + b) - c becomes a - (c - b)."""
    for index in range(len(draft.nodes)):
        op, args, _ = draft.nodes[index]
        if not args or generator.random() < 0.3:
            continue
        inner = draft.nodes[args[0]]
        a, b = (*inner.args, 0, 0)[:2]
        if inner.op != op and (op, inner.op) != ("-", "+"):
            continue
        if op in _ASSOCIATIVE:
            draft.nodes[index] = Node(op, (a, draft.new(op, b, args[1])))
        elif op == "-" and inner.op == "+":
            draft.nodes[index] = Node("-", (a, draft.new("-", args[1], b)))
        elif op == "-":
            draft.nodes[index] = Node("-", (a, draft.new("+", args[1], b)))


def _repeat(draft: _Draft, generator: Random) -> None:
    """A copy of a node without parameters for one of its readers."""
    for index in range(len(draft.nodes)):
        for position, arg in enumerate(draft.nodes[index].args):
            op, args, parameter = draft.nodes[arg]
            if op in _PURE and generator.random() < 0.2:
                draft.nodes.append(Node(op, args, parameter))
                draft.read_instead(index, position, len(draft.nodes) - 1)


def _identity(draft: _Draft, node: int, generator: Random) -> int:
    """A node of the same value as `node`."""
    which = generator.randrange(10)
    # Whatever `node` depends on may be added and taken away again without a cycle.
    other = generator.choice(sorted(draft.depends()[node]))
    if which == 0:
        return draft.new("+", node, draft.constant(0.0))
    if which == 1:
        return draft.new("-", node, draft.constant(0.0))
    if which == 2:
        return draft.new("*", node, draft.constant(1.0))
    if which == 3:
        return draft.new("/", node, draft.constant(1.0))
    if which == 4:
        return draft.new("+", draft.new("*", draft.constant(0.0), other), node)
    if which == 5:
        return draft.new("+", draft.new("-", other, other), node)
    if which == 6:
        return draft.new("-", draft.new("+", node, other), other)
    if which == 7:
        return draft.new("max", node, node)
    factor, inverse = generator.choice(_INVERSES)
    op, args, _ = draft.nodes[node]
    if which == 8 and op in ("+", "-"):
        a, b = (draft.new("*", draft.constant(factor), arg) for arg in args)
        return draft.new("*", draft.constant(inverse), draft.new(op, a, b))
    return draft.new("*", draft.new("*", draft.constant(factor), node), draft.constant(inverse))


def _insert_identities(draft: _Draft, generator: Random) -> None:
    for index in range(len(draft.nodes)):
        for position, arg in enumerate(draft.nodes[index].args):
            if generator.random() < 0.12:
                draft.read_instead(index, position, _identity(draft, arg, generator))
    for state, update in enumerate(draft.updates):
        if generator.random() < 0.2:
            draft.updates[state] = _identity(draft, update, generator)


def _with_bias(node: Node, bias: Initial | None) -> Node:
    linear = cast("Linear", node.parameter)
    parameter = Linear(linear.kind, linear.init, linear.diagonal, bias, linear.blocks)
    return Node(node.op, node.args, parameter)


def _move_biases(draft: _Draft, generator: Random) -> None:
    """Biases of two linears that only one `+` reads change places; one of number 0 may go or come."""
    roots = {draft.output, *draft.updates}
    for node in list(draft.nodes):
        if node.op != "+" or node.args[0] == node.args[1]:
            continue
        laws = [draft.nodes[arg].parameter for arg in node.args]
        first, second = laws
        if not isinstance(first, Linear) or not isinstance(second, Linear):
            continue
        if "frozen" in (first.kind, second.kind) or roots.intersection(node.args):
            continue
        if any(len(draft.readers(arg)) > 1 for arg in node.args):
            continue
        biases = [first.bias, second.bias]
        if None not in biases and ZERO in biases and generator.random() < 0.5:
            biases[biases.index(ZERO)] = None
        elif biases.count(None) == 1 and generator.random() < 0.5:
            biases[biases.index(None)] = ZERO
        generator.shuffle(biases)
        for arg, bias in zip(node.args, biases, strict=True):
            draft.nodes[arg] = _with_bias(draft.nodes[arg], bias)


def _add_dead_nodes(draft: _Draft, generator: Random) -> None:
    for _ in range(generator.randrange(4)):
        first, second = generator.randrange(len(draft.nodes)), generator.randrange(len(draft.nodes))
        if generator.random() < 0.5:
            draft.new(generator.choice("+-*/"), first, second)
        else:
            draft.nodes.append(Node("linear", (first,), Linear()))


def disguise(cell: Cell, generator: Random, limits: Limits = LIMITS) -> Cell:
    """A cell with the same identity and everything else changed.

    Renamed; states, statements and commutative arguments reordered; chains regrouped; repeated and
    dead nodes, dead states and identities of arithmetic put in; biases moved within sums.

    Args:
        cell: a cell that `cells.verify.check` lets pass.
        generator: source of all randomness.
        limits: no state is added beyond these; nodes may exceed them for large cells.
    """
    draft = _Draft(cell)
    if generator.random() < 0.8:
        _move_biases(draft, generator)
    if generator.random() < 0.8:
        _repeat(draft, generator)
    if generator.random() < 0.8:
        _insert_identities(draft, generator)
    if generator.random() < 0.8:
        _regroup(draft, generator)
    _commute(draft, generator)
    _add_dead_nodes(draft, generator)
    count = len(cell.updates)
    states: list[int | None] = list(range(count))
    if count < limits.states and generator.random() < 0.5:
        states.append(None)
    generator.shuffle(states)
    index_of = {0: 0}
    nodes = [Node("input")]
    dead = -1
    for position, state in enumerate(states, 1):
        nodes.append(Node("state"))
        if state is None:
            dead = position
        else:
            index_of[state + 1] = position
    for index in draft.order(generator):
        if index not in index_of:
            op, args, parameter = draft.nodes[index]
            index_of[index] = len(nodes)
            nodes.append(Node(op, tuple(index_of[arg] for arg in args), parameter))
    if dead >= 0:
        nodes.append(Node("+", (dead, generator.randrange(len(nodes)))))
    updates = tuple(
        len(nodes) - 1 if state is None else index_of[draft.updates[state]] for state in states
    )
    letters = "abcdefgopqrtz"
    names = tuple(f"{generator.choice(letters)}{index}" for index in range(len(states)))
    return Cell(tuple(nodes), updates, index_of[draft.output], f"d{generator.randrange(99)}", names)
