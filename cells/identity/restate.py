"""The same function by laws that the canonical form does not use: what a fingerprint must see through.

`cells.identity.disguise` changes the writing of a cell and keeps its id. Here identities of algebra change
the graph, so that the id changes as well, while weights and states correspond one to one. Used by
the tests and by `scripts/check_fingerprint.py`.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.identity.canonical import identifier
from cells.initial import DEFAULT, ZERO
from cells.mutation import Draft
from cells.op import OPS
from cells.verify import finding

_ATTEMPTS: Final = 200


class _Page(Draft):
    """A cell whose nodes are written anew in place, so that their readers follow."""

    def put(self, node: int, op: str, *args: int) -> bool:
        self.nodes[node] = Node(op, args)
        return True

    def new(self, op: str, *args: int) -> int:
        return self.append(Node(op, args))

    def constant(self, value: float) -> int:
        return self.append(Node("constant", (), value))

    def times(self, factor: float, node: int) -> int:
        return self.new("*", self.constant(factor), node)

    def minus(self, node: int) -> int:
        return self.times(-1.0, node)


_Law = Callable[[_Page, int, tuple[int, ...]], bool]


def _distribute(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`a * (b + c)` is `a * b + a * c`."""
    for a, other in (args, args[::-1]):
        op, inner, _ = page.nodes[other]
        if op in ("+", "-"):
            return page.put(node, op, page.new("*", a, inner[0]), page.new("*", a, inner[1]))
    return False


def _factor(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`a * b + a * c` is `a * (b + c)`."""
    left, right = (page.nodes[arg] for arg in args)
    if left.op != "*" or right.op != "*":
        return False
    for a, b in (left.args, left.args[::-1]):
        for other, c in (right.args, right.args[::-1]):
            if a == other:
                return page.put(node, "*", a, page.new(page.nodes[node].op, b, c))
    return False


def _blend(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`z * h + (1 - z) * n` is `n + z * (h - n)`."""
    for first, second in (args, args[::-1]):
        if page.nodes[first].op != "*" or page.nodes[second].op != "*":
            continue
        for rest, n in (page.nodes[second].args, page.nodes[second].args[::-1]):
            if page.nodes[rest].op != "-":
                continue
            constant, z = page.nodes[rest].args
            kept = page.nodes[first].args
            if page.nodes[constant].parameter == 1.0 and z in kept:
                h = kept[1 - kept.index(z)]
                return page.put(node, "+", n, page.new("*", z, page.new("-", h, n)))
    return False


def _polarise(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`a * b` is `((a + b)^2 - (a - b)^2) / 4`."""
    plus, minus = page.new("+", *args), page.new("-", *args)
    squares = page.new("-", page.new("*", plus, plus), page.new("*", minus, minus))
    return page.put(node, "*", page.constant(0.25), squares)


def _turn(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`a - b` is `-(b - a)`."""
    return page.put(node, "*", page.constant(-1.0), page.new("-", *args[::-1]))


def _tanh(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`tanh(a)` is `2 * sigmoid(2 * a) - 1`."""
    gate = page.new("sigmoid", page.times(2.0, args[0]))
    return page.put(node, "-", page.times(2.0, gate), page.constant(1.0))


def _sigmoid(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`sigmoid(a)` is `(1 + tanh(a / 2)) / 2`."""
    half = page.new("tanh", page.times(0.5, args[0]))
    return page.put(node, "*", page.constant(0.5), page.new("+", page.constant(1.0), half))


def _complement(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`sigmoid(a)` is `1 - sigmoid(-a)`."""
    return page.put(node, "-", page.constant(1.0), page.new("sigmoid", page.minus(args[0])))


def _odd(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`f(a)` is `-f(-a)`."""
    turned = page.new(page.nodes[node].op, page.minus(args[0]))
    return page.put(node, "*", page.constant(-1.0), turned)


def _even(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`f(a)` is `f(-a)`."""
    return page.put(node, page.nodes[node].op, page.minus(args[0]))


def _silu(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`silu(a)` is `a * sigmoid(a)`."""
    return page.put(node, "*", args[0], page.new("sigmoid", args[0]))


def _softplus(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`softplus(a)` is `-logsigmoid(-a)`, and the other way round."""
    other = "logsigmoid" if page.nodes[node].op == "softplus" else "softplus"
    return page.put(node, "*", page.constant(-1.0), page.new(other, page.minus(args[0])))


def _rectify(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`relu(a)` is `max(a, 0)`."""
    return page.put(node, "max", args[0], page.constant(0.0))


def _exceed(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`max(a, b)` is `a + relu(b - a)`."""
    a, b = args
    return page.put(node, "+", a, page.new("relu", page.new("-", b, a)))


def _undercut(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`min(a, b)` is `-max(-a, -b)`."""
    highest = page.new("max", page.minus(args[0]), page.minus(args[1]))
    return page.put(node, "*", page.constant(-1.0), highest)


def _exponents(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`exp(a + b)` is `exp(a) * exp(b)`."""
    op, inner, _ = page.nodes[args[0]]
    if op != "+":
        return False
    return page.put(node, "*", page.new("exp", inner[0]), page.new("exp", inner[1]))


def _quotient(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`(a + b) / c` is `a / c + b / c`."""
    op, inner, _ = page.nodes[args[0]]
    if op not in ("+", "-"):
        return False
    parts = [page.new("/", part, args[1]) for part in inner]
    return page.put(node, op, *parts)


def _reflect(page: _Page, node: int, args: tuple[int, ...]) -> bool:
    """`linear(a)` is `-linear(-a)`, where nothing tells the bias from its negative."""
    linear = page.nodes[node].parameter
    if not isinstance(linear, Linear) or linear.kind == "frozen":
        return False
    if linear.bias not in (None, ZERO, DEFAULT):
        return False
    turned = page.append(Node("linear", (page.minus(args[0]),), linear))
    return page.put(node, "*", page.constant(-1.0), turned)


_BY_FORMULA: Final[dict[str, tuple[_Law, ...]]] = {
    "*": (_distribute, _polarise),
    "+": (_factor, _blend),
    "-": (_factor, _turn),
    "tanh": (_tanh,),
    "sigmoid": (_sigmoid, _complement),
    "silu": (_silu,),
    "softplus": (_softplus,),
    "logsigmoid": (_softplus,),
    "relu": (_rectify,),
    "max": (_exceed,),
    "min": (_undercut,),
    "exp": (_exponents,),
    "/": (_quotient,),
    "linear": (_reflect,),
}
_BY_PARITY: Final[dict[str, tuple[_Law, ...]]] = {"odd": (_odd,), "even": (_even,), "neither": ()}

LAWS: Final[dict[str, tuple[_Law, ...]]] = {
    op: (*_BY_FORMULA.get(op, ()), *_BY_PARITY[row.parity])
    for op, row in OPS.items()
    if op in _BY_FORMULA or row.parity != "neither"
}
"""For each operator the identities that hold where it stands."""


def restate(cell: Cell, generator: Random, most: int = 3) -> tuple[Cell, tuple[str, ...]] | None:
    """The same function with another id, and the identities used; None where none was found.

    Args:
        cell: a cell that `cells.verify.check` lets pass.
        generator: source of all randomness.
        most: identities used at most, each at a random node.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    name = identifier(cell)
    laws = [(op, law) for op, rules in LAWS.items() for law in rules]
    for _ in range(_ATTEMPTS):
        page, used = _Page(cell), list[str]()
        for _ in range(generator.randint(1, most)):
            # The identity is drawn first, or products alone would decide which are planted.
            op, law = generator.choice(laws)
            places = [index for index, node in enumerate(page.nodes) if node.op == op]
            generator.shuffle(places)
            if any(law(page, index, page.nodes[index].args) for index in places):
                used.append(law.__name__.lstrip("_"))
                page.settle()
        if not used:
            continue
        other = page.cell("restated", ())
        if finding(other) is not None:
            continue
        try:
            if identifier(other) != name:
                return other, tuple(used)
        except CellError:
            continue
    return None
