"""Slots that run trials: the contract, and the pool without any other process.

A pool runs what it is given and reports what came, in any order. It keeps no history, does not
retry and knows nothing of studies; the driver does all that.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from search.error import SearchError, SlotError
from search.run.guards import limits
from search.run.guards.limits import UNLIMITED, Limits

Evaluate = Callable[[str], str]
"""Trial as JSON in, outcome as JSON out; raises only SlotError, see `search.run.evaluate`."""


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at one trial.

    Attributes:
        index: of the ask in the study.
        attempt: counts the sendings of this index.
        trial: the trial as JSON.
        seconds: the pool gives up this long after the trial began; None for never.
        limits: within which the worker itself keeps the trial.
    """

    index: int
    attempt: int
    trial: str
    seconds: float | None = None
    limits: Limits = UNLIMITED


@dataclass(frozen=True, slots=True)
class Seat:
    """A slot that is up.

    Attributes:
        slot: its number.
        node: the machine that it is on, as people are told of it.
        room: how many more jobs it takes at this moment.
    """

    slot: int
    node: str
    room: int


class Fault(StrEnum):
    """Why a job came back without an outcome."""

    DIED = "died"
    """The slot died while it ran this job."""
    OVERDUE = "overdue"
    """The job ran longer than its `seconds`; its slot was killed."""
    DISPLACED = "displaced"
    """The slot was lost while this job waited in it; it was never begun."""
    LEFT = "left"
    """The machine left the cluster while the slot ran this job."""
    GUARDED = "guarded"
    """The job went beyond its `limits`; its slot goes on."""
    UNFIT = "unfit"
    """The machine lacks what the job needs; it is set aside."""
    EXHAUSTED = "exhausted"
    """The machine has too little memory for this job; its slot begins anew."""


def fault_of(code: str) -> Fault:
    """What it means for a job that its slot came back with this code of an error."""
    return {"slot.memory": Fault.EXHAUSTED, "slot.guard": Fault.GUARDED}.get(code, Fault.UNFIT)


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened to the slots, and to no job: `kind` as events of the record have it."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of a job: either `outcome` (JSON) or a `fault` with one line of `detail`.

    `node` is the machine of the slot, as in `Seat`.
    """

    job: Job
    slot: int
    node: str = ""
    outcome: str | None = None
    fault: Fault | None = None
    detail: str = ""


class Pool(Protocol):
    """Slots for trials. Used by one thread."""

    @property
    def slots(self) -> int:
        """How many trials can run at once."""
        ...

    @property
    def room(self) -> int:
        """How many more jobs `submit` takes at this moment. May be 0 while slots start."""
        ...

    @property
    def breakable(self) -> bool:
        """Whether an exception may be raised inside `wait` by a signal handler."""
        ...

    def seats(self) -> list[Seat]:
        """The slots that are up, with room or without."""
        ...

    def submit(self, job: Job, slot: int | None = None) -> int:
        """Takes a job and returns the number of its slot: the one asked for, or any.

        Raises SearchError without room.
        """
        ...

    def set_aside(self, node: str, why: str) -> None:
        """Uses a machine no more; the jobs of its slots come back as displaced.

        Raises SearchError if there can be no other.
        """
        ...

    def wait(self, timeout: float) -> list[Arrival]:
        """What has come since the last call; waits up to `timeout` seconds for the first.

        Workers that died together come together.

        Every job submitted comes back exactly once, unless the pool is closed. Raises SearchError
        when no slot can be had at all.
        """
        ...

    def notices(self) -> list[Notice]:
        """What happened to the slots since the last call; also after `wait` has raised."""
        ...

    def close(self) -> None:
        """Stops all slots at once and forgets their jobs. May be called twice."""
        ...


class LocalPool:
    """One slot in this process: a job runs inside `wait`. Deadlines are `evaluate`'s own.

    Args:
        evaluate: runs a job.
        apart: runs a job that has not come to its end before, in another process; see
            `search.run.guards.apart`. None runs it here again.
    """

    NODE: Final = "this machine"

    def __init__(self, evaluate: Evaluate, apart: Callable[[Job], Arrival] | None = None) -> None:
        self._evaluate = evaluate
        self._apart = apart
        self._jobs: deque[Job] = deque()

    @property
    def slots(self) -> int:
        """1."""
        return 1

    @property
    def room(self) -> int:
        """1 if nothing waits, else 0."""
        return 1 - len(self._jobs)

    @property
    def breakable(self) -> bool:
        """True: a long training need not be waited for."""
        return True

    def seats(self) -> list[Seat]:
        """The one slot."""
        return [Seat(0, self.NODE, self.room)]

    def submit(self, job: Job, slot: int | None = None) -> int:
        """Keeps the job for the next `wait`."""
        self._jobs.append(job)
        return 0

    def set_aside(self, node: str, why: str) -> None:
        """Raises SearchError: there is no other machine."""
        hint = "run `gatewright doctor`; where a guard ended them, give --no-guards"
        raise SearchError("pool.unfit", f"this machine cannot run the trials: {why}", hint)

    def wait(self, timeout: float) -> list[Arrival]:
        """Runs the waiting job to its end, however long that takes.

        Raises:
            SlotError: this machine cannot run it.
        """
        if not self._jobs:
            return []
        job = self._jobs.popleft()
        if job.attempt > 1 and self._apart is not None:
            return [replace(self._apart(job), node=self.NODE)]
        outcome, *lack = limits.evaluated(self._evaluate, job.trial, job.limits)
        if not lack:
            return [Arrival(job, 0, self.NODE, outcome=outcome)]
        code, what, remedy = lack
        if fault_of(code) is Fault.GUARDED:
            return [Arrival(job, 0, self.NODE, fault=Fault.GUARDED, detail=what)]
        raise SlotError(code, what, remedy)

    def notices(self) -> list[Notice]:
        """Nothing: what this machine lacks is raised by `wait`, since there is no other slot."""
        return []

    def close(self) -> None:
        """Forgets what waits."""
        self._jobs.clear()
