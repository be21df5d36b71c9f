"""Faults against the store: what the tests and `scripts/storm` do to it.

The child is this very file, run as `python faults.py STORE MODE SIZE`. It writes a synthetic history and
one letter and a number to standard output after each acknowledged row, `A 3` for ask 3 and `O 3` for its
outcome, and goes on where the store ends. In the mode `watch` it reads until the history is complete.
"""

import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from results.error import StoreError
from results.record.file.lock import beside
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


def starve_once(path: Path, size: int) -> None:
    """Runs a writer whose files may not grow beyond `size` bytes, and later may.

    Asserts that it is refused in one line, that nothing acknowledged is lost, and that it goes on in the
    same process once there is room.
    """
    child = start(path, "limited", size)
    out, err = child.communicate()
    message = err.decode()
    assert child.returncode == 0, message
    before, room, after = out.decode().partition("ROOM\n")
    assert before
    assert room
    assert after
    assert message.startswith(("disk-full: ", "input-output: ")), message
    assert "what was acknowledged is kept" in message, message
    complete = check_prefix(path, set((before + after).splitlines()))
    assert complete == len(synthetic.history(long_study()))


def race_once(path: Path) -> None:
    """Starts two writers at once and asserts that no row is acknowledged twice."""
    children = [start(path, "run", 0.001) for _ in range(2)]
    # The loser of a race may also find the store free again once the winner is done.
    ends = [child.communicate() for child in children]
    codes = sorted(child.returncode for child in children)
    assert codes in ([0, 3], [0, 0]), ends
    for child, (out, err) in zip(children, ends, strict=True):
        if child.returncode == 3:
            assert err.startswith(b"busy: "), err
            assert out == b""
    lines = [line for out, _ in ends for line in out.splitlines()]
    assert len(lines) == len(set(lines))
    check_prefix(path, {line.decode() for line in lines})


def freeze_once(path: Path) -> None:
    """Freezes a writer, lets another finish its work, and asserts that it writes nothing when it wakes."""
    frozen = start(path, "run", 0.002)
    _freeze_between_writes(frozen, path)
    # The lock would hold; a file system without locks would not.
    beside(path).unlink()
    try:
        second = start(path)
        second.communicate()
    finally:
        frozen.send_signal(signal.SIGCONT)
    _, err = frozen.communicate()
    assert second.returncode == 0
    assert frozen.returncode == 3
    assert err.startswith(b"superseded: "), err
    check_prefix(path, set())


def _freeze_between_writes(child: subprocess.Popen[bytes], path: Path) -> None:
    """Stops a writer where it holds no lock of SQLite, which would shut every other writer out."""
    assert child.stdout is not None
    while child.stdout.readline():
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError:
                child.send_signal(signal.SIGCONT)
    raise AssertionError("the writer ended before it could be stopped")


def read_beside(path: Path, readers: int) -> list[int]:
    """How often each of the readers beside a writer read the whole history.

    Asserts that none of them saw anything but a prefix of it, or was shut out.
    """
    Store.create_or_open(path).close()
    watching = [start(path, "watch") for _ in range(readers)]
    writer = start(path, "run", 0.0005)
    _, err = writer.communicate()
    assert writer.returncode == 0, err
    ends = [child.communicate() for child in watching]
    for child, (_, err) in zip(watching, ends, strict=True):
        assert child.returncode == 0, err
    return [int(out) for out, _ in ends]


def watch(path: Path) -> int:
    """Reads until the history is complete; returns how often. Asserts that each time it is a prefix."""
    expected, reads = synthetic.history(long_study()), 0
    with Store.read(path) as reader:
        while True:
            log = reader.log(long_study().id)
            reads += 1
            for (ask, result), given in zip(log, expected, strict=False):
                assert ask == given[0]
                assert result in (given[1], None)
            if len(log) == len(expected) and log[-1][1] == expected[-1][1]:
                return reads


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
        if mode == "watch":
            print(watch(Path(path)))
            return 0
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
