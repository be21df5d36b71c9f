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
    found = request.record.standing(request.study_id)
    places = select(history, found, request.query)
    marked = request.query.many("cell", MARKED)
    shown, pages = paged(places.tolist(), request.query.whole("page", 1, 1, 10_000), SIZE)
    rows = read_rows(request.record.store, history, found, list(shown))
    rank = {int(place): number for number, place in enumerate(found.ranked(), 1)}
    speed = _speed(history)
    names = [task.name for task in found.tasks]
    sort, descending = _order(found, request.query)
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
            for task in found.tasks
        ],
        "kinds": list(KINDS),
        "sorts": [*SORTS, *names],
        "sort": sort,
        "descending": descending,
        "cells": len(places),
        "page": min(request.query.whole("page", 1, 1, 10_000), pages),
        "pages": pages,
        "marked": marked,
        "rows": [
            {
                **row_document(row),
                "rank": rank.get(place),
                "trials_a_core_minute": speed(place),
                "admitted": place in history.admitted,
            }
            for row in rows
            if (place := history.place(row.cell_id)) is not None
        ],
    }


def select(history: History, found: Standing, query: Query) -> NDArray[np.int64]:
    """Places of the cells that the query asks for, in its order.

    Raises:
        QueryError: it asks for what cannot be.
    """
    names = [task.name for task in found.tasks]
    places = np.concatenate([found.ranked(), found.halted()])
    kind = query.choice("kind", KINDS, "")
    known = [place for place in history.baselines if place is not None]
    confirmed = np.flatnonzero((found.confirmed > 0).any(axis=1))
    if kind == "finished":
        places = places[found.finished[places]]
    elif kind == "stopped":
        places = places[~found.finished[places]]
    elif kind == "confirmed":
        places = places[np.isin(places, confirmed)]
    elif kind in ("baselines", "new"):
        places = places[np.isin(places, known) == (kind == "baselines")]
    task = query.choice("task", names, "")
    if task:
        places = places[found.tried[places, names.index(task)] > 0]
    most = query.whole("parameters", 0, 0, 10**9)
    if most:
        places = places[found.parameters[places] <= most]
    words = query.text("q").lower().split()
    if words:
        kept = [place for place in places.tolist() if _matches(history, place, words)]
        places = np.array(kept, np.int64)
    if query.choice("marked", ("only",), ""):
        marked = [history.place(one) for one in query.many("cell", MARKED)]
        places = places[np.isin(places, [place for place in marked if place is not None])]
    sort, descending = _order(found, query)
    if sort == "score" and descending:
        return places
    values, _ = _values(found, sort, names)
    # What is not known comes last, whichever way the rest is sorted.
    values = np.where(np.isnan(values), np.inf, -values if descending else values)
    return places[np.argsort(values[places], kind="stable")]


def row_document(row: Row) -> Document:
    """A row of the leaderboard for JSON, without the text of the cell."""
    entry = asdict(row)
    del entry["text"], entry["ratios"]
    return entry


def records(request: Request) -> list[dict[str, object]]:
    """All cells that the query asks for as flat records; columns by task are named `task: what`."""
    history = request.record.history(request.study_id)
    found = request.record.standing(request.study_id)
    places: list[int] = select(history, found, request.query).tolist()
    rank = {int(place): number for number, place in enumerate(found.ranked(), 1)}
    return [
        {
            "rank": rank.get(place),
            "cell": history.cells[place],
            "label": history.labels[place],
            "score": _known(float(found.score[place])),
            "confirmed score": _known(float(found.confirmed_score[place])),
            "parameters": int(found.parameters[place]) or None,
            "core-seconds": round(float(found.seconds[place]), 3),
            "first ask": int(found.first[place]),
            "parent": history.parents[place],
            "operators": ", ".join(history.operators[place]),
            "stopped by": "" if found.finished[place] else history.turned.get(place, ""),
            **{
                f"{task.name}: {what}": value
                for k, task in enumerate(found.tasks)
                for what, value in (
                    (f"best validation {task.metric}", _known(float(found.best[place, k]))),
                    ("ratio", _known(float(found.ratio[place, k]))),
                    ("settings", int(found.tried[place, k])),
                    ("diverged", int(found.diverged[place, k])),
                    ("seeds", int(found.confirmed[place, k])),
                )
            },
        }
        for place in places
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


def _order(found: Standing, query: Query) -> tuple[str, bool]:
    """What the query sorts by, and whether the highest comes first: unless it says, the best does."""
    names = [task.name for task in found.tasks]
    sort = query.choice("sort", (*SORTS, *names), "score")
    down = query.choice("order", ("down", "up"), "")
    return sort, down == "down" if down else _values(found, sort, names)[1]


def _values(found: Standing, sort: str, names: list[str]) -> tuple[NDArray[np.float64], bool]:
    """What to sort by, and whether the best is the highest."""
    if sort in names:
        place = names.index(sort)
        return found.best[:, place], found.tasks[place].metric.higher
    if sort == "score":
        return found.score, True
    if sort == "confirmed":
        return found.confirmed_score, True
    if sort == "settings":
        return found.tried.sum(axis=1).astype(float), True
    columns = {"parameters": found.parameters, "seconds": found.seconds, "first": found.first}
    return columns[sort].astype(float), False


def _matches(history: History, place: int, words: list[str]) -> bool:
    """Whether label, id, parent's label or operators hold every word."""
    parts = (history.labels[place], history.cells[place], *history.operators[place])
    text = " ".join(parts).lower()
    return all(word in text for word in words)


def _speed(history: History) -> Any:
    rows = history.rows
    done = rows[rows["cpu_seconds"] > 0]
    counts = np.bincount(done["cell"], minlength=len(history.cells))
    spent = np.bincount(done["cell"], done["cpu_seconds"], len(history.cells))

    def of(place: int) -> float | None:
        value = 60 * counts[place] / spent[place] if spent[place] else math.nan
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
