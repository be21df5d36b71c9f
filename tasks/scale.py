"""Named scales: how hard and how large each task is, as TOML that can be read and argued with.

`scales/<scale>.toml` holds one table a task; its keys are the fields of that task's `Law`.
"""

import difflib
import math
import tomllib
from collections.abc import Sequence
from dataclasses import MISSING, fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from tasks.task import TaskError

FOLDER = Path(__file__).parent / "scales"

L = TypeVar("L")


ORDER = (
    *("smoke", "quick", "laptop", "laptop-near", "laptop-middle", "laptop-far"),
    *("workstation", "paper"),
)
"""From small to large; those of one size from near to far."""


@cache
def names() -> tuple[str, ...]:
    """The scales there are, in `ORDER`."""
    scales = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return tuple(
        sorted(scales, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    )


@cache
def tables(scale: str) -> dict[str, dict[str, Any]]:
    """The tables of one scale, by task.

    Raises:
        TaskError: T002 if there is no such scale.
    """
    if scale not in names():
        raise TaskError(
            "T002", f"there is no scale {scale!r}", nearest(scale, names(), "the scales are")
        )
    return tomllib.loads((FOLDER / f"{scale}.toml").read_text(encoding="utf-8"))


def having(task: str) -> tuple[str, ...]:
    """The scales that `task` has."""
    return tuple(name for name in names() if task in tables(name))


def read(task: str, scale: str, law: type[L]) -> L:
    """The numbers of `task` at `scale` as its `law`, a dataclass; every key is checked.

    Raises:
        TaskError: T002 unknown scale, T003 the task lacks this scale, T004 a key is missing,
            unknown or of the wrong type.
    """
    laws = tables(scale)
    if task not in laws:
        raise TaskError(
            "T003", f"{task} has no scale {scale!r}", f"it has {', '.join(having(task)) or 'none'}"
        )
    table = laws[task]
    where = f"[{task}] in scales/{scale}.toml"
    hints = get_type_hints(law)
    known = {field.name: field for field in fields(cast("Any", law))}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise TaskError(
                "T004", f"{where}: unknown key {key!r}", nearest(key, tuple(known), "the keys are")
            )
        values[key] = _converted(value, hints[key], f"{where}: {key}")
    for key, field in known.items():
        absent = field.default is MISSING and field.default_factory is MISSING
        if absent and key not in values:
            raise TaskError("T004", f"{where}: {key!r} is missing", f"its type is {hints[key]}")
    return law(**values)


def nearest(name: str, known: Sequence[str], otherwise: str) -> str:
    """A hint: the known names most like `name`, else all of them."""
    close = difflib.get_close_matches(name, known, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"{otherwise} {', '.join(known)}"


def _converted(value: object, kind: Any, where: str) -> object:
    """`value` as `kind`: int, float, bool, str, or a tuple of one of them."""
    if get_origin(kind) is tuple and isinstance(value, list):
        inner = get_args(kind)[0]
        return tuple(_converted(item, inner, where) for item in cast("list[object]", value))
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
    elif isinstance(kind, type) and type(value) is kind:
        return value
    raise TaskError("T004", f"{where} is {value!r}", f"a value of type {kind} is expected")
