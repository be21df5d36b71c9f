"""What a run tells whoever watches it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from results.record.ask import Ask, Role
from results.record.outcome import Outcome

SHOWN: Final = 8
"""Trials under way that an observer is told of one by one."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best trial of a task in selection so far; `value` is the validation metric."""

    cell_id: str
    value: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands.

    Attributes:
        done: trials with an outcome, of this study.
        total: trials expected in all: an estimate from the share of proposals made, exact at the end.
        proposed: new cells put forward so far, of the study's `proposals`.
        recorded: of `done`, those answered from the record and not run now.
        faults: attempts that ended without an outcome (a worker died, a deadline passed).
        running: the first of the asks whose trials are in slots or on the way there, by index; at
            most `SHOWN`.
        under_way: how many there are.
        best: by task.
        seconds: since this driver started.
    """

    done: int
    total: int
    proposed: int
    recorded: int
    faults: int
    running: tuple[Ask, ...]
    under_way: int
    best: Mapping[str, Best]
    seconds: float


class Observer(Protocol):
    """Told of everything as it happens, by the driver's thread. Must return soon and not raise."""

    def on_ask(self, ask: Ask, progress: Progress) -> None:
        """A new ask was recorded."""
        ...

    def on_sent(self, ask: Ask, progress: Progress) -> None:
        """The trial of an ask was handed to a slot."""
        ...

    def on_outcome(self, ask: Ask, outcome: Outcome, progress: Progress) -> None:
        """The trial of an ask has its outcome in the record."""
        ...

    def on_event(self, kind: str, detail: str, progress: Progress) -> None:
        """Something happened to the run: `resumed`, `worker_lost`, `interrupted`."""
        ...


class Silent:
    """An observer that does nothing."""

    def on_ask(self, ask: Ask, progress: Progress) -> None:
        """Nothing."""

    def on_sent(self, ask: Ask, progress: Progress) -> None:
        """Nothing."""

    def on_outcome(self, ask: Ask, outcome: Outcome, progress: Progress) -> None:
        """Nothing."""

    def on_event(self, kind: str, detail: str, progress: Progress) -> None:
        """Nothing."""


def estimate(
    roles: Mapping[Role, int], proposed: int, proposals: int, over: bool, certain: int = 0
) -> int:
    """Trials expected in all, from those asked so far.

    What follows from a proposal (stages, re-evaluations) is taken to go on at the present ratio.

    Args:
        roles: asks so far.
        proposed: cells put forward so far.
        proposals: cells that the study puts forward in all.
        over: nothing more will be asked.
        certain: trainings of the baselines, which do not depend on any result.
    """
    asked = sum(roles.values()) - roles.get(Role.IDLE, 0)
    if over:
        return asked
    fixed = roles.get(Role.BASELINE, 0) + roles.get(Role.CONFIRM, 0)
    if not proposed:
        return max(asked, certain) + proposals
    return max(fixed, certain) + round((asked - fixed) * max(1.0, proposals / proposed))
