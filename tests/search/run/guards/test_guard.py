"""Guards of a start: what they allow, from what a training of the yardstick is expected to cost."""

from dataclasses import replace

import pytest

from cells.engine import executor as executors
from cells.training.budget import Budget
from results.record.outcome import Cost, Ending, Outcome
from results.record.study import Study
from search import configuration
from search.run.estimate import tasks_of
from search.run.guards import guard as guards
from search.run.guards.guard import LEAST, PATIENCE, Expectation, Guard, Guards
from search.run.guards.limits import UNLIMITED, Limits
from tasks import registry
from tests.search.run.test_evaluate import trial

FREE = trial(budget=Budget(parameters=2000, updates=10))


def expectation(study: Study, executor: str = "native") -> Expectation:
    facts = [registry.load(*key).facts for key in tasks_of(study)]
    return Expectation(study, facts, executor)


def test_a_trial_may_take_many_times_what_is_expected_and_at_least_a_minute() -> None:
    short = Guard(Guards(20.0, 0.5), lambda key: 2.0)
    assert short.limits(FREE) == Limits(LEAST, 0.5)
    assert short.wall(FREE) == PATIENCE * LEAST
    long = Guard(Guards(20.0, 0.5), lambda key: 10.0)
    assert long.limits(FREE) == Limits(200.0, 0.5)
    assert long.wall(FREE) == 2000.0


def test_the_expectation_is_asked_for_once_a_task() -> None:
    asked: list[tuple[str, str]] = []

    def expected(key: tuple[str, str]) -> float:
        asked.append(key)
        return 1.0

    guard = Guard(Guards(), expected)
    for one in (FREE, replace(FREE, seed=2), replace(FREE, task="arithmetic")):
        guard.limits(one)
        guard.wall(one)
    assert asked == [("memorization", "smoke"), ("arithmetic", "smoke")]


def test_what_a_trial_took_that_ended_well_may_be_expected_of_others() -> None:
    guard = Guard(Guards(20.0), lambda key: 10.0)
    failed = Outcome(FREE.key, Ending.DIVERGED, cost=Cost(900.0, 900.0, 1))
    guard.learn(FREE, failed)
    assert guard.limits(FREE).cpu_seconds == 200.0
    guard.learn(FREE, replace(failed, ending=Ending.OK))
    assert guard.limits(FREE).cpu_seconds == 18_000.0
    assert guard.limits(replace(FREE, task="arithmetic")).cpu_seconds == 200.0


def test_a_budget_of_seconds_keeps_its_own_deadline_with_guards_or_without() -> None:
    bounded = replace(FREE, budget=replace(FREE.budget, seconds=100.0))
    for one in (Guard(None), Guard(Guards(), lambda key: 1e9)):
        assert one.wall(bounded) == 180.0


def test_without_guards_nothing_is_bounded_and_nothing_is_expected() -> None:
    def never(key: tuple[str, str]) -> float:
        raise AssertionError(key)

    assert Guard(None, never).limits(FREE) == UNLIMITED
    assert Guard(None, never).wall(FREE) is None


def test_what_stays_below_a_minute_on_any_machine_is_not_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(guards, "seconds_of")
    smoke = configuration.load("smoke")
    expected = expectation(smoke)
    for key in tasks_of(smoke):
        assert 0.0 < expected(key) < LEAST / 20
    assert expected(("unknown", "smoke")) == 0.0


def test_longer_trainings_are_timed_with_the_yardstick() -> None:
    if executors.hindrance("native"):
        pytest.skip("no native executor here")
    laptop = configuration.load("laptop")
    expected = expectation(laptop)
    key = ("memorization", "laptop")
    found = expected(key)
    assert 1.0 < found < 600.0
    fewer = replace(laptop, screen=replace(laptop.screen, budget=Budget(25_000, updates=3000)))
    assert 0.2 < expectation(fewer)(key) / found < 0.9
