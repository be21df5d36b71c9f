"""What came of a trial: a closed list of endings, each with advice. Misfortunes are values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from cells.training.point import Point
from results.record import plain, words
from results.record.decode import decode


class Ending(StrEnum):
    """How a trial ended."""

    OK = "ok"
    DIVERGED = "diverged"
    REJECTED = "rejected"
    REFUSED = "refused"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    GUARDED = "guarded"

    @property
    def advice(self) -> str:
        """What a person can do about it."""
        return _ADVICE[self]


_ADVICE = {
    Ending.OK: "Trained to the end of its schedule or budget.",
    Ending.DIVERGED: "Loss or gradient stopped being finite at `step`; lower the rate, the scale or the clip.",
    Ending.REJECTED: "The probe before training found no finite output or no gradient through time; see `detail`.",
    Ending.REFUSED: "No width meets the parameter budget, or the cell cannot be built; see `detail`.",
    Ending.TIMED_OUT: "Longer than the study's `seconds`; raise it, or lower the budget of updates.",
    Ending.OUT_OF_MEMORY: "More memory than the study's `bytes`; lower width, layers or batch.",
    Ending.GUARDED: "Longer, or more memory, than the guards of the driver allow, wherever it was tried; see `detail`.",
    Ending.CRASHED: "The worker died or our code failed; `detail` says where. Please report it.",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a trial took. Display and accounting only: never part of a digest."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0


_FIELDS = len(tuple(Point.__slots__))


class _Late:
    """Makes the curve of an outcome that was read when it is asked for: few look at one in a resume."""

    __slots__ = ("_points",)

    def defer(self, points: Sequence[Sequence[Any]]) -> None:
        """Leaves the curve to be made from rows that begin with the fields of its points."""
        # The class is frozen for everybody else.
        object.__delattr__(self, "curve")
        object.__setattr__(self, "_points", points)

    if not TYPE_CHECKING:  # else no wrong name would be found

        def __getattr__(self, name: str) -> tuple[Point, ...]:
            """Of what is not set."""
            if name != "curve":
                raise AttributeError(name=name, obj=self)
            curve = tuple([Point(*point[:_FIELDS]) for point in self._points])
            object.__setattr__(self, "curve", curve)
            return curve


@dataclass(frozen=True, slots=True)
class Outcome(_Late):
    """The result of one trial. All numbers are finite; absent ones are None.

    Attributes:
        key: of the trial.
        ending: how it ended.
        step: update at which it diverged; else None.
        detail: one line for people, empty when all is well.
        width: H that met the budget; parameters: the count at that width.
        updates, tokens: spent.
        valid_loss, valid_accuracy, test_loss, test_accuracy: at the epoch of the best validation
            loss; test is measured once, with those weights.
        curve: one point an epoch.
        cost: seconds and bytes, not part of `facts_json`.
    """

    key: str
    ending: Ending
    step: int | None = None
    detail: str = ""
    width: int | None = None
    parameters: int | None = None
    updates: int = 0
    tokens: int = 0
    valid_loss: float | None = None
    valid_accuracy: float | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    curve: tuple[Point, ...] = ()
    cost: Cost = field(default=Cost(), compare=False)

    def facts_json(self) -> str:
        """Canonical JSON without cost: what the record's checksum is taken of."""
        return self._json_without("cost")

    def result_json(self) -> str:
        """Canonical JSON without cost and detail: what must repeat bit for bit."""
        return self._json_without("cost", "detail")

    def result_of(self, facts: str) -> str:
        """`result_json`, cut out of the text of `facts_json`."""
        # Nothing before the detail holds a word: the curve is of numbers.
        return facts.replace(f'"detail":{plain.quoted(self.detail)},', "", 1)

    def _json_without(self, *left_out: str) -> str:
        names = (name for name in self.__slots__ if name not in left_out)
        return plain.to_json(
            {words.recorded("Outcome", name): getattr(self, name) for name in names}
        )

    def to_json(self) -> str:
        """Canonical JSON with cost. Raises ValueError if a number is not finite."""
        return plain.to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The outcome that `to_json` wrote. Raises UnknownError on anything else."""
        return decode(cls, text)
