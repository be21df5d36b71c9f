"""A study goes on in a new store, without the refusals that were a machine's doing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cells.engine import executor as executors
from results.record import provenance
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.record.trial import Trial
from search import configuration
from search.error import UsageError
from search.progress import Silent
from search.run import driver, session
from search.run.clock import Monotonic
from search.run.estimate import tasks_of
from search.run.evaluate import evaluate
from search.run.pool import LocalPool
from search.run.reuse import Reuse, of_machine
from search.strategies import registry as strategies
from tasks import registry
from tests.search.command import tiny

OLD = (
    "arithmetic at smoke: data digest 0123 here, 4567 in the trial",
    "T102: corpus ptb is not here: ptb.char.train.txt not found hint: fetch it",
    "no C compiler: no cc, gcc or clang on the PATH; install gcc or clang for the native engine",
)


@pytest.fixture(name="plan")
def planned(tmp_path: Path) -> Study:
    return configuration.load(tiny(tmp_path))


def run(plan: Study, path: Path, evaluate: Callable[[str], str]) -> driver.Summary:
    """Runs a study as the session does, with an evaluation of our own."""
    facts = {key: registry.load(*key).facts for key in tasks_of(plan)}
    executor = executors.best()
    with Store.create_or_open(path) as store:
        return driver.run(
            plan,
            store,
            LocalPool(evaluate),
            strategies.make(plan, facts, executor),
            Silent(),
            Monotonic(),
            facts.values(),
            provenance.collect() | executors.describe(executor),
        )


def as_earlier_versions(text: str) -> str:
    """Refuses every third cell for what the machine lacks, as workers did before the handshake."""
    trial = Trial.from_json(text)
    number = int(trial.key[:8], 16)
    if trial.stop_at is not None or number % 3:
        return evaluate(text)
    return Outcome(trial.key, Ending.REFUSED, detail=OLD[number % 9 // 3]).to_json()


def count(path: Path, ending: str = "") -> int:
    """Outcomes of a store, or those of one ending."""
    with Store.read(path) as store:
        sql = "SELECT count(*) FROM outcome WHERE ? IN ('', ending)"
        return int(store.select(sql, ending)[0][0])


def test_a_study_goes_on_in_a_new_store_without_the_refusals_of_a_bad_machine(
    plan: Study, tmp_path: Path
) -> None:
    old, new, good = (tmp_path / f"{name}.sqlite" for name in ("old", "new", "good"))
    run(plan, old, as_earlier_versions)
    before = old.read_bytes()
    refused = count(old, "refused")
    assert refused
    truth = session.conduct(plan, good)
    again = session.conduct(plan, new, reuse=old)
    assert again.digest == truth.digest
    assert count(new, "refused") == 0
    assert 0 < again.ran < truth.ran
    with Store.read(new) as store:
        ((detail,),) = store.select("SELECT detail FROM event WHERE kind = 'reused'")
    taken = count(new) - again.ran
    assert f"{refused} left behind, {taken} taken" in detail
    assert old.read_bytes() == before


def test_outcomes_of_another_machine_class_are_not_taken_over(plan: Study, tmp_path: Path) -> None:
    old = tmp_path / "old.sqlite"
    facts = {key: registry.load(*key).facts for key in tasks_of(plan)}
    with Store.create_or_open(old) as store:
        driver.run(
            plan,
            store,
            LocalPool(evaluate),
            strategies.make(plan, facts, "reference"),
            Silent(),
            Monotonic(),
            facts.values(),
            provenance.collect() | executors.describe("reference") | {"machine": "vax"},
        )
        trials = [ask.trial for ask, _ in store.log(plan.id) if ask.trial]
    with Store.read(old) as store:
        reuse = Reuse(store, old)
        assert {reuse.outcome(trial) for trial in trials} == {None}
        assert set(reuse.counts) == {"of another machine class"}


@pytest.mark.parametrize(
    ("ending", "detail", "expected"),
    [
        *((Ending.REFUSED, detail, True) for detail in OLD),
        (Ending.REFUSED, "C101 at line 1: a cell without a body", False),
        (Ending.REFUSED, "3 parameters is too small: the smallest model needs 38", False),
        (Ending.REFUSED, "T005: the data is too short for 99 lanes", False),
        (Ending.CRASHED, "3 attempts without an outcome; the last: lost", True),
        (Ending.TIMED_OUT, "3 attempts without an outcome; the last: lost", True),
        (Ending.TIMED_OUT, "over 5 s after 3 updates", False),
        (Ending.OUT_OF_MEMORY, "more memory than allowed, or than this machine has", True),
        (Ending.DIVERGED, "", False),
        (Ending.OK, "", False),
    ],
)
def test_what_was_a_machines_doing_is_known_by_its_words(
    plan: Study, tmp_path: Path, ending: Ending, detail: str, expected: bool
) -> None:
    run(plan, tmp_path / "s.sqlite", evaluate)
    with Store.read(tmp_path / "s.sqlite") as store:
        trial = next(ask.trial for ask, _ in store.log(plan.id) if ask.trial)
    outcome = Outcome(trial.key, ending, detail=detail)
    assert of_machine(trial, outcome) is expected
    if ending is Ending.OUT_OF_MEMORY:
        bounded = replace(trial, budget=replace(trial.budget, bytes=10**9))
        assert not of_machine(bounded, outcome)


def test_the_record_to_reuse_must_be_there_and_another_one(tmp_path: Path) -> None:
    from search.commands.study.search import check_place

    with pytest.raises(UsageError, match="no such file"):
        check_place(tmp_path / "new", False, 0, None, tmp_path / "gone")
    (tmp_path / "new").touch()
    with pytest.raises(UsageError, match="the same as --store"):
        check_place(tmp_path / "new", True, 0, None, tmp_path / "new")
