"""The driver is killed at random moments and started again."""

import random
import signal
import time
from pathlib import Path

import pytest

from results.error import StoreError
from results.record.store import Store
from tests.faults.driver_kills import answered, executions, finish, kill, start
from tests.faults.toy_strategy import study


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("expected")
    return finish(start(folder / "s.db", 0, folder / "log", mean=0.0))


@pytest.mark.parametrize(
    "workers",
    [
        (0,) * 7,
        pytest.param((2, 0, 2), marks=pytest.mark.slow),
        pytest.param((2, 2, 2), marks=pytest.mark.slow),
    ],
)
def test_a_killed_driver_resumes_to_the_same_bytes_whatever_the_workers_of_its_starts(
    tmp_path: Path, expected: dict[str, object], workers: tuple[int, ...]
) -> None:
    seed = 7
    came = kill(tmp_path, expected, workers, random.Random(seed))  # noqa: S311
    kills = len(workers) - 1
    print(f"seed {seed}: {kills} kills, {came}")
    assert len(came.hits) == kills
    assert came.same
    assert came.mismatches == 0
    assert came.outcomes == came.expected
    # Only what was in slots may run again: one in process, two a slot with Ray.
    assert came.executions <= came.outcomes + sum(max(1, 2 * count) for count in workers[:-1])


def test_a_driver_killed_in_the_middle_of_a_step_loses_that_step_alone(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    store, log = tmp_path / "s.db", tmp_path / "log"
    left: list[tuple[int, int]] = []
    # The first step fills the slots: the third job and the tenth belong to it.
    for job in (3, 10, 20, 24):
        process = start(store, 0, log, mean=0.0, GATEWRIGHT_TOY_KILL=str(job))
        process.communicate(timeout=120)
        assert process.returncode == -signal.SIGKILL
        with Store.read(store) as opened:
            asks = opened.log(study().id)
            sent = opened.select("SELECT count(*) FROM attempt")[0][0]
            opened.check_seals()
        answers = sum(outcome is not None for _, outcome in asks)
        left.append((len(asks), answers))
        assert (sent == 0) == (not asks)
    assert left[:2] == [(0, 0), (0, 0)]
    assert left == sorted(left)
    assert left[-1][1] > 0, "no step before a kill was committed"
    summary = finish(start(store, 0, log, mean=0.0))
    assert summary["digest"] == expected["digest"]
    with Store.read(store) as opened:
        events = [row[0] for row in opened.select("SELECT kind FROM event")]
    assert "mismatch" not in events


def test_a_second_driver_on_the_same_store_is_refused(
    tmp_path: Path, expected: dict[str, object]
) -> None:
    store, log = tmp_path / "s.db", tmp_path / "log"
    first = start(store, 0, log)
    until = time.monotonic() + 120
    while executions(log) == 0:
        assert time.monotonic() < until
        time.sleep(0.005)
    with pytest.raises(StoreError) as caught:
        Store.create_or_open(store)
    assert caught.value.code == "busy"
    # It holds the store also while it is frozen, and cannot come to its end before the other begins.
    first.send_signal(signal.SIGSTOP)
    try:
        second = start(store, 0, log)
        _, errors = second.communicate(timeout=120)
    finally:
        first.send_signal(signal.SIGCONT)
    assert second.returncode != 0
    assert "busy" in errors
    assert finish(first)["digest"] == expected["digest"]
    with Store.read(store) as opened:
        assert [row.epochs for row in opened.studies()] == [1]
        assert opened.studies()[0].study == study()


def test_a_signal_ends_a_run_with_ray_in_order(tmp_path: Path, expected: dict[str, object]) -> None:
    store, log = tmp_path / "s.db", tmp_path / "log"
    process = start(store, 2, log, mean=400.0)
    until = time.monotonic() + 120
    while executions(log) < 3:
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.005)
    # Most likely inside Ray's wait, where an exception from a handler would be a SystemError.
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    summary = finish(process, status=130)
    assert summary["interrupted"]
    assert 0 < answered(store) < 60
    resumed = finish(start(store, 0, log, mean=0.0))
    assert resumed["digest"] == expected["digest"]
    assert resumed["epoch"] == 2
