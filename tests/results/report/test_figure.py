"""The drawn artists are read back and compared with the record."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex

from cells.training.metric import ACCURACY
from results import frame
from results.leaderboard import board as leaderboard
from results.leaderboard.board import Board
from results.record.store import Store
from results.record.study import Study
from results.report import figure, panel

Written = tuple[Store, Study]


@pytest.fixture
def board(written: Written) -> Board:
    return leaderboard.build(written[0], written[1].id)


@pytest.fixture
def trials(written: Written) -> pd.DataFrame:
    return frame.trials(written[0], written[1].id)


def by_label(ax: Axes) -> dict[str, Any]:
    return {str(line.get_label()): line for line in ax.get_lines()}


def test_each_curve_is_that_of_the_cells_best_trial(written: Written, board: Board) -> None:
    drawn = figure.learning_curves(board, frame.curves(written[0], written[1].id))
    for place, task in enumerate(board.tasks):
        lines = by_label(drawn.axes[place])
        for row in board.rows:
            selected = row.selected[place]
            assert selected is not None
            outcome = written[0].outcome(selected.key)
            assert outcome is not None
            line = lines[row.label]
            assert list(line.get_xdata()) == [point.update for point in outcome.curve]
            assert list(line.get_ydata()) == [
                point.valid_accuracy if task.metric == ACCURACY else point.valid_loss
                for point in outcome.curve
            ]
        assert list(lines["optimum"].get_ydata()) == [task.optimum] * 2
    names = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert names[:2] == ["lstm", "gru"]


def test_no_two_coloured_cells_share_a_colour(written: Written, board: Board) -> None:
    drawn = figure.learning_curves(board, frame.curves(written[0], written[1].id))
    lines = by_label(drawn.axes[0])
    new = [row.label for row in board.rows if row.label not in ("lstm", "gru")]
    colours = [to_hex(lines[name].get_color()) for name in new]
    assert len(set(colours)) == len(colours) > 2
    handles = dict(
        zip(
            [text.get_text() for text in drawn.legends[0].get_texts()],
            drawn.legends[0].get_lines(),
            strict=True,
        )
    )
    assert [to_hex(handles[name].get_color()) for name in new] == colours


def test_the_best_so_far_rises_to_the_boards_best_and_ends_at_all_the_cost(
    board: Board, trials: pd.DataFrame
) -> None:
    drawn = figure.best_so_far(board, trials)
    best = max(row.score or 0 for row in board.rows if row.label not in ("lstm", "gru"))
    for ax, end in zip(drawn.axes, (len(trials), trials["cpu_seconds"].sum()), strict=True):
        lines = by_label(ax)
        heights = [y for y in lines["best new cell"].get_ydata() if y == y]
        assert heights == sorted(heights)
        assert heights[-1] == pytest.approx(best)
        assert lines["best new cell"].get_xdata()[-1] == pytest.approx(end)
        for row in board.rows:
            if row.label in ("lstm", "gru"):
                assert list(lines[row.label].get_ydata()) == [row.score] * 2


@pytest.mark.parametrize("metric", ["valid_accuracy", "valid_loss"])
def test_the_best_so_far_is_empty_while_a_task_has_no_result(
    board: Board, trials: pd.DataFrame, metric: str
) -> None:
    # As pandas reads a column in which the store has nothing but NULL.
    trials[metric] = pd.Series([None] * len(trials), dtype=object)
    drawn = figure.best_so_far(board, trials)
    assert drawn.axes[0].get_title() == "no new cell has finished all tasks"


def test_the_heat_map_writes_and_colours_each_ratio_in_its_place(board: Board) -> None:
    drawn = figure.ratios(board)
    ax = drawn.axes[0]
    rows = (*board.rows, *board.stopped)
    assert [text.get_text() for text in ax.get_yticklabels()] == [row.label for row in rows]
    assert [text.get_text() for text in ax.get_xticklabels()] == [t.name for t in board.tasks]
    written_ = {
        (int(text.get_position()[0]), int(text.get_position()[1])): text.get_text()
        for text in ax.texts
    }
    (mesh,) = [artist for artist in ax.collections if isinstance(artist, QuadMesh)]
    values = mesh.get_array()
    assert values is not None
    for y, row in enumerate(rows):
        for x, selected in enumerate(row.selected):
            if selected is None or selected.ratio is None:
                assert (x, y) not in written_
            else:
                assert written_[x, y] == f"{selected.ratio:.3f}"
                assert float(values[y][x]) == pytest.approx(selected.ratio)


def test_the_bars_of_the_screen_count_its_trials(board: Board, trials: pd.DataFrame) -> None:
    drawn = figure.screen(board, trials)
    found = trials[trials["role"] == "screen"]["valid_accuracy"]
    bars: list[Any] = list(drawn.axes[0].patches)
    assert sum(bar.get_height() for bar in bars) == len(found)
    for bar in bars:
        low, high = bar.get_x(), bar.get_x() + bar.get_width()
        inside = ((found >= low - 1e-9) & (found < high - 1e-9)).sum()
        assert bar.get_height() == inside
    (mark,) = drawn.axes[0].get_lines()
    assert np.asarray(mark.get_xdata()).tolist() == [board.study.screen.pass_mark] * 2


def test_the_bars_of_the_rejections_stand_by_their_causes(board: Board) -> None:
    ax = figure.rejections(board).axes[0]
    names = [text.get_text() for text in ax.get_yticklabels()]
    bars: list[Any] = list(ax.patches)
    drawn = {names[round(bar.get_y() + bar.get_height() / 2)]: bar.get_width() for bar in bars}
    assert drawn == dict(board.rejections)


def test_the_lineage_joins_children_to_their_parents(written: Written, board: Board) -> None:
    cells = frame.cells(written[0], written[1].id)
    ax = figure.lineage(board, cells).axes[0]
    births = dict(zip(cells["cell"], cells["number"], strict=True))
    lines: list[Any] = list(ax.get_lines())
    edges = {
        (line.get_xdata()[0], line.get_xdata()[-1]) for line in lines if len(line.get_xdata()) == 3
    }
    rows = (*board.rows, *board.stopped)
    assert edges == {(births[row.parent_id], births[row.cell_id]) for row in rows if row.parent_id}


def test_a_figure_made_twice_has_the_same_bytes_and_its_own_ids(
    board: Board, trials: pd.DataFrame
) -> None:
    makers = (
        lambda: figure.ratios(board),
        lambda: figure.best_so_far(board, trials),
        lambda: figure.screen(board, trials),
    )
    for make in makers:
        text = panel.to_svg(make(), "a")
        assert text == panel.to_svg(make(), "a")
        assert 'id="a-' in text
        assert "<metadata" not in text
        assert "var(--ink)" in text


def test_hostile_names_are_drawn_as_plain_text() -> None:
    evil = "$\\frac{1}$ </text><script>\u202e\x00 " + "x" * 500
    with panel.panels(3.0, 2.0) as (drawn, axes):
        axes[0].set_title(panel.plain(evil))
    text = panel.to_svg(drawn, "a")
    assert "<script" not in text
    assert "\u202e" not in text
    assert "x" * 50 not in text
