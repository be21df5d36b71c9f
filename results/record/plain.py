"""Records as canonical JSON: the text that identities and digests are made of."""

import json
import math
from collections.abc import Callable
from dataclasses import is_dataclass
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import Any, Final, cast

from results.record import words


def to_json(record: object) -> str:
    """Compact JSON with sorted keys of a dataclass with slots, whose fields may be such records too.

    A record with a method `recorded` says by it what of it is written: fields under the names that
    they had first, and later ones only where they are not the default, so that old keys stay.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value is neither plain nor such a record.
    """
    return _ENCODER.encode(record)


def composed_json(record: object) -> str:
    """As `to_json`, of a record without a method `recorded`, and faster.

    The records in it, which many others hold as well, are written once each.
    """
    template, values = _template(type(record))
    return template % tuple([_writer(type(value))(value) for value in values(record)])


@cache
def _writer(kind: type) -> Callable[[Any], str]:
    """What writes a value of just that type; the encoder takes ten times as long to begin."""
    if kind is str:
        return quoted
    if kind is int:
        return repr
    if kind is float:
        return lambda value: repr(value) if math.isfinite(value) else encode(value)
    if kind is NoneType:
        return lambda _: "null"
    if is_dataclass(kind) and cast("Any", kind).__dataclass_params__.frozen:
        return _once
    return encode


def _once(record: object) -> str:
    kept = _kept.get(id(record))
    if kept is None:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        kept = _kept[id(record)] = record, to_json(record)
    return kept[1]


_MOST_KEPT: Final = 1024
"""Texts of records in records that are kept. The paper's grid has 840 settings."""

_kept: Final[dict[int, tuple[object, str]]] = {}
"""By the address of the record, which no other can have while it is kept here."""


def _fields(record: object) -> object:
    recorded = getattr(record, "recorded", None)
    if recorded is not None:
        return recorded()
    names, values = _plan(type(record))
    return dict(zip(names, values(record), strict=True))


@cache
def _plan(kind: type) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]]]:
    """What the record calls the fields of a class, and what reads them all."""
    names: tuple[str, ...] | None = getattr(kind, "__slots__", None)
    if names is None:
        raise TypeError(f"{kind.__name__} in a record")
    known = words.FIELDS.get(kind.__name__, {})
    getter = attrgetter(*names)
    one = len(names) == 1  # then the getter returns no tuple
    return tuple(known.get(name, name) for name in names), (
        (lambda record: (getter(record),)) if one else getter
    )


@cache
def _template(kind: type) -> tuple[str, Callable[[object], tuple[object, ...]]]:
    """The JSON of a class with a mark for each field, and what reads them all in its order."""
    names, _ = _plan(kind)
    fields: tuple[str, ...] = cast("Any", kind).__slots__
    order = sorted(zip(names, fields, strict=True))
    marks = ",".join([f'"{name}":%s' for name, _ in order])
    return "{" + marks + "}", attrgetter(*[field for _, field in order])


# `dataclasses.asdict` copies every value first, and takes four times as long.
_ENCODER = json.JSONEncoder(default=_fields, sort_keys=True, separators=(",", ":"), allow_nan=False)

encode: Final = _ENCODER.encode
"""A plain value as canonical JSON."""

quoted: Final = json.encoder.encode_basestring_ascii
"""A text as canonical JSON."""
