"""The parts of Ray itself die under a search: it ends soon, with one message, and nothing is lost."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from results.error import StoreError
from results.record.store import Store
from tests.faults.listening import descendants
from tests.search.command import start, tiny

LIMIT = 30.0
"""Seconds from the death to the end of the command."""


def part(pid: int, name: str) -> int:
    """The process below `pid` that runs the program `name` of Ray."""
    for child in descendants(pid):
        try:
            program = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0].decode()
        except OSError:
            continue
        if Path(program).name == name:
            return child
    raise AssertionError(f"no {name} below {pid}")


def answered(path: Path) -> int:
    if not path.exists():
        return 0
    # Before the driver has made the tables, the file is no store yet.
    with suppress(StoreError), Store.read(path) as store:
        return sum(row.answered for row in store.studies())
    return 0


@pytest.mark.parametrize(
    ("program", "number"),
    [
        ("gcs_server", signal.SIGKILL),
        ("raylet", signal.SIGKILL),
        pytest.param("gcs_server", signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_the_death_of_a_part_of_ray_ends_the_search_with_the_command_that_goes_on(
    tmp_path: Path, program: str, number: signal.Signals
) -> None:
    tiny(tmp_path)
    store = tmp_path / "s.sqlite"
    more = ("--set", "proposals=4000")
    child = start(
        tmp_path, "search", "tiny.toml", "--workers", "1", *more, "--store", "s.sqlite", "--json"
    )
    until = time.monotonic() + 120
    while answered(store) < 5:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < until, "the search did not begin"
        time.sleep(0.1)
    victim = part(child.pid, program)
    before, died = answered(store), time.monotonic()
    os.kill(victim, number)
    try:
        _, errors = child.communicate(timeout=LIMIT + 30)
    finally:
        child.kill()
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    seconds = time.monotonic() - died
    print(f"{program} {number.name}: {seconds:.1f} s to the message")
    assert child.returncode == 1, errors
    assert seconds < LIMIT
    assert "pool.lost: " in errors
    assert "then go on with:\n    gatewright search tiny.toml --workers 1" in errors
    assert "Traceback" not in errors
    assert answered(store) >= before
