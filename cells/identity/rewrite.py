"""The algebra of cells: a graph rewritten into terms that are equal when the laws of arithmetic say so.

Every value becomes a term. Sums are flat linear combinations (a number and a coefficient for each
term), products are flat (an exponent for each factor) and carry no number, maxima and minima are
flat sets. Equal terms are one term; only what owns parameters (`linear`, `vector`, `scalar`) is
always new. Rewriting is one pass over the nodes, so it ends.

Numbers are exact fractions here, so that a chain of factors has one value however it is grouped. They
are rounded to the 12 digits of cell text when the canonical form is written, once and last.
"""

import hashlib
import math
import struct
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final, TypeAlias, cast

from cells.cell import Cell, Linear
from cells.initial import Initial
from cells.op import DIVISION_GUARD, OPS

INPUT, STATE, SUM, PRODUCT, LINEAR, FRESH, OTHER = range(7)
"""Kinds of terms. FRESH is `vector` and `scalar`; OTHER is every function without parameters."""

MASK: Final = (1 << 64) - 1
K1: Final = 0x9E3779B97F4A7C15
K2: Final = 0xBF58476D1CE4E5B9

Number: TypeAlias = int | Fraction
"""A folded number, exact; whole numbers are `int`."""

_LARGEST: Final = 1e37
_BITS: Final = 2048
"""Of the numerator or denominator of a folded number: 50 factors of 12 digits."""
_POWERS: Final = 40
"""Powers of 2 and of 5 by which a sum without common divisor is tried: 2^40 has 13 digits."""
_MEMORY: Final = 50_000
"""Entries after which a memo is emptied."""


class OutOfRangeError(ArithmeticError):
    """A folded number that is too long, or too large or small for cell text."""


def digest(text: str) -> int:
    """64 bits that depend on the text alone, on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


LABELS: Final[dict[str, int]] = {name: digest(name) for name in (*OPS, "sum", "product")}
_SECOND: Final = digest("second argument")

_numbers: dict[Number, int] = {1: digest("one"), -1: digest("minus one")}
_decimals: dict[float, Number] = {}
_parameters: dict[int, tuple[object, int]] = {}


def number_label(value: Number) -> int:
    """64 bits that stand for a number."""
    label = _numbers.get(value)
    if label is None:
        if len(_numbers) > _MEMORY:
            _numbers.clear()
            _numbers.update({1: digest("one"), -1: digest("minus one")})
        text = struct.pack("<d", clean(value)).hex() if holds(value) else str(value)
        label = _numbers[value] = digest(text)
    return label


def initial_text(initial: Initial | None) -> str:
    """A law as text, unambiguous and short; 0 and -0 are one number."""
    if initial is None:
        return "none"
    sign = "-" if initial.negative else ""
    return f"{sign}{initial.law}({','.join([repr(number + 0.0) for number in initial.numbers])})"


def parameter_label(parameter: Linear | Initial) -> int:
    """64 bits that stand for a law, or for a `linear` without its bias."""
    known = _parameters.get(id(parameter))
    if known is not None:
        return known[1]
    if isinstance(parameter, Linear):
        text = (
            f"{parameter.kind} {initial_text(parameter.init)} {parameter.diagonal + 0.0!r} "
            f"{parameter.blocks}" + (initial_text(parameter.bias) if frozen(parameter) else "")
        )
    else:
        text = initial_text(parameter)
    if len(_parameters) > _MEMORY:
        _parameters.clear()
    label = digest(text)
    _parameters[id(parameter)] = (parameter, label)  # the entry keeps the object, so its id, alive
    return label


def frozen(linear: Linear) -> bool:
    """Whether training leaves the bias alone, so that it must not be merged with trained ones."""
    return linear.kind == "frozen"


def decimal(value: float) -> Number:
    """The exact number that cell text with this value says: 1/10 for 0.1."""
    if value.is_integer():
        return int(value)
    known = _decimals.get(value)
    if known is None:
        if len(_decimals) > _MEMORY:
            _decimals.clear()
        known = _decimals[value] = Fraction(repr(value))
    return known


def clean(value: Number) -> float:
    """The number rounded to the 12 digits that cell text holds.

    Raises:
        OutOfRangeError: when text cannot hold it.
    """
    try:
        rounded = float(value)
    except OverflowError:
        raise OutOfRangeError from None
    if value == 0 or (type(value) is int and -(10**12) < value < 10**12):
        return rounded
    if not 1 / _LARGEST < abs(rounded) < _LARGEST:
        raise OutOfRangeError
    return float(f"{rounded:.12g}")


def holds(value: Number) -> bool:
    """Whether cell text holds the number exactly."""
    try:
        return decimal(clean(value)) == value
    except OutOfRangeError:
        return False


def _plain(value: Number) -> Number:
    """The number with whole numbers as `int`.

    Raises:
        OutOfRangeError: when it is so long that a few more factors would fill the memory.
    """
    numerator, denominator = value.numerator, value.denominator
    if numerator.bit_length() > _BITS or denominator.bit_length() > _BITS:
        raise OutOfRangeError
    return numerator if denominator == 1 else value


def _ratio(value: Number, divisor: Number) -> Number:
    return _plain(Fraction(value, divisor))


_GUARD: Final = decimal(DIVISION_GUARD)
_FOLDED: Final = frozenset(row.name for row in OPS.values() if row.fold)
_NEVER_NEGATIVE: Final = frozenset(row.name for row in OPS.values() if row.never_negative)
_KEEPS_POSITIVE: Final = frozenset(row.name for row in OPS.values() if row.keeps_positive)
_COMMUTATIVE: Final = frozenset(row.name for row in OPS.values() if row.commutative)
_IDEMPOTENT: Final = frozenset(row.name for row in OPS.values() if row.idempotent)


def _fold(op: str, number: Number) -> Number | None:
    """An activation of a number, or None where the row does not fold it or text holds no exact result.

    A number with more digits than text holds is left, too: it is folded once it has been rounded.
    """
    row = OPS[op]
    if (number and row.fold == "zero") or not holds(number):
        return None
    value = row.at(clean(number))
    if value and not 1 / _LARGEST < abs(value) < _LARGEST:
        return None
    rounded = float(f"{value:.12g}")
    return decimal(rounded) if abs(rounded - value) <= 1e-15 * abs(value) else None


def _size(numbers: tuple[Number, ...]) -> Number:
    """A factor to take out of a sum with these numbers: sums that differ by a factor leave the same.

    It is the largest of them that divides all to numbers that text holds; else the factor that
    leaves what they are without their common divisor, as decimals that text holds; else, where the
    sum has no multiple that text holds, the largest.
    """
    sizes = sorted({abs(number) for number in numbers if number}, reverse=True)
    if sizes[0] == sizes[-1]:
        return sizes[0]
    for size in sizes:
        if all(holds(_ratio(other, size)) for other in sizes):
            return size
    common = math.lcm(*[size.denominator for size in sizes])
    whole = [int(size * common) for size in sizes]
    divisor = math.gcd(*whole)
    whole = [size // divisor for size in whole]
    for base in (2, 5):
        for power in range(_POWERS):
            factor = base**power
            # A digit before the point: this is a question of the sum alone, not of its size.
            shift = 10 ** (len(str(whole[0] * factor)) - 1)
            if all(holds(_ratio(other * factor, shift)) for other in whole):
                return _ratio(divisor * shift, common * factor)
    return sizes[0]


class Terms:
    """Terms of one cell, in topological order; a term is its position in these lists.

    Attributes:
        kind: one of the kinds above.
        op: name of the operator, for LINEAR, FRESH and OTHER.
        args: argument terms; for sums and products sorted by position.
        roles: for each argument 64 bits that say what it is to the term: its coefficient, its
            exponent, or its place where order counts.
        payload: SUM: (number, coefficients); PRODUCT: exponents; STATE: its position; LINEAR and
            FRESH: (position of the node in the cell, parameter); else None.
        label: 64 bits for kind, operator and parameter, without biases and arguments.
        up: 64 bits for the whole term as a tree, all states alike, without biases.
        depth: longest way to a leaf.
        ties: sums met so far whose sign is a matter of choice; where `choices` has True at the same
            position it is the opposite of the one that came first. Without `choices` these sums and
            their opposites are left as they are.
    """

    __slots__ = (
        "_choices",
        "_others",
        "_products",
        "_splits",
        "_sums",
        "args",
        "depth",
        "kind",
        "label",
        "op",
        "payload",
        "roles",
        "ties",
        "up",
    )

    def __init__(self, choices: tuple[bool, ...] | None = ()) -> None:
        self.ties: list[int] = []
        self._choices = choices
        self._splits: dict[int, tuple[Number, int]] = {}
        self.kind: list[int] = []
        self.op: list[str] = []
        self.args: list[tuple[int, ...]] = []
        self.roles: list[tuple[int, ...]] = []
        self.payload: list[Any] = []
        self.label: list[int] = []
        self.up: list[int] = []
        self.depth: list[int] = []
        self._sums: dict[tuple[Number, tuple[int, ...], tuple[Number, ...]], int] = {}
        self._products: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {}
        self._others: dict[tuple[str, tuple[int, ...]], int] = {}

    def new(
        self,
        kind: int,
        op: str,
        args: tuple[int, ...],
        roles: tuple[int, ...],
        payload: object,
        label: int,
    ) -> int:
        """A new term."""
        up, depths = self.up, self.depth
        total, depth = label, -1
        for arg, role in zip(args, roles, strict=True):
            mixed = ((up[arg] ^ role) * K1) & MASK
            total += mixed ^ (mixed >> 32)
            if depths[arg] > depth:
                depth = depths[arg]
        total = (total * K2) & MASK
        up.append(total ^ (total >> 29))
        depths.append(depth + 1)
        self.kind.append(kind)
        self.op.append(op)
        self.args.append(args)
        self.roles.append(roles)
        self.payload.append(payload)
        self.label.append(label)
        return len(up) - 1

    def other(self, op: str, args: tuple[int, ...], ordered: bool = False) -> int:
        """A function without parameters; the order of arguments counts if `ordered`."""
        if not ordered and len(args) > 1:
            args = tuple(sorted(args))
        key = (op, args)
        term = self._others.get(key)
        if term is None:
            roles = (1, _SECOND) if ordered else (1,) * len(args)
            term = self._others[key] = self.new(OTHER, op, args, roles, None, LABELS[op])
        return term

    def sum(self, number: Number, args: tuple[int, ...], coefficients: tuple[Number, ...]) -> int:
        """A linear combination: `args` sorted, no coefficient 0, no argument itself a sum."""
        if number == 0 and coefficients == (1,):
            return args[0]
        key = (number, args, coefficients)
        term = self._sums.get(key)
        if term is None:
            roles = tuple([number_label(c) for c in coefficients])
            label = LABELS["sum"] ^ number_label(number)
            payload = (number, coefficients)
            term = self._sums[key] = self.new(SUM, "sum", args, roles, payload, label)
        return term

    def constant(self, value: Number) -> int:
        """A number: the sum of nothing."""
        return self.sum(value, (), ())

    def number(self, term: int) -> Number | None:
        """The number that a term is, or None."""
        return self.payload[term][0] if self.kind[term] == SUM and not self.args[term] else None

    def add(self, a: int, b: int, sign: int) -> int:
        """`a + sign * b` for sign 1 or -1."""
        kind = self.kind
        if kind[a] != SUM and kind[b] != SUM and a != b:
            if a < b:
                return self.sum(0, (a, b), (1, sign))
            return self.sum(0, (b, a), (sign, 1))
        number: Number = 0
        terms: dict[int, Number] = {}
        for term, factor in ((a, 1), (b, sign)):
            if kind[term] == SUM:
                constant, coefficients = self.payload[term]
                number += factor * constant
                for arg, coefficient in zip(self.args[term], coefficients, strict=True):
                    terms[arg] = terms.get(arg, 0) + factor * coefficient
            else:
                terms[term] = terms.get(term, 0) + factor
        return self._combination(number, terms)

    def _combination(self, number: Number, terms: dict[int, Number]) -> int:
        args: list[int] = []
        coefficients: list[Number] = []
        for term in sorted(terms):
            coefficient = _plain(terms[term])
            if coefficient:
                args.append(term)
                coefficients.append(coefficient)
        return self.sum(_plain(number), tuple(args), tuple(coefficients))

    def scale(self, term: int, factor: Number) -> int:
        """`factor * term`, the factor spread over the coefficients."""
        if factor == 1:
            return term
        if self.kind[term] != SUM:
            return self._combination(0, {term: factor})
        number, coefficients = self.payload[term]
        pairs = zip(self.args[term], coefficients, strict=True)
        return self._combination(factor * number, {arg: factor * c for arg, c in pairs})

    def split(self, term: int) -> tuple[Number, int | None]:
        """A number and a term whose product is `term`; the term is None where only a number is left.

        A sum of several terms gives its sign and a size, so that sums which differ by a factor
        have one term; see `_orientation` and `_size`.
        """
        if self.kind[term] != SUM:
            return 1, term
        known = self._splits.get(term)
        if known is not None:
            return known
        number: Number
        coefficients: tuple[Number, ...]
        number, coefficients = self.payload[term]
        if not coefficients:
            return number, None
        if number == 0 and len(coefficients) == 1:
            return coefficients[0], self.args[term][0]
        size = _size((number, *coefficients))
        unit = term if size == 1 else self.scale(term, _ratio(1, size))
        sign, rest = self._splits.get(unit) or self._oriented(unit)
        self._splits[term] = split = sign * size, rest
        return split

    def _oriented(self, unit: int) -> tuple[int, int]:
        """The sign of a sum of size 1, 1 or -1, and the sum that is positive."""
        sign, choices = self._orientation(unit), self._choices
        if sign:
            rest = self.scale(unit, -1) if sign < 0 else unit
        elif choices is None:
            sign, rest = 1, unit
            self.ties.append(rest)
        else:
            index = len(self.ties)
            opposite = self.scale(unit, -1)
            sign = -1 if index < len(choices) and choices[index] else 1
            rest = opposite if sign < 0 else unit
            self.ties.append(rest)
            # Of this sum and its opposite the one chosen is positive, at whatever size.
            self._splits[opposite] = -sign, rest
        self._splits[unit] = split = sign, rest
        self._splits[rest] = 1, rest
        return split

    def _orientation(self, term: int) -> int:
        """1 for a sum that is positive, -1 for a negative one, 0 where nothing tells.

        Positive is a sum whose number is, else most of whose coefficients are, else whose positive
        terms come first.
        """
        number, coefficients = self.payload[term]
        balance = number or sum([1 if c > 0 else -1 for c in coefficients])
        if balance:
            return 1 if balance > 0 else -1
        up = self.up
        pairs = [(up[arg], c) for arg, c in zip(self.args[term], coefficients, strict=True)]
        plus = sorted([(at, c) for at, c in pairs if c > 0])
        minus = sorted([(at, -c) for at, c in pairs if c < 0])
        return 0 if plus == minus else 1 if plus < minus else -1

    def multiply(self, a: int, b: int) -> int:
        """`a * b`."""
        kind = self.kind
        if kind[a] == SUM or kind[b] == SUM:
            first, left = self.split(a)
            second, right = self.split(b)
            factor = first * second
            if factor == 0:
                return self.constant(0)
            if left is None and right is None:
                return self.constant(_plain(factor))
            if left is None or right is None:
                return self.scale(right if left is None else left, factor)  # type: ignore[arg-type]
            return self.scale(self._product(left, right), factor)
        return self._product(a, b)

    def _product(self, a: int, b: int) -> int:
        kind = self.kind
        if kind[a] != PRODUCT and kind[b] != PRODUCT and a != b:
            args, exponents = ((a, b) if a < b else (b, a)), (1, 1)
        else:
            powers: dict[int, int] = {}
            for term in (a, b):
                if kind[term] == PRODUCT:
                    for arg, power in zip(self.args[term], self.payload[term], strict=True):
                        powers[arg] = powers.get(arg, 0) + power
                else:
                    powers[term] = powers.get(term, 0) + 1
            args = tuple(sorted(powers))
            exponents = tuple([powers[arg] for arg in args])
        key = (args, exponents)
        term = self._products.get(key)
        if term is None:
            label = LABELS["product"]
            term = self.new(PRODUCT, "product", args, exponents, exponents, label)
            self._products[key] = term
        return term

    def divide(self, a: int, b: int) -> int:
        """`a / guard(b)`."""
        divisor = self.number(b)
        if divisor is not None:
            if abs(divisor) < _GUARD:
                divisor = -_GUARD if divisor < 0 else _GUARD
            inverse = _ratio(1, divisor)
            if holds(inverse):
                return self.scale(a, inverse)
            dividend = self.number(a)
            if dividend is not None:
                quotient = _ratio(dividend, divisor)
                if holds(quotient):
                    return self.constant(quotient)
        factor, rest = self.split(a)
        if factor == 0:
            return self.constant(0)
        rest = self.constant(1) if rest is None else rest
        return self.scale(self.other("/", (rest, b), ordered=True), factor)

    def extreme(self, op: str, a: int, b: int) -> int:
        """An idempotent operation, `max` or `min`: flat, each argument once, at most one number."""
        terms: set[int] = set()
        for term in (a, b):
            terms.update(self.args[term] if self.op[term] == op else (term,))
        numbers = [term for term in terms if self.number(term) is not None]
        if len(numbers) > 1:
            choose = max if OPS[op].at(0.0, 1.0) else min
            kept = choose(numbers, key=lambda term: self.payload[term][0])
            terms.difference_update(numbers)
            terms.add(kept)
        return terms.pop() if len(terms) == 1 else self.other(op, tuple(terms))

    def activate(self, op: str, a: int) -> int:
        """An activation."""
        if self.kind[a] == SUM and not self.args[a] and op in _FOLDED:
            folded = _fold(op, self.payload[a][0])
            if folded is not None:
                return self.constant(folded)
        if op in _KEEPS_POSITIVE and self.op[a] in _NEVER_NEGATIVE:
            return a
        return self.other(op, (a,))

    def linear(self, node: int, a: int, parameter: Linear) -> int:
        """A `linear`: always new, unless its argument is 0, when its bias is left."""
        if self.kind[a] == SUM and self.number(a) == 0:
            bias = parameter.bias
            if bias is None:
                return self.constant(0)
            if not frozen(parameter):
                label = LABELS["vector"] ^ parameter_label(bias)
                return self.new(FRESH, "vector", (), (), (node, bias), label)
            if bias.law == "value":
                return self.constant(decimal(bias.numbers[0]))
        label = LABELS["linear"] ^ parameter_label(parameter)
        return self.new(LINEAR, "linear", (a,), (1,), (node, parameter), label)


def rewrite(
    cell: Cell, flat: bool = True, choices: tuple[bool, ...] | None = ()
) -> tuple[Terms, list[int]]:
    """The terms of a cell, and for each of its nodes the term that it is.

    Args:
        cell: any cell that `cells.verify.check` lets pass.
        flat: whether the laws of arithmetic are used; without them only equal nodes are merged.
        choices: decide signs that nothing else does, False where they end; see `Terms.ties`.

    The laws hold over the real numbers, and folded numbers are exact; `a * 0` is 0 and `a - a` is 0 whatever a is, infinities included.
    """
    terms = Terms(choices)
    values: list[int] = []
    arithmetic: dict[str, Callable[[int, int], int]] = {}
    if flat:
        arithmetic = {"*": terms.multiply, "/": terms.divide}
    for index, (op, args, parameter) in enumerate(cell.nodes):
        if len(args) == 2:
            a, b = values[args[0]], values[args[1]]
            try:
                if not flat:
                    value = terms.other(op, (a, b), ordered=op not in _COMMUTATIVE)
                elif op == "+":
                    value = terms.add(a, b, 1)
                elif op == "-":
                    value = terms.add(a, b, -1)
                elif op in arithmetic:
                    value = arithmetic[op](a, b)
                elif op in _IDEMPOTENT:
                    value = terms.extreme(op, a, b)
                else:
                    value = terms.other(op, (a, b), ordered=op not in _COMMUTATIVE)
            except OutOfRangeError:
                value = terms.other(op, (a, b), ordered=op not in _COMMUTATIVE)
        elif args:
            a = values[args[0]]
            if isinstance(parameter, Linear):
                value = terms.linear(index, a, parameter)
            else:
                value = terms.activate(op, a)
        elif op == "input":
            value = terms.new(INPUT, op, (), (), None, LABELS[op])
        elif op == "state":
            value = terms.new(STATE, op, (), (), index - 1, LABELS[op])
        elif isinstance(parameter, float):
            value = terms.constant(decimal(parameter))
        else:
            law = cast("Initial", parameter)
            label = LABELS[op] ^ parameter_label(law)
            value = terms.new(FRESH, op, (), (), (index, law), label)
        values.append(value)
    return terms, values
