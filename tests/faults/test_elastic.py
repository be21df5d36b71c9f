"""Slots follow machines that join and leave a running search, and the history does not change."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from results.record.outcome import Ending
from results.record.provenance import root
from results.record.store import Store
from search.progress import Silent
from search.run.clock import Monotonic
from search.run.driver import Summary, run
from search.run.pool import LocalPool, Pool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.listening import descendants
from tests.faults.machines import Machine, cluster, token
from tests.faults.toy_strategy import ToyStrategy, study

LIMIT = 120.0
"""Seconds that anything may take to happen."""


def drive(path: Path, pool: Pool, count: int) -> Summary:
    with Store.create_or_open(path) as store:
        toy = ToyStrategy(study(), count)
        return run(study(), store, pool, toy, Silent(), Monotonic(), (), {})


class Log:
    """What the toy engine has written: which process began and ended which trial."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def pairs(self, kind: str) -> list[tuple[str, int]]:
        """Key and process of every beginning, or of every end, of a trial."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        told = [line.split() for line in lines]
        return [(key, int(pid)) for what, key, pid in told if what == kind]

    def ended(self, machine: Machine) -> int:
        """Trials that have ended on this machine."""
        here = descendants(machine.process.pid)
        return sum(pid in here for _, pid in self.pairs("end"))


def until(happened: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < limit, f"not within {LIMIT:.0f} s: {what}"
        time.sleep(0.02)


class Change(threading.Thread):
    """Lets a second machine join a running search, and leave it while it runs a trial.

    Args:
        machines: the first one, already in the search.
        folder: for the second.
        log: of the trials.
        gracefully: it is told to leave, else it is lost.
    """

    def __init__(self, machines: list[Machine], folder: Path, log: Log, gracefully: bool) -> None:
        super().__init__(daemon=True)
        self.machines = machines
        self.folder = folder
        self.log = log
        self.gracefully = gracefully
        self.helped = 0
        self.cut: set[str] = set()
        """Keys of the trials that ran on the second machine when it left."""
        self.left = 0.0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self._change()
        except Exception as error:
            self.error = error

    def _change(self) -> None:
        until(lambda: self.log.ended(self.machines[0]) >= 5, "five trials on the first machine")
        second = Machine(self.folder, self.machines[0].address)
        self.machines.append(second)
        second.wait()
        until(lambda: self.log.ended(second) >= 5, "five trials on the second machine")
        self.helped = self.log.ended(second)
        if self.gracefully:
            self.left = time.monotonic()
            second.leave()
            second.process.wait(LIMIT)
            return
        until(lambda: self._frozen_in_a_trial(second), "a trial on the second machine")
        self.left = time.monotonic()
        second.kill()

    def _frozen_in_a_trial(self, machine: Machine) -> bool:
        """Stops a machine; lets it go on again if no trial was running."""
        here = machine.signal(signal.SIGSTOP)
        pairs = set(self.log.pairs("begin")) - set(self.log.pairs("end"))
        self.cut = {key for key, pid in pairs if pid in here}
        if not self.cut:
            machine.signal(signal.SIGCONT)
        return bool(self.cut)


@pytest.mark.slow
@pytest.mark.parametrize("gracefully", [False, True])
def test_a_machine_that_joins_is_used_and_when_it_leaves_its_trial_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gracefully: bool
) -> None:
    count = 200
    expected = drive(tmp_path / "alone.sqlite", LocalPool(toy_engine.evaluate), count)
    log = Log(tmp_path / "log")
    for name, value in {
        **token(tmp_path),
        "PYTHONPATH": str(root()),
        "GATEWRIGHT_TOY_MS": "100",
        "GATEWRIGHT_TOY_LOG": str(log.path),
    }.items():
        monkeypatch.setenv(name, value)
    with cluster() as machines:
        machines.append(Machine(tmp_path / "first").wait())
        pool = RayPool(None, machines[0].address, toy_engine.evaluate)
        try:
            change = Change(machines, tmp_path / "second", log, gracefully)
            change.start()
            summary = drive(tmp_path / "s.sqlite", pool, count)
            seconds = time.monotonic() - change.left
            change.join(LIMIT)
        finally:
            pool.close()
    assert change.error is None, change.error
    print(f"{change.helped} trials on the second machine, {len(change.cut)} cut; {seconds:.1f} s")
    assert change.left
    assert gracefully or change.cut
    begun = Counter(key for key, _ in log.pairs("begin"))
    assert all(begun[key] == 2 for key in change.cut)
    with Store.read(tmp_path / "s.sqlite") as store:
        kinds = Counter(kind for (kind,) in store.select("SELECT kind FROM event"))
    assert kinds["joined"] == 1
    assert not kinds["worker_lost"], "a trial is not to blame for a machine that leaves"
    assert Ending.CRASHED not in summary.endings
    assert summary.digest == expected.digest


@pytest.mark.slow
def test_a_search_waits_for_the_first_machine_that_offers_a_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**token(tmp_path), "PYTHONPATH": str(root())}.items():
        monkeypatch.setenv(name, value)
    with cluster() as machines:
        machines.append(Machine(tmp_path / "head", cpus=0).wait())
        machines.append(Machine(tmp_path / "second", machines[0].address))
        pool = RayPool(None, machines[0].address, toy_engine.evaluate)
        pool.close()
    assert pool.slots == 1
