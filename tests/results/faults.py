"""Faults against the store: what the tests and `scripts/kill_storm.py` do to it.

The child is this very file, run as `python faults.py STORE MODE SIZE`. It writes a synthetic history and one letter and a number to standard output after each
acknowledged row, `A 3` for ask 3 and `O 3` for its outcome, and goes on where the store ends.
"""

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from results.error import StoreError
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic

CHILD = Path(__file__)


def start(path: Path, mode: str = "run", size: float = 0) -> subprocess.Popen[bytes]:
    """A writer in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(CHILD), str(path), mode, str(size)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def kill_once(path: Path, draw: random.Random, acknowledged: set[str]) -> None:
    """Starts a writer and kills it after a few rows; adds what it acknowledged."""
    child = start(path, "run", 0.002)
    assert child.stdout is not None
    for _ in range(draw.randrange(1, 8)):
        line = child.stdout.readline()
        if not line:
            break
        acknowledged.add(line.decode().strip())
    child.send_signal(signal.SIGKILL)
    # Lines this short are atomic in a pipe: a killed child leaves no half one.
    acknowledged.update(child.stdout.read().decode().splitlines())
    child.communicate()


def check_prefix(path: Path, acknowledged: set[str]) -> int:
    """Asserts that what is there is a prefix of the one history, with all that was acknowledged.

    Returns the number of asks in it.
    """
    expected = synthetic.history(long_study())
    with Store.read(path) as store:
        assert store.select("PRAGMA integrity_check")[0][0] == "ok"
        log = store.log(long_study().id)
    for (ask, outcome), (given, result) in zip(log, expected, strict=False):
        assert ask == given
        # Only the very last ask may lack its outcome: the child writes one after the other.
        assert outcome == result or (outcome is None and ask.index == len(log) - 1)
        assert outcome == result or f"O {ask.index}" not in acknowledged
    asked = {int(line[2:]) for line in acknowledged if line.startswith("A")}
    assert asked <= set(range(len(log)))
    return len(log)


def tear_once(whole: bytes, path: Path, draw: random.Random) -> bool:
    """Writes a copy with its tail torn off or one bit flipped; True if the damage was named.

    Asserts that the log is complete if it was not.
    """
    torn = bytearray(whole)
    if draw.randrange(2):
        del torn[draw.randrange(len(whole)) :]
    else:
        torn[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    path.write_bytes(torn)
    study = synthetic.study()
    try:
        with Store.read(path) as store:
            log = store.log(study.id)
    except StoreError:
        return True
    assert log == synthetic.history(study)
    return False


def long_study() -> Study:
    """Enough asks that no writer ends before it is killed."""
    return synthetic.study("storm", seed=3)


def write_on(store: Store, study: Study, pause: float = 0.0) -> None:
    """Continues the history, acknowledging each row on standard output."""
    log = store.log(study.id)
    store.begin(study, {})
    for ask, outcome in synthetic.history(study):
        if ask.index >= len(log):
            store.add_ask(study.id, ask)
            os.write(1, f"A {ask.index}\n".encode())
        if outcome is not None and (ask.index >= len(log) or log[ask.index][1] is None):
            store.add_outcome(study.id, ask.index, outcome)
            os.write(1, f"O {ask.index}\n".encode())
        time.sleep(pause)


def main(path: str, mode: str = "run", size: str = "0") -> int:
    """Exit code 0 when the history is complete, 3 with the code on standard error if refused."""
    if mode == "limited":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))
    try:
        with Store.create_or_open(Path(path)) as store:
            if mode == "limited":
                return starve(store)
            write_on(store, long_study(), float(size))
    except StoreError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


def starve(store: Store) -> int:
    """Writes until refused, then with room again in the same process."""
    try:
        write_on(store, long_study())
    except StoreError as error:
        print(error, file=sys.stderr)
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        os.write(1, b"ROOM\n")
        write_on(store, long_study())
        return 0
    return 4


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
