"""The real `smoke` study: one history in process, in any order of arrival, on Ray, and resumed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from results.record.outcome import Ending
from results.record.store import Store
from search import configuration
from search.progress import Silent
from search.run import driver
from search.run.clock import Monotonic
from search.run.evaluate import evaluate
from search.run.pool import LocalPool, Pool
from search.run.ray_pool import RayPool
from search.strategies import registry as strategies
from tasks import registry
from tests.faults.shuffled_pool import ShuffledPool


def drive(path: Path, pool: Pool) -> driver.Summary:
    plan = configuration.load("smoke")
    keys = [(plan.screen.task, plan.screen.scale), *((t.name, t.scale) for t in plan.tasks)]
    facts = {key: registry.load(*key).facts for key in keys}
    with Store.create_or_open(path) as store:
        strategy = strategies.make(plan, facts)
        return driver.run(
            plan, store, pool, strategy, Silent(), Monotonic(), facts.values(), {"test": "smoke"}
        )


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    """Of each trial of `expected`, as the engine gave it."""
    return {}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, outcomes: dict[str, str]) -> driver.Summary:
    def noted(trial: str) -> str:
        outcomes[trial] = evaluate(trial)
        return outcomes[trial]

    return drive(tmp_path_factory.mktemp("smoke") / "s.db", LocalPool(noted))


def test_the_smoke_study_trains_and_nothing_of_ours_fails(expected: driver.Summary) -> None:
    assert expected.ran > 20
    ours = {Ending.CRASHED, Ending.TIMED_OUT, Ending.OUT_OF_MEMORY, Ending.REFUSED}
    assert not ours & set(expected.endings)
    assert set(expected.best) == {task.name for task in configuration.load("smoke").tasks}


def shuffled(outcomes: dict[str, str]) -> Pool:
    # The engine would give these bits again, as it does on Ray.
    # With this seed no trial is lost three times, which would strike it out.
    return ShuffledPool(outcomes.__getitem__, 4, seed=6, losses=0.05)


def on_ray(_outcomes: dict[str, str]) -> Pool:
    return RayPool(2, None, evaluate)


@pytest.mark.parametrize("make", [shuffled, pytest.param(on_ray, marks=pytest.mark.slow)])
def test_the_smoke_study_has_one_history_whatever_runs_it(
    tmp_path: Path,
    expected: driver.Summary,
    outcomes: dict[str, str],
    make: Callable[[dict[str, str]], Pool],
) -> None:
    pool = make(outcomes)
    try:
        summary = drive(tmp_path / "s.db", pool)
    finally:
        pool.close()
    assert summary.digest == expected.digest
    assert summary.best == expected.best


def test_the_smoke_study_resumes_to_the_same_history(
    tmp_path: Path, expected: driver.Summary, outcomes: dict[str, str]
) -> None:
    left = [7]

    def stopping(trial: str) -> str:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
            return evaluate(trial)
        # The engine would give these bits again: the slow test on Ray trains every trial again.
        return outcomes[trial]

    starts = 1
    while (summary := drive(tmp_path / "s.db", LocalPool(stopping))).interrupted:
        left[0], starts = 12, starts + 1
    assert starts > 3
    assert summary.digest == expected.digest
