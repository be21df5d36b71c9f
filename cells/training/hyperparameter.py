"""What a row of the table of hyperparameters says. The rows are the fields of `setting.Setting`."""

import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Value = float | int | str | None
Kind = Literal["real", "whole", "word"]
Draw = Literal["log", "choice"]

ROW: Final = "hyperparameter"
"""Key of a row in the metadata of its field."""


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One row.

    Attributes:
        name: in Python; that of the field.
        kind: `real`, `whole` (a whole number), or `word` (one of `words`).
        default: None where it depends: on the optimizer, or on the task.
        label: what it is called on pages.
        help: one sentence for the command line.
        options: of the command line, the first being the usual one.
        choices: name of its grid in `Space` and in study files.
        grid: its choices in `Space` if none are given; empty for the default alone.
        draw: how the continuous samplers draw it: `log`, log-uniformly between the smallest and the
            largest of the choices, which are above 0; or `choice`, one of them.
        recorded, recorded_choices: names of value and grid in canonical JSON, frozen.
        column: of the table `trial`, or None where the value is read from the trial's JSON.
        since: edition of the records that has it first. A later one than the first is left out of
            canonical JSON while the value is the default, so that keys stay.
        least, most: bounds of the values, inclusive.
        open: the bounds themselves are no values.
        words: what a `word` may be.
        optimizers: which have it; empty if it is not an optimizer's own.
    """

    name: str
    kind: Kind
    default: Value
    label: str
    help: str
    options: tuple[str, ...]
    choices: str
    grid: tuple[Any, ...] = ()
    draw: Draw = "choice"
    recorded: str = ""
    recorded_choices: str = ""
    column: str | None = None
    since: int = 2
    least: float = -math.inf
    most: float = math.inf
    open: tuple[bool, bool] = (False, False)
    words: tuple[str, ...] = ()
    optimizers: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """The values there are, in words: `above 0`, `0 up to, not including, 1`."""
        if self.kind == "word":
            return f"one of {', '.join(self.words)}"
        if self.most == math.inf:
            return f"above {self.least:g}" if self.open[0] else f"at least {self.least:g}"
        low = f"above {self.least:g}" if self.open[0] else f"{self.least:g}"
        return (
            f"{low} up to, not including, {self.most:g}"
            if self.open[1]
            else f"{low} to {self.most:g}"
        )

    def is_kind(self, value: object) -> bool:
        """Whether `value` is of its kind, whatever its range."""
        kinds = {"real": (int, float), "whole": (int,), "word": (str,)}
        return type(value) in kinds[self.kind]

    def holds(self, value: Any) -> bool:
        """Whether `value` is of its kind and within its range."""
        if not self.is_kind(value):
            return False
        if self.kind == "word":
            return value in self.words
        if not math.isfinite(value):
            return False
        low = value > self.least if self.open[0] else value >= self.least
        high = value < self.most if self.open[1] else value <= self.most
        return low and high


def hyperparameter(
    default: Any, name: str, kind: Kind, label: str, text: str, *options: str, **more: Any
) -> Any:
    """The field of a dataclass that holds the hyperparameter `name`, see `Hyperparameter`."""
    more = {"choices": f"{name}s", "recorded": name, **more}
    more.setdefault("recorded_choices", more["choices"])
    row = Hyperparameter(name, kind, default, label, text, options, **more)
    return field(default=default, metadata={ROW: row})
