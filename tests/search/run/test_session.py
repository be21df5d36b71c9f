"""A study run from Python: what the command line does, without it."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from results.record.ask import Ask
from results.record.history import digest
from results.record.outcome import Outcome
from results.record.store import Store
from results.record.study import Study
from search import configuration
from search.error import SearchError, StoppedError, UsageError
from search.progress import Observer, Progress, Silent
from search.run import session
from tasks.task import Facts
from tests.search.command import tiny


class Watching(Silent):
    """Counts outcomes, and interrupts the run after some."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.notes: list[str] = []
        self.outcomes = 0
        self._stop_after = stop_after

    def note(self, message: str) -> None:
        self.notes.append(message)

    def observe(
        self, study: Study, facts: Iterable[Facts], slots: int, turned: Mapping[str, int]
    ) -> AbstractContextManager[Observer]:
        if self.outcomes == self._stop_after:
            raise KeyboardInterrupt
        return nullcontext(self)

    def on_outcome(self, ask: Ask, outcome: Outcome, progress: Progress) -> None:
        self.outcomes += 1


@pytest.fixture(name="plan")
def planned(tmp_path: Path) -> Study:
    return configuration.load(tiny(tmp_path))


def test_a_study_runs_and_is_not_run_again(plan: Study, tmp_path: Path) -> None:
    path, first, second = tmp_path / "s.sqlite", Watching(), Watching()
    summary = session.conduct(plan, path, watcher=first)
    assert first.outcomes == summary.ran > 0
    again = session.conduct(plan, path, watcher=second)
    assert (again.ran, again.recorded) == (0, summary.ran)
    assert second.outcomes == first.outcomes  # told from the record
    assert again.digest == summary.digest
    assert first.notes == second.notes == []
    with Store.read(path) as record:
        assert digest(record, plan.id) == summary.digest


def test_an_interrupt_outside_of_the_driver_says_that_nothing_is_lost(
    plan: Study, tmp_path: Path
) -> None:
    with pytest.raises(StoppedError, match="nothing is lost") as caught:
        session.conduct(plan, tmp_path / "s.sqlite", watcher=Watching(stop_after=0))
    assert caught.value.resumable


def test_a_second_study_is_begun_beside_the_first(plan: Study, tmp_path: Path) -> None:
    path, watching = tmp_path / "s.sqlite", Watching()
    session.conduct(plan, path)
    other = configuration.load(tiny(tmp_path), ["seed=99"])
    session.conduct(other, path, watcher=watching)
    (note,) = watching.notes
    assert "does not hold this study yet" in note


def test_an_executor_that_does_not_exist_is_wrong_use(plan: Study, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected one of") as caught:
        session.conduct(plan, tmp_path / "s.sqlite", executor="quantum")
    assert not caught.value.resumable


def test_what_no_resumption_can_mend_is_not_resumable() -> None:
    assert not SearchError("baseline", "none of 2 settings trained").resumable
    assert SearchError("pool.start", "Ray did not start").resumable
