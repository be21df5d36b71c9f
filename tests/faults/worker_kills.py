"""A toy search whose workers are killed in the middle of trials."""

import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from results.record.store import Store
from search.progress import Silent
from search.run.clock import Clock, Monotonic
from search.run.driver import Summary, run
from search.run.pool import Pool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.toy_strategy import ToyStrategy, study


def drive(path: Path, pool: Pool, count: int = 60, clock: Clock | None = None) -> Summary:
    """The summary of a toy search of `count` asks into a new store, or of the rest of one."""
    with Store.create_or_open(path) as store:
        toy = ToyStrategy(study(), count)
        return run(study(), store, pool, toy, Silent(), clock or Monotonic(), (), {})


class Killer(threading.Thread):
    """Kills the process of a trial that has begun and not ended, until `kills` are done.

    Three trials end between two kills and none is chosen twice, since three hits are an outcome.
    """

    def __init__(self, log: Path, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self.log = log
        self.kills = kills
        self.random = random.Random(seed)  # noqa: S311
        self.hit: list[str] = []

    def run(self) -> None:
        due = 1
        while len(self.hit) < self.kills:
            time.sleep(self.random.uniform(0.0, 0.03))
            running: dict[str, int] = {}
            ended = 0
            for line in self.log.read_text().splitlines() if self.log.exists() else []:
                what, key, pid = line.split()
                if what == "begin":
                    running[key] = int(pid)
                else:
                    running.pop(key, None)
                    ended += 1
            fresh = [(key, pid) for key, pid in running.items() if key not in self.hit]
            if fresh and ended >= due:
                key, pid = self.random.choice(fresh)
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                self.hit.append(key)
                due = ended + 3


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of a search under a `Killer`.

    Attributes:
        summary: of the search.
        killed: workers.
        cut: of them in the middle of a trial.
        ended: trials that were executed to their end.
        again: executions beyond the first of each trial.
        outcomes: trials with an outcome.
        mismatches: trials that came twice with other results.
        worker_lost: events of that kind.
    """

    summary: Summary
    killed: int
    cut: int
    ended: int
    again: int
    outcomes: int
    mismatches: int
    worker_lost: int


def kill_workers(path: Path, log: Path, kills: int, seed: int, count: int = 60) -> Killed:
    """Runs a toy search on two slots while workers are killed.

    Args:
        path: of the new store.
        log: that `GATEWRIGHT_TOY_LOG` names.
        kills: workers to kill.
        seed: of the choice.
        count: asks of the study; at least five a kill.
    """
    pool = RayPool(2, None, toy_engine.evaluate)
    killer = Killer(log, kills, seed)
    killer.start()
    try:
        summary = drive(path, pool, count)
    finally:
        pool.close()
    lines = [line.split() for line in log.read_text().splitlines()]
    begun = Counter(key for what, key, _ in lines if what == "begin")
    ended = Counter(key for what, key, _ in lines if what == "end")
    with Store.read(path) as store:
        events = Counter(row[0] for row in store.select("SELECT kind FROM event"))
        outcomes = int(store.select("SELECT count(*) FROM outcome")[0][0])
    return Killed(
        summary,
        len(killer.hit),
        begun.total() - ended.total(),
        len(ended),
        begun.total() - len(begun),
        outcomes,
        events["mismatch"],
        events["worker_lost"],
    )
