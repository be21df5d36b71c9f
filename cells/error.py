"""What every error has, and the error of a cell that is refused."""

import difflib
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from cells.error_table import ERRORS
from cells.fault import FAULTS

_WIDTH: Final = 100
"""Columns of a source line that an error shows."""
_WORD: Final = 60
"""Characters of one word that an error shows."""
_CANDIDATES: Final = 200
"""Known words that are compared with an unknown one."""


def visible(text: str) -> str:
    """`text` in printable ASCII: control, bidirectional and all other characters are escaped."""
    escaped = text.encode("ascii", "backslashreplace").decode("ascii")
    if escaped.isprintable():
        return escaped
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped)


def _shown(value: str | int) -> str | int:
    if isinstance(value, int):
        return value
    return visible(value[:_WORD]) + ("..." if len(value) > _WORD else "")


class GatewrightError(Exception):
    """What every error of Gatewright is, except bugs; each floor has a class of its own.

    Attributes:
        code: key of `cells.error_table.ERRORS`.
        message: what was found, where, and what was expected where that is short.
        expected: what would be right; often empty.
        hint: what to do; empty where nothing is to be said.
    """

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(code, message, hint)
        self.code = code
        self._message = message
        self._hint = hint

    @property
    def message(self) -> str:
        """What is wrong."""
        return self._message

    @property
    def expected(self) -> str:
        """What would be right."""
        return ""

    @property
    def hint(self) -> str:
        """What to do."""
        return self._hint

    @property
    def exit_code(self) -> int:
        """Of the command line that ends with this error."""
        return ERRORS[self.code].exit_code

    @property
    def resumable(self) -> bool:
        """Whether a search that ended with this error can go on."""
        return ERRORS[self.code].resumable

    def __str__(self) -> str:
        """Code, message and hint on a few lines."""
        return f"{self.code}: {self.message}" + (f"\n  hint: {self.hint}" if self.hint else "")


class SingleCodeError(GatewrightError):
    """An error whose class has one code; its text is the message alone.

    Attributes:
        CODE: of every error of the class.
    """

    CODE: ClassVar[str]

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(self.CODE, message, hint)
        self.args = (message, hint)

    def __str__(self) -> str:
        """What is wrong."""
        return self.message


class CellError(GatewrightError):
    """A cell text, file or graph that is refused.

    Attributes:
        code: key of `FAULTS`.
        values: what the templates of the row are filled with.
        line: from 1; 0 where there is no text.
        column: from 1; 0 where there is no text.
        source: the source line as it stands, cut around the column.
        words: known words, among which a similar one is looked for.
    """

    def __init__(
        self,
        code: str,
        values: Mapping[str, str | int] | None = None,
        line: int = 0,
        column: int = 0,
        source: str = "",
        words: Sequence[str] = (),
    ) -> None:
        super().__init__(code, "")
        self.args = (code, dict(values or {}), line, column, source, tuple(words))
        self.values: dict[str, str | int] = dict(values or {})
        self.line = line
        self.column = column
        self.source = source
        self.words = tuple(words)

    @classmethod
    def at(
        cls, code: str, text: str, position: int, words: Sequence[str] = (), /, **values: str | int
    ) -> "CellError":
        """The error at a position of a text; the source line is cut to a window around it."""
        position = min(position, len(text))
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        left = max(start, position - 3 * _WIDTH // 4)
        right = min(end, left + _WIDTH)
        source = ("..." if left > start else "") + text[left:right] + ("..." if right < end else "")
        line = text.count("\n", 0, position) + 1
        return cls(code, values, line, position - start + 1, source, words)

    def _filled(self, template: str) -> str:
        return template.format_map({key: _shown(value) for key, value in self.values.items()})

    @property
    def message(self) -> str:
        """What is wrong, one line of printable ASCII."""
        return self._filled(FAULTS[self.code].message)

    @property
    def expected(self) -> str:
        """What would be right."""
        return self._filled(FAULTS[self.code].expected)

    @property
    def hint(self) -> str:
        """What to do: the nearest known words, or the advice of the table."""
        word = str(self.values.get("word", ""))[:_WORD]
        near = difflib.get_close_matches(word, self.words[-_CANDIDATES:], 3, 0.6)
        if near:
            return "did you mean " + " or ".join(visible(w) for w in near) + "?"
        return self._filled(FAULTS[self.code].hint)

    @property
    def summary(self) -> str:
        """The error on one line, for lists and logs."""
        where = f" at line {self.line}, column {self.column}" if self.line else ""
        return f"{self.code}{where}: {self.message}; expected {self.expected}; {self.hint}"

    def __str__(self) -> str:
        """The error on some lines, with the source line and a caret where there is a text."""
        where = f" at line {self.line}, column {self.column}" if self.line else ""
        lines = [f"{self.code}{where}: {self.message}"]
        if self.line:
            cut = self.source.startswith("...") and self.column > 3 * _WIDTH // 4
            before = self.source[: (3 + 3 * _WIDTH // 4) if cut else self.column - 1]
            lines += ["    " + visible(self.source), "    " + " " * len(visible(before)) + "^"]
        return "\n".join([*lines, f"expected: {self.expected}", f"hint: {self.hint}"])
