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
    history, found = record.history(study_id), record.standing(study_id)
    names = [task.name for task in found.tasks]
    quality = query.choice("quality", ["score", *names], "score")
    cost = query.choice("cost", list(COSTS), "parameters")
    which = query.choice("cells", ["finished", "all"], "finished")
    place = None if quality == "score" else names.index(quality)
    sign = 1.0 if place is None else found.tasks[place].metric.sign
    values = found.score if place is None else found.best[:, place]
    if which == "finished" or place is None:
        values = np.where(found.finished, values, np.nan)
    baselines = [one for one in history.baselines if one is not None]
    places = np.flatnonzero(~np.isnan(values))
    places = places[np.argsort(-sign * values[places], kind="stable")]
    total = len(places)
    if cost == "flops":
        places = places[np.isin(places, baselines) | (np.arange(total) < COUNTED)]
    paid = _costs(record.store, history, found, cost, place, places)
    places, paid = places[~np.isnan(paid)], paid[~np.isnan(paid)]
    front = _front(places, paid, sign * values[places])
    kept = np.isin(places, [*front, *baselines]) | (np.arange(len(places)) < SHOWN)
    confirmed = _confirmed(request, found, [*front, *baselines], place)
    price = dict(zip(places.tolist(), paid.tolist(), strict=True))

    def entry(one: int) -> dict[str, Any]:
        return {
            "cell": history.cells[one],
            "label": history.labels[one],
            "quality": float(values[one]),
            "cost": price[one],
        }

    def whole(one: int) -> dict[str, Any]:
        tried = found.tried[one] if place is None else found.tried[one, place]
        return {
            **entry(one),
            "baseline": one in baselines,
            "tried": int(tried.sum()),
            "confirmed": confirmed.get(one),
        }

    return {
        "study": study_id,
        "quality": quality,
        **(SCORE if place is None else found.tasks[place].judged()),
        "yardstick": history.yardstick,
        "cost": cost,
        "cost_name": COSTS[cost][0],
        "cost_explains": COSTS[cost][1],
        "which": which if place is not None else "finished",
        "tasks": names,
        "cells": total,
        "counted": len(places),
        "shown": int(kept.sum()),
        "far": _far(sign * values[places[kept]], sign),
        "points": [entry(one) for one in places[kept].tolist()],
        "front": [whole(one) for one in front],
        "baselines": [whole(one) for one in baselines if one in price],
    }


def charts(found: Document) -> dict[str, Chart]:
    """All cells, the front as steps, baselines, and what was confirmed with its interval."""
    front, baselines = found["front"], found["baselines"]
    if not front:
        return {}
    last = max(one["cost"] for one in found["points"])
    special = {one["cell"] for one in (*front, *baselines)}
    others = [one for one in found["points"] if one["cell"] not in special]
    steps = [*front, {**front[-1], "cost": max(last, front[-1]["cost"])}]
    traces = [
        _points(found, others, "cells", "sky", 5, "circle"),
        line(
            "the front",
            [one["cost"] for one in steps],
            [one["quality"] for one in steps],
            "blue",
            steps=True,
        )
        | {"hoverinfo": "skip"},
        _points(found, front, "on the front", "blue", 9, "circle"),
        _points(found, baselines, "baselines", "orange", 11, "diamond"),
    ]
    sure = [one for one in (*front, *baselines) if one["confirmed"]]
    if sure:
        trace = _points(
            found,
            [{**one, "quality": one["confirmed"]["centre"]} for one in sure],
            "on fresh seeds (test), 95 %",
            "vermillion",
            7,
            "x",
        )
        bounds = [(one["confirmed"]["centre"], one["confirmed"]) for one in sure]
        trace["error_y"] = {
            "type": "data",
            "symmetric": False,
            "array": [0 if b["high"] is None else b["high"] - centre for centre, b in bounds],
            "arrayminus": [0 if b["low"] is None else centre - b["low"] for centre, b in bounds],
            "color": "vermillion",
        }
        traces.append(trace)
    name = "score (Eq. 1)" if found["quality"] == "score" else f"validation {found['metric_label']}"
    drawn = chart(
        [one for one in traces if one["x"]],
        found["cost_name"],
        name,
        yaxis=_reach(found),
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
    )
    return {"pareto": drawn}


def _reach(found: Document) -> dict[str, Any]:
    """What the axis shows at first: all, or all but what lies far off."""
    far = found["far"]
    if far is None:
        return {}
    shown = [one["quality"] for one in (*found["points"], *found["baselines"])]
    best = max(shown) if found["higher"] else min(shown)
    edge = far["beyond"]
    return {"range": sorted([best - 0.08 * (edge - best), edge])}


def _points(
    found: Document, which: list[dict[str, Any]], name: str, colour: str, size: int, symbol: str
) -> Chart:
    return points(
        name,
        [one["cost"] for one in which],
        [one["quality"] for one in which],
        colour,
        text=[f"{one['label']}: {one['quality']:.4g} at {one['cost']:,.6g}" for one in which],
        links=[cell_path(found["study"], one["cell"]) for one in which],
        size=size,
        symbol=symbol,
    )


def _front(places: NDArray[Any], costs: Floats, values: Floats) -> list[int]:
    """Places of which none is as cheap and better, or as good and cheaper; cheapest first."""
    order = np.lexsort((-values, costs))
    best = np.maximum.accumulate(values[order]) if len(order) else values
    rises = np.append(True, best[1:] > best[:-1])[: len(order)]
    return places[order[rises]].tolist()


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
    found: Standing,
    cost: str,
    place: int | None,
    cells: NDArray[Any],
) -> Floats:
    """What these cells cost; NaN where it is not known."""
    rows = history.rows
    own = rows["task"] < len(history.planned) if place is None else rows["task"] == place
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
    best = chosen[(chosen["valid"] == found.best[at]) & np.isin(chosen["cell"], cells)]
    return _operations(store, history, best, cells)


def _operations(store: Store, history: History, best: NDArray[Any], cells: NDArray[Any]) -> Floats:
    numbers: list[int] = best["number"].tolist()
    widths = dict(store.select(_WIDTHS, history.study_id, json.dumps(numbers)))
    places: list[int] = cells.tolist()
    ids = [history.cells[one] for one in places]
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
    request: Request, found: Standing, places: list[int], place: int | None
) -> dict[int, dict[str, Any]]:
    """Results on fresh seeds and the test split, of those that have any."""
    history = request.record.history(request.study_id)
    seen = [one for one in dict.fromkeys(places) if found.confirmed[one].any()][:CONFIRMED]
    rows = read_rows(request.record.store, history, found, seen) if seen else []
    by = {row.cell_id: row for row in rows}
    intervals: dict[int, Interval | None] = {}
    for one in seen:
        row = by.get(history.cells[one])
        if row is not None:
            intervals[one] = row.confirmed_score if place is None else row.confirmed[place]
    return {one: asdict(interval) for one, interval in intervals.items() if interval is not None}


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
