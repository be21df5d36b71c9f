"""Poison and bad machines: who is blamed, what is recorded, and when a trial is struck out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.strike import Blame, Kind, Strike
from results.record.study import Study
from search.error import SearchError
from search.progress import Silent
from search.run.clock import Monotonic
from search.run.driver import Summary, run
from search.run.guards.guard import Guard, Guards
from search.run.guards.limits import UNLIMITED
from search.run.guards.strikes import SICK, Strikes
from search.run.pool import Arrival, Fault, Job, LocalPool, Pool, Seat
from tests.faults import toy_engine
from tests.faults.faulty_pool import FaultyPool, Rule
from tests.faults.toy_strategy import ToyStrategy, study

NOTHING = MappingProxyType[str, str]({})
POISON = 20
ONE, TWO, FOUR = {"alpha": 1}, {"alpha": 2}, {"alpha": 1, "beta": 1, "gamma": 1, "delta": 1}
STOPPING = replace(study(), on_poison="stop")


def drive(
    path: Path,
    pool: Pool,
    described: Study | None = None,
    guard: Guard | None = None,
    seconds: float | None = None,
    count: int = 60,
) -> Summary:
    described = described or study()
    with Store.create_or_open(path) as store:
        toy = ToyStrategy(described, count, seconds=seconds)
        return run(described, store, pool, toy, Silent(), Monotonic(), (), NOTHING, guard=guard)


def faulty(machines: Mapping[str, int], rule: Rule) -> FaultyPool:
    return FaultyPool(toy_engine.evaluate, machines, rule)


def poison(fault: Fault = Fault.DIED, index: int = POISON) -> Rule:
    return lambda job, node: fault if job.index == index else None


def strikes(path: Path, described: Study | None = None) -> list[Strike]:
    with Store.read(path) as store:
        return store.strikes((described or study()).id)


def outcome(path: Path, index: int = POISON, described: Study | None = None) -> Outcome | None:
    with Store.read(path) as store:
        ((_, found),) = store.part((described or study()).id, [index])
        return found


@pytest.fixture
def quiet(tmp_path: Path) -> str:
    return drive(tmp_path / "quiet.db", LocalPool(toy_engine.evaluate)).digest


@pytest.mark.parametrize(
    ("fault", "seconds", "ending"),
    [
        (Fault.DIED, None, Ending.CRASHED),
        (Fault.OVERDUE, 5.0, Ending.TIMED_OUT),
        (Fault.OVERDUE, None, Ending.GUARDED),
        (Fault.GUARDED, None, Ending.GUARDED),
        (Fault.GUARDED, 5.0, Ending.GUARDED),
    ],
)
@pytest.mark.parametrize("machines", [ONE, TWO, {"alpha": 2, "beta": 1}, FOUR])
def test_three_strikes_on_different_machines_or_slots_make_the_ending_of_the_last(
    tmp_path: Path,
    machines: Mapping[str, int],
    fault: Fault,
    seconds: float | None,
    ending: Ending,
) -> None:
    path, pool = tmp_path / "s.db", faulty(machines, poison(fault))
    summary = drive(path, pool, seconds=seconds)
    assert summary.endings[ending] == 1
    assert summary.faults == 3
    found = outcome(path)
    assert found is not None
    assert found.ending is ending
    assert found.detail == "3 attempts without an outcome; the last: lost"
    where = [(node, slot) for index, node, slot, _ in pool.runs if index == POISON]
    assert len(where) == 3
    assert len(set(where)) == min(3, len(pool.node))
    assert len({node for node, _ in where}) == min(3, len(machines))
    kept = strikes(path)
    assert {strike.blame for strike in kept} == {Blame.CELL}
    assert {strike.kind for strike in kept} == {Kind(fault.value)}
    assert [strike.attempt for strike in kept] == [1, 2, 3]
    assert [(strike.node, int(strike.slot)) for strike in kept] == where


def test_other_trials_and_their_history_are_as_without_the_poison(tmp_path: Path) -> None:
    digests = {
        drive(tmp_path / f"{number}.db", faulty(machines, poison())).digest
        for number, machines in enumerate((ONE, TWO, FOUR))
    }
    assert len(digests) == 1


def test_two_strikes_are_forgiven(tmp_path: Path, quiet: str) -> None:
    def rule(job: Job, node: str) -> Fault | None:
        return Fault.DIED if job.attempt < 3 and job.index % 7 == 3 else None

    pool = faulty({"alpha": 1, "beta": 1}, rule)
    assert drive(tmp_path / "s.db", pool).digest == quiet
    assert Counter(fault for *_, fault in pool.runs)[Fault.DIED] > 8


def test_a_study_that_stops_names_trial_strikes_and_what_to_do_and_a_resume_counts_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "s.db"
    for more in range(2):
        pool = faulty(FOUR, poison(Fault.GUARDED))
        with pytest.raises(SearchError, match=f"^trial.poison: ask {POISON} ") as caught:
            drive(path, pool, STOPPING)
        assert caught.value.resumable
        for attempt in range(1, 4 + more):
            assert f"attempt {attempt}, slot " in caught.value.message
        for name in FOUR if more else ():
            assert f"on {name}: guarded, lost" in caught.value.message
        assert "--no-guards" in caught.value.hint
        assert "--deadline-factor" in caught.value.hint
        assert len(strikes(path, STOPPING)) == 3 + more, "one more attempt a start"
    summary = drive(path, faulty(FOUR, lambda job, node: None), STOPPING)
    assert Ending.GUARDED not in summary.endings
    assert (
        summary.digest == drive(tmp_path / "q.db", LocalPool(toy_engine.evaluate), STOPPING).digest
    )


class KilledError(Exception):
    """Stands for a driver that is killed: nothing is closed or said."""


class KilledPool(FaultyPool):
    """Kills its driver once it has heard of a fault."""

    def wait(self, timeout: float) -> list[Arrival]:
        if any(fault for *_, fault in self.runs):
            raise KilledError
        return super().wait(timeout)


@pytest.mark.parametrize("machines", [ONE, FOUR])
def test_the_count_outlives_drivers_that_are_killed(
    tmp_path: Path, machines: Mapping[str, int]
) -> None:
    path, where = tmp_path / "s.db", list[tuple[str, int]]()
    for start in range(3):
        if start < 2:
            pool = KilledPool(toy_engine.evaluate, machines, poison())
            with pytest.raises(KilledError):
                drive(path, pool)
        else:
            pool = faulty(machines, poison())
            drive(path, pool)
        where += [(node, slot) for index, node, slot, _ in pool.runs if index == POISON]
    found = outcome(path)
    assert found is not None
    assert found.ending is Ending.CRASHED
    assert len(where) == 3, "three strikes in all, not three a start"
    assert len(set(where)) == min(3, len(machines))
    assert [strike.epoch for strike in strikes(path)] == [1, 2, 3]


def test_workers_that_die_together_are_the_machines_doing(tmp_path: Path, quiet: str) -> None:
    hit = Counter[str]()

    def rule(job: Job, node: str) -> Fault | None:
        if node == "alpha" and job.index in (8, 9, 10, 11, 12, 13) and hit[node] < 6:
            hit[node] += 1
            return Fault.DIED
        return None

    path = tmp_path / "s.db"
    summary = drive(path, faulty({"alpha": 3, "beta": 1}, rule))
    assert hit["alpha"] >= 3
    blames = Counter(strike.blame for strike in strikes(path))
    assert blames[Blame.MACHINE] >= 3
    assert summary.digest == quiet


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_machine_that_kills_everything_is_set_aside_and_no_cell_is_struck_out(
    tmp_path: Path, quiet: str, slots: int
) -> None:
    pool = faulty(
        {"bad": slots, "good": 1}, lambda job, node: Fault.DIED if node == "bad" else None
    )
    summary = drive(tmp_path / "s.db", pool)
    assert summary.digest == quiet
    assert list(pool.aside) == ["bad"]
    assert "none came through" in pool.aside["bad"]
    hit = [index for index, node, *_ in pool.runs if node == "bad"]
    assert len(hit) <= SICK + slots
    kept = strikes(tmp_path / "s.db")
    assert [strike.kind for strike in kept if strike.node == "bad"].count(Kind.SET_ASIDE) == 1


@pytest.mark.parametrize("slots", [1, 2, 4])
def test_the_only_machine_that_kills_everything_ends_the_run_and_never_blames_a_cell(
    tmp_path: Path, quiet: str, slots: int
) -> None:
    path = tmp_path / "s.db"
    for _ in range(5):
        with pytest.raises(SearchError, match=r"^pool\.unfit: .*none came through") as caught:
            drive(path, faulty({"bad": slots}, lambda job, node: Fault.DIED))
        assert caught.value.resumable
    assert drive(path, faulty({"good": slots}, lambda job, node: None)).digest == quiet


def test_nothing_is_struck_out_before_anything_has_come_through(tmp_path: Path) -> None:
    """With two trials in all nothing tells a bad machine, or a bad guard, from two bad cells."""
    for _ in range(2):
        pool = faulty(ONE, lambda job, node: Fault.GUARDED)
        with pytest.raises(SearchError, match=r"^pool\.unfit: no trial .*attempt 3, slot 0"):
            drive(tmp_path / "s.db", pool, count=2)
    summary = drive(tmp_path / "s.db", faulty(ONE, lambda job, node: None), count=2)
    assert Ending.GUARDED not in summary.endings


def test_trials_whose_machines_leave_are_not_blamed_while_others_leave_too(
    tmp_path: Path, quiet: str
) -> None:
    """As spot machines do: every fifth job is the last of its machine."""
    count = 0

    def rule(job: Job, node: str) -> Fault | None:
        nonlocal count
        count += 1
        return Fault.LEFT if count % 5 == 0 else None

    path = tmp_path / "s.db"
    assert drive(path, faulty(FOUR, rule)).digest == quiet
    kept = strikes(path)
    assert len(kept) > 8
    assert {(strike.kind, strike.blame) for strike in kept} == {(Kind.LEFT, Blame.MACHINE)}


def test_a_trial_that_takes_machines_down_is_blamed_in_the_end(tmp_path: Path) -> None:
    path, pool = tmp_path / "s.db", faulty(FOUR, poison(Fault.LEFT))
    summary = drive(path, pool)
    assert summary.endings[Ending.CRASHED] == 1
    blames = [strike.blame for strike in strikes(path)]
    assert blames == [Blame.MACHINE, Blame.MACHINE, Blame.CELL]


def test_two_poisons_are_told_apart_from_a_bad_machine(tmp_path: Path) -> None:
    """Both die at once on the same machine; in the end each dies alone."""
    pool = faulty({"alpha": 2}, lambda job, node: Fault.DIED if job.index in (58, 59) else None)
    summary = drive(tmp_path / "s.db", pool)
    assert summary.endings[Ending.CRASHED] == 2
    assert len(pool.runs) < 100


def test_without_guards_a_job_has_no_bounds_and_with_them_those_of_its_task(
    tmp_path: Path,
) -> None:
    bare = faulty(TWO, lambda job, node: None)
    drive(tmp_path / "bare.db", bare)
    assert {(job.seconds, job.limits) for job in bare.jobs} == {(None, UNLIMITED)}
    guarded = faulty(TWO, lambda job, node: None)
    drive(tmp_path / "guarded.db", guarded, guard=Guard(Guards(3.0, 0.5), lambda key: 1e6))
    assert {job.seconds for job in guarded.jobs} == {3e7}
    assert {(job.limits.cpu_seconds, job.limits.memory_share) for job in guarded.jobs} == {
        (3e6, 0.5)
    }


def arrival(index: int, slot: int, node: str, fault: Fault = Fault.DIED) -> Arrival:
    return Arrival(Job(index, 1, "{}"), slot, node, fault=fault, detail="gone")


def test_a_trial_waits_for_a_machine_where_it_has_not_failed() -> None:
    judged = Strikes(1)
    judged.judge([arrival(0, 0, "alpha")])
    full = [Seat(0, "alpha", 2), Seat(1, "alpha", 2), Seat(2, "beta", 0)]
    assert judged.seat(0, full) is None
    free = [*full[:2], Seat(2, "beta", 1)]
    chosen = judged.seat(0, free)
    assert chosen is not None
    assert chosen.node == "beta"
    chosen = judged.seat(0, full[:2]) if judged.back(0) is None else None
    assert chosen is not None
    assert chosen.slot == 1, "another slot where there is no other machine"


def test_two_suspects_are_not_sent_to_one_machine() -> None:
    judged = Strikes(1)
    judged.judge([arrival(0, 0, "alpha")])
    judged.judge([arrival(1, 0, "alpha")])
    seats = [Seat(0, "alpha", 1), Seat(1, "beta", 1), Seat(2, "beta", 1)]
    first = judged.seat(0, seats)
    assert first is not None
    assert first.node == "beta"
    assert judged.seat(1, seats) is None
    judged.back(0)
    assert judged.seat(1, seats) is not None
