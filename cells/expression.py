"""Formulas as values: what an operator computes, said once and read by every executor and export.

An expression is a tree of numbers, variables and elementary functions. `cells.op` writes its rows in
it; a reader brings a table of the elementary functions for its own kind of value (floats, arrays,
tensors, nodes of ONNX, text) and gets the operator from `compiled` or by walking the tree. An
operator that these functions can say needs no other change in Python.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

INFIX: Final = {"|": 0, "<": 1, "<=": 1, ">": 1, "+": 2, "-": 2, "*": 3, "/": 3}
"""Elementary functions that are written between their arguments, and how tightly they bind."""

_MINUS: Final = 3
_ATOM: Final = 4


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula.

    Attributes:
        function: `number`, `variable`, an elementary function, or a function of one library that an
            override calls by the library's own name, such as `torch.tanh`.
        args: its arguments.
        value: of a number.
        name: of a variable.
        label: what generated code calls this part; it then stands on a line of its own.
        shown: what stands for this part in the text for people.
    """

    function: str
    args: "tuple[Expression, ...]" = ()
    value: float = 0.0
    name: str = ""
    label: str = field(default="", compare=False)
    shown: str = field(default="", compare=False)

    def __add__(self, other: "Expression | float") -> "Expression":
        return call("+", self, other)

    def __radd__(self, other: float) -> "Expression":
        return call("+", other, self)

    def __sub__(self, other: "Expression | float") -> "Expression":
        return call("-", self, other)

    def __rsub__(self, other: float) -> "Expression":
        return call("-", other, self)

    def __mul__(self, other: "Expression | float") -> "Expression":
        return call("*", self, other)

    def __rmul__(self, other: float) -> "Expression":
        return call("*", other, self)

    def __truediv__(self, other: "Expression | float") -> "Expression":
        return call("/", self, other)

    def __rtruediv__(self, other: float) -> "Expression":
        return call("/", other, self)

    def __neg__(self) -> "Expression":
        return call("negate", self)

    def __lt__(self, other: "Expression | float") -> "Expression":
        return call("<", self, other)

    def __le__(self, other: "Expression | float") -> "Expression":
        return call("<=", self, other)

    def __gt__(self, other: "Expression | float") -> "Expression":
        return call(">", self, other)

    def __or__(self, other: "Expression") -> "Expression":
        return call("|", self, other)

    def labelled(self, label: str) -> "Expression":
        """The same formula, a part with a name in generated code."""
        return replace(self, label=label)

    def shown_as(self, text: str) -> "Expression":
        """The same formula with a word for it in the text for people."""
        return replace(self, shown=text)

    def variables(self) -> tuple[str, ...]:
        """The names of its variables, sorted."""
        if self.name:
            return (self.name,)
        return tuple(sorted({name for arg in self.args for name in arg.variables()}))

    def __str__(self) -> str:
        """The formula for people."""
        return self._text()[0]

    def _text(self) -> tuple[str, int]:
        if self.shown:
            return self.shown, _ATOM
        if self.function == "variable":
            return self.name, _ATOM
        if self.function == "number":
            return f"{self.value:g}".replace("e-0", "e-"), _ATOM
        parts = [arg._text() for arg in self.args]
        rank = INFIX.get(self.function)
        if rank is not None:
            (left, low), (right, high) = parts
            left = f"({left})" if low < rank else left
            right = f"({right})" if high <= rank and self.function != "|" else right
            return f"{left} {self.function} {right}", rank
        if self.function == "negate":
            text, own = parts[0]
            return f"-({text})" if own < _MINUS else f"-{text}", _MINUS
        return f"{self.function}({', '.join(text for text, _ in parts)})", _ATOM


def variable(name: str) -> Expression:
    """A variable."""
    return Expression("variable", name=name)


def call(function: str, *args: Expression | float) -> Expression:
    """A function of formulas and numbers: an elementary one, or that of a library by its name."""
    return Expression(
        function,
        tuple(
            arg if isinstance(arg, Expression) else Expression("number", value=float(arg))
            for arg in args
        ),
    )


def where(condition: Expression, a: Expression | float, b: Expression | float) -> Expression:
    """`a` where the condition holds, else `b`."""
    return call("where", condition, a, b)


def choose(condition: Expression, a: float, b: float, like: Expression) -> Expression:
    """One of two numbers, of the type of `like`."""
    return call("choose", condition, a, b, like)


def scaled(factor: Expression, slope: Expression) -> Expression:
    """`factor * slope`, the factor taken to where the slope is not 0 so that 0 hides what it should.

    A slope of 0 gives 0 even to an infinite factor: nothing flows back where nothing depends.
    """
    if slope.function == "number":
        if slope.value in (0.0, 1.0):
            return factor if slope.value else slope
        return -factor if slope.value == -1.0 else factor * slope
    first, *rest = slope.args or (slope,)
    match slope.function:
        case "where":
            return where(first, *(scaled(factor, branch) for branch in rest))
        case "negate":
            return -scaled(factor, first)
        case "*":
            return scaled(factor, first) * rest[0]
        case "/" if first.function == "number":
            return scaled(factor, first) / rest[0]
        case _:
            return factor * slope


def compiled(
    expression: Expression,
    variables: Sequence[str],
    lookup: Callable[[str], Callable[..., Any]],
    number: Callable[[float], Any] = float,
) -> Callable[..., Any]:
    """A formula as a function of its variables, in order; parts that are equal are computed once.

    Args:
        expression: the formula.
        variables: names of the arguments.
        lookup: from a name of `Expression.function` to what computes it.
        number: turns a number of the formula into what `lookup`'s functions take.
    """
    names = tuple(arg.name for arg in expression.args)
    if names == tuple(variables) and all(names):
        return lookup(expression.function)
    spots: dict[Expression, int] = {variable(name): at for at, name in enumerate(variables)}
    constants: list[Any] = []
    steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []

    def leaves(part: Expression) -> None:
        if part.function == "number" and part not in spots:
            spots[part] = len(variables) + len(constants)
            constants.append(number(part.value))
        for arg in part.args:
            leaves(arg)

    def visit(part: Expression) -> int:
        spot = spots.get(part)
        if spot is None:
            args = tuple(visit(arg) for arg in part.args)
            spot = spots[part] = len(variables) + len(constants) + len(steps)
            steps.append((lookup(part.function), args))
        return spot

    leaves(expression)
    last = visit(expression)

    def run(*args: Any) -> Any:
        values = [*args, *constants]
        for function, spots in steps:
            values.append(function(*[values[spot] for spot in spots]))
        return values[last]

    return run


def _divide(a: float, b: float) -> float:
    if b:
        return a / b
    return math.copysign(math.inf, a) * math.copysign(1.0, b) if a and a == a else math.nan


def _exp(a: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return math.inf


def _expm1(a: float) -> float:
    return math.expm1(a) if a < 1.0 else _exp(a) - 1.0


def _sigmoid(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a)) if a >= 0 else math.exp(a) / (1.0 + math.exp(a))


def _maximum(a: float, b: float) -> float:
    return b if b > a or math.isnan(b) else a


def _minimum(a: float, b: float) -> float:
    return b if b < a or math.isnan(b) else a


def _where(condition: bool, a: float, b: float, like: float = 0.0) -> float:
    del like
    return a if condition else b


FLOATS: Final[dict[str, Callable[..., Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "negate": operator.neg,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    "|": operator.or_,
    "is_nan": math.isnan,
    "where": _where,
    "choose": _where,
    "abs": abs,
    "maximum": _maximum,
    "minimum": _minimum,
    "exp": _exp,
    "expm1": _expm1,
    "log1p": math.log1p,
    "sqrt": math.sqrt,
    "tanh": math.tanh,
    "sigmoid": _sigmoid,
    "erf": math.erf,
    "sin": math.sin,
    "cos": math.cos,
}
"""The elementary functions, for floats. Every reader of formulas has these."""
