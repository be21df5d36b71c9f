"""Random cells, for the uniform baseline of a search and for property tests."""

from random import Random
from typing import Final

from cells.cell import KINDS, Cell, Linear, Node
from cells.error import CellError
from cells.initial import DEFAULT, ZERO, Initial
from cells.limit import LIMITS, Limits
from cells.op import FIRST, PAPER, alphabet
from cells.verify import finding

_ATTEMPTS: Final = 10_000
_ACTIVATIONS: Final = alphabet("activation", FIRST)
_ARITHMETIC: Final = alphabet("arithmetic", FIRST)
_PAPER_ACTIVATIONS: Final = alphabet("activation", PAPER)
_PAPER_ARITHMETIC: Final = tuple(sorted(alphabet("arithmetic", PAPER)))  # as samples always had it
_DIAGONALS: Final = (0.0, 1.0, 0.9, 1.1)
_CONSTANTS: Final = (1.0, 2.0, 0.5, -1.0, 0.1, 3.0)
_BIASES: Final = (ZERO, None, Initial("value", (1.0,)), Initial("chrono"), DEFAULT)
_KINDS: Final = tuple(kind for kind in KINDS if kind != "block")


def sample(
    generator: Random,
    size: int,
    states: int | None = None,
    limits: Limits = LIMITS,
    extended: bool = False,
) -> Cell:
    """A random valid cell.

    Nodes are grown one by one. Each is a `linear`, another activation or an arithmetic operation
    with chances 0.3, 0.25 and 0.45; which one is uniform. Each argument is with chance 0.6 a node
    that nothing reads yet, else any earlier node, uniform both times. The updates are then drawn
    without replacement from the nodes that nothing reads, as far as these go, the output is the
    first update, and graphs in which x, a state or a grown node does not reach the output are thrown
    away and grown again.

    Args:
        generator: source of all randomness.
        size: number of operation nodes, at least the number of states. Leaves are not counted.
        states: number of states, by default 1 or 2 with equal chance (1 below size 6).
        limits: of the cell.
        extended: draw from all operators of the first edition, with constants, vectors, scalars, kinds of linear and laws
            of biases, and an output that need not be a state; else from the paper's set.

    Raises:
        CellError: with the last thing found, when the limits leave no room.
        ValueError: when `size` is less than the number of states, or less than 1.
    """
    if states is None:
        states = 1 if size < 6 else generator.randint(1, 2)
    if size < max(states, 1):
        raise ValueError(f"size {size} is less than the number of states {states}")
    for _ in range(_ATTEMPTS):
        cell = _grow(generator, size, states, extended)
        if cell is None:
            continue
        fault = finding(cell, limits)
        if fault is None:
            return cell
        if fault.code not in ("C501", "C502"):
            raise CellError(fault.code, fault.values)
    raise CellError("C501")


def _grow(generator: Random, size: int, states: int, extended: bool) -> Cell | None:
    nodes = [Node("input"), *[Node("state")] * states]
    unread = list(range(len(nodes)))

    def argument() -> int:
        if unread and generator.random() < 0.6:
            return unread.pop(generator.randrange(len(unread)))
        node = generator.randrange(len(nodes))
        if node in unread:
            unread.remove(node)
        return node

    for done in range(size):
        # So many nodes are unread that only joining them gets all of them into the output.
        crowded = len(unread) - states >= size - done
        kind = generator.random()
        if crowded or kind >= 0.55:
            op = generator.choice(_ARITHMETIC if extended else _PAPER_ARITHMETIC)
            first = unread.pop(generator.randrange(len(unread))) if crowded else argument()
            if crowded and unread:
                second = unread.pop(generator.randrange(len(unread)))
            elif extended and generator.random() < 0.2:
                second = len(nodes)
                nodes.append(_leaf(generator))
            else:
                second = argument()
            pair = (first, second) if generator.random() < 0.5 else (second, first)
            nodes.append(Node(op, pair))
        elif kind < 0.3:
            linear = _linear(generator, extended)
            nodes.append(Node("linear", (argument(),), linear))
        else:
            op = generator.choice(_ACTIVATIONS if extended else _PAPER_ACTIVATIONS)
            nodes.append(Node(op, (argument(),)))
        unread.append(len(nodes) - 1)
    grown = [index for index in range(states + 1, len(nodes)) if nodes[index].args]
    targets = [index for index in unread if index > states]
    generator.shuffle(targets)
    if len(targets) > max(states, 1) or len(targets) < len(unread):
        return None
    while len(targets) < states:
        targets.append(generator.choice(grown))
    output = targets[0]
    if extended and generator.random() < 0.3:
        output = generator.choice(grown)
    cell = Cell(tuple(nodes), tuple(targets[:states]), output, "random")
    return cell


def _linear(generator: Random, extended: bool) -> Linear:
    if not extended:
        return Linear(diagonal=generator.choice(_DIAGONALS))
    kind = generator.choice(_KINDS) if generator.random() < 0.3 else "free"
    diagonal = 0.0 if kind == "antisymmetric" else generator.choice(_DIAGONALS)
    return Linear(kind, diagonal=diagonal, bias=generator.choice(_BIASES))  # type: ignore[arg-type]


def _leaf(generator: Random) -> Node:
    kind = generator.random()
    if kind < 0.6:
        return Node("constant", (), generator.choice(_CONSTANTS))
    law = generator.choice((DEFAULT, ZERO, Initial("value", (1.0,))))
    return Node("vector" if kind < 0.9 else "scalar", (), law)
