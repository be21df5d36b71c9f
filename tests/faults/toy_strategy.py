"""A strategy whose every ask depends on everything it was told, so that a wrong telling shows."""

import hashlib

from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Outcome
from results.record.study import Screen, Study
from results.record.trial import Trial


def study(seed: int = 1, lag: int = 16) -> Study:
    """A study that only `ToyStrategy` can run."""
    return Study("toy", "uniform", seed, lag, 4, 50, (), Screen(), 0)


class ToyStrategy:
    """Asks `count` times: mostly fresh trials, some repeated ones, some idle.

    Args:
        study: its seed and lag.
        count: asks.
        misdeeds: scale of the trial at an index, see `toy_engine`.
        seconds: budget of each trial.
    """

    def __init__(
        self,
        study: Study,
        count: int = 60,
        misdeeds: dict[int, str] | None = None,
        seconds: float | None = None,
    ) -> None:
        self.study = study
        self.count = count
        self.misdeeds = misdeeds or {}
        self.seconds = seconds
        self.told = 0
        self.asked = 0
        self.state = hashlib.sha256(study.id.encode())

    def ask(self, index: int) -> Ask | None:
        assert index == self.asked
        assert self.told == max(0, index - self.study.lag + 1)
        self.asked += 1
        if index >= self.count:
            return None
        if index % 11 == 5:
            return Ask(index, Role.IDLE, None)
        seed = int(self.state.hexdigest()[:8], 16) + index
        if index % 13 == 1:
            seed = index % 2
        trial = Trial(
            cell=f"cell toy{seed}",
            cell_id=f"toy{seed}",
            task="toy",
            task_version=1,
            task_digest="0",
            scale=self.misdeeds.get(index, "smoke"),
            setting=Setting(),
            schedule=Schedule(),
            budget=Budget(seconds=self.seconds),
            seed=seed,
        )
        rejections: tuple[Rejection, ...] = ()
        if index % 5 == 2:
            rejections = (Rejection(Cause.DUPLICATE, f"toy{seed - 1}", "toy", ("swap",), "again"),)
        return Ask(index, Role.SCREEN, trial, "toy", ("swap",), rejections)

    def tell(self, index: int, outcome: Outcome | None) -> None:
        assert index == self.told
        self.told += 1
        facts = "idle" if outcome is None else outcome.facts_json()
        self.state.update(f"{index} {facts}".encode())
