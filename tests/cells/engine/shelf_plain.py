"""The shelf of plain, leaky, multiplicative and oscillating cells."""

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
