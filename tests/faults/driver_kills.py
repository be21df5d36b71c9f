"""Drivers of a toy search in processes of their own, to be killed at random moments and started again."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.record.provenance import root
from results.record.store import Store

DRIVER = root() / "tests" / "faults" / "toy_driver.py"
PATIENCE = 120.0
"""Seconds that a busy machine may take for anything here."""


def start(
    store: Path, workers: int, log: Path, mean: float = 20.0, count: int = 60, **variables: str
) -> subprocess.Popen[str]:
    """A driver over toy trials of `mean` milliseconds, each noted in `log`."""
    environment = os.environ | {
        "PYTHONPATH": str(root()),
        "GATEWRIGHT_TOY_MS": str(mean),
        "GATEWRIGHT_TOY_LOG": str(log),
    }
    return subprocess.Popen(
        [sys.executable, str(DRIVER), str(store), str(workers), str(count)],
        env=environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(
    process: subprocess.Popen[str], status: int = 0, seconds: float = PATIENCE
) -> dict[str, object]:
    """The summary that it prints within that time; asserts its exit status."""
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert process.returncode == status, errors
    return json.loads(output)


def executions(log: Path) -> int:
    """Executions begun and ended so far, in pairs."""
    return len(log.read_text().splitlines()) // 2 if log.exists() else 0


def answered(store: Path) -> int:
    """Asks with an outcome."""
    with Store.read(store) as opened:
        return sum(row.answered for row in opened.studies())


@dataclass(frozen=True, slots=True)
class Kills:
    """What came of a search that was killed again and again.

    Attributes:
        hits: answered asks after each kill.
        expected: trials of the undisturbed run.
        outcomes: trials with an outcome at the end.
        executions: of trials, all starts together.
        mismatches: trials that came twice with other results.
        same: the history has the digest of the undisturbed run.
    """

    hits: list[int]
    expected: int
    outcomes: int
    executions: int
    mismatches: int
    same: bool


def kill(
    folder: Path,
    expected: dict[str, object],
    workers: Sequence[int],
    moments: random.Random,
    count: int = 60,
) -> Kills:
    """Kills all starts of a driver but the last in the middle of its work, and looks.

    Args:
        folder: for the store and the log.
        expected: summary of an undisturbed run of the same study.
        workers: of each start; 0 runs in process.
        moments: decides when.
        count: asks of the study; enough that every kill comes before its end.

    Raises:
        AssertionError: a kill missed, or the file is not sound.
    """
    store, log = folder / "s.db", folder / "log"
    hits: list[int] = []
    *killed, last = workers
    for slots in killed:
        process = start(store, slots, log, count=count)
        # Waits for the first execution of this start, so that the kill meets work and not imports.
        before, until = executions(log), time.monotonic() + PATIENCE
        while executions(log) == before and process.poll() is None:
            assert time.monotonic() < until, "the driver did not begin"
            time.sleep(0.005)
        time.sleep(moments.uniform(0.0, 0.25))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        hits.append(answered(store))
    assert all(hit < count for hit in hits), "every kill was meant to hit before the end"
    assert hits == sorted(hits), "a start had fewer answers than the one before"
    assert hits[-1] > 0, "no run before a kill got anywhere"
    summary = finish(start(store, last, log, mean=0.0 if last == 0 else 20.0, count=count))
    with Store.read(store) as opened:
        events = [row[0] for row in opened.select("SELECT kind FROM event")]
        assert opened.select("PRAGMA integrity_check")[0][0] == "ok"
        outcomes = int(opened.select("SELECT count(*) FROM outcome")[0][0])
    return Kills(
        hits,
        int(str(expected["ran"])),
        outcomes,
        executions(log),
        events.count("mismatch"),
        summary["digest"] == expected["digest"],
    )
