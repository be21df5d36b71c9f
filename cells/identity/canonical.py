"""One form for all cells that are the same up to writing, and the short id that follows from it.

The canonical form does not depend on names, on the order of states, statements and commutative
arguments, on grouping, dead nodes, dead states and repeated parts. `cells.identity.rewrite` makes equal
values one term, `cells.identity.order` puts the terms in order, and here they are written as nodes again.

Biases. In a sum the biases of its linears only ever add up, so one with a plain number is enough.
Linears that occur in the same sums with the same signs are a group. Of its biases those that start
at numbers become one, laws of other kinds stay, a `vector` in the same sums joins in, and all sit
on the canonically first linears of the group: `linear(x) + linear(h, bias=none)`,
`linear(x, bias=none) + linear(h)` and `linear(x) + linear(h)` are one cell. This drops redundant
parameters: the functions and the start stay, the step of SGD on the sum of the biases gets shorter.
A number added to a group that only this sum reads moves into its bias, where the group has one that
starts at a number: start and steps stay. Biases of frozen linears are left alone.

A linear times a number, two linears in a row and a product with a sum are kept as they are: they
reach the same functions by other paths of training.
"""

import hashlib
from fractions import Fraction
from typing import Final, NamedTuple

from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.identity.order import Ordering
from cells.identity.rewrite import (
    FRESH,
    INPUT,
    LINEAR,
    PRODUCT,
    STATE,
    SUM,
    Number,
    OutOfRangeError,
    clean,
    decimal,
    initial_text,
    rewrite,
)
from cells.initial import Initial
from cells.limit import LIMITS, Limits
from cells.op import OPS

STATE_NAMES: Final = ("h", "c", "m", "s", "u", "v", "w", "y")

_STEP: Final = Fraction(10**36)
_TIES: Final = 4
"""Sums of free sign that are tried both ways."""


class Origin(NamedTuple):
    """Where a parameter of a canonical cell comes from.

    Attributes:
        node: the node of the original cell that owns it.
        biases: nodes and factors; a bias, or the value of a `vector`, is the sum of factor times
            what the original node has as bias or value, plus `offset`.
        offset: the number added.
    """

    node: int
    biases: tuple[tuple[int, float], ...]
    offset: float


class Trace(NamedTuple):
    """A canonical cell and where it comes from.

    Attributes:
        cell: the canonical form.
        origins: for each of its nodes with parameters where they come from.
        states: for each of its states the position of the state in the original, from 0.
    """

    cell: Cell
    origins: dict[int, Origin]
    states: tuple[int, ...]


_changed: dict[tuple[int, Initial | None], tuple[Linear, Linear]] = {}


def _with_bias(linear: Linear, bias: Initial | None) -> Linear:
    key = (id(linear), bias)
    known = _changed.get(key)
    if known is None:
        if len(_changed) > 10_000:
            _changed.clear()
        other = Linear(linear.kind, linear.init, linear.diagonal, bias, linear.blocks)
        known = _changed[key] = (linear, other)  # the entry keeps the object, so its id, alive
    return known[1]


class _Writer:
    """Writes ordered terms as nodes, each node once.

    Attributes:
        nodes: written so far.
        rounded: whether a number had more digits than text holds.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.rounded = False
        self._known: dict[tuple[str, int, int], int] = {}
        self._constants: dict[float, int] = {}

    def new(self, op: str, args: tuple[int, ...] = (), parameter: object = None) -> int:
        self.nodes.append(Node(op, args, parameter))  # type: ignore[arg-type]
        return len(self.nodes) - 1

    def constant(self, value: Number) -> int:
        """A number, as a product where it is too large or too small for text."""
        try:
            number = clean(value)
        except OutOfRangeError:
            step = _STEP if abs(value) > 1 else 1 / _STEP
            return self.binary("*", self.constant(step), self.constant(Fraction(value, step)))
        self.rounded = self.rounded or decimal(number) != value
        node = self._constants.get(number)
        if node is None:
            node = self._constants[number] = self.new("constant", (), number)
        return node

    def binary(self, op: str, a: int, b: int) -> int:
        key = (op, a, b)
        node = self._known.get(key)
        if node is None:
            self.nodes.append(Node(op, (a, b)))
            node = self._known[key] = len(self.nodes) - 1
        return node

    def times(self, factor: Number, node: int) -> int:
        return node if factor == 1 else self.binary("*", self.constant(factor), node)

    def power(self, base: int, exponent: int) -> int:
        power = -1
        while exponent:
            if exponent & 1:
                power = base if power < 0 else self.binary("*", power, base)
            exponent >>= 1
            if exponent:
                base = self.binary("*", base, base)
        return power

    def sum(self, number: Number, parts: list[tuple[Number, int]]) -> int:
        """Terms with plus, then those with minus, then the number; a common size is put in front."""
        if not parts:
            return self.constant(number)
        size = abs(parts[0][0])
        scale: Number = 1
        if size != 1 and len(parts) > 1 and {abs(c) for c, _ in parts} == {size}:
            scale = size if max(parts)[0] > 0 else -size
            parts = [(1 if c == scale else -1, node) for c, node in parts]
        total = -1
        for coefficient, node in parts:
            if coefficient > 0:
                term = self.times(coefficient, node)
                total = term if total < 0 else self.binary("+", total, term)
        if total < 0 and number:
            total, number = self.constant(number), 0
        for coefficient, node in parts:
            if coefficient < 0:
                if total < 0:
                    total = self.times(coefficient, node)
                else:
                    total = self.binary("-", total, self.times(-coefficient, node))
        if scale < 0 and number:
            return self.binary("-", self.constant(number), self.times(-scale, total))
        total = self.times(scale, total)
        if number:
            op = "+" if number > 0 else "-"
            total = self.binary(op, total, self.constant(abs(number)))
        return total


def _write(order: Ordering) -> tuple[Trace, bool]:
    """The cell in canonical order, and whether it must be redone."""
    terms, keys = order.terms, order.keys()
    order.place_biases(keys)
    kind, op, args, payload = terms.kind, terms.op, terms.args, terms.payload
    writer = _Writer()
    nodes, position = writer.nodes, [0] * len(keys)
    origins: dict[int, Origin] = {}
    biases, numbers = order.biases, order.numbers
    nodes.append(Node("input"))
    states = sorted(order.states, key=keys.__getitem__)
    for state in states:
        position[state] = len(nodes)
        nodes.append(Node("state"))
    for term in sorted(order.live, key=keys.__getitem__):
        which, arguments = kind[term], args[term]
        if which == SUM:
            number: Number
            number, coefficients = payload[term]
            parts = zip(arguments, coefficients, strict=True)
            if len(arguments) > 1:
                parts = sorted(parts, key=lambda part: keys[part[0]])
            position[term] = writer.sum(
                numbers.get(term, number),
                [(c, position[arg]) for arg, c in parts if position[arg] >= 0],
            )
        elif which == PRODUCT:
            factors = sorted(
                zip(arguments, payload[term], strict=True), key=lambda factor: keys[factor[0]]
            )
            total = -1
            for arg, power in factors:
                factor = position[arg] if power == 1 else writer.power(position[arg], power)
                total = factor if total < 0 else writer.binary("*", total, factor)
            position[term] = total
        elif which in (LINEAR, FRESH):
            node, parameter = payload[term]
            if term in biases:
                bias = biases[term]
                sources, offset = order.origins[term]
                origin = Origin(
                    node, tuple([(payload[m][0], factor) for m, factor in sources]), offset
                )
                if which == FRESH:
                    if bias is None:
                        position[term] = -1
                        continue
                    parameter = bias
                elif bias is not parameter.bias:
                    parameter = _with_bias(parameter, bias)
            else:
                origin = Origin(node, ((node, 1.0),), 0.0)
            places = tuple([position[arg] for arg in arguments])
            position[term] = new = writer.new(op[term], places, parameter)
            origins[new] = origin
        elif which != INPUT and which != STATE:
            places = [position[arg] for arg in arguments]
            if len(places) == 1:
                position[term] = writer.new(op[term], (places[0],))
                continue
            if OPS[op[term]].commutative:
                places = [position[arg] for arg in sorted(arguments, key=keys.__getitem__)]
            total = places[0]
            for place in places[1:]:
                total = writer.binary(op[term], total, place)
            position[term] = total
    names = STATE_NAMES[: len(states)]
    if len(names) < len(states):
        names = tuple([f"s{index}" for index in range(1, len(states) + 1)])
    cell = Cell(
        tuple(nodes),
        tuple([position[order.updates[state]] for state in states]),
        position[order.output],
        "cell",
        names,
    )
    return Trace(
        cell, origins, tuple([state - 1 for state in states])
    ), order.again or writer.rounded


def _ordered(
    cell: Cell, flat: bool, choices: tuple[bool, ...] | None
) -> tuple[Trace, bool, list[bool]]:
    """What `_write` gives, and for each sum of free sign whether anything reads it."""
    terms, values = rewrite(cell, flat, choices)
    order = Ordering(terms, [values[update] for update in cell.updates], values[cell.output])
    if order.live[0] != 0:
        raise CellError("C501")
    order.share_biases()
    form, again = _write(order)
    if not terms.ties:
        return form, again, []
    live = set(order.live)
    return form, again, [rest in live for rest in terms.ties]


def _once(cell: Cell, flat: bool) -> tuple[Trace, bool]:
    """One rewriting.

    The sign of `a - b` is free while nothing tells a from b: the smallest text decides. Where there
    are too many such sums for all to be tried, each stays beside its opposite.
    """
    form, again, ties = _ordered(cell, flat, ())
    if True not in ties:
        return form, again
    beside, again_beside, sums = _ordered(cell, flat, None)
    if sum(sums) > _TIES:
        return beside, again_beside
    written = [(form, again)]
    choices = [(*(False,) * index, True) for index, live in enumerate(ties) if live]
    while choices:
        if len(written) == 2**_TIES:
            return beside, again_beside
        chosen = choices.pop()
        form, again, ties = _ordered(cell, flat, chosen)
        written.append((form, again))
        choices += [
            (*chosen, *(False,) * (index - len(chosen)), True)
            for index in range(len(chosen), len(ties))
            if ties[index]
        ]
    return min(written, key=lambda entry: (len(entry[0].cell.nodes), _text(entry[0].cell)))


def trace(cell: Cell, limits: Limits = LIMITS) -> Trace:
    """The canonical form, and where its parameters and states come from. See `canonical`.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    flat = True
    form, again = _once(cell, flat)
    if len(form.cell.nodes) > limits.nodes:
        # Flat sums that share parts with each other may need more nodes than the limit allows.
        flat = False
        form, again = _once(cell, flat)
    forms: list[Trace] = []
    while again:
        # Vectors and numbers grow fewer or shorter, or laws come into order, so this ends; should forms
        # ever go round in a circle, the smallest is as good a choice from wherever it is entered.
        circle = [form.cell for form in forms]
        if form.cell in circle:
            forms = forms[circle.index(form.cell) :]
            return min(forms, key=lambda form: (len(form.cell.nodes), _text(form.cell)))
        forms.append(form)
        fresh, again = _once(form.cell, flat)
        form = _compose(fresh, form)
    return form


def _compose(later: Trace, earlier: Trace) -> Trace:
    composed: dict[int, Origin] = {}
    for node, origin in later.origins.items():
        offset, biases = origin.offset, list[tuple[int, float]]()
        for source, factor in origin.biases:
            offset += factor * earlier.origins[source].offset
            biases += [(first, factor * second) for first, second in earlier.origins[source].biases]
        composed[node] = Origin(earlier.origins[origin.node].node, tuple(biases), offset)
    states = tuple([earlier.states[state] for state in later.states])
    return Trace(later.cell, composed, states)


def canonical(cell: Cell, limits: Limits = LIMITS) -> Cell:
    """The canonical form of a cell: one graph for all cells that are the same up to writing.

    Args:
        cell: a cell that `cells.verify.check` lets pass.
        limits: with more nodes than these allow, the laws of arithmetic are not used and only equal
            nodes are merged.

    Returns:
        A cell named `cell` without node names and comment. It computes the same function to
        rounding (folded numbers are rounded to 12 digits) and starts from the same distribution. States
        that the laws of arithmetic take out of the output are gone.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    return trace(cell, limits).cell


def _text(cell: Cell) -> str:
    """The compact text whose hash is the id: one token a node, then updates and output."""
    parts = [str(len(cell.updates))]
    for op, args, parameter in cell.nodes[len(cell.updates) + 1 :]:
        if parameter is None:
            parts.append(f"{op}{args}")
        elif isinstance(parameter, Linear):
            parts.append(
                f"{op}{args}{parameter.kind} {initial_text(parameter.init)} "
                f"{parameter.diagonal + 0.0!r} "
                f"{initial_text(parameter.bias)} {parameter.blocks}"
            )
        elif isinstance(parameter, Initial):
            parts.append(op + initial_text(parameter))
        else:
            parts.append(f"{op} {parameter!r}")
    parts.append(f"{cell.updates}{cell.output}")
    return ";".join(parts)


def identify(cell: Cell, limits: Limits = LIMITS) -> tuple[Cell, str]:
    """The canonical form and the id, at the cost of one of them.

    The id is 12 hex digits of the SHA-256 of a compact text of the canonical graph, not of the text
    that people read: ids stay when printing changes, and hashing costs a tenth of it.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    form = canonical(cell, limits)
    return form, hashlib.sha256(_text(form).encode()).hexdigest()[:12]


def identifier(cell: Cell, limits: Limits = LIMITS) -> str:
    """The id of a cell: equal for two cells exactly when their canonical forms are.

    Stable across processes, machines and versions of Python.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    return identify(cell, limits)[1]
