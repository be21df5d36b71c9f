"""Statements of Python as a formatter would leave them: no line beyond 88 columns.

An expression is a `Piece`. Where one would make a line too long, its parts are given lines of their
own first; what remains is short, or a call of names, which is broken between its arguments.
"""

import keyword
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cells.op import CALL, RANKS

WIDTH: Final = 88
"""Columns of a line: the default of ruff and black."""
LONGEST: Final = 20
"""Characters of a name, so that any operation of two of them fits in a line."""
INDENT: Final = 8
"""Columns in front of a statement of a method."""
ROOM: Final = WIDTH - INDENT - len("part_999 = ")
"""Columns of an expression that may yet get a line of its own."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An expression.

    Attributes:
        text: on one line.
        rank: how tightly it binds.
        short: whether it is a name, an attribute or a number.
        function, arguments: its parts, if it is a call.
    """

    text: str
    rank: int = CALL
    short: bool = True
    function: str = ""
    arguments: tuple[str, ...] = ()


class Names:
    """Gives each thing a name of its own: no keyword, none of `reserved`, none twice."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = {*reserved, *keyword.kwlist}

    def take(self, wanted: str) -> str:
        """A name as near to `wanted` as may be: its first letters, and a number if need be."""
        stem = wanted.lstrip("_")
        stem = (stem if stem.isidentifier() else f"value{stem}")[: LONGEST - 4]
        name, number = stem, 1
        while name in self._taken:
            number += 1
            name = f"{stem}_{number}"
        self._taken.add(name)
        return name


def bracketed(
    indent: int, head: str, parts: Sequence[str], tail: str, is_tuple: bool = False
) -> list[str]:
    """`head`, `parts` and `tail` on one line if they fit, else broken between the brackets.

    Args:
        indent: columns in front.
        head: ends with the opening bracket.
        parts: what stands between commas.
        tail: begins with the closing bracket.
        is_tuple: whether the parts are a tuple, which a formatter breaks into lines of one part, not
            the arguments of a call, which stay together while they fit.
    """
    space, joined = " " * indent, ", ".join(parts)
    if indent + len(head) + len(joined) + len(tail) <= WIDTH:
        return [f"{space}{head}{joined}{tail}"]
    if indent + 4 + len(joined) <= WIDTH and not is_tuple:
        return [f"{space}{head}", f"{space}    {joined}", f"{space}{tail}"]
    return [f"{space}{head}", *(f"{space}    {part}," for part in parts), f"{space}{tail}"]


@dataclass(slots=True)
class Body:
    """The statements of a method, in the order in which they were written."""

    names: Names
    lines: list[str] = field(default_factory=list[str])

    def call(self, function: str, *arguments: Piece, room: int = ROOM) -> Piece:
        """`function(arguments)`, in at most `room` columns unless no argument can be shortened."""

        def join(parts: Sequence[Piece]) -> str:
            return f"{function}({', '.join(part.text for part in parts)})"

        parts = self._shortened(arguments, join, room)
        return Piece(
            join(parts),
            short=False,
            function=function,
            arguments=tuple(part.text for part in parts),
        )

    def arithmetic(self, operator: str, left: Piece, right: Piece, room: int = ROOM) -> Piece:
        """`left operator right`, with parentheses where they are needed."""
        rank = RANKS[operator]

        def join(parts: Sequence[Piece]) -> str:
            # The right side of a sum or product is kept apart: rounding depends on the order.
            pairs = zip(parts, (rank, rank + 1), strict=True)
            words = (f"({part.text})" if part.rank < least else part.text for part, least in pairs)
            return f" {operator} ".join(words)

        return Piece(join(self._shortened((left, right), join, room)), rank, short=False)

    def assign(self, name: str, piece: Piece) -> Piece:
        """Writes `name = piece` and returns the name."""
        if piece.function:
            head = f"{name} = {piece.function}("
            self.lines += bracketed(INDENT, head, piece.arguments, ")")
        else:
            self.lines.append(f"{' ' * INDENT}{name} = {piece.text}")
        return Piece(name)

    def _shortened(
        self, parts: Sequence[Piece], join: Callable[[Sequence[Piece]], str], room: int
    ) -> Sequence[Piece]:
        """The parts, the longest of them as names until `join` of them has at most `room` columns."""
        shortened = list(parts)
        while len(join(shortened)) > room:
            long = [index for index, part in enumerate(shortened) if not part.short]
            if not long:
                break
            longest = max(long, key=lambda index: len(shortened[index].text))
            shortened[longest] = self.assign(self.names.take("part"), shortened[longest])
        return shortened
