"""Outcomes straight from the columns of the store: what to select, the text that is checked, the values.

The text is that of `Outcome.facts_json`, put together from columns. A resume reads that of every trial
of its record, and this way it takes half the time.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

from cells.training.point import Point
from results.record import words
from results.record.decode import known
from results.record.outcome import Cost, Ending, Outcome
from results.record.plain import encode

Row = Sequence[Any]

_TEXTS: Final = ("key", "ending", "detail")
_NUMBERS: Final = tuple(
    name for name in Outcome.__slots__ if name not in (*_TEXTS, "curve", "cost")
)
_COST: Final = tuple(Cost.__slots__)
_COLUMNS: Final = {"key": "trial_key", "update": "updates"}
"""Columns that are not called as their field is."""


def _columns(*names: str) -> str:
    return ", ".join(_COLUMNS.get(name, name) for name in names)


OUTCOME_COLUMNS: Final = _columns(*_TEXTS, "digest", *_COST, *_NUMBERS)
"""What to select of `outcome`. The checksum is the fourth."""

POINT_COLUMNS: Final = _columns(*Point.__slots__, "key")
"""What to select of `point`. The key is the last."""

_FIRST: Final = len(_TEXTS) + 1 + len(_COST)
"""Where the numbers begin in a row of `OUTCOME_COLUMNS`."""


def _template(
    kind: str, names: Sequence[str], mark: str
) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
    """Canonical JSON of a record with a mark for each of its fields, and what puts values in its order."""
    order = sorted(range(len(names)), key=lambda place: words.recorded(kind, names[place]))
    marks = [f'"{words.recorded(kind, names[place])}":{mark}' for place in order]
    return "{" + ",".join(marks) + "}", itemgetter(*order)


_OUTCOME, _in_outcome = _template("Outcome", (*_TEXTS, "curve", *_NUMBERS), "%s")

# Numbers of a point are never absent, and Python writes them as JSON does. What is no number, in a
# damaged file, gets other quotes or none, and so another checksum.
_POINT, _in_point = _template("Point", tuple(Point.__slots__), "%r")


def facts_json(row: Row, curve: Sequence[Row]) -> str:
    """`Outcome.facts_json` of a row of `OUTCOME_COLUMNS` and its rows of `POINT_COLUMNS`."""
    points = ",".join([_POINT % _in_point(point) for point in curve])
    numbers = ["null" if number is None else repr(number) for number in row[_FIRST:]]
    key, ending, detail = row[:3]
    texts = encode(key), encode(ending), encode(detail)
    return _OUTCOME % _in_outcome((*texts, f"[{points}]", *numbers))


def outcome(row: Row, curve: Sequence[Row]) -> Outcome:
    """The outcome of such rows.

    Raises:
        UnknownError: this version does not know the ending.
    """
    key, ending, detail, _, *cost = row[:_FIRST]
    step, *numbers = row[_FIRST:]
    ended = known(Ending, ending, "ending")
    made = Outcome(key, ended, step, detail, *numbers, cost=Cost(*cost))
    if curve:
        made.defer(curve)
    return made
