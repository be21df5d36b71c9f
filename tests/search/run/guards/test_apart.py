"""A trial in a process of its own, and a search without workers that a cell takes down."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.strike import Blame, Kind
from search.error import SlotError
from search.run.evaluate import evaluate
from search.run.guards.apart import Apart
from search.run.guards.limits import Limits
from search.run.pool import Fault, Job, LocalPool
from tests.faults import toy_engine
from tests.faults.toy_strategy import ToyStrategy, study
from tests.search.run.test_evaluate import trial

TOY = Apart("tests.faults.toy_engine:evaluate")
MISDEEDS = {20: "exit", 21: "segfault", 22: "loop", 23: "print", 24: "memory"}


def job(index: int, seconds: float | None = None) -> Job:
    toy = ToyStrategy(study(lag=100), count=30, misdeeds=MISDEEDS)
    asks = [toy.ask(number) for number in range(index + 1)]
    ask = asks[index]
    assert ask is not None
    assert ask.trial is not None
    return Job(index, 2, ask.trial.to_json(), seconds, Limits(60.0, 0.5))


@pytest.mark.parametrize("index", [0, 23])
def test_an_outcome_comes_back_whatever_else_was_printed(index: int) -> None:
    asked = job(index, 60.0)
    came = TOY(asked, 3, "alpha")
    assert came.outcome is not None, came.detail
    assert (came.slot, came.node) == (3, "alpha")
    assert toy_engine.outcome_of(asked.trial) == Outcome.from_json(came.outcome)


def test_the_real_engine_gives_the_bits_that_it_gives_here() -> None:
    asked = Job(0, 2, trial().to_json(), 120.0)
    came = Apart()(asked)
    assert came.outcome is not None, came.detail
    here = Outcome.from_json(evaluate(asked.trial))
    assert Outcome.from_json(came.outcome).facts_json() == here.facts_json()


@pytest.mark.parametrize(
    ("index", "seconds", "fault", "said"),
    [
        (20, None, Fault.DIED, "exit code 3"),
        (21, None, Fault.DIED, "signal 11"),
        (22, 1.0, Fault.OVERDUE, "no outcome after 1 s"),
        (24, None, Fault.GUARDED, "more than"),
    ],
)
def test_a_hostile_trial_costs_its_process_alone(
    index: int, seconds: float | None, fault: Fault, said: str
) -> None:
    pool = LocalPool(toy_engine.evaluate, TOY)
    pool.submit(job(index, seconds))
    (came,) = pool.wait(0.0)
    assert came.fault is fault
    assert said in came.detail
    assert came.node == LocalPool.NODE


def test_what_the_machine_lacks_is_raised_as_in_process() -> None:
    asked = Job(0, 2, trial(task_digest="0" * 16).to_json())
    with pytest.raises(SlotError, match=r"^slot\.unfit: .*data digest"):
        Apart()(asked)


def driver(store: Path, log: Path, misdeed: str = "") -> subprocess.Popen[bytes]:
    script = Path(toy_engine.__file__).with_name("toy_driver.py")
    return subprocess.Popen(
        [sys.executable, str(script), str(store), "0", "40"],
        env=os.environ
        | {
            "PYTHONPATH": str(script.parents[2]),
            "GATEWRIGHT_TOY_MISDEED": misdeed,
            "GATEWRIGHT_TOY_LOG": str(log),
        },
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize(("misdeed", "code"), [("exit", 3), ("segfault", -signal.SIGSEGV)])
def test_a_cell_that_takes_a_search_without_workers_down_is_struck_out_by_the_next_start(
    tmp_path: Path, misdeed: str, code: int
) -> None:
    store, log = tmp_path / "s.db", tmp_path / "log"
    assert driver(store, log, f"20={misdeed}").wait(120) == code
    assert driver(store, log, f"20={misdeed}").wait(120) == 0
    with Store.read(store) as read:
        ((_, found),) = read.part(study().id, [20])
        strikes = read.strikes(study().id)
        answered = sum(outcome is not None for _, outcome in read.log(study().id))
    assert found is not None
    assert found.ending is Ending.CRASHED
    assert [(one.kind, one.blame, one.epoch) for one in strikes] == [(Kind.DIED, Blame.CELL, 2)] * 3
    assert answered > 30


def test_the_process_of_a_trial_ends_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    store, log = tmp_path / "s.db", tmp_path / "log"

    def begun() -> list[int]:
        lines = log.read_text().splitlines() if log.exists() else []
        started = [line.split() for line in lines if line.startswith("begin")]
        return [int(pid) for _, _, pid in started]

    def kill(more: int) -> int:
        """Kills a driver in the middle of the trial that does not end; where that trial ran."""
        process, before = driver(store, log, "20=loop"), len(begun())
        until = time.monotonic() + 120
        while len(begun()) < before + more or len(begun()) == len(ended(log)):
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.3)
        process.kill()
        process.wait()
        return begun()[-1]

    kill(19)
    child = kill(1)
    until = time.monotonic() + 30
    while Path(f"/proc/{child}").exists():
        assert time.monotonic() < until, "the process of the trial goes on"
        time.sleep(0.05)


def ended(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith("end")]
