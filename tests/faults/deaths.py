"""Deaths of the parts of Ray and of machines under a search, and how long until it goes on or ends.

Every function starts a real search, injects one fault and measures. A fault of what the search cannot
do without must end it with one message; any other must cost it nothing but the seconds measured.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from results.error import StoreError
from results.record.store import Store
from tests.faults.listening import descendants
from tests.faults.machines import HEALTH, Machine, cluster, cut, network, token
from tests.search.command import start, tiny

LIMIT: Final = 30.0
"""Seconds from a death to the end of the command, or to its going on."""
BEGIN: Final = 120.0
"""Seconds that a search may take to begin."""
MORE: Final = ("--set", "proposals=4000")


@dataclass(frozen=True, slots=True)
class Death:
    """What came of a fault: `message` (the search ended) or `recovery` (it went on), after seconds."""

    fault: str
    ending: str
    seconds: float


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
    """Outcomes in a store that may not be there yet."""
    if not path.exists():
        return 0
    # Before the driver has made the tables, the file is no store yet.
    with suppress(StoreError), Store.read(path) as store:
        return sum(row.answered for row in store.studies())
    return 0


def own(folder: Path, program: str, number: signal.Signals) -> Death:
    """A part of the search's own cluster gets a signal: the search ends with a message.

    Raises:
        AssertionError: it ended otherwise, or later than `LIMIT`.
    """
    where = ("--workers", "1")
    with _searching(folder, where) as search:
        victim = part(search.process.pid, program)
        died = time.monotonic()
        os.kill(victim, number)
        try:
            seconds = search.ends_with_message(died, "gatewright search tiny.toml --workers 1")
        finally:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
    return Death(f"{program} of its own cluster {_word(number)}", "message", seconds)


def joined(folder: Path, victim: str, number: signal.Signals = signal.SIGKILL) -> Death:
    """A fault of a joined cluster of a head, on which the search runs, and a second machine.

    Args:
        folder: empty, for all files.
        victim: `gcs_server` or `raylet` (of the head), `head` (all of its processes), or `second`
            (all processes of the other machine).
        number: what it gets.

    Raises:
        AssertionError: the search did what it must not do, or took longer than `LIMIT`.
    """
    variables = token(folder) | HEALTH
    with cluster() as machines:
        machines.append(Machine(folder / "head", variables=variables).wait())
        head = machines[0]
        machines.append(Machine(folder / "second", head.address, variables=variables).wait())
        where = ("--address", head.address)
        with _searching(folder, where, variables=variables) as search:
            second = descendants(machines[1].process.pid)
            died = time.monotonic()
            if victim == "second":
                return Death(
                    f"second machine {_word(number)}",
                    "recovery",
                    search.goes_on(died, lambda: _signal(second, number)),
                )
            pids = descendants(head.process.pid) if victim == "head" else {head.part(victim)}
            _signal(pids, number)
            try:
                again = f"gatewright search tiny.toml --address {head.address}"
                seconds = search.ends_with_message(died, again)
            finally:
                _signal(pids, signal.SIGCONT)
    return Death(f"{victim} of a joined cluster {_word(number)}", "message", seconds)


def partitioned(folder: Path, cut_off: str) -> Death:
    """The link between two machines, each with a network of its own, goes down.

    Args:
        folder: empty, for all files.
        cut_off: `second`: the search runs on the head and loses the other machine; `head`: it runs on
            the second machine and loses the head.

    Raises:
        AssertionError: the search did what it must not do, or took longer than `LIMIT`.
    """
    variables = token(folder) | HEALTH
    with network() as (names, addresses), cluster() as machines:
        enter = [("ip", "netns", "exec", name) for name in names]
        machines.append(
            Machine(folder / "head", ip=addresses[0], before=enter[0], variables=variables).wait()
        )
        head = machines[0]
        second = Machine(
            folder / "second", head.address, ip=addresses[1], before=enter[1], variables=variables
        )
        machines.append(second.wait())
        here = 0 if cut_off == "second" else 1
        where = ("--address", head.address)
        with _searching(folder, where, before=enter[here], variables=variables) as search:
            died = time.monotonic()

            def inject() -> None:
                cut(names[0])

            if cut_off == "second":
                return Death("second machine cut off", "recovery", search.goes_on(died, inject))
            inject()
            again = f"gatewright search tiny.toml --address {head.address}"
            return Death("head cut off", "message", search.ends_with_message(died, again))


@dataclass(slots=True)
class _Search:
    """A search that runs as a command."""

    process: subprocess.Popen[str]
    store: Path

    def ends_with_message(self, died: float, again: str) -> float:
        """Seconds from `died` to its end, which must be one message with the command `again`."""
        before = answered(self.store)
        _, errors = self.process.communicate(timeout=LIMIT + 60)
        seconds = time.monotonic() - died
        assert self.process.returncode == 1, f"{self.process.returncode} {errors}"
        assert "pool.lost: " in errors, errors
        assert f"then go on with:\n    {again}" in errors, errors
        assert "Traceback" not in errors, errors
        assert seconds < LIMIT, f"{seconds:.1f} s: {errors}"
        assert answered(self.store) >= before
        return seconds

    def goes_on(self, died: float, inject: Callable[[], None]) -> float:
        """Seconds from the fault until all trials that were open then have their outcomes.

        A trial of this search takes some milliseconds; what is open a second later was sent to the
        lost machine after the fault, and counts too.
        """
        open_ = self._open()
        inject()
        time.sleep(1.0)
        open_ |= self._open()
        assert open_, "no trial was open"
        while self._open() & open_:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() - died < LIMIT + 120, f"{sorted(open_)} have no outcome"
            time.sleep(0.05)
        return time.monotonic() - died

    def _open(self) -> set[int]:
        with Store.read(self.store) as record:
            rows = record.select(
                "SELECT ask.number FROM ask LEFT JOIN outcome ON outcome.trial_key = ask.trial_key"
                " WHERE ask.trial_key IS NOT NULL AND outcome.trial_key IS NULL"
            )
        return {int(number) for (number,) in rows}


@contextmanager
def _searching(
    folder: Path,
    where: Sequence[str],
    before: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Generator[_Search]:
    """A search of thousands of cells that has begun; it is killed at the end."""
    tiny(folder)
    store = folder / "s.sqlite"
    words = ("search", "tiny.toml", *where, *MORE, "--store", "s.sqlite", "--json")
    told = [f"{name}={value}" for name, value in (variables or {}).items()]
    process = start(folder, *words, before=(*before, "env", *told))
    try:
        until = time.monotonic() + BEGIN
        while answered(store) < 5:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until, "the search did not begin"
            time.sleep(0.1)
        yield _Search(process, store)
    finally:
        for pid in descendants(process.pid) if process.poll() is None else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _word(number: signal.Signals) -> str:
    return {signal.SIGKILL: "killed", signal.SIGSTOP: "frozen"}[number]
