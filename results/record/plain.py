"""Records as canonical JSON: the text that identities and digests are made of."""

import json
from collections.abc import Callable
from functools import cache
from operator import attrgetter

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


# `dataclasses.asdict` copies every value first, and takes four times as long.
_ENCODER = json.JSONEncoder(default=_fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
