"""What a record keeps of an attempt that ended without an outcome: through what, and whose fault it was."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What ended an attempt."""

    DIED = "died"
    """The worker died."""
    OVERDUE = "overdue"
    """No outcome came before a deadline of wall time; the worker was killed."""
    GUARDED = "guarded"
    """The worker itself gave up: more processor time or memory than a guard allows."""
    EXHAUSTED = "exhausted"
    """The machine had too little memory left."""
    LEFT = "left"
    """The machine left the cluster."""
    SET_ASIDE = "set_aside"
    """One trial after another ended there without an outcome: the machine is used no more."""


class Blame(StrEnum):
    """Whose fault that was taken to be."""

    CELL = "cell"
    """Counts against the trial, whichever start of the driver it was in."""
    MACHINE = "machine"
    """Does not."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One row.

    Attributes:
        index: of the ask.
        attempt: which sending of its trial.
        kind, blame: what ended it, and whose fault it was taken to be.
        node, slot: where, as people are told of it.
        detail: one line.
        epoch: the start of the driver.
        at: when, UTC; for display alone.
    """

    index: int
    attempt: int
    kind: Kind
    blame: Blame
    node: str
    slot: str
    detail: str
    epoch: int = 0
    at: str = field(default="", compare=False)
