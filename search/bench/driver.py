"""What the driver costs beside training: what `gatewright bench driver` measures.

Store, strategy and driver are the real ones, the store on disk; only the slots are simulated: they
answer after a random time, and now and then not at all. What they answer derives from the trial's key.
"""

import gc
import heapq
import random
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from results.record.ask import Ask
from results.record.decode import checksum
from results.record.outcome import Outcome
from results.record.store import Store
from results.record.study import Study
from search import configuration
from search.error import SearchError
from search.progress import Observer, Progress, Silent
from search.protocol.cascade import FactsTable
from search.run import driver
from search.run.clock import Monotonic
from search.run.pool import Arrival, Fault, Job, Notice, Seat
from search.run.session import tasks_of
from search.strategies import registry as strategies
from search.strategies.strategy import Strategy
from tasks import registry

POINTS: Final = 6
"""Points of a simulated curve: published records have 6.3 a training."""

_FEW: Final = 10
"""Simulated slots of the run that is weighed."""

_OFFERED: Final = 5000
"""Trials a second that the simulated slots would take in the mean: far more than a driver can give."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; the machine's other work is in every second of wall time.

    Attributes:
        trials: with their outcome in the record.
        slots, faults: simulated slots, and attempts that they lost.
        trials_per_s: of wall time, on disk, strategy included.
        driver_ms: milliseconds of processor time a trial, of driver and store.
        strategy_ms: the same, of the strategy: mutation, canonical form, settings.
        commits_per_trial: transactions that were written to the disk, a trial.
        bytes_per_trial: memory that one more finished trial takes for good, driver and strategy together.
        load_s: processor time in which the tasks were loaded, once for all; in no other figure.
        resume_asks: recorded asks that a resume read again.
        resume_read_s: processor time in which it opened and checked the file, read the asks with their
            outcomes and compared them with what is asked.
        resume_trial_ms: milliseconds of that a trial.
        resume_replay_s: processor time of the strategy, which proposes all its cells again.
        same_digest: the resume ended with the digest of the run.
    """

    trials: int
    slots: int
    faults: int
    trials_per_s: float
    driver_ms: float
    strategy_ms: float
    commits_per_trial: float
    bytes_per_trial: float
    load_s: float
    resume_asks: int
    resume_read_s: float
    resume_trial_ms: float
    resume_replay_s: float
    same_digest: bool


class SimulatedSlots:
    """A pool whose slots take a random time, exponential around the same mean, and fail at random.

    Args:
        slots: how many.
        faults: chance that a trial comes back without an outcome.
        seed: of times and faults.
    """

    def __init__(self, slots: int, faults: float, seed: int) -> None:
        self._slots = slots
        self._faults = faults
        self._random = random.Random(seed)  # noqa: S311
        self._busy: list[tuple[float, int, Job]] = []
        self._free = list(range(slots))

    @property
    def slots(self) -> int:
        """How many trials can run at once."""
        return self._slots

    @property
    def room(self) -> int:
        """Slots that are free."""
        return len(self._free)

    @property
    def breakable(self) -> bool:
        """True: nothing is lost by an exception."""
        return True

    def seats(self) -> list[Seat]:
        """The slots, each on a machine of its own."""
        free = set(self._free)
        return [Seat(slot, f"machine {slot}", slot in free) for slot in range(self._slots)]

    def set_aside(self, node: str, why: str) -> None:
        """Raises SearchError: no machine of these is bad."""
        raise SearchError("pool.unfit", why)

    def submit(self, job: Job, slot: int | None = None) -> int:
        """Starts a job in a free slot."""
        if slot is None:
            slot = self._free.pop()
        else:
            self._free.remove(slot)
        due = time.monotonic() + self._random.expovariate(_OFFERED / self._slots)
        heapq.heappush(self._busy, (due, slot, job))
        return slot

    def wait(self, timeout: float) -> list[Arrival]:
        """All jobs that are due by now; waits for the first."""
        if not self._busy:
            return []
        time.sleep(min(timeout, max(0.0, self._busy[0][0] - time.monotonic())))
        now, arrivals = time.monotonic(), list[Arrival]()
        while self._busy and self._busy[0][0] <= now:
            _, slot, job = heapq.heappop(self._busy)
            self._free.append(slot)
            # A trial that was lost once comes back: none of them is at fault.
            if job.attempt == 1 and self._random.random() < self._faults:
                arrivals.append(
                    Arrival(job, slot, f"machine {slot}", fault=Fault.DIED, detail="simulated")
                )
            else:
                arrivals.append(Arrival(job, slot, f"machine {slot}", outcome=simulated(job.trial)))
        return arrivals

    def notices(self) -> list[Notice]:
        """Nothing."""
        return []

    def close(self) -> None:
        """Forgets all jobs."""
        self._busy.clear()


def simulated(trial: str) -> str:
    """An outcome of the size of a real one, without training; its numbers derive from the trial's key."""
    key = checksum(trial)[:32]
    # As in the `quick` study about half of the cells pass the screen.
    share = (int(key[:8], 16) / 2**32) ** (1 / 14)
    curve = ",".join(
        f'{{"clipped":{share / 7:.3f},"norm":{1 + share!r},"rate":0.5,"train_loss":{2 + share / place!r},'
        f'"update":{100 * place},"valid_accuracy":{share!r},"valid_loss":{1 + share / place!r}}}'
        for place in range(1, POINTS + 1)
    )
    return (
        f'{{"cost":{{"cpu_seconds":0.1,"peak_bytes":100000000,"seconds":0.1}},"curve":[{curve}],"detail":"",'
        f'"ending":"ok","key":"{key}","parameters":10000,"step":null,"test_accuracy":{share!r},'
        f'"test_loss":{1 + share!r},"tokens":100000,"updates":{100 * POINTS},"valid_accuracy":{share!r},'
        f'"valid_loss":{1 + share!r},"width":40}}'
    )


class _Timed:
    """A strategy whose processor time is counted."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self.seconds = 0.0

    def ask(self, index: int) -> Ask | None:
        start = time.process_time()
        ask = self._strategy.ask(index)
        self.seconds += time.process_time() - start
        return ask

    def tell(self, index: int, outcome: Outcome | None) -> None:
        start = time.process_time()
        self._strategy.tell(index, outcome)
        self.seconds += time.process_time() - start


class _Weighed(Silent):
    """An observer that notes how much memory Python holds after some trials."""

    def __init__(self, after: tuple[int, ...]) -> None:
        self._after = after
        self.held: dict[int, int] = {}

    def on_outcome(self, ask: Ask, outcome: Outcome, progress: Progress) -> None:
        if progress.done in self._after and progress.done not in self.held:
            gc.collect()
            self.held[progress.done] = tracemalloc.get_traced_memory()[0]


def measure(cells: int, slots: int, faults: float = 0.01) -> Figures:
    """Runs the paper's search on the `smoke` study with simulated slots, resumes it, and weighs it.

    Args:
        cells: new ones; each is one trial on the screen, and more if it passes.
        slots: simulated ones.
        faults: chance that a trial comes back without an outcome.
    """
    start = time.process_time()
    facts = _load()
    load_s = time.process_time() - start
    with TemporaryDirectory() as folder:
        path = Path(folder) / "bench.sqlite"
        start, elapsed = time.process_time(), time.monotonic()
        summary, strategy_s = _run(path, facts, cells, slots, faults)
        spent, elapsed = time.process_time() - start, time.monotonic() - elapsed
        with Store.read(path, whole=False) as store:
            commits = int(store.select("SELECT count(*) FROM seal")[0][0])
        start = time.process_time()
        again, replay_s = _run(path, facts, cells, slots, faults)
        read_s = time.process_time() - start - replay_s
        trials = sum(summary.endings.values())
        return Figures(
            trials=trials,
            slots=slots,
            faults=summary.faults,
            trials_per_s=trials / elapsed,
            driver_ms=1000 * (spent - strategy_s) / trials,
            strategy_ms=1000 * strategy_s / trials,
            commits_per_trial=commits / trials,
            bytes_per_trial=_weigh(Path(folder) / "weighed.sqlite", facts, cells, faults),
            load_s=load_s,
            resume_asks=again.asks,
            resume_read_s=read_s,
            resume_trial_ms=1000 * read_s / trials,
            resume_replay_s=replay_s,
            same_digest=again.digest == summary.digest,
        )


def _study(cells: int, slots: int) -> Study:
    changes = [f"proposals={cells}", "reevaluate=0.0", f"slots={slots}", f"lag={4 * slots}"]
    return configuration.load("smoke", changes)


def _load() -> FactsTable:
    """The facts of the tasks of the study."""
    return {key: registry.load(*key).facts for key in tasks_of(_study(1, 1))}


def _weigh(path: Path, facts: FactsTable, cells: int, faults: float) -> float:
    """Memory that one more finished trial takes: the difference between 5 and 9 tenths of a run.

    With few slots, so that what waits for its turn does not hide what stays.
    """
    few, many = cells // 2, cells * 9 // 10  # there are more trials than cells
    weighed = _Weighed((few, many))
    tracemalloc.start()
    try:
        _run(path, facts, cells, min(_FEW, cells), faults, weighed)
    finally:
        tracemalloc.stop()
    return (weighed.held[many] - weighed.held[few]) / (many - few)


def _run(
    path: Path,
    facts: FactsTable,
    cells: int,
    slots: int,
    faults: float,
    observer: Observer | None = None,
) -> tuple[driver.Summary, float]:
    """Runs the study, or resumes it; the summary, and the processor time of the strategy."""
    plan = _study(cells, slots)
    strategy = _Timed(strategies.make(plan, facts))
    pool = SimulatedSlots(slots, faults, seed=0)
    with Store.create_or_open(path) as store:
        summary = driver.run(
            plan,
            store,
            pool,
            strategy,
            observer or Silent(),
            Monotonic(),
            facts.values(),
            {"bench": "driver"},
        )
    if summary.interrupted:
        raise KeyboardInterrupt
    return summary, strategy.seconds
