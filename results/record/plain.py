"""Records as canonical JSON: the text that identities and digests are made of."""

import json

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
    names: tuple[str, ...] | None = getattr(type(record), "__slots__", None)
    if names is None:
        raise TypeError(f"{type(record).__name__} in a record")
    known = words.FIELDS.get(type(record).__name__, {})
    return {known.get(name, name): getattr(record, name) for name in names}


# `dataclasses.asdict` copies every value first: 49 us a trial and 101 an outcome, against 12 and 36.
_ENCODER = json.JSONEncoder(default=_fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
