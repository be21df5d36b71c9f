"""The shelf of the GRU family and minimal gates."""

from typing import Final

from tests.cells.engine.recurrence import (
    Classes,
    Pitfalls,
    Recurrences,
    Related,
    Sizes,
    Starts,
)

RECURRENCES: Final[Recurrences] = {}

SIZES: Final[Sizes] = {}

CLASSES: Final[Classes] = {}

STARTS: Final[Starts] = {}

RELATED: Final[Related] = []

PITFALLS: Final[Pitfalls] = []
