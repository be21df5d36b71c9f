"""Whole searches on Ray: any number of slots, killed workers, hostile files in the way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.record.outcome import Ending
from results.record.provenance import root
from search.error import SearchError
from search.run.cluster.slot import SlotActor
from search.run.driver import Summary
from search.run.pool import LocalPool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.slots import up
from tests.faults.worker_kills import drive, kill_workers


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


# Two slots are those of the tests below.
@pytest.mark.slow
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


def test_killed_workers_lose_nothing_and_change_nothing(
    tmp_path: Path, log: Path, expected: Summary
) -> None:
    kills, seed = 4, 11
    came = kill_workers(tmp_path / "s.db", log, kills, seed)
    print(f"seed {seed}: {kills} workers killed, {came}")
    assert came.killed == kills
    assert came.cut >= 1
    assert Ending.CRASHED not in came.summary.endings, "one trial was hit three times"
    assert came.summary.digest == expected.digest
    assert came.outcomes == expected.ran == came.ended
    assert came.mismatches == 0
    assert came.summary.faults == came.worker_lost <= kills
    assert came.again <= 2 * kills


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


@pytest.mark.slow
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
