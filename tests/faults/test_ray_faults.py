"""Whole searches on Ray: any number of slots, killed workers, hostile files in the way."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from results.record.outcome import Ending
from results.record.provenance import root
from results.record.store import Store
from search.error import SearchError
from search.progress import Silent
from search.run.clock import Monotonic
from search.run.cluster.slot import SlotActor
from search.run.driver import Summary, run
from search.run.pool import LocalPool, Pool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.slots import up
from tests.faults.toy_strategy import ToyStrategy, study


def drive(path: Path, pool: Pool) -> Summary:
    with Store.create_or_open(path) as store:
        return run(study(), store, pool, ToyStrategy(study()), Silent(), Monotonic(), (), {})


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = tmp_path_factory.mktemp("expected")
    return drive(folder / "s.db", LocalPool(toy_engine.evaluate))


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(root()))
    monkeypatch.setenv("GATEWRIGHT_TOY_MS", "20")
    monkeypatch.setenv("GATEWRIGHT_TOY_LOG", str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.mark.parametrize("workers", [1, 4])
def test_any_number_of_slots_gives_the_history_of_the_run_in_process(
    tmp_path: Path, log: Path, expected: Summary, workers: int
) -> None:
    pool = RayPool(workers, None, toy_engine.evaluate)
    try:
        up(pool)  # else a slot that starts late may find nothing left to do
        summary = drive(tmp_path / "s.db", pool)
    finally:
        pool.close()
    assert summary.digest == expected.digest
    assert len({line.split()[2] for line in log.read_text().splitlines()}) == workers


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


def test_killed_workers_lose_nothing_and_change_nothing(
    tmp_path: Path, log: Path, expected: Summary
) -> None:
    kills, seed = 8, 11
    pool = RayPool(2, None, toy_engine.evaluate)
    killer = Killer(log, kills, seed)
    killer.start()
    try:
        summary = drive(tmp_path / "s.db", pool)
    finally:
        pool.close()
    lines = [line.split() for line in log.read_text().splitlines()]
    begun = Counter(key for what, key, _ in lines if what == "begin")
    ended = Counter(key for what, key, _ in lines if what == "end")
    cut = begun.total() - ended.total()
    with Store.read(tmp_path / "s.db") as store:
        events = Counter(row[0] for row in store.select("SELECT kind FROM event"))
        found = store.select("SELECT count(*) FROM outcome")[0][0]
    print(
        f"seed {seed}: {len(killer.hit)} workers killed, {cut} in the middle of a trial;"
        f" results expected {expected.ran}, found {found}, mismatched {events['mismatch']};"
        f" executions beyond the first {begun.total() - len(begun)}"
    )
    assert len(killer.hit) == kills
    assert cut >= 1
    assert Ending.CRASHED not in summary.endings, "one trial was hit three times"
    assert summary.digest == expected.digest
    assert found == expected.ran == len(ended)
    assert events["mismatch"] == 0
    assert summary.faults == events["worker_lost"] <= kills
    assert begun.total() - len(begun) <= 2 * kills


def test_hostile_files_in_the_current_directory_are_never_imported(
    tmp_path: Path, expected: Summary
) -> None:
    folder, mark = tmp_path / "hostile", tmp_path / "imported"
    body = f"open({str(mark)!r}, 'a').write(__name__)\n"
    for name in ("tasks.py", "search.py", "cells.py", "results/__init__.py", "tests.py"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body)
    driver = root() / "tests" / "faults" / "toy_driver.py"
    found = subprocess.run(
        [sys.executable, str(driver), str(tmp_path / "s.db"), "2"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(root())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["digest"] == expected.digest
    assert not mark.exists()


def test_a_slot_with_other_sources_refuses_work() -> None:
    slot = SlotActor(toy_engine.evaluate, "0" * 64)
    with pytest.raises(SearchError, match="digest") as caught:
        slot.evaluate("{}")
    assert caught.value.code == "pool.sources"


def test_a_pool_whose_slots_have_other_sources_runs_nothing(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import search.run.ray_pool

    monkeypatch.setattr(search.run.ray_pool, "source_digest", lambda: "0" * 64)
    pool = RayPool(1, None, toy_engine.evaluate)
    try:
        with pytest.raises(SearchError, match="sources with digest") as caught:
            drive(tmp_path / "s.db", pool)
        assert caught.value.code == "pool.unfit"
    finally:
        pool.close()
    assert not log.exists()
