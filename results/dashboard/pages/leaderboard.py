"""Leaderboard: all cells of a study against its tasks, sorted, filtered, and to be taken away."""

import csv
import io
import json
import math
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from results.dashboard.history import History
from results.dashboard.pages.standing import Standing, read_rows
from results.dashboard.query import Query
from results.dashboard.view import Document, Request, View, paged
from results.exact import exact
from results.leaderboard.board import Row
from results.spreadsheet import inert

SIZE: Final = 50
"""Cells on a page."""
MARKED: Final = 8
"""Cells that can be compared at once."""
SORTS: Final = ("score", "confirmed", "parameters", "seconds", "settings", "first")
KINDS: Final = ("finished", "stopped", "confirmed", "baselines", "new")


def document(request: Request) -> Document:
    """One page of the leaderboard, with how it was sorted and filtered."""
    history = request.record.history(request.study_id)
    standing = request.record.standing(request.study_id)
    indices = select(history, standing, request.query)
    marked = request.query.many("cell", MARKED)
    shown, pages = paged(indices.tolist(), request.query.whole("page", 1, 1, 10_000), SIZE)
    rows = read_rows(request.record.store, history, standing, list(shown))
    rank = {int(index): number for number, index in enumerate(standing.ranked(), 1)}
    speed = _speed(history)
    names = [task.name for task in standing.tasks]
    sort, descending = _order(standing, request.query)
    return {
        "study": request.study_id,
        "name": history.study.name,
        "yardstick": history.yardstick,
        "tasks": [
            {
                "name": task.name,
                "scale": task.scale,
                **task.judged(),
                "optimum": task.optimum,
                "reference": task.reference,
            }
            for task in standing.tasks
        ],
        "kinds": list(KINDS),
        "sorts": [*SORTS, *names],
        "sort": sort,
        "descending": descending,
        "cells": len(indices),
        "page": min(request.query.whole("page", 1, 1, 10_000), pages),
        "pages": pages,
        "marked": marked,
        "rows": [
            {
                **row_document(row),
                "rank": rank.get(index),
                "trials_a_core_minute": speed(index),
                "admitted": index in history.admitted,
            }
            for row in rows
            if (index := history.index(row.cell_id)) is not None
        ],
    }


def select(history: History, standing: Standing, query: Query) -> NDArray[np.int64]:
    """Indices of the cells that the query asks for, in its order.

    Raises:
        QueryError: it asks for what cannot be.
    """
    names = [task.name for task in standing.tasks]
    indices = np.concatenate([standing.ranked(), standing.halted()])
    kind = query.choice("kind", KINDS, "")
    known = [index for index in history.baselines if index is not None]
    confirmed = np.flatnonzero((standing.confirmed > 0).any(axis=1))
    if kind == "finished":
        indices = indices[standing.finished[indices]]
    elif kind == "stopped":
        indices = indices[~standing.finished[indices]]
    elif kind == "confirmed":
        indices = indices[np.isin(indices, confirmed)]
    elif kind in ("baselines", "new"):
        indices = indices[np.isin(indices, known) == (kind == "baselines")]
    task = query.choice("task", names, "")
    if task:
        indices = indices[standing.tried[indices, names.index(task)] > 0]
    most = query.whole("parameters", 0, 0, 10**9)
    if most:
        indices = indices[standing.parameters[indices] <= most]
    words = query.text("q").lower().split()
    if words:
        kept = [index for index in indices.tolist() if _matches(history, index, words)]
        indices = np.array(kept, np.int64)
    if query.choice("marked", ("only",), ""):
        marked = [history.index(cell_id) for cell_id in query.many("cell", MARKED)]
        indices = indices[np.isin(indices, [index for index in marked if index is not None])]
    sort, descending = _order(standing, query)
    if sort == "score" and descending:
        return indices
    values, _ = _values(standing, sort, names)
    # What is not known comes last, whichever way the rest is sorted.
    values = np.where(np.isnan(values), np.inf, -values if descending else values)
    return indices[np.argsort(values[indices], kind="stable")]


def row_document(row: Row) -> Document:
    """A row of the leaderboard for JSON, without the text of the cell."""
    entry = asdict(row)
    del entry["text"], entry["ratios"]
    return entry


def records(request: Request) -> list[dict[str, object]]:
    """All cells that the query asks for as flat records; columns by task are named `task: what`."""
    history = request.record.history(request.study_id)
    standing = request.record.standing(request.study_id)
    indices: list[int] = select(history, standing, request.query).tolist()
    rank = {int(index): number for number, index in enumerate(standing.ranked(), 1)}
    return [
        {
            "rank": rank.get(index),
            "cell": history.cells[index],
            "label": history.labels[index],
            "score": _known(float(standing.score[index])),
            "confirmed score": _known(float(standing.confirmed_score[index])),
            "parameters": int(standing.parameters[index]) or None,
            "core-seconds": round(float(standing.seconds[index]), 3),
            "first ask": int(standing.first[index]),
            "parent": history.parents[index],
            "operators": ", ".join(history.operators[index]),
            "stopped by": "" if standing.finished[index] else history.turned.get(index, ""),
            **{
                f"{task.name}: {what}": value
                for k, task in enumerate(standing.tasks)
                for what, value in (
                    (f"best validation {task.metric}", _known(float(standing.best[index, k]))),
                    ("ratio", _known(float(standing.ratio[index, k]))),
                    ("settings", int(standing.tried[index, k])),
                    ("diverged", int(standing.diverged[index, k])),
                    ("seeds", int(standing.confirmed[index, k])),
                )
            },
        }
        for index in indices
    ]


def to_csv(request: Request) -> str:
    """`records` as CSV text."""
    rows = records(request)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["rank"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def to_json(request: Request) -> str:
    """`records` as JSON text."""
    return json.dumps(exact(records(request)), indent=1, allow_nan=False)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _order(standing: Standing, query: Query) -> tuple[str, bool]:
    """What the query sorts by, and whether the highest comes first: unless it says, the best does."""
    names = [task.name for task in standing.tasks]
    sort = query.choice("sort", (*SORTS, *names), "score")
    down = query.choice("order", ("down", "up"), "")
    return sort, down == "down" if down else _values(standing, sort, names)[1]


def _values(standing: Standing, sort: str, names: list[str]) -> tuple[NDArray[np.float64], bool]:
    """What to sort by, and whether the best is the highest."""
    if sort in names:
        index = names.index(sort)
        return standing.best[:, index], standing.tasks[index].metric.higher
    if sort == "score":
        return standing.score, True
    if sort == "confirmed":
        return standing.confirmed_score, True
    if sort == "settings":
        return standing.tried.sum(axis=1).astype(float), True
    columns = {
        "parameters": standing.parameters,
        "seconds": standing.seconds,
        "first": standing.first,
    }
    return columns[sort].astype(float), False


def _matches(history: History, index: int, words: list[str]) -> bool:
    """Whether label, id, parent's label or operators hold every word."""
    parts = (history.labels[index], history.cells[index], *history.operators[index])
    text = " ".join(parts).lower()
    return all(word in text for word in words)


def _speed(history: History) -> Any:
    rows = history.rows
    done = rows[rows["cpu_seconds"] > 0]
    counts = np.bincount(done["cell"], minlength=len(history.cells))
    spent = np.bincount(done["cell"], done["cpu_seconds"], len(history.cells))

    def of(index: int) -> float | None:
        value = 60 * counts[index] / spent[index] if spent[index] else math.nan
        return None if math.isnan(value) else float(value)

    return of


VIEW = View(
    name="leaderboard",
    title="Leaderboard",
    explains=(
        "All cells that were put through a task. The score is the worst, over the tasks, of the best"
        " validation result relative to the yardstick's best: 1 is equal, higher is better."
    ),
    filters={
        "sort": "score, confirmed, parameters, seconds, settings, first, or a task's name",
        "order": "down or up; else the best first",
        "kind": ", ".join(KINDS),
        "task": "only cells that were trained on this task",
        "parameters": "only cells with at most as many",
        "q": "words in label, id or operators",
        "cell": "ids of marked cells; repeatable",
        "marked": "only: the marked cells alone",
        "page": f"of {SIZE} cells, from 1",
    },
    document=document,
    files={"csv": ("text/csv", to_csv), "json": ("application/json", to_json)},
)
