"""Arbitrary cells for property tests: any kind, law and operator, and sums that overlap.

`cells.sampling.sample` grows cells as a search would. These are stranger, so that a property that is
said to hold for every cell is tried where it is hardest to keep.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, cast

from cells import zoo
from cells.cell import KINDS, Cell, Kind, Linear, Node
from cells.error import CellError
from cells.identity.restate import restate
from cells.initial import DEFAULT, LAWS, ZERO, Initial, Place
from cells.mutation import Mutant, mutate
from cells.op import ACTIVATIONS, ARITHMETIC
from cells.sampling import sample
from cells.verify import finding

_NUMBERS: Final = (1.0, 2.0, 0.5, -1.0, 0.1, 3.0, -0.5, 0.25, 1e-3, 7.0, 0.0, 1.5)
_MOST_STATES: Final = 4
_MOST_NODES: Final = 12
_SPANS: Final = ((0.0, 1.0), (-1.0, 0.0), (-0.4, 0.4), (0.1, 0.9))
"""Numbers for laws that take two; those that fit the law are drawn from."""
_SINGLE: Final = (0.5, 9.0)


def _laws(place: Place, diagonal: bool = False) -> tuple[Initial, ...]:
    """Every law that may stand here, with each of the numbers above that it takes, and negated."""
    every: list[Initial] = []
    for law in LAWS.values():
        numbers: list[tuple[float, ...]] = [()] if not law.fewest else []
        if law.name == "value":
            numbers = [(number,) for number in (0.0, 1.0, -2.0, 0.3)]
        elif law.most == 1:
            numbers += [(number,) for number in _SINGLE]
        elif law.most == 2:
            numbers += _SPANS
        for each in numbers:
            every += [Initial(law.name, each), Initial(law.name, each, negative=True)]
    kind: Kind = "diagonal" if diagonal else "free"
    return tuple([law for law in every if _fits(law, place, kind)])


def _fits(law: Initial, place: Place, kind: Kind) -> bool:
    linear = Linear(kind, law) if place == "matrix" else Linear(bias=law)
    nodes = (Node("input"), Node("linear", (0,), linear))
    return finding(Cell(nodes, (), 1)) is None


_BIASES: Final = (*(ZERO, None) * 6, Initial("value", (1.0,)), DEFAULT, *_laws("vector"))
_VALUES: Final = _laws("vector")
_MATRICES: Final = (*(DEFAULT,) * 8, *_laws("matrix"))
_DIAGONALS: Final = _laws("matrix", diagonal=True)
_KINDS: Final = (*("free",) * len(KINDS), *KINDS)


class _Page:
    """Nodes, x and the states first."""

    def __init__(self, generator: Random, states: int) -> None:
        self.generator = generator
        self.states = states
        self.nodes = [Node("input"), *[Node("state")] * states]

    def new(self, op: str, *args: int, parameter: float | Initial | Linear | None = None) -> int:
        self.nodes.append(Node(op, args, parameter))
        return len(self.nodes) - 1

    def constant(self) -> int:
        return self.new("constant", parameter=self.generator.choice(_NUMBERS))

    def cell(self, updates: tuple[int, ...], output: int) -> Cell | None:
        """What reaches the output, or None where that is no valid cell."""
        live, stack = {output}, [output]
        while stack:
            node = stack.pop()
            below = list(self.nodes[node].args)
            if 1 <= node <= self.states:
                below.append(updates[node - 1])
            stack += [arg for arg in below if arg not in live]
            live.update(below)
        kept = [index for index in range(len(self.nodes)) if index in live or not index]
        index_of = {old: new for new, old in enumerate(kept)}
        nodes = [self.nodes[old] for old in kept]
        cell = Cell(
            tuple(
                [Node(op, tuple([index_of[arg] for arg in args]), own) for op, args, own in nodes]
            ),
            tuple([index_of[new] for state, new in enumerate(updates, 1) if state in live]),
            index_of[output],
            "arbitrary",
        )
        return cell if finding(cell) is None else None


def arbitrary(generator: Random) -> Cell:
    """A valid cell of the whole grammar: every operator, kind of linear and law, 0 to 4 states."""
    while True:
        page = _Page(generator, generator.randint(0, _MOST_STATES))
        for _ in range(generator.randint(1, _MOST_NODES)):
            _grow(page)
        nodes, first = page.nodes, page.states + 1
        targets = [index for index in range(first, len(nodes)) if nodes[index].args]
        updates = tuple(
            generator.choice(targets[-6:])
            if generator.random() < 0.85
            else generator.randrange(len(nodes))
            for _ in range(page.states)
        )
        output = generator.choice(targets)
        if updates and generator.random() < 0.7:
            output = updates[0]
        cell = page.cell(updates, output)
        if cell is not None:
            return cell


def _grow(page: _Page) -> None:
    generator = page.generator

    def argument() -> int:
        kind = generator.random()
        if kind < 0.07:
            return page.constant()
        if kind < 0.12:
            op = "vector" if generator.random() < 0.6 else "scalar"
            return page.new(op, parameter=generator.choice(_VALUES))
        count = len(page.nodes)
        return generator.randrange(max(0, count - 4) if generator.random() < 0.3 else 0, count)

    kind = generator.random()
    if kind < 0.3:
        page.new("linear", argument(), parameter=_linear(generator))
    elif kind < 0.42:
        page.new(generator.choice(ACTIVATIONS), argument())
    else:
        op = generator.choice(("+", "-") if kind < 0.8 else ARITHMETIC)
        page.new(op, argument(), argument())


def _linear(generator: Random) -> Linear:
    kind = cast("Kind", generator.choice(_KINDS))
    init = generator.choice(_DIAGONALS if kind == "diagonal" else _MATRICES)
    diagonal = 0.0
    if kind != "antisymmetric" and generator.random() < 0.3:
        diagonal = generator.choice((1.0, 0.9, 1.1, -0.5))
    blocks = generator.choice((2, 4)) if kind == "block" else 1
    return Linear(kind, init, diagonal, generator.choice(_BIASES), blocks)


def tangled(generator: Random) -> Cell:
    """A valid cell whose few linears and vectors are read in many sums that overlap.

    Their biases belong to several groups, and many differences have a sign that nothing decides.
    """
    while True:
        page = _Page(generator, generator.randint(1, _MOST_STATES))
        biases = generator.sample(_BIASES, 2) if generator.random() < 0.5 else _BIASES
        parts: list[int] = []
        for _ in range(generator.randint(2, 6)):
            kind = generator.random()
            argument = generator.randrange(page.states + 1)
            if parts and generator.random() < 0.2:
                argument = generator.choice(parts)
            if kind < 0.7:
                linear = Linear(bias=generator.choice(biases))
                parts.append(page.new("linear", argument, parameter=linear))
            elif kind < 0.9:
                laws = [law for law in biases if law is not None] or [ZERO]
                parts.append(page.new("vector", parameter=generator.choice(laws)))
            else:
                parts.append(page.new("tanh", argument))
        if generator.random() < 0.3:
            parts += range(page.states + 1)
        used = _tangle(page, parts, biases)
        updates = tuple(generator.choice(used) for _ in range(page.states))
        cell = page.cell(updates, used[-1])
        if cell is not None:
            return cell


def _tangle(page: _Page, parts: list[int], biases: Sequence[Initial | None]) -> list[int]:
    generator, used = page.generator, list[int]()
    for _ in range(generator.randint(1, 5)):
        items = generator.sample(parts, generator.randint(1, min(4, len(parts))))
        if used and generator.random() < 0.3:
            items.append(generator.choice(used))
        total = items[0]
        for item in items[1:]:
            total = page.new(generator.choice("+-"), total, item)
        if generator.random() < 0.2:
            total = page.new(generator.choice("+-*"), total, page.constant())
        used.append(total)
        kind = generator.random()
        if kind < 0.3:
            used.append(page.new(generator.choice(("tanh", "sin", "sigmoid")), total))
        elif kind < 0.6:
            used.append(
                page.new(generator.choice("*/"), generator.choice(used), generator.choice(used))
            )
        elif kind < 0.7:
            linear = Linear(bias=generator.choice(biases))
            used.append(page.new("linear", total, parameter=linear))
    total = used[0]
    for item in used[1:]:
        total = page.new(generator.choice("+*-"), total, item)
    return [*used, total]


def _sampled(generator: Random) -> Cell:
    return sample(generator, generator.randint(1, 30), extended=generator.random() < 0.5)


def _mutant(generator: Random) -> Cell:
    """A cell of the zoo, or an arbitrary one, after 1 to 32 mutations."""
    cell = zoo.load(generator.choice(zoo.names()))
    if generator.random() < 0.3:
        cell = arbitrary(generator)
    for _ in range(generator.choice((1, 2, 4, 8, 16, 32))):
        mutant = mutate(cell, generator)
        if isinstance(mutant, Mutant):
            cell = mutant.cell
    return cell


def _restated(generator: Random) -> Cell:
    """An arbitrary cell or one of the zoo after identities of algebra."""
    cell = arbitrary(generator)
    if generator.random() < 0.5:
        cell = zoo.load(generator.choice(zoo.names()))
    try:
        restated = restate(cell, generator)
    except CellError:  # x is folded away
        return cell
    return cell if restated is None else restated[0]


SOURCES: Final[dict[str, Callable[[Random], Cell]]] = {
    "sampled": _sampled,
    "mutant": _mutant,
    "arbitrary": arbitrary,
    "tangled": tangled,
    "restated": _restated,
}
"""Where cells for property tests come from."""
