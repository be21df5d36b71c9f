"""Slots that run trials: the contract, and the pool without any other process.

A pool runs what it is given and reports what came, in any order. It keeps no history, does not
retry and knows nothing of studies; the driver does all that.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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
    """

    index: int
    attempt: int
    trial: str
    seconds: float | None = None


class Fault(StrEnum):
    """Why a job came back without an outcome."""

    DIED = "died"
    """The slot died while it ran this job."""
    OVERDUE = "overdue"
    """The job ran longer than its `seconds`; its slot was killed."""
    DISPLACED = "displaced"
    """The slot was lost while this job waited in it, or its machine left the cluster; it never ended."""
    UNFIT = "unfit"
    """The machine lacks what the job needs; it is set aside."""
    EXHAUSTED = "exhausted"
    """The machine has too little memory for this job; its slot begins anew."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What happened to the slots, and to no job: `kind` as events of the record have it."""

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came of a job: either `outcome` (JSON) or a `fault` with one line of `detail`."""

    job: Job
    slot: int
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

    def submit(self, job: Job) -> int:
        """Takes a job and returns the number of its slot. Raises SearchError without room."""
        ...

    def wait(self, timeout: float) -> list[Arrival]:
        """What has come since the last call; waits up to `timeout` seconds for the first.

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
    """One slot in this process: a job runs inside `wait`. Deadlines are `evaluate`'s own."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
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

    def submit(self, job: Job) -> int:
        """Keeps the job for the next `wait`."""
        self._jobs.append(job)
        return 0

    def wait(self, timeout: float) -> list[Arrival]:
        """Runs the waiting job to its end, however long that takes.

        Raises:
            SlotError: this machine cannot run it.
        """
        if not self._jobs:
            return []
        job = self._jobs.popleft()
        return [Arrival(job, slot=0, outcome=self._evaluate(job.trial))]

    def notices(self) -> list[Notice]:
        """Nothing: what this machine lacks is raised by `wait`, since there is no other slot."""
        return []

    def close(self) -> None:
        """Forgets what waits."""
        self._jobs.clear()
