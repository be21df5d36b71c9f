"""Pools under their contract. One Ray start for all tests that only need a healthy cluster."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from results.record.outcome import Outcome
from results.record.provenance import root
from results.record.trial import Trial
from search.error import SearchError
from search.run.clock import Monotonic
from search.run.guards.limits import Limits
from search.run.pool import Arrival, Fault, Job, LocalPool, Pool
from search.run.ray_pool import RayPool
from tests.faults import toy_engine
from tests.faults.listening import addresses
from tests.faults.slots import up
from tests.faults.toy_strategy import ToyStrategy, study

MISDEEDS = {20: "exit", 21: "segfault", 22: "loop", 23: "memory"}


def trials() -> dict[int, Trial]:
    toy = ToyStrategy(study(lag=100), count=30, misdeeds=MISDEEDS)
    asks = [toy.ask(index) for index in range(30)]
    return {ask.index: ask.trial for ask in asks if ask and ask.trial}


def drain(pool: Pool, jobs: list[Job], seconds: float = 120.0) -> list[Arrival]:
    """Feeds and waits until every job came back."""
    jobs, arrivals = list(jobs), []
    wanted, until = len(jobs), time.monotonic() + seconds
    while len(arrivals) < wanted:
        while jobs and pool.room > 0:
            pool.submit(jobs.pop(0))
        arrivals += pool.wait(0.5)
        assert time.monotonic() < until, f"{len(arrivals)} of {wanted} jobs came back"
    return arrivals


def test_the_local_pool_runs_one_job_a_wait() -> None:
    pool = LocalPool(toy_engine.evaluate)
    assert pool.wait(0.0) == []
    jobs = [Job(index, 1, trial.to_json()) for index, trial in trials().items() if index < 5]
    for arrival in drain(pool, jobs):
        assert arrival.outcome is not None
        assert Outcome.from_json(arrival.outcome) == toy_engine.outcome(trials()[arrival.job.index])
    pool.submit(jobs[0])
    assert pool.room == 0
    pool.close()
    assert pool.wait(0.0) == []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the toy engine notes its executions."""
    return tmp_path_factory.mktemp("toy") / "log"


@pytest.fixture(scope="module")
def ray_pool(log: Path) -> Iterator[RayPool]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root()))
        patch.setenv("GATEWRIGHT_TOY_LOG", str(log))
        # As in a process that has used Ray without a token, and not on loopback alone.
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
        patch.delenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", raising=False)
        with pytest.raises(SearchError, match="nothing answers"):
            RayPool(1, "127.0.0.1:1", toy_engine.evaluate)
        before = variables()
        assert authenticates() == "disabled"
        pool = RayPool(2, None, toy_engine.evaluate)
        yield pool
        pool.close()
        pool.close()
        assert variables() == before
        assert authenticates() == "disabled"


def variables() -> dict[str, str]:
    """What Ray reads in this process's environment."""
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_")}


def authenticates() -> str:
    """How this process shows Ray that it may take part."""
    from ray._private.authentication.authentication_utils import get_authentication_mode_name

    raylet: Any = import_module("ray._raylet")
    return get_authentication_mode_name(raylet.get_authentication_mode())


def test_a_pool_of_our_own_asks_for_a_token_whatever_ray_was_used_for_before(
    ray_pool: RayPool,
) -> None:
    assert authenticates() == "token"
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_slots_can_be_chosen_by_their_machine_and_get_their_share_of_the_limits(
    ray_pool: RayPool,
) -> None:
    up(ray_pool)
    seats = ray_pool.seats()
    assert [seat.slot for seat in seats] == [0, 1]
    (node,) = {seat.node for seat in seats}
    assert node
    asked = trials()
    bounds = Limits(60.0, 0.5)
    jobs = [Job(i, 1, trial.to_json(), None, bounds) for i, trial in asked.items() if i in (0, 23)]
    for number, job in enumerate(jobs):
        assert ray_pool.submit(job, 1) == 1
        assert [seat.room for seat in ray_pool.seats()] == [2, 1 - number]
    with pytest.raises(SearchError, match="room"):
        ray_pool.submit(jobs[0], 1)
    arrivals = list[Arrival]()
    until = time.monotonic() + 60
    while len(arrivals) < 2:
        arrivals += ray_pool.wait(0.5)
        assert time.monotonic() < until
    assert {(arrival.slot, arrival.node) for arrival in arrivals} == {(1, node)}
    came, guarded = sorted(arrivals, key=lambda arrival: arrival.job.index)
    assert came.outcome is not None
    assert guarded.fault is Fault.GUARDED
    assert guarded.detail == f"more than {Limits(60.0, 0.25).bytes()} bytes", "half for each slot"
    assert len(ray_pool.seats()) == 2, "a slot whose trial was guarded goes on"


def test_ray_slots_return_what_the_engine_computes(ray_pool: RayPool) -> None:
    up(ray_pool)
    jobs = [Job(i, 1, trial.to_json()) for i, trial in trials().items() if i < 20]
    arrivals = drain(ray_pool, jobs)
    assert sorted(arrival.job.index for arrival in arrivals) == [job.index for job in jobs]
    assert {arrival.slot for arrival in arrivals} == {0, 1}
    for arrival in arrivals:
        assert arrival.outcome is not None
        assert Outcome.from_json(arrival.outcome) == toy_engine.outcome(trials()[arrival.job.index])


def test_no_socket_of_ours_listens_beyond_this_machine(ray_pool: RayPool) -> None:
    ours = addresses(os.getpid())
    assert len(ours) >= 4, "Ray listens on several ports; finding none means looking wrongly"
    assert {address for address, _, _ in ours} <= {"127.0.0.1", "::1"}


def test_a_client_without_the_token_is_refused(ray_pool: RayPool) -> None:
    import ray

    script = (
        "import sys\n"
        "from ray._raylet import GcsClient\n"
        "keys = GcsClient(address=sys.argv[1]).internal_kv_keys(b'', timeout=10)\n"
        "print('joined', len(keys))\n"
    )

    def client(**token: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_AUTH")} | token
        address = ray.get_runtime_context().gcs_address
        return subprocess.run(
            [sys.executable, "-c", script, address],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    path = Path(os.environ["RAY_AUTH_TOKEN_PATH"])
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert "joined" in client(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(path)).stdout
    for refused in (
        client(RAY_AUTH_MODE="disabled"),
        client(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64),
    ):
        assert "joined" not in refused.stdout
        assert "InvalidAuthToken" in refused.stderr


def test_a_second_pool_in_the_process_is_refused(ray_pool: RayPool) -> None:
    with pytest.raises(SearchError, match="uses Ray already"):
        RayPool(1, None, toy_engine.evaluate)


@pytest.mark.parametrize(
    ("index", "seconds", "fault"),
    [(20, None, Fault.DIED), (21, None, Fault.DIED), (22, 0.5, Fault.OVERDUE)],
)
def test_a_hostile_trial_costs_its_slot_and_nothing_else(
    ray_pool: RayPool, index: int, seconds: float | None, fault: Fault
) -> None:
    up(ray_pool)
    asked = trials()
    jobs = [Job(index, 1, asked[index].to_json(), seconds)]
    jobs += [Job(i, 1, trial.to_json(), 30.0) for i, trial in asked.items() if i < 10]
    arrivals = drain(ray_pool, jobs)
    assert len(arrivals) == len(jobs)
    by_index = {arrival.job.index: arrival for arrival in arrivals}
    assert by_index.pop(index).fault is fault
    displaced = [a for a in by_index.values() if a.fault is not None]
    assert len(displaced) <= 1
    assert all(arrival.fault is Fault.DISPLACED for arrival in displaced)


def test_a_killed_worker_is_replaced_and_nothing_is_printed(
    ray_pool: RayPool, log: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    up(ray_pool)
    jobs = [Job(i, 1, trial.to_json()) for i, trial in trials().items() if i < 20]
    before = len(log.read_text().splitlines())
    drain(ray_pool, jobs)
    pids = {int(line.split()[2]) for line in log.read_text().splitlines()[before:]}
    assert len(pids) == 2
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for job in jobs[:4]:
        ray_pool.submit(job)
    dead, until = list[Arrival](), time.monotonic() + 60
    while not dead:
        dead = ray_pool.wait(0.5)
        assert time.monotonic() < until
    together = {arrival.slot for arrival in dead if arrival.fault is Fault.DIED}
    assert together == {0, 1}, "two deaths of one moment come in one step"
    arrivals = drain(ray_pool, jobs)
    assert sorted(arrival.job.index for arrival in arrivals) == [job.index for job in jobs]
    assert all(arrival.outcome is not None for arrival in arrivals)
    assert capfd.readouterr() == ("", "")


class Jumping:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        return Monotonic().now() + self.offset


def test_deadlines_follow_the_injected_clock_alone(ray_pool: RayPool) -> None:
    asked, clock = trials(), Jumping()
    ray_pool._clock, before = clock, ray_pool._clock
    try:
        up(ray_pool)
        ray_pool.submit(Job(22, 1, asked[22].to_json(), 3600.0))
        assert ray_pool.wait(0.2) == []
        clock.offset = 3601.0
        (arrival,) = ray_pool.wait(0.2)
        assert (arrival.job.index, arrival.fault) == (22, Fault.OVERDUE)
    finally:
        ray_pool._clock = before
