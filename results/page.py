"""What our pages share: one self-contained file, escaped, that fetches nothing and runs nothing."""

import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none';"
    " form-action 'none'"
)
"""Content security policy: nothing is fetched, nothing runs, nothing is sent."""


def environment(filters: Mapping[str, Callable[..., Any]]) -> Environment:
    """Templates of `results/templates`, with these filters; every text is escaped."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
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
