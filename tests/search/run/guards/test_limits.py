"""Limits of a worker: what goes beyond them has no outcome, what stays within them has the same bits."""

from dataclasses import replace

import pytest

from cells.training.budget import Budget
from results.record.outcome import Ending, Outcome
from results.record.trial import Trial
from search.error import SlotError
from search.run.evaluate import evaluate
from search.run.guards import limits
from search.run.guards.limits import UNLIMITED, Limits, within
from tests.search.run.test_evaluate import trial

HUNGRY = Budget(parameters=50_000_000, updates=3)


def evaluated(asked: Trial, bounds: Limits) -> Outcome:
    with within(bounds):
        return Outcome.from_json(evaluate(asked.to_json()))


@pytest.mark.parametrize("executor", ["reference", "native"])
def test_generous_limits_change_no_bit(executor: str) -> None:
    asked = trial(executor=executor)
    free = evaluated(asked, UNLIMITED)
    kept = evaluated(asked, Limits(600.0, 0.5))
    assert free.ending is Ending.OK
    assert kept.facts_json() == free.facts_json()


def test_processor_time_beyond_the_limit_is_no_outcome_and_the_next_trial_has_one() -> None:
    asked = trial()
    with pytest.raises(SlotError, match=r"^slot\.guard: more than 0 s of processor time") as caught:
        evaluated(asked, Limits(cpu_seconds=0.0))
    assert "--deadline-factor" in caught.value.hint
    assert evaluated(asked, UNLIMITED).ending is Ending.OK


def test_only_processor_time_counts() -> None:
    now = 10.0
    look = Limits(cpu_seconds=5.0).watch(lambda: now)
    now = 14.9
    look()
    now = 15.1
    with pytest.raises(SlotError, match="more than 5 s of processor time"):
        look()
    UNLIMITED.watch(lambda: now)()


def test_memory_beyond_the_share_is_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LEAST", 50_000_000)
    hungry = trial(budget=HUNGRY)
    with pytest.raises(SlotError, match=r"^slot\.guard: more than 4\d MiB of memory") as caught:
        evaluated(hungry, Limits(memory_share=1e-6))
    assert "--memory-share" in caught.value.hint
    assert evaluated(trial(), Limits(memory_share=1e-6)).ending is Ending.OK


def test_a_budget_of_memory_below_the_share_keeps_its_own_ending() -> None:
    modest = trial(budget=replace(HUNGRY, bytes=50_000_000))
    assert evaluated(modest, Limits(memory_share=0.5)).ending is Ending.OUT_OF_MEMORY


def test_the_share_is_divided_among_the_slots_of_a_machine_and_never_too_small() -> None:
    whole = Limits(7.0, 0.8)
    assert whole.among(4) == Limits(7.0, 0.2)
    assert UNLIMITED.among(4) == UNLIMITED
    memory = limits.total_memory()
    assert memory is not None
    assert whole.bytes() == int(0.8 * memory)
    assert whole.among(10**6).bytes() == limits.LEAST
    assert UNLIMITED.bytes() is None


def test_limits_are_text_on_the_way_to_a_worker_and_end_with_their_trial() -> None:
    bounds = Limits(2.5, 0.25)
    assert Limits.from_json(bounds.to_json()) == bounds
    assert Limits.from_json("{}") == limits.current() == UNLIMITED
    said = limits.evaluated(lambda text: f"{text} {limits.current()}", "trial", bounds)
    assert said == [f"trial {bounds}"]
    assert limits.current() == UNLIMITED
