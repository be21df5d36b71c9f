import os
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from results.record import history
from results.record.ask import Ask, Cause, Rejection
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from search.error import SearchError
from search.progress import Progress, Silent
from search.run.clock import Monotonic
from search.run.driver import Summary, run
from search.run.pool import Arrival, LocalPool, Pool
from search.strategies.strategy import Strategy
from tests.faults import toy_engine
from tests.faults.shuffled_pool import ShuffledPool
from tests.faults.toy_strategy import ToyStrategy, study

NOTHING = MappingProxyType[str, str]({})


def drive(path: Path, pool: Pool, described: Study, strategy: Strategy | None = None) -> Summary:
    with Store.create_or_open(path) as store:
        toy = strategy or ToyStrategy(described)
        return run(described, store, pool, toy, Silent(), Monotonic(), (), NOTHING)


def local() -> LocalPool:
    return LocalPool(toy_engine.evaluate)


@pytest.fixture
def expected(tmp_path: Path) -> str:
    """The digest of an undisturbed run in process."""
    return drive(tmp_path / "expected.db", local(), study()).digest


def test_a_run_answers_every_ask_and_says_so(tmp_path: Path) -> None:
    summary = drive(tmp_path / "s.db", local(), study())
    with Store.read(tmp_path / "s.db") as store:
        log = store.log(study().id)
        assert len(log) == summary.asks == 60
        assert all(outcome is not None for ask, outcome in log if ask.trial)
        assert history.digest(store, study().id) == summary.digest
        keys = [ask.trial.key for ask, _ in log if ask.trial]
        attempts = store.select("SELECT count(*) FROM attempt")[0][0]
    assert sum(summary.endings.values()) == len(keys)
    assert summary.ran == len(set(keys)) == attempts
    assert summary.recorded + summary.ran <= len(keys)
    assert not summary.interrupted


class Counted(ShuffledPool):
    """Counts how often it is asked what came."""

    waits = 0

    def wait(self, timeout: float) -> list[Arrival]:
        self.waits += 1
        return super().wait(timeout)


def test_a_step_of_the_loop_is_at_most_one_commit(tmp_path: Path) -> None:
    drive(tmp_path / "none.db", local(), study(), ToyStrategy(study(), 0))
    with Store.read(tmp_path / "none.db") as store:
        others = int(store.select("SELECT count(*) FROM seal")[0][0])  # the beginning and the end
    pool = Counted(toy_engine.evaluate, 8, 1)
    drive(tmp_path / "s.db", pool, study())
    with Store.read(tmp_path / "s.db") as store:
        sealed = int(store.select("SELECT count(*) FROM seal")[0][0])
        writes = int(store.select("SELECT count(*) FROM ask")[0][0])
        writes += int(store.select("SELECT count(*) FROM attempt")[0][0])
        writes += int(store.select("SELECT count(*) FROM outcome")[0][0])
    # A step before each wait, and the last after all of them.
    assert sealed <= others + pool.waits
    assert sealed < writes / 2


def test_a_resume_says_how_long_record_and_strategy_took(tmp_path: Path) -> None:
    class Told(Silent):
        def __init__(self) -> None:
            self.events: dict[str, str] = {}

        def on_event(self, kind: str, detail: str, progress: Progress) -> None:
            self.events[kind] = detail

    observers = Told(), Told()
    for observer in observers:
        with Store.create_or_open(tmp_path / "s.db") as store:
            described = study()
            run(
                described,
                store,
                local(),
                ToyStrategy(described),
                observer,
                Monotonic(),
                (),
                NOTHING,
            )
    first, second = observers
    assert "repeated" not in first.events
    assert second.events["repeated"].startswith("60 asks: read and compared in ")


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("seed", range(4))
def test_one_seed_gives_one_history_whatever_the_slots_and_their_order(
    tmp_path: Path, expected: str, slots: int, seed: int
) -> None:
    pool = ShuffledPool(toy_engine.evaluate, slots, seed)
    assert drive(tmp_path / "s.db", pool, study()).digest == expected
    assert pool.most == 2 * slots


def test_another_seed_or_lag_gives_another_history(tmp_path: Path, expected: str) -> None:
    assert drive(tmp_path / "seed.db", local(), study(seed=2)).digest != expected
    assert drive(tmp_path / "lag.db", local(), study(lag=4)).digest != expected


@pytest.mark.parametrize("seed", range(4))
def test_lost_slots_change_nothing_but_the_attempts(
    tmp_path: Path, expected: str, seed: int
) -> None:
    pool = ShuffledPool(toy_engine.evaluate, 3, seed, losses=0.1)
    summary = drive(tmp_path / "s.db", pool, study())
    assert pool.lost
    assert max(Counter(index for index, _ in pool.lost).values()) < 3, "choose another seed"
    assert summary.digest == expected
    assert summary.faults == len(pool.lost)
    with Store.read(tmp_path / "s.db") as store:
        events = store.select("SELECT count(*) FROM event WHERE kind = 'worker_lost'")[0][0]
        mismatches = store.select("SELECT count(*) FROM event WHERE kind = 'mismatch'")[0][0]
    assert (events, mismatches) == (len(pool.lost), 0)


class Stopping:
    """Evaluates like the toy engine, and sends this process a signal at one trial."""

    def __init__(self, at: int, number: signal.Signals) -> None:
        self.left = at
        self.number = number

    def __call__(self, trial: str) -> str:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)
        return toy_engine.evaluate(trial)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_at_every_trial_and_resumed_gives_the_same_history(
    tmp_path: Path, expected: str, number: signal.Signals
) -> None:
    path, starts = tmp_path / "s.db", 0
    before = signal.getsignal(number)
    for at in (1, 2, 3, 5, 8, 13, 100):
        summary = drive(path, LocalPool(Stopping(at, number)), study())
        starts += 1
        assert signal.getsignal(number) is before
        if not summary.interrupted:
            break
        assert summary.ran == at - 1
    assert not summary.interrupted
    assert starts == 7
    assert summary.digest == expected
    with Store.read(path) as store:
        kinds = [row[0] for row in store.select("SELECT kind FROM event ORDER BY id")]
    assert kinds == ["interrupted", *["resumed", "interrupted"] * 5, "resumed"]


class Hostile(ToyStrategy):
    """Turns a cell away with a reason that UTF-8 cannot hold."""

    def ask(self, index: int) -> Ask | None:
        ask = super().ask(index)
        if ask is None or index != 3:
            return ask
        rejection = Rejection(Cause.INVALID, "", "", (), "half a pair: \ud800")
        return replace(ask, rejections=(rejection,))


def test_the_digest_of_a_run_and_of_its_resume_is_that_of_the_record(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    digests = {drive(path, local(), study(), Hostile(study())).digest for _ in range(2)}
    with Store.read(path) as store:
        assert digests == {history.digest(store, study().id)}


def test_an_interrupt_closes_the_pool(tmp_path: Path) -> None:
    pool = ShuffledPool(Stopping(3, signal.SIGTERM), 2, 0)
    assert drive(tmp_path / "s.db", pool, study()).interrupted
    assert pool.closed


def test_running_a_finished_study_again_runs_nothing(tmp_path: Path, expected: str) -> None:
    path = tmp_path / "s.db"
    drive(path, local(), study())
    pool = ShuffledPool(toy_engine.evaluate, 2, 0)
    summary = drive(path, pool, study())
    assert (summary.ran, pool.most) == (0, 0)
    assert summary.digest == expected


def test_another_study_in_the_store_reuses_equal_trials(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    drive(path, local(), study())
    summary = drive(path, local(), study(seed=2))
    assert summary.recorded > 0
    assert summary.digest == drive(tmp_path / "alone.db", local(), study(seed=2)).digest


class Otherwise(ToyStrategy):
    """The toy strategy of a later version of the code: asks otherwise from some index on."""

    def __init__(self, described: Study, since: int, count: int = 60) -> None:
        super().__init__(described, count)
        self.since = since

    def ask(self, index: int):
        ask = super().ask(index)
        if ask is None or index < self.since:
            return ask
        return type(ask)(ask.index, ask.role, ask.trial, "somebody else")


def test_a_resume_with_changed_code_is_refused_and_names_the_index(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    drive(path, LocalPool(Stopping(20, signal.SIGINT)), study())
    with pytest.raises(SearchError, match="ask 9 differs") as caught:
        drive(path, local(), study(), Otherwise(study(), since=9))
    assert caught.value.code == "resume.differs"
    with pytest.raises(SearchError, match="ask 10 differs"):
        drive(path, local(), study(), ToyStrategy(study(), count=10))
    assert not drive(path, local(), study()).interrupted


def test_idle_asks_and_repeated_trials_occur_in_the_toy_history(tmp_path: Path) -> None:
    drive(tmp_path / "s.db", local(), study())
    with Store.read(tmp_path / "s.db") as store:
        log = store.log(study().id)
    keys = [ask.trial.key for ask, _ in log if ask.trial]
    assert len(keys) < len(log)
    assert len(set(keys)) < len(keys)
    assert {outcome.ending for _, outcome in log if outcome} == {Ending.OK, Ending.DIVERGED}
    for ask, outcome in log:
        if ask.trial:
            assert outcome == toy_engine.outcome(ask.trial)


class Watching(Silent):
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.answered: dict[int, Outcome] = {}
        self.totals: list[int] = []
        self.running = 0

    def on_ask(self, ask, progress) -> None:
        self.asked.append(ask.index)
        self.totals.append(progress.total)

    def on_outcome(self, ask, outcome, progress) -> None:
        self.answered[ask.index] = outcome
        self.totals.append(progress.total)
        self.running = max(self.running, progress.under_way)
        assert progress.done == len(self.answered)
        assert progress.done <= progress.total


def test_the_observer_sees_every_ask_and_every_outcome_once(tmp_path: Path) -> None:
    watching = Watching()
    with Store.create_or_open(tmp_path / "s.db") as store:
        pool = ShuffledPool(toy_engine.evaluate, 4, 0)
        run(study(), store, pool, ToyStrategy(study()), watching, Monotonic(), (), NOTHING)
        log = store.log(study().id)
    assert watching.asked == list(range(60))
    assert sorted(watching.answered) == [ask.index for ask, _ in log if ask.trial]
    assert watching.totals[-1] == len(watching.answered)
    assert 4 <= watching.running <= 8
