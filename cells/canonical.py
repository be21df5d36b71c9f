"""One form for all cells that are the same up to writing, and the short id that follows from it.

The canonical form does not depend on names, on the order of states, statements and commutative
arguments, on grouping, dead nodes, dead states and repeated parts. `cells.rewrite` makes equal
values one term; here terms are put in order. Parameters are fresh wherever they occur, so order is
a question of graph isomorphism: colours are refined downwards and upwards (through the states too)
until they stop splitting, and while a tie is left one of its members is singled out, the one whose
refinement is smallest.

Biases. In a sum the biases of its linears only ever add up, so one with a plain number is enough.
Linears that occur in the same sums with the same sign are a group; biases that start at numbers
become one, laws of other kinds stay, a `vector` in the same sums joins in, and all sit on the canonically
first linears of the group:
`linear(x) + linear(h, bias=none)`, `linear(x, bias=none) + linear(h)` and `linear(x) + linear(h)`
are one cell. This drops redundant parameters: functions and start stay, the step of SGD on the sum
of the biases gets shorter. A number added to a group that only this sum reads moves into its bias.
Biases of frozen linears are left alone.

A linear times a number, two linears in a row and a product with a sum are kept as they are: they
reach the same functions by other paths of training.
"""

import hashlib
from dataclasses import dataclass
from typing import Final, NamedTuple

from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.initial import ZERO, Initial
from cells.limit import LIMITS, Limits
from cells.op import OPS
from cells.rewrite import (
    FRESH,
    INPUT,
    K1,
    K2,
    LINEAR,
    MASK,
    PRODUCT,
    STATE,
    SUM,
    OutOfRangeError,
    Terms,
    clean,
    digest,
    frozen,
    initial_text,
    parameter_label,
    rewrite,
)

STATE_NAMES: Final = ("h", "c", "m", "s", "u", "v", "w", "y")

_OUTPUT: Final = digest("read as the output")
_UPDATE: Final = digest("read as an update")
_SINGLED: Final = digest("singled out")
_NO_BIAS: Final = digest("no bias")
_REFINEMENTS: Final = 512
"""Refinements for one cell, after which the first member of a tie is taken as it comes."""
_ROUNDS: Final = 16
"""Rewritings of one cell; each needs a number that the one before moved into a bias."""
_SYMMETRIC: Final = frozenset({"default", "normal"})


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


@dataclass(slots=True)
class _Group:
    """Linears whose biases add up: members with their signs, and the laws that remain.

    A law comes with the members whose biases it replaces, and the number added.
    """

    members: list[tuple[int, float]]
    laws: list[tuple[Initial, list[tuple[int, float]], float]]


class _Ordering:
    """Terms that reach the output, their users, colours and keys."""

    def __init__(self, terms: Terms, updates: list[int], output: int) -> None:
        self.terms = terms
        self.output = output
        live = bytearray(len(terms.up))
        stack = [output]
        states: list[int] = []
        args, kind = terms.args, terms.kind
        while stack:
            term = stack.pop()
            if not live[term]:
                live[term] = 1
                if kind[term] == STATE:
                    states.append(term)
                    stack.append(updates[term - 1])
                else:
                    stack += args[term]
        self.states = sorted(states)
        self.updates = {state: updates[state - 1] for state in self.states}
        self.live = [term for term, flag in enumerate(live) if flag]
        self.seeds = [0] * len(live)
        self.groups: list[_Group] = []
        self.biases: dict[int, Initial | None] = {}
        self.origins: dict[int, tuple[list[tuple[int, float]], float]] = {}
        self.numbers: dict[int, float] = {}
        """Sums whose number has moved into a bias, and the number left."""
        self.again = False
        """Whether numbers or vectors have moved into biases, so that colours are out of date."""
        self.refinements = 0

    def share_biases(self) -> None:
        """Finds the groups of linears and vectors, and seeds the colours with laws of biases."""
        terms, seeds = self.terms, self.seeds
        kind, payload, args, up = terms.kind, terms.payload, terms.args, terms.up
        profiles: dict[int, list[tuple[int, float]] | None] = {}
        for term in self.live:
            which = kind[term]
            if which == LINEAR:
                profiles[term] = None if frozen(payload[term][1]) else []
                if args[term][0] in profiles:
                    profiles[args[term][0]] = None
            elif which == SUM:
                for arg, coefficient in zip(args[term], payload[term][1], strict=True):
                    found = profiles.get(arg)
                    if found is not None:
                        found.append((term, coefficient))
            elif which == FRESH:
                profiles[term] = [] if terms.op[term] == "vector" else None
            else:
                for arg in args[term]:
                    if arg in profiles:
                        profiles[arg] = None
        for term in (self.output, *self.updates.values()):
            if term in profiles:
                profiles[term] = None
        groups: dict[tuple[tuple[int, float], ...], list[tuple[int, float]]] = {}
        for term, profile in profiles.items():
            if profile is None:
                if kind[term] == LINEAR:
                    bias: Initial | None = payload[term][1].bias
                    seeds[term] = _NO_BIAS if bias is None else parameter_label(bias)
                continue
            sign = 1.0
            if len(profile) > 1:
                profile.sort(key=lambda part: (up[part[0]], part[1]))
            if profile[0][1] < 0:
                sign = -1.0
                profile = [(user, -coefficient) for user, coefficient in profile]
            groups.setdefault(tuple(profile), []).append((term, sign))
        for profile, members in groups.items():
            group = self._group(profile, members)
            self.groups.append(group)
            # What is seen must not depend on which of two opposite signs the profile has.
            seen = profile if len(members) > 1 else members
            for term, sign in seen:
                for law, _, _ in group.laws:
                    seeds[term] += (parameter_label(_signed(law, sign)) * K1) & MASK
                seeds[term] ^= _NO_BIAS ^ len(group.laws)

    def _group(
        self, profile: tuple[tuple[int, float], ...], members: list[tuple[int, float]]
    ) -> _Group:
        payload = self.terms.payload
        total, numbers = 0.0, list[tuple[int, float]]()
        laws: list[tuple[Initial, list[tuple[int, float]], float]] = []
        for member in members:
            law: Initial | Linear | None = payload[member[0]][1]
            if isinstance(law, Linear):
                law = law.bias
            if law is None:
                continue
            if law.law == "value":
                total += member[1] * law.numbers[0]
                numbers.append(member)
            else:
                laws.append((_signed(law, member[1]), [member], 0.0))
        if numbers:
            user, coefficient = profile[0]
            number = 0.0
            if len(profile) == 1 and coefficient == 1.0 and (total or not laws):
                number = payload[user][0]
            try:
                start = clean(total + number)
            except OutOfRangeError:
                return _Group([], [])  # each keeps its own
            if number:
                self.numbers[user] = 0.0
                self.again = True
            if start == 0.0 and laws:
                laws[0] = (laws[0][0], laws[0][1] + numbers, number)
            else:
                laws.append((_value(start), numbers, number))
        if len(laws) > 1:
            laws.sort(key=lambda law: initial_text(law[0]))
        return _Group(members, laws)

    def place_biases(self, keys: list[int]) -> None:
        """Puts the laws of each group on its first linears, in the order of keys, then on vectors."""
        kind, payload = self.terms.kind, self.terms.payload
        for group in self.groups:
            laws, members = group.laws, group.members
            if len(members) > 1:
                members.sort(key=lambda member: (kind[member[0]] == FRESH, keys[member[0]]))
            for place, (term, sign) in enumerate(members):
                bias = None
                self.origins[term] = ([], 0.0)
                if place < len(laws):
                    law, parts, number = laws[place]
                    bias = _signed(law, sign)
                    self.origins[term] = ([(m, sign * s) for m, s in parts], sign * number)
                self.biases[term] = bias
                # Colours of vectors know their laws, so the cell is ordered anew with other ones.
                if kind[term] == FRESH and bias != payload[term][1]:
                    self.again = True

    def _downwards(self, up: list[int], labels: list[int] | None) -> list[int]:
        """Colours that know the whole term and everything that reads it."""
        args, roles = self.terms.args, self.terms.roles
        down = self.seeds.copy()
        down[self.output] += _OUTPUT
        for state, update in self.updates.items():
            down[update] += _UPDATE if labels is None else _UPDATE ^ labels[state]
        colours = [0] * len(up)
        for term in reversed(self.live):
            mixed = ((down[term] ^ up[term]) * K1) & MASK
            mixed ^= mixed >> 32
            colours[term] = mixed
            for arg, role in zip(args[term], roles[term], strict=True):
                part = ((mixed ^ role) * K2) & MASK
                down[arg] += part ^ (part >> 29)
        return colours

    def _upwards(self, labels: list[int]) -> list[int]:
        args, roles = self.terms.args, self.terms.roles
        up = [0] * len(labels)
        for term in self.live:
            total = labels[term]
            for arg, role in zip(args[term], roles[term], strict=True):
                mixed = ((up[arg] ^ role) * K1) & MASK
                total += mixed ^ (mixed >> 32)
            total = (total * K2) & MASK
            up[term] = total ^ (total >> 29)
        return up

    def _classes(self, colours: list[int]) -> int:
        return len({colours[term] for term in self.live})

    def _refine(self, colours: list[int], classes: int) -> tuple[list[int], int]:
        """Colours split as far as refinement splits them."""
        count = len(self.live)
        while True:
            self.refinements += 1
            labels = colours.copy()
            for state, update in self.updates.items():
                labels[state] ^= (colours[update] * K1) & MASK
            finer = self._downwards(self._upwards(labels), labels)
            found = self._classes(finer)
            if found <= classes:
                return colours, classes
            if found == count:
                return finer, found
            colours, classes = finer, found

    def _ties(self, colours: list[int]) -> list[list[int]]:
        """Terms of equal colour that are not plain twins: same arguments, same readers."""
        terms = self.terms
        classes: dict[int, list[int]] = {}
        for term in self.live:
            classes.setdefault(colours[term], []).append(term)
        tied = [members for members in classes.values() if len(members) > 1]
        if not tied:
            return tied
        readers: dict[int, list[tuple[int, int]]] = {m: [] for members in tied for m in members}
        for term in self.live:
            for arg, role in zip(terms.args[term], terms.roles[term], strict=True):
                if arg in readers:
                    readers[arg].append((term, role))
        roots = {self.output, *self.updates.values()}
        return [
            members
            for members in tied
            if any(
                terms.kind[m] == STATE
                or m in roots
                or terms.args[m] != terms.args[members[0]]
                or readers[m] != readers[members[0]]
                for m in members
            )
        ]

    def colours(self) -> list[int]:
        """A colour for each live term; equal ones are left only where exchange changes nothing."""
        colours = self._downwards(self.terms.up, None)
        count = len(self.live)
        classes = self._classes(colours)
        if classes == count or not self._ties(colours):
            return colours
        colours, classes = self._refine(colours, classes)
        while classes < count:
            tied = self._ties(colours)
            if not tied:
                break
            members = min(tied, key=lambda members: (len(members), colours[members[0]]))
            if self.refinements > _REFINEMENTS:
                members = members[:1]
            best: tuple[list[int], list[int], int] = ([], colours, classes)
            for member in members:
                trial = colours.copy()
                trial[member] ^= _SINGLED
                finer, found = self._refine(trial, classes)
                if finer is trial:
                    found = self._classes(finer)
                trace = sorted([finer[term] for term in self.live])
                if not best[0] or trace < best[0]:
                    best = (trace, finer, found)
            _, colours, classes = best
        return colours

    def keys(self) -> list[int]:
        """A number for each live term: arguments before readers, then what reads well, then colour."""
        terms = self.terms
        kind, depth, args = terms.kind, terms.depth, terms.args
        colours = self.colours()
        keys = [0] * len(colours)
        updates, output = self.updates, self.output
        for term in self.live:
            which = kind[term]
            place = 2
            if which == LINEAR:
                arg = args[term][0]
                if arg == 0:
                    place = 0
                elif updates.get(arg) == output:
                    place = 1
            elif which == INPUT:
                place = 0
            elif which == STATE and updates[term] == output:
                place = 1
            keys[term] = depth[term] << 66 | place << 64 | colours[term]
        return keys


def _value(number: float) -> Initial:
    return Initial("value", (number,)) if number else ZERO


def _signed(law: Initial, sign: float) -> Initial:
    """The law of `sign` times what `law` draws."""
    if sign > 0 or law.law in _SYMMETRIC:
        return law
    if law.law == "value":
        return _value(-law.numbers[0])
    if law.law == "uniform":
        low, high = law.numbers
        return Initial("uniform", (-high, -low), law.negative)
    return Initial(law.law, law.numbers, not law.negative)


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
    """Writes ordered terms as nodes, each node once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[str, int, int], int] = {}
        self._constants: dict[float, int] = {}

    def new(self, op: str, args: tuple[int, ...] = (), parameter: object = None) -> int:
        self.nodes.append(Node(op, args, parameter))  # type: ignore[arg-type]
        return len(self.nodes) - 1

    def constant(self, value: float) -> int:
        node = self._constants.get(value)
        if node is None:
            node = self._constants[value] = self.new("constant", (), value)
        return node

    def binary(self, op: str, a: int, b: int) -> int:
        key = (op, a, b)
        node = self._known.get(key)
        if node is None:
            self.nodes.append(Node(op, (a, b)))
            node = self._known[key] = len(self.nodes) - 1
        return node

    def times(self, factor: float, node: int) -> int:
        return node if factor == 1.0 else self.binary("*", self.constant(factor), node)

    def power(self, base: int, exponent: int) -> int:
        power = -1
        while exponent:
            if exponent & 1:
                power = base if power < 0 else self.binary("*", power, base)
            exponent >>= 1
            if exponent:
                base = self.binary("*", base, base)
        return power

    def sum(self, number: float, parts: list[tuple[float, int]]) -> int:
        """Terms with plus, then those with minus, then the number; a common size is put in front."""
        if not parts:
            return self.constant(number)
        size, scale = abs(parts[0][0]), 1.0
        if size != 1.0 and len(parts) > 1 and {abs(c) for c, _ in parts} == {size}:
            scale = size if max(parts)[0] > 0 else -size
            parts = [(c / scale, node) for c, node in parts]
        total = -1
        for coefficient, node in parts:
            if coefficient > 0:
                term = self.times(coefficient, node)
                total = term if total < 0 else self.binary("+", total, term)
        if total < 0 and number:
            total, number = self.constant(number), 0.0
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


def _write(order: _Ordering) -> tuple[Trace, bool]:
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
            number: float
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
    return Trace(cell, origins, tuple([state - 1 for state in states])), order.again


def _once(cell: Cell, flat: bool) -> tuple[Trace, bool]:
    terms, values = rewrite(cell, flat)
    order = _Ordering(terms, [values[update] for update in cell.updates], values[cell.output])
    if order.live[0] != 0:
        raise CellError("C501")
    order.share_biases()
    return _write(order)


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
    for _ in range(_ROUNDS):
        if not again:
            break
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
        rounding (numbers are folded to 12 digits) and starts from the same distribution. States
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
                f"{op}{args}{parameter.kind} {initial_text(parameter.init)} {parameter.diagonal!r} "
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


def identity(cell: Cell, limits: Limits = LIMITS) -> str:
    """The id of a cell: equal for two cells exactly when their canonical forms are.

    Stable across processes, machines and versions of Python.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    return identify(cell, limits)[1]
