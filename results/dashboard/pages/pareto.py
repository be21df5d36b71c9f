"""Pareto: which cells nobody beats in quality at their price."""

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cells import CellError, parse
from cells.size import Polynomial, flops
from results.dashboard.chart import Chart, chart, line, points
from results.dashboard.history import ENDINGS, PENDING, ROLES, History
from results.dashboard.pages.standing import Standing, read_rows
from results.dashboard.view import Document, Request, View, cell_path
from results.leaderboard.anytime import Floats
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import SCORE
from results.record.outcome import Ending
from results.record.store import Store
from results.statistics.interval import Interval

COSTS: Final = {
    "parameters": (
        "parameters",
        "all numbers of the model, embedding and readout included; the most on any task that counts",
    ),
    "flops": (
        "FLOPs per step",
        "floating-point operations of one forward step of one sequence in all layers, without the"
        " readout, at the width and the layers of the best setting; the mean over the tasks that count",
    ),
    "seconds": (
        "core-seconds per training",
        "the mean over the trainings that ended well, then over the tasks that count; it depends on"
        " the settings that were drawn and on the machine",
    ),
}
"""What can be paid with: its name on the axis, and what it is."""
COUNTED: Final = 500
"""Best cells whose texts are read to count operations."""
SHOWN: Final = 1500
"""Points of the chart at most, the best ones."""
CONFIRMED: Final = 40
"""Cells at most whose confirmed results are read."""

_WIDTHS: Final = """
SELECT ask.number, width FROM ask JOIN outcome ON outcome.trial_key = ask.trial_key
WHERE ask.study_id = ? AND ask.number IN (SELECT value FROM json_each(?))
"""
_TEXTS: Final = "SELECT id, text FROM cell WHERE id IN (SELECT value FROM json_each(?))"


def document(request: Request) -> Document:
    """Cells by quality and cost, and the front: those that none beats in both."""
    query, record, study_id = request.query, request.record, request.study_id
    history, standing = record.history(study_id), record.standing(study_id)
    names = [task.name for task in standing.tasks]
    quality = query.choice("quality", ["score", *names], "score")
    cost = query.choice("cost", list(COSTS), "parameters")
    which = query.choice("cells", ["finished", "all"], "finished")
    column = None if quality == "score" else names.index(quality)
    sign = 1.0 if column is None else standing.tasks[column].metric.sign
    values = standing.score if column is None else standing.best[:, column]
    if which == "finished" or column is None:
        values = np.where(standing.finished, values, np.nan)
    baselines = [index for index in history.baselines if index is not None]
    indices = np.flatnonzero(~np.isnan(values))
    indices = indices[np.argsort(-sign * values[indices], kind="stable")]
    total = len(indices)
    if cost == "flops":
        indices = indices[np.isin(indices, baselines) | (np.arange(total) < COUNTED)]
    paid = _costs(record.store, history, standing, cost, column, indices)
    indices, paid = indices[~np.isnan(paid)], paid[~np.isnan(paid)]
    front = _front(indices, paid, sign * values[indices])
    kept = np.isin(indices, [*front, *baselines]) | (np.arange(len(indices)) < SHOWN)
    confirmed = _confirmed(request, standing, [*front, *baselines], column)
    price = dict(zip(indices.tolist(), paid.tolist(), strict=True))

    def entry(index: int) -> dict[str, Any]:
        return {
            "cell": history.cells[index],
            "label": history.labels[index],
            "quality": float(values[index]),
            "cost": price[index],
        }

    def whole(index: int) -> dict[str, Any]:
        tried = standing.tried[index] if column is None else standing.tried[index, column]
        return {
            **entry(index),
            "baseline": index in baselines,
            "tried": int(tried.sum()),
            "confirmed": confirmed.get(index),
        }

    return {
        "study": study_id,
        "quality": quality,
        **(SCORE if column is None else standing.tasks[column].judged()),
        "yardstick": history.yardstick,
        "cost": cost,
        "cost_name": COSTS[cost][0],
        "cost_explains": COSTS[cost][1],
        "which": which if column is not None else "finished",
        "tasks": names,
        "cells": total,
        "counted": len(indices),
        "shown": int(kept.sum()),
        "far": _far(sign * values[indices[kept]], sign),
        "points": [entry(index) for index in indices[kept].tolist()],
        "front": [whole(index) for index in front],
        "baselines": [whole(index) for index in baselines if index in price],
    }


def charts(document: Document) -> dict[str, Chart]:
    """All cells, the front as steps, baselines, and what was confirmed with its interval."""
    front, baselines = document["front"], document["baselines"]
    if not front:
        return {}
    last = max(point["cost"] for point in document["points"])
    special = {point["cell"] for point in (*front, *baselines)}
    others = [point for point in document["points"] if point["cell"] not in special]
    steps = [*front, {**front[-1], "cost": max(last, front[-1]["cost"])}]
    traces = [
        _points(document, others, "cells", "sky", 5, "circle"),
        line(
            "the front",
            [point["cost"] for point in steps],
            [point["quality"] for point in steps],
            "blue",
            steps=True,
        )
        | {"hoverinfo": "skip"},
        _points(document, front, "on the front", "blue", 9, "circle"),
        _points(document, baselines, "baselines", "orange", 11, "diamond"),
    ]
    sure = [point for point in (*front, *baselines) if point["confirmed"]]
    if sure:
        trace = _points(
            document,
            [{**point, "quality": point["confirmed"]["centre"]} for point in sure],
            "on fresh seeds (test), 95 %",
            "vermillion",
            7,
            "x",
        )
        bounds = [(point["confirmed"]["centre"], point["confirmed"]) for point in sure]
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [0 if b["high"] is None else b["high"] - centre for centre, b in bounds],
            "arrayminus": [0 if b["low"] is None else centre - b["low"] for centre, b in bounds],
            "color": "vermillion",
        }
        traces.append(trace)
    name = (
        "score (Eq. 1)"
        if document["quality"] == "score"
        else f"validation {document['metric_label']}"
    )
    drawn = chart(
        [trace for trace in traces if trace["x"]],
        document["cost_name"],
        name,
        yaxis=_reach(document),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return {"pareto": drawn}


def _reach(document: Document) -> dict[str, Any]:
    """What the axis shows at first: all, or all but what lies far off."""
    far = document["far"]
    if far is None:
        return {}
    shown = [point["quality"] for point in (*document["points"], *document["baselines"])]
    best = max(shown) if document["higher"] else min(shown)
    edge = far["beyond"]
    return {"range": sorted([best - 0.08 * (edge - best), edge])}


def _points(
    document: Document, which: list[dict[str, Any]], name: str, colour: str, size: int, symbol: str
) -> Chart:
    return points(
        name,
        [point["cost"] for point in which],
        [point["quality"] for point in which],
        colour,
        text=[
            f"{point['label']}: {point['quality']:.4g} at {point['cost']:,.6g}" for point in which
        ],
        links=[cell_path(document["study"], point["cell"]) for point in which],
        size=size,
        symbol=symbol,
    )


def _front(indices: NDArray[Any], costs: Floats, values: Floats) -> list[int]:
    """Indices of which none is as cheap and better, or as good and cheaper; cheapest first."""
    order = np.lexsort((-values, costs))
    best = np.maximum.accumulate(values[order]) if len(order) else values
    rises = np.append(True, best[1:] > best[:-1])[: len(order)]
    return indices[order[rises]].tolist()


def _far(values: Floats, sign: float) -> dict[str, Any] | None:
    """Where the points end and those begin that would press all others into a line; None if none do.

    Args:
        values: higher is better.
        sign: by which they were turned so.
    """
    if len(values) < 2:
        return None
    best, usual = float(values.max()), float(np.quantile(values, 0.05))
    edge = best - 1.5 * (best - usual)
    count = int((values < edge).sum())
    return {"beyond": sign * edge, "count": count} if count and best > usual else None


def _costs(
    store: Store,
    history: History,
    standing: Standing,
    cost: str,
    column: int | None,
    cells: NDArray[Any],
) -> Floats:
    """What these cells cost; NaN where it is not known."""
    rows = history.rows
    own = rows["task"] < len(history.planned) if column is None else rows["task"] == column
    selecting = np.isin(rows["role"], [ROLES.index(role) for role in SELECTION])
    chosen = rows[own & selecting & rows["first"] & (rows["ending"] != PENDING)]
    shape = (len(history.cells), len(history.planned))
    at = (chosen["cell"], chosen["task"])
    if cost == "parameters":
        most = np.zeros(shape)
        np.maximum.at(most, at, chosen["parameters"])
        return np.where(most.max(axis=1) > 0, most.max(axis=1), np.nan)[cells]
    if cost == "seconds":
        good = chosen["ending"] == ENDINGS.index(Ending.OK)
        sums, counts = np.zeros(shape), np.zeros(shape)
        np.add.at(sums, at, np.where(good, chosen["cpu_seconds"], 0.0))
        np.add.at(counts, at, good)
        means = np.divide(sums, counts, out=np.full(shape, np.nan), where=counts > 0)
        return _mean(means[cells])
    best = chosen[(chosen["valid"] == standing.best[at]) & np.isin(chosen["cell"], cells)]
    return _operations(store, history, best, cells)


def _operations(store: Store, history: History, best: NDArray[Any], cells: NDArray[Any]) -> Floats:
    numbers: list[int] = best["number"].tolist()
    widths = dict(store.select(_WIDTHS, history.study_id, json.dumps(numbers)))
    indices: list[int] = cells.tolist()
    ids = [history.cells[index] for index in indices]
    texts = dict(store.select(_TEXTS, json.dumps(ids)))
    table = np.full((len(history.cells), len(history.planned)), np.nan)
    # From the last to the first, so that of equal settings the first counts.
    for row in best[::-1]:
        counted = _flops(texts[history.cells[row["cell"]]])
        width = widths.get(int(row["number"]))
        if counted is not None and width is not None:
            table[row["cell"], row["task"]] = counted.at(width) * int(row["layers"])
    return _mean(table[cells])


@lru_cache(maxsize=4096)
def _flops(text: str) -> Polynomial | None:
    """Operations of a cell by width; None for a text that this version does not read."""
    try:
        return flops(parse(text))
    except CellError:
        return None


def _mean(table: Floats) -> Floats:
    """Over the tasks of each cell for which there is a number; NaN if there is none."""
    counts = (~np.isnan(table)).sum(axis=1)
    sums = np.nansum(table, axis=1)
    return np.divide(sums, counts, out=np.full(len(table), np.nan), where=counts > 0)


def _confirmed(
    request: Request, standing: Standing, indices: list[int], column: int | None
) -> dict[int, dict[str, Any]]:
    """Results on fresh seeds and the test split, of those that have any."""
    history = request.record.history(request.study_id)
    seen = [index for index in dict.fromkeys(indices) if standing.confirmed[index].any()][
        :CONFIRMED
    ]
    rows = read_rows(request.record.store, history, standing, seen) if seen else []
    by = {row.cell_id: row for row in rows}
    intervals: dict[int, Interval | None] = {}
    for index in seen:
        row = by.get(history.cells[index])
        if row is not None:
            intervals[index] = row.confirmed_score if column is None else row.confirmed[column]
    return {
        index: asdict(interval) for index, interval in intervals.items() if interval is not None
    }


VIEW = View(
    name="pareto",
    title="Pareto",
    explains="Quality against price: the cells that no other beats in both.",
    filters={
        "quality": "score, or the name of a task whose best result counts",
        "cost": "parameters, flops or seconds",
        "cells": "finished: those trained on every task; all: those trained on that task",
    },
    document=document,
    charts=charts,
)
