"""Fields of a file of claims, taken key by key so that what is left over is known to be a mistake."""

import math
from collections.abc import Mapping
from typing import Any, cast

from cells.error import SingleCodeError


class ClaimError(SingleCodeError):
    """A family of claims that is missing or does not read; the text says where and what to do."""

    CODE = "claims"


def table(fields: dict[str, Any], key: str, where: str) -> dict[str, Any]:
    """The table under a key, empty if there is none."""
    value = fields.pop(key, {})
    if not isinstance(value, dict):
        raise ClaimError(f"claims {where}: {key} is {value!r}; expected a table by task")
    return cast("dict[str, Any]", value)


def number(value: object) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def positive(value: Any) -> bool:
    """Whether a value is a finite number above 0."""
    return number(value) and value > 0


def taken(fields: dict[str, Any], key: str, kind: type[Any], where: str) -> Any:
    """The value under a key, which must be there and of this kind."""
    if not isinstance(fields.get(key), kind):
        raise ClaimError(f"claims {where}: {key} is missing or not a {kind.__name__}")
    return fields.pop(key)


def words(fields: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    """The names under a key, which must be a name or a list of at least one."""
    value = fields.pop(key, None)
    names = (
        cast("list[object]", [value] if isinstance(value, str) else value)
        if isinstance(value, str | list)
        else []
    )
    if not names or not all(isinstance(name, str) for name in names):
        raise ClaimError(f"claims {where}: {key} is missing, or neither a name nor a list of names")
    return tuple(cast("list[str]", names))


def nothing_left(fields: Mapping[str, object], where: str) -> None:
    """Refuses keys that were not taken."""
    if fields:
        raise ClaimError(f"claims {where}: unknown key {sorted(fields)[0]!r}")
