"""Columns and standing against the leaderboard, which reads every row."""

from pathlib import Path

import numpy as np
import pytest

from results.dashboard.history import History
from results.dashboard.pages.standing import read_rows, standing
from results.leaderboard import board as leaderboard
from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic


def agree(store: Store, history: History) -> None:
    """Raises AssertionError unless all that the columns say is what the leaderboard says."""
    board = leaderboard.build(store, history.study_id)
    found = standing(history)
    places = [int(one) for one in (*found.ranked(), *found.halted())]
    assert read_rows(store, history, found, places) == [*board.rows, *board.stopped]
    assert found.tasks == board.tasks
    assert (found.screened.sum(), found.passed.sum()) == (board.screened, board.passed)
    assert dict(history.causes) == board.rejections
    assert (history.asked, history.answered) == (board.asked, board.done)
    scores = [row.score for row in board.rows]
    assert found.score[found.ranked()].tolist() == scores
    for place, row in zip(places, (*board.rows, *board.stopped), strict=True):
        confirmed = row.confirmed_score and pytest.approx(row.confirmed_score.centre, rel=1e-12)
        found_one = float(found.confirmed_score[place])
        assert np.isnan(found_one) if confirmed is None else found_one == confirmed


def test_a_whole_study_stands_as_on_its_leaderboard(written: tuple[Store, Study]) -> None:
    store, study = written
    history = History(store, study.id)
    assert history.refresh(store)
    agree(store, history)
    assert not history.refresh(store)


def test_a_study_that_grows_is_read_on_from_where_it_was(tmp_path: Path) -> None:
    study = synthetic.study()
    log = synthetic.history(study)
    store = Store.create_or_open(tmp_path / "growing.gate")
    store.begin(study, {})
    synthetic.tasks(store)
    history = History(store, study.id)
    steps = 0
    # Outcomes come late and in another order than the asks, as from several workers.
    waiting: list[int] = []
    for ask, _ in log:
        store.add_ask(study.id, ask)
        waiting.append(ask.index)
        while len(waiting) > 5 or (waiting and ask is log[-1][0]):
            index = waiting.pop(len(waiting) // 2)
            outcome = log[index][1]
            if outcome is not None:
                store.add_attempt(study.id, index, 1, "slot")
                store.add_outcome(study.id, index, outcome)
        if ask.index % 61 == 0:
            assert history.refresh(store)
            agree(store, history)
            steps += 1
    history.refresh(store)
    agree(store, history)
    assert steps >= 2
    fresh = History(store, study.id)
    fresh.refresh(store)
    same = [name for name in fresh.rows.dtype.names or () if name != "order"]
    for name in same:
        np.testing.assert_array_equal(fresh.rows[name], history.rows[name])
    assert (fresh.cells, fresh.parents, fresh.admitted) == (
        history.cells,
        history.parents,
        history.admitted,
    )
