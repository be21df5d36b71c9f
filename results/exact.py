"""Whole numbers that other programs would round: as text in JSON, CSV and other exports.

Programs that keep numbers in doubles, as browsers, jq and spreadsheets do, hold whole numbers exactly
up to 2^53 only. Seeds have 63 bits and are exported as text always; other numbers are where they need it.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

LARGEST: Final = 2**53 - 1
"""The largest whole number that is exact and that no other one is rounded to."""


def exact(value: Any) -> Any:
    """The value of JSON with every whole number beyond `LARGEST` as text, at any depth."""
    if isinstance(value, Mapping):
        table = cast("Mapping[Any, Any]", value)
        return {key: exact(inner) for key, inner in table.items()}
    if isinstance(value, list | tuple):
        return [exact(inner) for inner in cast("list[Any] | tuple[Any, ...]", value)]
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)
    return value
