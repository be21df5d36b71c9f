"""What a worker keeps a trial within: processor time, and a share of the machine's memory.

Limits come with the sending of a trial and are no part of it: no key, no result and no digest knows
them. A trial that goes beyond them has no outcome; its worker says so and goes on with the next.
"""

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from search.error import SlotError

LEAST: Final = 512 * 2**20
"""Bytes that a share of the memory is at least: any training of a small model has room in it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one trial; None means no bound.

    Attributes:
        cpu_seconds: processor time of the worker, which a crowded machine does not lengthen.
        memory_share: of the memory of the machine, or of the control group that it gives us.
    """

    cpu_seconds: float | None = None
    memory_share: float | None = None

    def among(self, slots: int) -> "Limits":
        """The limits of one of so many slots that share a machine."""
        share = self.memory_share
        return Limits(self.cpu_seconds, None if share is None else share / max(1, slots))

    def to_json(self) -> str:
        """As text, for a worker."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))

    def bytes(self) -> int | None:
        """The share in bytes on this machine; None also where its memory is not known."""
        memory = None if self.memory_share is None else total_memory()
        return None if memory is None else max(LEAST, int((self.memory_share or 0.0) * memory))

    def watch(self, clock: Callable[[], float] = time.process_time) -> Callable[[], None]:
        """What a training calls again and again; it raises SlotError `slot.guard` once time is up."""
        began, most = clock(), self.cpu_seconds

        def look() -> None:
            if most is not None and clock() - began > most:
                raise SlotError(
                    "slot.guard",
                    f"more than {most:,.0f} s of processor time",
                    "give a higher --deadline-factor, or --no-guards",
                )

        return look


UNLIMITED: Final = Limits()

_CURRENT: ContextVar[Limits] = ContextVar("limits", default=UNLIMITED)


@contextmanager
def within(limits: Limits) -> Generator[None]:
    """Trials that are evaluated inside are kept within these limits."""
    token = _CURRENT.set(limits)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def current() -> Limits:
    """The limits of the trial that is being evaluated."""
    return _CURRENT.get()


def evaluated(evaluate: Callable[[str], str], trial: str, limits: Limits) -> list[str]:
    """The outcome as JSON; or nothing, and code, message and hint of why there is none."""
    try:
        with within(limits):
            return [evaluate(trial)]
    except SlotError as error:
        return ["", error.code, error.message, error.hint]


def total_memory() -> int | None:
    """Bytes of memory of the machine, or of its control group where that has less."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    table = dict(line.split(":", 1) for line in lines if ":" in line)
    if "MemTotal" not in table:
        return None
    memory = int(table["MemTotal"].split()[0]) * 1024
    try:
        bound = int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no limit, or another system
        return memory
    return min(memory, bound)
