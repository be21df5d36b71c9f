"""What our pages share: one self-contained file, escaped, that fetches nothing and runs nothing."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from results.statistics.interval import Interval

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'"
)
"""Content security policy: nothing is fetched, nothing runs, nothing is sent."""


def environment(filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Templates of `results/templates`, with these filters; every text is escaped."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known: dict[str, Any] = made.filters
    known |= filters
    return made


def markup(text: str) -> Markup:
    """Our own drawings and formulas, which escape what they write, as they are."""
    return Markup(text)  # noqa: S704


def interval(estimate: Interval | Mapping[str, Any] | None, digits: int = 3) -> str:
    """A value with its bounds, or the fields of one; nothing for None."""
    if estimate is None:
        return ""
    return (estimate if isinstance(estimate, Interval) else Interval(**estimate)).text(digits)


def number(value: float | None, digits: int = 3) -> str:
    """A number; nothing for None."""
    return "" if value is None else f"{value:.{digits}f}"


def p_values(values: Sequence[float]) -> str:
    """The smallest and the largest p of several; nothing without any."""
    ends = ["< 0.001" if value < 0.001 else f"{value:.3f}" for value in (*values[:1], *values[-1:])]
    return " to ".join(dict.fromkeys(ends))


def _finalize(value: Any) -> Any:
    """Every text on the page goes through here: what cannot be seen is written out."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return "".join(
            sign
            if sign == "\n" or unicodedata.category(sign)[0] != "C"
            else sign.encode("unicode_escape").decode("ascii")
            for sign in value
        )
    return value
