"""A whole search of toy trials as a program, to be started and killed by tests.

usage: toy_driver.py STORE WORKERS [COUNT]; prints the summary as JSON. 0 workers run in process.
`GATEWRIGHT_TOY_MISDEED=INDEX=WORD` gives the trial at an index a misdeed, see `toy_engine`.
With `GATEWRIGHT_TOY_KILL=N` eight slots in process kill it when they are given the N-th job, which is
in the middle of what the driver commits together.
"""

import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from results.record.store import Store
from search.progress import Silent
from search.run.clock import Monotonic
from search.run.driver import run
from search.run.guards.apart import Apart
from search.run.pool import Job, LocalPool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.shuffled_pool import ShuffledPool
from tests.faults.toy_strategy import ToyStrategy, study


class DeadlyPool(ShuffledPool):
    """Kills this process instead of taking its `at`-th job."""

    def __init__(self, at: int) -> None:
        super().__init__(toy_engine.evaluate, 8, seed=at)
        self.left = at

    def submit(self, job: Job, slot: int | None = None) -> int:
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().submit(job, slot)


def main(path: str, workers: str, count: str = "60") -> int:
    described = study()
    with Store.create_or_open(Path(path)) as store:
        kill = os.environ.get("GATEWRIGHT_TOY_KILL")
        if kill:
            pool = DeadlyPool(int(kill))
        elif workers == "0":
            pool = LocalPool(toy_engine.evaluate, Apart("tests.faults.toy_engine:evaluate"))
        else:
            pool = RayPool(int(workers), None, toy_engine.evaluate)
        try:
            index, _, misdeed = os.environ.get("GATEWRIGHT_TOY_MISDEED", "").partition("=")
            toy = ToyStrategy(described, int(count), {int(index): misdeed} if misdeed else None)
            summary = run(described, store, pool, toy, Silent(), Monotonic(), (), {})
        finally:
            pool.close()
    print(json.dumps(asdict(summary)))
    return 130 if summary.interrupted else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
