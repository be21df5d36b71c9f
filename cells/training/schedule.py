"""The three learning-rate schedules of the paper, as pure functions of the validation losses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

Name = Literal["search", "music", "ptb"]
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Which rule, with its numbers.

    - `search`: after `patience` epochs in a row without a lower validation loss, multiply the rate
      by `decay` at each of `tail` further epochs, then stop (3, 0.5, 4 in the paper).
    - `music`: after `patience` epochs without gain multiply by `decay` and count anew; stop when the
      rate falls below `least` (10, 0.8, 0.001).
    - `ptb`: `constant` epochs at the full rate, then times `decay` at each further one.

    All stop after `epochs`. "Without gain" is: not below the best so far. A cut holds from the
    start of the next epoch.

    Source: Jozefowicz, Zaremba, Sutskever 2015, sections 3.3, 4 and 5; Zaremba et al. 2014 for `ptb`.
    """

    name: Name = "search"
    epochs: int = 100
    patience: int = 3
    decay: float = 0.5
    tail: int = 4
    least: float = 1e-3
    constant: int = 4

    @classmethod
    def of(cls, name: Name, **numbers: Any) -> Self:
        """The schedule `name` with the paper's numbers, except those given and not None."""
        paper: dict[Name, dict[str, Any]] = {
            "search": {"patience": 3, "decay": 0.5, "tail": 4},
            "music": {"epochs": 800, "patience": 10, "decay": 0.8, "least": 1e-3},
            "ptb": {"epochs": 30, "constant": 4, "decay": 0.5},
        }
        given = {key: value for key, value in numbers.items() if value is not None}
        return cls(name, **{**paper[name], **given})

    def rate(self, start: float, losses: Sequence[float]) -> float | None:
        """The rate of the next epoch after validation `losses` (one an epoch), or None to stop."""
        done = len(losses)
        if done >= self.epochs:
            return None
        if self.name == "ptb":
            return start * self.decay ** max(0, done + 1 - self.constant)
        best, idle, cuts = float("inf"), 0, 0
        for loss in losses:
            if self.name == "search" and idle >= self.patience:
                cuts += 1
                continue
            idle = 0 if loss < best else idle + 1
            best = min(best, loss)
            if self.name == "music" and idle >= self.patience:
                cuts, idle = cuts + 1, 0
        if self.name == "search":
            if idle < self.patience:
                return start
            return None if cuts >= self.tail else start * self.decay ** (cuts + 1)
        rate = start * self.decay**cuts
        return None if rate < self.least else rate
