"""Hyperparameters: what each of them did to the result, to divergence, and how much it mattered."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cells.training.hyperparameter import Hyperparameter, Value
from cells.training.setting import HYPERPARAMETERS, Setting
from results.dashboard.chart import Chart, band, bars, chart, level, line, points
from results.dashboard.history import ENDINGS, PENDING, ROLES, History
from results.dashboard.pages.trials import text
from results.dashboard.view import AbsentError, Document, Request, View, cell_path
from results.leaderboard.anytime import Floats
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn
from results.record.outcome import Ending
from results.statistics.interval import wilson
from results.statistics.sensitivity import Selection, memoryless

COLUMNS: Final = {row.name: row.label for row in HYPERPARAMETERS}
"""Columns of the history, by the name for people."""
_ROWS: Final = {row.name: row for row in HYPERPARAMETERS}
VALUES: Final = 12
"""Distinct values up to which each stands for itself."""
BINS: Final = 8
"""Groups of equal size into which more values are put."""
POINTS: Final = 350
"""Trainings drawn as points, the same in each chart."""
POOLED: Final = 200
"""Settings of all cells from which importances are computed."""
FEWEST: Final = 3
"""Settings that a cell must have to enter the pool."""


def document(request: Request) -> Document:
    """Slices of one task by every hyperparameter that varied, and importances if asked for."""
    query, history = request.query, request.record.history(request.study_id)
    names = [history.tasks[index].name for index in history.planned]
    name = query.choice("task", names, names[0])
    index = names.index(name)
    task = history.tasks[index]
    cell_id = query.text("cell")
    cell = history.index(cell_id)
    if cell_id and cell is None:
        raise AbsentError(f"this study has no trained cell {cell_id!r}")
    rows = _settings(history, index)
    chosen = rows if cell is None else rows[rows["cell"] == cell]
    trained = chosen[~np.isnan(chosen["valid"])]
    known = memoryless(task)
    varied = [column for column in COLUMNS if len(np.unique(_known(chosen, column)[column])) > 1]
    asked = bool(query.choice("importance", ["yes"], ""))
    drawn = trained[
        np.unique(np.linspace(0, max(0, len(trained) - 1), POINTS).astype(int))[: len(trained)]
    ]
    return {
        "study": request.study_id,
        "task": name,
        "tasks": names,
        **task.judged(),
        "bounded": task.metric.worst is not None,
        "cell": cell_id,
        "label": "" if cell is None else history.labels[cell],
        "cells": len(np.unique(chosen["cell"])),
        "settings": len(chosen),
        "trained": len(trained),
        "level": known and {"name": known[0], "value": known[1]},
        "slices": [
            {
                "column": column,
                "name": COLUMNS[column],
                "groups": _groups(chosen, column, task, known),
            }
            for column in varied
        ],
        "constant": {
            COLUMNS[column]: _value(column, _known(chosen, column)[column][0])
            for column in COLUMNS
            if column not in varied and len(_known(chosen, column))
        },
        "points": [
            {
                "cell": history.cells[row["cell"]],
                "label": history.labels[row["cell"]],
                "value": float(row["valid"]),
                **{column: _value(column, row[column]) for column in varied},
            }
            for row in drawn
        ],
        "computes": request.record.computes,
        "asked": asked,
        "importance": _importance(request, history, rows, task, cell) if asked else None,
    }


def charts(document: Document) -> dict[str, Chart]:
    """For each hyperparameter the result and the shares, and the importances."""
    made: dict[str, Chart] = {}
    for part in document["slices"]:
        column, groups = part["column"], part["groups"]
        known = [group for group in groups if group["median"] is not None]
        x = [group["at"] for group in known]
        having = [point for point in document["points"] if point[column] is not None]
        axis: dict[str, Any] = {"type": "log"} if _spread(groups) else {}
        ends = x[:1] + x[-1:] if _ROWS[column].kind == "word" else [min(x), max(x)] if x else []
        traces = [
            points(
                "settings",
                [point[column] for point in having],
                [point["value"] for point in having],
                "sky",
                text=[
                    f"{point['label']}: {point['value']:.4g} at {text(point[column])}"
                    for point in having
                ],
                links=[cell_path(document["study"], point["cell"]) for point in having],
                size=4,
            ),
            band(
                x, [group["lower"] for group in known], [group["upper"] for group in known], "blue"
            ),
            line("median, middle half shaded", x, [group["median"] for group in known], "blue"),
        ]
        traces[-1]["mode"] = "lines+markers"
        if document["level"] and x:
            traces.append(level(document["level"]["name"], document["level"]["value"], ends, "ink"))
        made[f"slice-{column}"] = chart(
            traces,
            part["name"],
            f"validation {document['metric_label']}",
            xaxis=axis,
            yaxis=_reach(document),
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        )
        made[f"share-{column}"] = chart(
            [
                _shares(groups, "diverged", "vermillion"),
                *([_shares(groups, "learned", "green")] if document["level"] else []),
            ],
            part["name"],
            "share of the settings",
            xaxis=axis,
            yaxis={"range": [-0.03, 1.03]},
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        )
    arms: list[Document] = document["importance"]["arms"] if document["importance"] else []
    for index, arm in enumerate(arms):
        if arm["shares"]:
            made[f"importance{index}"] = chart(
                [bars([COLUMNS[name] for name in arm["shares"]], list(arm["shares"].values()))],
                "share of importance",
                xaxis={"range": [0, 1]},
                yaxis={"autorange": "reversed", "automargin": True},
            )
    return made


def _spread(groups: Sequence[dict[str, Any]]) -> bool:
    """Whether values are so far apart that they are drawn by their logarithm."""
    at = [group["at"] for group in groups]
    return not isinstance(at[0], str) and min(at) > 0 and max(at) / min(at) >= 5


def _known(rows: NDArray[Any], column: str) -> NDArray[Any]:
    """The rows that have this hyperparameter."""
    return rows[~np.isnan(rows[column])]


def _value(column: str, number: float) -> Value:
    """A value of the history as it is; None where the optimizer has it not."""
    words = _ROWS[column].words
    return None if math.isnan(number) else words[int(number)] if words else float(number)


def _reach(document: Document) -> dict[str, Any]:
    """The reach of the results but for the worst twentieth, which may lie anywhere where nothing bounds it."""
    values = [point["value"] for point in document["points"]]
    if document["bounded"] or not values:
        return {}
    side, share = ("lower", 0.05) if document["higher"] else ("upper", 0.95)
    groups = [group for part in document["slices"] for group in part["groups"]]
    edges = [group[side] for group in groups if group[side] is not None]
    far = [float(np.quantile(values, share)), *edges]
    low, high = (min(far), max(values)) if document["higher"] else (min(values), max(far))
    return {"range": [low - 0.05 * (high - low), high + 0.05 * (high - low)]}


def _shares(groups: Sequence[dict[str, Any]], name: str, colour: str) -> Chart:
    known = [(group["at"], group[name]) for group in groups]
    trace = line(
        f"{name}, 95 %",
        [at for at, _ in known],
        [interval["centre"] for _, interval in known],
        colour,
    )
    trace["mode"] = "lines+markers"
    trace["error_y"] = {
        "type": "data",
        "symmetric": False,
        "array": [interval["high"] - interval["centre"] for _, interval in known],
        "arrayminus": [interval["centre"] - interval["low"] for _, interval in known],
        "color": colour,
    }
    return trace


def _settings(history: History, task: int) -> NDArray[Any]:
    """Trainings of the selection on a task that have an outcome, each once."""
    rows = history.rows
    selecting = np.isin(rows["role"], [ROLES.index(role) for role in SELECTION])
    return rows[(rows["task"] == task) & selecting & rows["first"] & (rows["ending"] != PENDING)]


def _groups(
    rows: NDArray[Any], column: str, task: TaskColumn, known: tuple[str, float] | None
) -> list[dict[str, Any]]:
    """Settings by value, or by bins of values where there are many."""
    rows = _known(rows, column)
    values = rows[column]
    distinct = np.unique(values)
    if len(distinct) <= VALUES:
        member = np.searchsorted(distinct, values)
    else:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
        member = np.searchsorted(edges, values, side="right")
    groups: list[dict[str, Any]] = []
    for group in np.unique(member):
        own = rows[member == group]
        good = own["valid"][~np.isnan(own["valid"])]
        quartiles = np.quantile(good, [0.25, 0.5, 0.75]).tolist() if len(good) else [None] * 3
        diverged = int((own["ending"] == ENDINGS.index(Ending.DIVERGED)).sum())
        learned = None
        if known is not None:
            beats = good > known[1] if task.metric.higher else good < known[1]
            learned = asdict(wilson(int(beats.sum()), len(own)))
        low, high = (_value(column, edge) for edge in (own[column].min(), own[column].max()))
        groups.append(
            {
                "low": low,
                "high": high,
                "at": _value(column, np.median(own[column])),
                "values": text(low) if low == high else f"{text(low)} to {text(high)}",
                "count": len(own),
                "trained": len(good),
                "lower": quartiles[0],
                "median": quartiles[1],
                "upper": quartiles[2],
                "diverged": asdict(wilson(diverged, len(own))),
                "learned": learned,
            }
        )
    return groups


def _importance(
    request: Request, history: History, rows: NDArray[Any], task: TaskColumn, cell: int | None
) -> Document:
    """Importances of the cell, or of all cells pooled and of each baseline."""
    about = ("task", task.name, task.scale, "" if cell is None else history.cells[cell])

    def selections() -> list[Selection]:
        single = (
            [cell]
            if cell is not None
            else [index for index in history.baselines if index is not None]
        )
        selected = [
            _selection(history.labels[index], task, own, own["valid"])
            for index in single[:6]
            if len(own := rows[rows["cell"] == index])
        ]
        return selected if cell is not None else [*_pool(rows, task), *selected]

    answered, importances = request.record.importances(request.study_id, about, selections)
    return {
        "answered": answered,
        "arms": [
            {
                "arm": importance.arm,
                "tries": importance.tries,
                "shares": dict(sorted(importance.shares.items(), key=lambda pair: -pair[1])),
                "beyond_chance": sorted(importance.beyond_chance),
            }
            for importance in importances
        ],
    }


def _whole(row: Hyperparameter, value: Value) -> Any:
    return int(value) if row.kind == "whole" and isinstance(value, float) else value


def _pool(rows: NDArray[Any], task: TaskColumn) -> list[Selection]:
    """Settings of many cells, each judged against the other settings of its own cell.

    Whole cells, evenly taken from all that have `FEWEST` settings. A setting's value is the share of
    its cell's settings that it beats; of equal shares the setting is ahead that is further above its
    cell's median.
    """
    cells, counts = np.unique(rows["cell"], return_counts=True)
    fit = cells[counts >= FEWEST]
    if not len(fit):
        return []
    wanted = max(1, int(POOLED / counts[counts >= FEWEST].mean()))
    taken = fit[np.unique(np.linspace(0, len(fit) - 1, wanted).astype(int))]
    own = rows[np.isin(rows["cell"], taken)]
    sign = task.metric.sign
    beaten, lead = np.full(len(own), np.nan), np.full(len(own), np.nan)
    for index in taken:
        at = np.flatnonzero(own["cell"] == index)
        values = sign * own["valid"][at]
        known = np.where(np.isnan(values), -np.inf, values)
        beaten[at] = (known[:, None] > known[None, :]).sum(axis=1) / (len(at) - 1)
        lead[at] = values - np.nanmedian(values) if (~np.isnan(values)).any() else np.nan
    order = np.lexsort((lead, beaten))
    rank = np.empty(len(own))
    rank[order] = np.arange(len(own))
    rank[np.isnan(own["valid"])] = np.nan
    return [_selection(f"{len(taken)} cells, pooled", task, own, sign * rank)]


def _selection(arm: str, task: TaskColumn, rows: NDArray[Any], values: Floats) -> Selection:
    """The settings with these values in the task's metric; NaN stands for a failure."""
    return Selection(
        arm=arm,
        task=task.name,
        metric=task.metric,
        settings=tuple(
            Setting(
                **{
                    parameter.name: _whole(parameter, _value(parameter.name, row[parameter.name]))
                    for parameter in HYPERPARAMETERS
                }
            )
            for row in rows
        ),
        values=tuple(None if np.isnan(value) else float(value) for value in values),
        endings=tuple(ENDINGS[int(row["ending"])] for row in rows),
        learned=(),
    )


VIEW = View(
    name="hyperparameters",
    title="Hyperparameters",
    explains="What each hyperparameter did to the result, and how much it mattered.",
    filters={
        "task": "name of a task of the study",
        "cell": "id of a trained cell; all cells without it",
        "importance": "yes: compute importances too, which takes seconds",
    },
    document=document,
    charts=charts,
)
