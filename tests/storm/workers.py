"""Workers of Ray that die, and answers between them and the driver that get lost."""

import json
import os
import subprocess
import time
from collections import Counter
from unittest import mock

from results.record.outcome import Ending
from results.record.provenance import root
from results.record.store import Store
from search.run.pool import LocalPool
from tests.faults import driver_kills, toy_engine
from tests.faults.worker_kills import drive, kill_workers
from tests.storm.fault import Tally, Task

ASKS = 6
"""Of a study for each kill: three trials end between two kills."""


def kills(task: Task) -> Tally:
    """Workers are killed in the middle of trials: no result is lost, and the bytes are the same."""
    tally = Tally()
    count = max(60, ASKS * task.count)
    expected = drive(task.folder / "expected.db", LocalPool(toy_engine.evaluate), count)
    log = task.folder / "log"
    variables = {
        "PYTHONPATH": str(root()),
        "GATEWRIGHT_TOY_MS": "20",
        "GATEWRIGHT_TOY_LOG": str(log),
    }
    began = time.monotonic()
    with mock.patch.dict(os.environ, variables):
        came = kill_workers(
            task.folder / "s.db", log, task.count, task.draw.randrange(2**31), count
        )
    tally.runs = came.killed
    tally.lost = max(0, expected.ran - came.outcomes)
    tally.duplicated = came.mismatches
    tally.worst = (time.monotonic() - began) / max(1, came.killed)
    tally.note = f"{came.cut} in the middle of a trial, {came.again} ran again"
    if came.killed < task.count:
        tally.fail(f"{came.killed} of {task.count} workers were killed")
    if came.summary.digest != expected.digest:
        tally.fail("another history than that of the run in process")
    if Ending.CRASHED in came.summary.endings:
        tally.fail("a death of a worker became a result")
    task.tick(tally.runs)
    return tally


def replies(task: Task) -> Tally:
    """Requests to workers and their answers get lost: no result is lost, and none counts twice."""
    tally, again = Tally(), 0
    log, quiet = task.folder / "log", task.folder / "quiet"
    # One call in fifty is lost. More of them, and one trial might meet three, which is a result.
    count = 50 * task.count
    expected = driver_kills.finish(
        driver_kills.start(task.folder / "q.db", 0, quiet, mean=0.0, count=count)
    )
    # Ray itself drops these percentages of the calls by which a driver gives work to an actor.
    rule = {
        "num_failures": task.count,
        "req_failure_prob": 1,
        "resp_failure_prob": 1,
        "in_flight_failure_prob": 0,
    }
    faults = json.dumps({"CoreWorkerService.grpc_client.PushTask": rule})
    began = time.monotonic()
    with task.run(tally):
        process = driver_kills.start(
            task.folder / "s.db", 2, log, 5.0, count, RAY_testing_rpc_failure=faults
        )
        try:
            summary = driver_kills.finish(process, seconds=200.0 + 20.0 * task.count)
        except subprocess.TimeoutExpired as error:
            answered = driver_kills.answered(task.folder / "s.db")
            late = f"{answered} of {count} asks answered after {error.timeout:.0f} s"
            raise AssertionError(late) from error
        begun = Counter(
            line.split()[1] for line in log.read_text().splitlines() if line.startswith("begin")
        )
        again = begun.total() - len(begun)
        with Store.read(task.folder / "s.db") as store:
            outcomes = int(store.select("SELECT count(*) FROM outcome")[0][0])
            kinds = Counter(str(kind) for (kind,) in store.select("SELECT kind FROM event"))
        tally.lost = max(0, int(str(expected["ran"])) - outcomes)
        tally.duplicated = kinds["mismatch"]
        assert summary["digest"] == expected["digest"], "another history"
        assert kinds["worker_lost"], "no call was lost"
        tally.runs = kinds["worker_lost"] - 1
        tally.note = f"{again} trials ran again"
    tally.worst = (time.monotonic() - began) / max(1, tally.runs)
    return tally
