"""What a strategy asks for at one index of a study's history."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from results.record.trial import Trial


class Role(StrEnum):
    """Why a trial is run."""

    BASELINE = "baseline"
    """LSTM or GRU on a task of the study."""
    SCREEN = "screen"
    """A new cell on the memorization screen."""
    STAGE = "stage"
    """A screened cell on one of the study's tasks."""
    REEVALUATE = "reevaluate"
    """A list member with further settings."""
    CONFIRM = "confirm"
    """A selected cell with its selected setting on a fresh seed; the only role that is reported."""
    IDLE = "idle"
    """No trial: nothing can be asked before earlier results become visible."""


class Cause(StrEnum):
    """Why a proposed cell was turned away, before or after training."""

    INVALID = "invalid"
    """The mutated graph is not a cell (too large, a state or x does not reach the output)."""
    DUPLICATE = "duplicate"
    """The same canonical cell was proposed before in this study."""
    PROBE = "probe"
    """Outputs or gradients are not finite at once, or no gradient reaches back."""
    SCREEN = "screen"
    """Below the pass mark of the memorization screen."""
    THRESHOLD = "threshold"
    """Below the share of the yardstick's best on a task."""
    LIST = "list"
    """Finished all tasks and is not better than the worst member of a full list."""


MEANING: Final[dict[Cause, str]] = {
    Cause.INVALID: "the mutated graph is not a cell: too large, or a state or x does not reach the output",
    Cause.DUPLICATE: "the same cell was proposed before in this study",
    Cause.PROBE: "outputs or gradients were not finite at once, or no gradient reached back",
    Cause.SCREEN: "it stayed below the pass mark of the memorization screen",
    Cause.THRESHOLD: "it stayed below the threshold, a share of the yardstick's best, on a task",
    Cause.LIST: "it finished all tasks and was not better than the worst cell of the full list",
}
"""The causes in words, for pages."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One cell turned away. Two are equal if their digests are.

    Attributes:
        cause, cell_id, parent_id, operators: what was turned away, and why.
        detail: one line for people, with the measured number or the error.
        facts: numbers and codes as canonical JSON; "" in the first edition of studies.
        digested: what digests cover: the facts, or in the first edition the detail.
    """

    cause: Cause
    cell_id: str
    parent_id: str
    operators: tuple[str, ...]
    detail: str = field(compare=False)
    facts: str = field(default="", compare=False)
    digested: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digested", self.facts or self.detail)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a strategy asks at index n, and what it decided on the way there.

    Attributes:
        index: n.
        role: why.
        trial: what to run; None for `Role.IDLE`.
        parent_id: the cell that this one was mutated from, or "".
        operators: mutation operators that made it, in order.
        rejections: cells turned away since the last ask.
        admissions: ids of cells that entered the list since the last ask.
    """

    index: int
    role: Role
    trial: Trial | None
    parent_id: str = ""
    operators: tuple[str, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    admissions: tuple[str, ...] = ()
