"""Timing several pieces of work side by side, so that a drifting machine does not matter."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of some measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Those of `values`; of a single one it is all three."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0])
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def alternate(works: Mapping[str, Work], turns: int, steps: int = 3) -> dict[str, list[float]]:
    """Milliseconds of one step of each work, a value for each turn: A B C A B C ...

    In its turn a work runs once untimed, which brings its weights back into the caches, and then
    `steps` times; the value is their mean. It is processor time of the process: wall time, where
    nothing else runs, and not the neighbours' work, where something does. Second threads count.
    """
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(turns):
        for name, work in works.items():
            work()
            start = time.process_time()
            for _ in range(steps):
                work()
            times[name].append(1e3 * (time.process_time() - start) / steps)
    return times


def ratio(slow: Sequence[float], fast: Sequence[float]) -> Spread:
    """How many times `slow` takes what `fast` takes: ratio of medians, quartiles of single turns."""
    turns = Spread.of([a / b for a, b in zip(slow, fast, strict=True)])
    return Spread(statistics.median(slow) / statistics.median(fast), turns.low, turns.high)
