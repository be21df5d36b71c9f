"""What an exported module calls for each operator: a function of torch, or a helper written out."""

from typing import Final

from cells.expression import INFIX, Expression
from cells.op import POINTWISE, Op
from cells.text.printer import number_text

_FUNCTIONAL: Final = "torch.nn.functional."
_ATOM: Final = 4
_COMPARISONS: Final = ("<", "<=", ">")

_ELEMENTARY: Final = {
    "is_nan": "{0} != {0}",
    "where": "torch.where({0}, {1}, {2})",
    "choose": "torch.where({0}, {1}, {2}).to({3}.dtype)",
    "abs": "{0}.abs()",
    **{
        name: f"torch.{name}({{0}})"
        for name in ("exp", "expm1", "log1p", "sqrt", "tanh", "sigmoid", "erf", "sin", "cos")
    },
    "maximum": "torch.maximum({0}, {1})",
    "minimum": "torch.minimum({0}, {1})",
}


def _own(row: Op) -> Expression:
    return row.torch or row.value


def _single(row: Op) -> str:
    """The function of torch that is the whole operator, or nothing."""
    whole = _own(row)
    is_own = "." in whole.function and tuple(arg.name for arg in whole.args) == row.variables
    return whole.function.removeprefix(_FUNCTIONAL) if is_own else ""


def _imported(expression: Expression) -> set[str]:
    """The functions of `torch.nn.functional` that a formula calls."""
    own = expression.function
    names = {own.removeprefix(_FUNCTIONAL)} if own.startswith(_FUNCTIONAL) else set[str]()
    return names.union(*map(_imported, expression.args))


class _Writer:
    """A formula as statements of Python: parts with a label get lines of their own."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._known: set[str] = set()

    def text(self, expression: Expression, least: int = 0) -> str:
        """An expression, in parentheses where it binds less than `least`."""
        text, rank = self._text(expression)
        if expression.label:
            if expression.label not in self._known:
                self._known.add(expression.label)
                self.lines.append(f"{expression.label} = {text}")
            return expression.label
        return f"({text})" if rank < least else text

    def _text(self, expression: Expression) -> tuple[str, int]:
        function, args = expression.function, expression.args
        if function == "variable":
            return expression.name, _ATOM
        if function == "number":
            return self._number(expression), _ATOM
        rank = INFIX.get(function)
        if rank is not None:
            if function in _COMPARISONS and args[1].function == "number":
                return (
                    f"{self.text(args[0], rank + 1)} {function} {number_text(args[1].value)}",
                    rank,
                )
            # In Python `|` binds closer than comparisons, so these get parentheses.
            bound = _ATOM if function == "|" else rank
            left, right = self.text(args[0], bound), self.text(args[1], max(bound, rank + 1))
            return f"{left} {function} {right}", rank
        if function == "negate":
            return f"-{self.text(args[0], INFIX['*'])}", INFIX["*"]
        name = function.removeprefix(_FUNCTIONAL)
        if "{0}" not in (pattern := _ELEMENTARY.get(function, "")):
            return f"{name}({', '.join(map(self.text, args))})", _ATOM
        tight = _ATOM if pattern.startswith("{0}") else 0
        parts = [self.text(args[0], tight), *map(self.text, args[1:])]
        return pattern.format(*parts), INFIX["<"] if function == "is_nan" else _ATOM

    def _number(self, expression: Expression) -> str:
        text = number_text(expression.value)
        return text if "." in text or "e" in text else f"{text}.0"


def _helper(row: Op) -> str:
    writer = _Writer()
    result = writer.text(_own(row))
    # A number may be divided without being made a tensor first.
    kinds = ("Tensor | float", "Tensor") if row.name == "/" else ("Tensor", "Tensor")
    taken = ", ".join(f"{name}: {kind}" for name, kind in zip(row.variables, kinds, strict=False))
    body = [f'"""{row.said}"""', *writer.lines, f"return {result}"]
    return "\n".join([f"def {row.word}({taken}) -> Tensor:", *(f"    {line}" for line in body)])


_WRITTEN: Final = [row for row in POINTWISE if not _single(row) and row.name not in "+-*"]

FUNCTIONS: Final = {row.name: _single(row) for row in POINTWISE if _single(row)} | {
    row.name: row.word for row in _WRITTEN
}
"""What computes an operator; those without a point are imported or defined by the file."""

HELPERS: Final = {row.word: _helper(row) for row in _WRITTEN}
"""The text of each function that the file defines, by name."""

NEEDS: Final = {row.word: _imported(_own(row)) for row in _WRITTEN}
"""What each of them calls from `torch.nn.functional`."""

IMPORTS: Final = frozenset[str]().union(*(_imported(_own(row)) for row in POINTWISE))
"""What a file may import from `torch.nn.functional`."""
