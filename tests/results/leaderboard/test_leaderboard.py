"""The board computed by hand and by program; what cannot be told apart is said to be so."""

import dataclasses
from pathlib import Path

import pytest

from cells.training.metric import ACCURACY, LOSS
from results import frame
from results.error import StoreError
from results.leaderboard import board as leaderboard
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import Study
from results.report import search_report
from results.statistics import effect
from results.statistics.interval import Interval
from tests.results import synthetic

Written = tuple[Store, Study]

GRU, LSTM, NEW = synthetic.BASELINES["gru"], synthetic.BASELINES["lstm"], synthetic.invented(1)


class Recorder:
    """Writes trials with the numbers that a test wants."""

    def __init__(self, path: Path) -> None:
        self.study = synthetic.study()
        self.store = Store.create_or_open(path)
        self.store.begin(self.study, {})
        synthetic.tasks(self.store)
        self.count = 0

    def add(self, role: Role, cell, task: str, value: float | None, **fields) -> None:
        trial = synthetic.trial(cell, task, self.count, seed=self.count)
        rejections = fields.pop("rejections", ())
        self.store.add_ask(self.study.id, Ask(self.count, role, trial, rejections=rejections))
        if value is None:
            outcome = Outcome(trial.key, Ending.DIVERGED, step=3)
        else:
            accuracy, loss = (value, 1.0) if task != "gamma" else (0.1, value)
            outcome = Outcome(
                trial.key,
                Ending.OK,
                parameters=19_000 + self.count,
                valid_loss=loss,
                valid_accuracy=accuracy,
                test_loss=loss,
                test_accuracy=accuracy,
            )
        self.store.add_outcome(self.study.id, self.count, outcome)
        self.count += 1

    def board(self) -> leaderboard.Board:
        return leaderboard.build(self.store, self.study.id)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path / "run.gate")


def test_the_score_is_the_worst_ratio_to_the_best_of_the_gru(recorder: Recorder) -> None:
    for task, values in {"alpha": (0.5, 0.8), "beta": (0.6, None), "gamma": (2.0, 1.0)}.items():
        for value in values:
            recorder.add(Role.BASELINE, GRU, task, value)
    for task, value in {"alpha": 0.88, "beta": 0.54, "gamma": 0.5}.items():
        recorder.add(Role.STAGE, NEW, task, value)
    board = recorder.board()
    first, second = board.rows
    assert (first.label, first.score) == ("gru", 1.0)
    assert second.score == pytest.approx(0.54 / 0.6)
    ratios = [found.ratio for found in second.selected if found]
    assert ratios == pytest.approx([0.88 / 0.8, 0.54 / 0.6, 1.0 / 0.5])
    distances = [found.distance for found in second.selected if found]
    assert distances == pytest.approx([0.97 - 0.88, 0.97 - 0.54, 0.5 - 0.35])
    assert (first.tried, first.diverged) == (6, 1)
    assert [found.tried for found in first.selected if found] == [2, 2, 2]


def test_equal_tries_are_compared_by_the_expected_best(recorder: Recorder) -> None:
    for value in (0.5, 0.8, None):
        recorder.add(Role.BASELINE, GRU, "alpha", value)
    for task in ("beta", "gamma"):
        recorder.add(Role.BASELINE, GRU, task, 0.5)
    for task in ("alpha", "beta", "gamma"):
        recorder.add(Role.STAGE, NEW, task, 0.6)
    rows = {row.label: row for row in recorder.board().rows}
    found = rows["gru"].selected[0]
    assert found is not None
    assert found.value == 0.8
    assert found.fair == pytest.approx((0.5 + 0.8 + 0.0) / 3)


def test_a_cell_that_stopped_stands_below_with_the_reason(recorder: Recorder) -> None:
    for task in ("alpha", "beta", "gamma"):
        recorder.add(Role.BASELINE, GRU, task, 0.5)
    recorder.add(Role.STAGE, NEW, "alpha", 0.9)
    recorder.add(Role.STAGE, NEW, "beta", 0.1)
    verdict = Rejection(Cause.THRESHOLD, NEW[1], GRU[1], (), "0.2 of the GRU's best on beta")
    recorder.add(Role.SCREEN, synthetic.invented(2), "memorization", 0.9, rejections=(verdict,))
    recorder.add(Role.STAGE, synthetic.invented(3), "alpha", 0.9)
    board = recorder.board()
    assert [row.label for row in board.rows] == ["gru"]
    assert [row.stopped for row in board.stopped] == [
        "threshold: 0.2 of the GRU's best on beta",
        "not trained on beta, gamma",
    ]
    assert (board.screened, board.passed) == (1, 0)


def test_being_proposed_again_does_not_stop_a_cell(recorder: Recorder) -> None:
    for task in ("alpha", "beta", "gamma"):
        recorder.add(Role.BASELINE, GRU, task, 0.5)
    again = Rejection(Cause.DUPLICATE, GRU[1], GRU[1], ("swap",), "proposed before")
    recorder.add(Role.SCREEN, NEW, "memorization", 0.2, rejections=(again,))
    assert [row.label for row in recorder.board().rows] == ["gru"]


def test_confirmed_numbers_are_test_means_of_fresh_seeds_and_lost_seeds_are_counted(
    recorder: Recorder,
) -> None:
    for cell, level in ((GRU, 0.5), (NEW, 0.8)):
        for task in ("alpha", "beta", "gamma"):
            recorder.add(Role.BASELINE if cell is GRU else Role.STAGE, cell, task, level)
            for step in range(3):
                recorder.add(Role.CONFIRM, cell, task, level + 0.001 * step)
        recorder.add(Role.CONFIRM, cell, "alpha", None)
    rows = {row.label: row for row in recorder.board().rows}
    alpha = rows["gru"].confirmed[0]
    assert alpha is not None
    assert (alpha.centre, alpha.count) == (pytest.approx(0.501), 3)
    assert rows["gru"].lost == 1
    assert rows["gru"].score == 1.0
    new = rows[NEW[1]]
    assert new.confirmed_score is not None
    # On gamma, a loss, the new cell is worse than the GRU.
    assert new.confirmed_score.centre == pytest.approx(0.501 / 0.801)
    assert new.tied is False
    assert rows["gru"].tied is True


def test_wide_intervals_are_not_told_apart_and_one_seed_never_is(recorder: Recorder) -> None:
    for cell, levels in ((GRU, (0.5, 0.7)), (NEW, (0.55, 0.75)), (LSTM, (0.9,))):
        for task in ("alpha", "beta", "gamma"):
            recorder.add(Role.STAGE, cell, task, levels[0])
            for level in levels:
                recorder.add(Role.CONFIRM, cell, task, level)
    rows = {row.label: row for row in recorder.board().rows}
    assert all(row.tied for row in rows.values())
    lonely = rows["lstm"].confirmed_score
    assert lonely is not None
    assert lonely.low is None


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
def test_bounds_that_reach_zero_give_no_interval_rather_than_a_wrong_one(metric) -> None:
    task = TaskColumn("alpha", "smoke", metric)
    wild, tame = Interval(0.5, -0.2, 1.2, 2), Interval(0.5, 0.4, 0.6, 3)
    ours, theirs = (tame, wild) if metric == ACCURACY else (wild, tame)
    found = leaderboard._confirmed_score([task], [ours], [theirs])
    assert found == Interval(1.0, None, None, 2)
    sound = leaderboard._confirmed_score([task], [tame], [tame])
    assert sound is not None
    assert sound.low == pytest.approx(0.4 / 0.6)
    assert sound.high == pytest.approx(0.6 / 0.4)


def test_a_study_that_has_just_begun_has_an_empty_board(recorder: Recorder) -> None:
    board = recorder.board()
    assert (board.rows, board.stopped, board.leader) == ((), (), None)
    assert leaderboard.to_frame(board).empty
    with pytest.raises(StoreError, match=r"^missing: "):
        leaderboard.build(recorder.store, "0123")


def test_the_frame_of_the_board_has_its_rows_in_order(written: Written) -> None:
    store, study = written
    board = leaderboard.build(store, study.id)
    table = leaderboard.to_frame(board)
    assert list(table["label"]) == [row.label for row in (*board.rows, *board.stopped)]
    assert {"lstm", "gru"} <= set(table["label"])
    scores = table["score"].dropna()
    assert list(scores) == sorted(scores, reverse=True)
    assert len(scores) == len(board.rows) > 2


def test_the_frames_hold_what_the_log_holds(written: Written) -> None:
    store, study = written
    log = [(ask, outcome) for ask, outcome in store.log(study.id) if ask.trial]
    trials = frame.trials(store, study.id)
    assert list(trials["key"]) == [ask.trial.key for ask, _ in log if ask.trial]
    assert list(trials["valid_loss"].dropna()) == [
        outcome.valid_loss for _, outcome in log if outcome and outcome.valid_loss is not None
    ]
    points = frame.curves(store, study.id)
    assert len(points) == sum(len(outcome.curve) for _, outcome in log if outcome)
    rejected = frame.rejections(store, study.id)
    assert len(rejected) == sum(len(ask.rejections) for ask, _ in log)
    assert "insert, replace" in set(rejected["operators"])
    born = frame.cells(store, study.id)
    assert born["cell"].is_unique
    assert set(born["cell"]) == {ask.trial.cell_id for ask, _ in log if ask.trial}
    assert list(born[born["label"] == "gru"]["admitted"]) == [True]
    assert str(trials["label"].dtype) == "str"


def test_an_unanswered_trial_is_a_row_with_gaps(recorder: Recorder) -> None:
    trial = synthetic.trial(GRU, "alpha", 0)
    recorder.store.add_ask(recorder.study.id, Ask(0, Role.BASELINE, trial))
    (row,) = frame.trials(recorder.store, recorder.study.id).to_dict("records")
    assert row["ending"] is None or row["ending"] != row["ending"]
    board = recorder.board()
    assert (board.asked, board.done) == (1, 0)
    assert dataclasses.asdict(board.stopped[0])["stopped"].startswith("not trained on alpha")


def _confirmed_cells(recorder: Recorder, **levels: tuple[float, ...]) -> None:
    """Baselines with fresh seeds of these accuracies on alpha; on the other tasks all are alike."""
    for name, values in levels.items():
        for task in ("alpha", "beta", "gamma"):
            recorder.add(Role.BASELINE, synthetic.BASELINES[name], task, 0.5)
        for number, value in enumerate(values):
            recorder.add(Role.CONFIRM, synthetic.BASELINES[name], "alpha", value)
            for task in ("beta", "gamma"):
                recorder.add(Role.CONFIRM, synthetic.BASELINES[name], task, 0.5 + number / 100)


def test_cells_of_a_roster_are_told_apart_by_welch_with_holm_where_intervals_overlap(
    recorder: Recorder,
) -> None:
    lstm, gru = (0.500, 0.512, 0.524, 0.536, 0.548), (0.530, 0.542, 0.554, 0.566, 0.578)
    _confirmed_cells(recorder, lstm=lstm, gru=gru)
    board = recorder.board()
    rows = {row.label: row for row in board.rows}
    first, second = rows["lstm"].confirmed[0], rows["gru"].confirmed[0]
    assert first is not None
    assert second is not None
    assert first.overlaps(second)
    # The LSTM leads, as the first of equal scores; Welch's p is 0.037, three tasks make it 0.11.
    assert (rows["lstm"].tied, rows["gru"].tied) == (True, True)
    alpha, beta, gamma = board.compared
    assert alpha.cell_id == LSTM[1]
    assert alpha.difference.centre == pytest.approx(-0.03)
    assert beta.p == gamma.p == 1.0
    alone = effect.difference(lstm, gru, 0.1).p
    assert alone is not None
    assert alpha.p == pytest.approx(min(1.0, 3 * alone))


def test_a_clear_difference_on_one_task_tells_cells_apart(recorder: Recorder) -> None:
    _confirmed_cells(
        recorder, lstm=(0.50, 0.51, 0.52, 0.53, 0.54), gru=(0.54, 0.55, 0.56, 0.57, 0.58)
    )
    (alpha, *_) = recorder.board().compared
    assert alpha.told
    assert {row.label: row.tied for row in recorder.board().rows} == {"lstm": True, "gru": False}
    said = " ".join(search_report.caveats(recorder.board()))
    assert "On fresh seeds worse than gru: lstm on alpha (p 0.0" in said
    assert "No new cell" not in said
