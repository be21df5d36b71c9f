"""Figures of a study with seaborn.

Every text that is drawn passes `plain`: names come from files and may hold anything.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from results.leaderboard import anytime
from results.leaderboard.board import SELECTION, Board, Row
from results.leaderboard.task_column import TaskColumn
from results.record.outcome import Ending
from results.report.panel import FAINT, INK, legend, panels, plain

_SHOWN: Final = 6
"""Cells that get a colour of their own beside the baselines."""


def learning_curves(board: Board, curves: pd.DataFrame) -> Figure:
    """Validation metric over updates, one panel a task, each cell's best setting.

    Baselines are heavy, the best cells coloured, all others faint; dotted is the known optimum.
    """
    shown = [row for row in (*board.rows, *board.stopped) if not row.baseline][:_SHOWN]
    colours = _colours(shown)
    points = _records(curves)
    width = 4.0 * len(board.tasks)
    with panels(width, 3.2, columns=len(board.tasks)) as (figure, axes):
        for index, (task, ax) in enumerate(zip(board.tasks, axes, strict=True)):
            column = task.metric.column("valid")
            keys = {
                selected.key: row
                for row in (*board.stopped, *reversed(board.rows))
                if (selected := row.selected[index]) is not None and selected.key
            }
            lines: dict[str, dict[int, float]] = {key: {} for key in keys}
            for point in points:
                if point["key"] in lines:
                    lines[point["key"]][point["updates"]] = task.metric.derive(point[column])
            for key, row in keys.items():
                # A line of one point would not be seen.
                marker = "o" if len(lines[key]) == 1 else ""
                style = _line(row, board.yardstick, colours)
                ax.plot(list(lines[key]), list(lines[key].values()), marker=marker, **style)
            _floor(ax, task)
            ax.set_title(plain(f"{task.name} ({task.scale})"))
            ax.set_xlabel("updates")
            ax.set_ylabel(plain(task.metric.axis("validation", task.unit)))
        legend(figure, axes, [*_baselines(board), *(plain(row.label) for row in shown)])
    return figure


def best_so_far(board: Board, trials: pd.DataFrame) -> Figure:
    """The best score (Eq. 1) of any new cell so far, against trials and against core-seconds.

    Scores refer to the yardstick's final best. Horizontal: the baselines.
    """
    steps = _best_steps(board, trials)
    with panels(8.0, 3.0, columns=2, sharey=True) as (figure, axes):
        for ax, column, name in zip(
            axes, ("trials", "core_seconds"), ("trials done", "core-seconds spent"), strict=True
        ):
            ax.step(
                steps[column],
                steps["score"],
                where="post",
                color=sns.color_palette("colorblind")[0],
                label="best new cell",
            )
            _baseline_lines(ax, board)
            ax.set_xlim(left=0)
            ax.set_xlabel(name)
        axes[0].set_ylabel(f"score: worst ratio to {plain(board.yardstick)}")
        if not np.isfinite(steps["score"]).any():
            axes[0].set_title("no new cell has finished all tasks")
        legend(figure, axes, _baselines(board))
    return figure


def ratios(board: Board, most: int = 20) -> Figure:
    """Cells by tasks: best validation metric relative to the yardstick; 1 is equal, blank is not trained."""
    rows = [*board.rows, *board.stopped][:most]
    table = np.full((len(rows), len(board.tasks)), np.nan)
    for index, row in enumerate(rows):
        for column, selected in enumerate(row.selected):
            if selected is not None and selected.ratio is not None:
                table[index, column] = selected.ratio
    frame = pd.DataFrame(
        table,
        index=[plain(row.label) for row in rows],
        columns=[plain(task.name) for task in board.tasks],
    )
    with panels(2.9 + 1.3 * len(board.tasks), 0.8 + 0.27 * max(1, len(rows))) as (figure, axes):
        ax = axes[0]
        reach = float(np.nanmax(np.abs(table - 1.0))) if np.isfinite(table).any() else 0.1
        if rows:
            sns.heatmap(
                frame,
                ax=ax,
                annot=True,
                fmt=".3f",
                vmin=1.0 - max(reach, 0.01),
                vmax=1.0 + max(reach, 0.01),
                cmap=sns.diverging_palette(20, 240, as_cmap=True),
                cbar=False,
                linewidths=1.0,
                linecolor="none",
                annot_kws={"size": 8},
            )
        ax.tick_params(length=0)
        ax.set_title(f"relative to {plain(board.yardstick)}")
    return figure


def screen(board: Board, trials: pd.DataFrame) -> Figure:
    """Accuracies of new cells on the memorization screen, with the pass mark."""
    scores = [
        float(trial["valid_accuracy"])
        for trial in _records(trials)
        if trial["role"] == "screen" and not pd.isna(trial["valid_accuracy"])
    ]
    with panels(5.0, 2.6) as (figure, axes):
        ax = axes[0]
        sns.histplot(
            x=np.array(scores),
            binwidth=0.05,
            binrange=(0.0, 1.0),
            ax=ax,
            color=sns.color_palette("colorblind")[0],
            edgecolor="none",
        )
        mark = board.study.screen.pass_mark
        ax.axvline(mark, color=INK, linestyle="--", linewidth=1.0)
        ax.set_xlim(0, 1)
        ax.set_xlabel("accuracy on the screen")
        ax.set_ylabel("cells")
        ax.set_title(f"{len(scores)} cells screened, pass mark {mark:g}")
    return figure


def rejections(board: Board) -> Figure:
    """Number of cells turned away, by cause, most frequent first."""
    counts = sorted(board.rejections.items(), key=lambda pair: (-pair[1], pair[0]))
    with panels(5.0, 0.9 + 0.3 * max(1, len(counts))) as (figure, axes):
        ax = axes[0]
        causes = [plain(cause) for cause, _ in counts]
        if counts:
            sns.barplot(
                x=[count for _, count in counts],
                y=causes,
                order=causes,
                ax=ax,
                orient="h",
                color=sns.color_palette("colorblind")[0],
            )
        for index, (_, count) in enumerate(counts):
            ax.annotate(str(count), (count, index), (3, 0), textcoords="offset points", va="center")
        ax.set_xlabel("cells turned away")
        ax.set_ylabel("")
        ax.tick_params(axis="y", length=0)
    return figure


def lineage(board: Board, cells: pd.DataFrame, most: int = 40) -> Figure:
    """Who was mutated from whom: cells beyond the screen, in order of birth, coloured by score."""
    rows = {row.cell_id: row for row in (*board.rows, *board.stopped)}
    births = {entry["cell"]: entry["number"] for entry in _records(cells)}
    ordered = sorted(rows.values(), key=lambda row: row.first)[:most]
    heights = _heights(ordered)
    with panels(8.0, 0.8 + 0.24 * max(2, len(ordered))) as (figure, axes):
        ax = axes[0]
        for row in ordered:
            parent = rows.get(row.parent_id)
            if parent is not None and parent.cell_id in heights:
                ax.plot(
                    [births[parent.cell_id], births[parent.cell_id], births[row.cell_id]],
                    [heights[parent.cell_id], heights[row.cell_id], heights[row.cell_id]],
                    color=FAINT,
                    linewidth=0.8,
                    zorder=1,
                )
        palette = sns.color_palette("colorblind")
        for row in ordered:
            good = row.score is not None and row.score > 1.0
            ax.plot(
                [births[row.cell_id]],
                [heights[row.cell_id]],
                marker="s" if row.baseline else "o",
                markersize=6,
                markerfacecolor=palette[2]
                if good
                else (FAINT if row.score is None else palette[0]),
                markeredgecolor="none",
                zorder=2,
            )
            text = row.label if row.score is None else f"{row.label}  {row.score:.3f}"
            ax.annotate(
                plain(text),
                (births[row.cell_id], heights[row.cell_id]),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.12)
        ax.set_xlabel("index at which the cell was first asked for")
    return figure


def _best_steps(board: Board, trials: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Trials, core-seconds and best score of a new cell after each trial; NaN until there is one."""
    asked: dict[str, dict[str, Any]] = {}
    for trial in _records(trials):
        if not pd.isna(trial["ending"]):
            asked.setdefault(trial["key"], trial)
    first = list(asked.values())
    known = {row.cell_id for row in (*board.rows, *board.stopped) if row.baseline}
    numbers = {task.name: number for number, task in enumerate(board.tasks)}
    places = np.array([numbers.get(trial["task"], -1) for trial in first], np.int64)
    ratios = np.full(len(first), np.nan)
    for task in board.tasks:
        own = places == numbers[task.name]
        values = [
            _valid(trial, task)
            if trial["role"] in SELECTION and trial["cell"] not in known
            else np.nan
            for trial in first
            if trial["task"] == task.name
        ]
        ratios[own] = anytime.ratios(task, np.array(values, np.float64), task.reference)
    cells = {trial["cell"]: number for number, trial in enumerate(first)}
    at = np.array([cells[trial["cell"]] for trial in first], np.int64)
    return {
        "trials": np.arange(1.0, len(first) + 1),
        "core_seconds": np.cumsum([float(trial["cpu_seconds"]) for trial in first]),
        "score": anytime.best_scores(at, places, ratios, len(board.tasks)),
    }


def _valid(trial: dict[str, Any], task: TaskColumn) -> float:
    """The validation metric of a trial of that task; NaN if it did not end well or has none."""
    value = trial[task.metric.column("valid")]
    if trial["ending"] != Ending.OK or pd.isna(value):
        return np.nan
    return task.metric.derive(float(value))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    names = [str(column) for column in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in frame.itertuples(index=False, name=None)]


def _heights(rows: Sequence[Row]) -> dict[str, int]:
    """A line for each cell such that children stand below their parent."""
    children: dict[str, list[str]] = {}
    ids = {row.cell_id for row in rows}
    for row in rows:
        parent = row.parent_id if row.parent_id in ids else ""
        children.setdefault(parent, []).append(row.cell_id)
    heights: dict[str, int] = {}
    waiting = list(reversed(children.get("", [])))
    while waiting:
        cell = waiting.pop()
        if cell in heights:
            continue
        heights[cell] = -len(heights)
        waiting.extend(reversed(children.get(cell, [])))
    # A cell whose parent came later (the same cell found twice) still gets its line.
    for row in rows:
        heights.setdefault(row.cell_id, -len(heights))
    return heights


def _colours(rows: Sequence[Row]) -> dict[str, Any]:
    palette = sns.color_palette("colorblind", _SHOWN)
    return {row.cell_id: palette[index] for index, row in enumerate(rows)}


def _line(row: Row, yardstick: str, colours: dict[str, Any]) -> dict[str, Any]:
    name = plain(row.label)
    if row.baseline:
        dashes = "-" if row.label == yardstick else "--"
        return {"color": INK, "linewidth": 2.2, "linestyle": dashes, "zorder": 3, "label": name}
    if row.cell_id in colours:
        colour = colours[row.cell_id]
        return {"color": colour, "linewidth": 1.3, "zorder": 2, "label": name}
    return {"color": FAINT, "linewidth": 0.6, "alpha": 0.5, "zorder": 1, "label": "_others"}


def _floor(ax: Axes, task: TaskColumn) -> None:
    if task.optimum is not None:
        ax.axhline(task.optimum, color=FAINT, linestyle=":", linewidth=1.2, label="optimum")


def _baseline_lines(ax: Axes, board: Board) -> None:
    for row in board.rows:
        if row.baseline and row.score is not None:
            ax.axhline(
                row.score,
                color=INK,
                linewidth=1.2,
                linestyle="-" if row.label == board.yardstick else "--",
                label=plain(row.label),
            )


def _baselines(board: Board) -> list[str]:
    return [plain(row.label) for row in (*board.rows, *board.stopped) if row.baseline]
