"""The filters of a view as they stand in its URL: read, checked, and written again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from cells.error import SingleCodeError

LONGEST = 200
"""Characters of one value."""


class QueryError(SingleCodeError):
    """An invalid filter; the text says what was found and what was expected."""

    CODE = "filter"


@dataclass(frozen=True, slots=True)
class Query:
    """What follows the question mark of a URL. Methods raise QueryError."""

    values: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> "Query":
        """The query of these pairs; empty values count as absent, as forms send them.

        Raises:
            QueryError: a name that is not among the known ones, or a value that is too long.
        """
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in known:
                expected = ", ".join(known) or "none"
                raise QueryError(f"unknown filter {name[:LONGEST]!r}; this view knows: {expected}")
            if len(value) > LONGEST:
                raise QueryError(f"{name}: {len(value)} characters, expected at most {LONGEST}")
            if value:
                values.setdefault(name, []).append(value)
        return cls(values)

    def text(self, name: str, default: str = "") -> str:
        """The last value of that name."""
        return self.values.get(name, [default])[-1]

    def many(self, name: str, most: int) -> list[str]:
        """All values of that name, each once."""
        values = list(dict.fromkeys(self.values.get(name, ())))
        if len(values) > most:
            raise QueryError(f"{name}: given {len(values)} times, expected at most {most}")
        return values

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """The value of that name, one of the choices."""
        value = self.text(name, default)
        if value not in (*choices, default):
            raise QueryError(f"{name}={value!r}: expected one of {', '.join(choices)}")
        return value

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """The value of that name as a whole number within bounds."""
        text = self.text(name, str(default))
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise QueryError(f"{name}={text!r}: expected a whole number from {low} to {high}")
        return int(text)

    def link(self, **changes: str | int | None) -> str:
        """The query with some values set, or dropped where None, as the end of a URL."""
        values: dict[str, object] = {**self.values, **changes}
        return "?" + urlencode({k: v for k, v in values.items() if v is not None}, doseq=True)
