"""A fault that a storm injects many times, and what came of it."""

import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HELD: Final = "held"
FAILED: Final = "FAILED"
SKIPPED: Final = "skipped"


@dataclass(slots=True)
class Tally:
    """What came of the runs of a fault.

    Attributes:
        runs: how often the fault was injected and judged.
        lost: results that were acknowledged, or expected, and are not there.
        duplicated: results that are there twice, or trials that disagree with themselves.
        silent: damage that nobody noticed.
        wrong: what was otherwise not as it must be.
        worst: seconds of the slowest run.
        note: a further figure in words.
        skipped: why nothing could be injected here; "" if it could.
        problems: the first few failures in words.
    """

    runs: int = 0
    lost: int = 0
    duplicated: int = 0
    silent: int = 0
    wrong: int = 0
    worst: float = 0.0
    note: str = ""
    skipped: str = ""
    problems: list[str] = field(default_factory=list[str])

    @property
    def verdict(self) -> str:
        """A fault that was never injected has not been withstood."""
        if self.skipped:
            return SKIPPED
        bad = self.lost + self.duplicated + self.silent + self.wrong
        return HELD if self.runs and not bad else FAILED

    def fail(self, problem: object) -> None:
        """Counts something that is wrong and keeps its first line."""
        self.wrong += 1
        if len(self.problems) < 5:
            lines = str(problem).strip().splitlines() or [type(problem).__name__]
            self.problems.append(lines[0][:300])


@dataclass(frozen=True, slots=True)
class Task:
    """What the body of a fault is given.

    Attributes:
        folder: empty, for all files; deleted afterwards.
        count: runs that are asked for.
        draw: the only source of chance.
        full: all of it is asked for, slow tests included.
        tick: is told how many runs are done.
    """

    folder: Path
    count: int
    draw: random.Random
    full: bool
    tick: Callable[[int], None]

    @contextmanager
    def run(self, tally: Tally, problem: str = "") -> Generator[None]:
        """One run: measured, counted, and a failure unless it ends without an exception."""
        began = time.monotonic()
        try:
            yield
        except Exception as error:
            tally.fail(f"{problem or f'run {tally.runs}'}: {type(error).__name__}: {error}")
        tally.runs += 1
        tally.worst = max(tally.worst, time.monotonic() - began)
        self.tick(tally.runs)


Body = Callable[[Task], Tally]


@dataclass(frozen=True, slots=True)
class Fault:
    """A row of the table.

    Attributes:
        id: `G1` to `G29` are the goals of the design, `S1` and so on what storms of others found.
        what: what is done and must hold.
        unit: what a run is.
        body: injects and judges.
        reduced: runs of the everyday storm.
        full: runs of the whole one.
        ray: it starts Ray.
    """

    id: str
    what: str
    unit: str
    body: Body
    reduced: int
    full: int
    ray: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """The result of a fault, as it is printed and kept."""

    id: str
    what: str
    unit: str
    runs: int
    lost: int
    duplicated: int
    silent: int
    wrong: int
    worst: float
    seconds: float
    verdict: str
    note: str
    problems: list[str]
    full: bool
    seed: int

    @staticmethod
    def of(fault: Fault, tally: Tally, seconds: float, full: bool, seed: int) -> "Line":
        """The line of a fault that was injected as `tally` says."""
        return Line(
            fault.id,
            fault.what,
            fault.unit,
            tally.runs,
            tally.lost,
            tally.duplicated,
            tally.silent,
            tally.wrong,
            round(tally.worst, 3),
            round(seconds, 1),
            tally.verdict,
            tally.skipped or tally.note,
            tally.problems,
            full,
            seed,
        )

    @staticmethod
    def from_json(values: dict[str, Any]) -> "Line":
        """The line that `dataclasses.asdict` took apart. Raises TypeError if it is none."""
        return Line(**values)
