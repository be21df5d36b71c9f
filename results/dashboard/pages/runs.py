"""Compare runs: what several studies had found by when, those of equal settings together."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Final

import numpy as np

from results.dashboard.chart import PALETTE, Chart, band, chart, line
from results.dashboard.history import History
from results.dashboard.pages import anytime
from results.dashboard.pages.anytime import Curve
from results.dashboard.query import Query, QueryError
from results.dashboard.record import Record
from results.dashboard.view import AbsentError, Document, Request, View
from results.error import StoreError
from results.leaderboard.anytime import Floats
from results.leaderboard.task_column import SCORE, TaskColumn
from results.record.study import Study
from results.statistics.interval import student

MOST: Final = 12
"""Studies in one comparison."""
GRID: Final = 120
"""Places at which the median of several seeds is taken."""
SPENT: Final = {"seconds": "core-seconds", "trials": "trials"}
"""What curves are drawn against."""


def document(request: Request) -> Document:
    """Curves of the chosen studies, medians over seeds, and what each had found in the end."""
    query, record = request.query, request.record
    chosen, alike = _chosen(query, record)
    common = set[tuple[str, str]].intersection(*(_tasks(study) for _, study in chosen))
    shared = [plan.name for plan in chosen[0][1].tasks if (plan.name, plan.scale) in common]
    quality = query.choice("quality", ["score", *shared], "score")
    by = query.choice("by", list(SPENT), "seconds")
    runs = [_run(record, study_id, quality) for study_id, _ in chosen]
    curves = [curve for _, curve, _ in runs]
    reached = [spent[by] for _, _, spent in runs]
    fair = min(reached, default=0.0)
    groups = _groups([study for _, study in chosen])
    task = None if quality == "score" else runs[0][0].tasks[_place(chosen[0][1], quality) or 0]
    return {
        "quality": quality,
        "by": by,
        "spent_name": SPENT[by],
        "tasks": shared,
        **(SCORE if task is None else task.judged()),
        "fair": fair,
        "chosen": [study_id for study_id, _ in chosen],
        "studies": [asdict(one) for one in record.studies()],
        "left_out": max(0, alike - len(chosen)) if not query.many("study", MOST) else 0,
        "runs": [
            {
                "study": study_id,
                "name": study.name,
                "strategy": study.strategy,
                "seed": study.seed,
                "group": next(place for place, own in enumerate(groups) if number in own),
                "yardstick": history.yardstick,
                "cells": len(history.cells),
                "spent": spent,
                "curve": curve.document(),
                "final": _last(curve),
                "at_fair": _at(curve, _spent(curve, by), fair),
            }
            for number, ((study_id, study), (history, curve, spent)) in enumerate(
                zip(chosen, runs, strict=True)
            )
        ],
        "groups": [
            _group([chosen[one][1] for one in own], [curves[one] for one in own], by, fair)
            | {"runs": own, "reach": min(reached[one] for one in own)}
            for own in groups
        ],
    }


def charts(found: Document) -> dict[str, Chart]:
    """Thin lines for single studies; for several seeds the median, with the reach of all shaded."""
    traces: list[Chart] = []
    for place, group in enumerate(found["groups"]):
        colour = PALETTE[place % len(PALETTE)]
        single = len(group["runs"]) == 1
        for number in group["runs"]:
            one = found["runs"][number]
            x, y = [*one["curve"][found["by"]]], [*one["curve"]["values"]]
            if not x:
                continue
            # The last result stands until the study's last trial.
            x.append(max(x[-1], one["spent"][found["by"]]))
            y.append(y[-1])
            name = one["name"] if single else f"{one['name']} (seed {one['seed']})"
            thin = line(name, x, y, colour, steps=True, width=2.0 if single else 0.8)
            traces.append(thin | {"showlegend": single})
        middle = group["median"]
        if middle["x"]:
            traces.append(band(middle["x"], middle["low"], middle["high"], colour))
            traces.append(
                line(f"{group['name']}: median", middle["x"], middle["values"], colour, width=3.0)
            )
    if not traces:
        return {}
    what = "score (Eq. 1)" if found["quality"] == "score" else f"validation {found['metric_label']}"
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    return {"runs": chart(traces, found["spent_name"], f"best {what}", legend=legend)}


def _chosen(query: Query, record: Record) -> tuple[list[tuple[str, Study]], int]:
    """The studies asked for, or those with the tasks of the newest; and how many there were."""
    known = [one.id for one in record.studies()]
    if not known:
        raise StoreError("missing", f"{record.store.path.name} holds no study yet")
    asked = query.many("study", MOST)
    absent = [one for one in asked if one not in known]
    if absent:
        raise AbsentError(f"this store has no study {absent[0]!r}")
    studies = {one: record.store.study(one) for one in asked or known}
    if asked:
        found = list(studies.items())
        if not set[tuple[str, str]].intersection(*(_tasks(study) for _, study in found)):
            raise QueryError("study: these have no task at the same scale in common")
        return found, len(found)
    newest = studies[known[-1]]
    alike = [(one, study) for one, study in studies.items() if _tasks(study) == _tasks(newest)]
    return alike[-MOST:], len(alike)


def _tasks(study: Study) -> set[tuple[str, str]]:
    return {(plan.name, plan.scale) for plan in study.tasks}


def _place(study: Study, name: str) -> int | None:
    """Where a study has a task of that name."""
    return next((place for place, plan in enumerate(study.tasks) if plan.name == name), None)


def _run(record: Record, study_id: str, quality: str) -> tuple[History, Curve, dict[str, float]]:
    """What was read of a study, its curve, and what it has spent."""
    history = record.history(study_id)
    curve = record.kept(
        f"run {study_id} {quality}", history.version, lambda: _curve(record, history, quality)
    )
    rows = history.rows[history.rows["first"]]
    done = rows[rows["ending"] >= 0]
    return history, curve, {"seconds": float(done["cpu_seconds"].sum()), "trials": len(done)}


def _curve(record: Record, history: History, quality: str) -> Curve:
    """The best of new cells after each trial; of all cells in a study of a fixed list."""
    known = [one for one in history.baselines if one is not None]
    new = np.ones(len(history.cells), np.bool_)
    new[known] = False
    tells = bool(new.any())
    if quality == "score":
        tasks: tuple[TaskColumn, ...] = record.standing(history.study_id).tasks
        return anytime.best_score(history, tasks, baselines=not tells)
    place = _place(history.study, quality) or 0
    return anytime.best_metric(history, place, new if tells else ~new)


def _groups(studies: Sequence[Study]) -> list[list[int]]:
    """Places of studies that differ in nothing but name and seed, together."""
    found: dict[str, list[int]] = {}
    for place, study in enumerate(studies):
        found.setdefault(replace(study, name="", seed=0, edition=1).to_json(), []).append(place)
    return list(found.values())


def _group(studies: Sequence[Study], curves: Sequence[Curve], by: str, fair: float) -> Document:
    """Median, lowest and highest of several seeds from where all have a result to where one ends."""
    found = [one for one in curves if len(one.values)]
    ends = [_at(one, _spent(one, by), fair) for one in curves]
    known = [one for one in ends if one is not None]
    names = sorted({study.name for study in studies}, key=len)
    whole: Document = {
        "name": f"{studies[0].strategy}, {len(studies)} seeds" if len(studies) > 1 else names[0],
        "strategy": studies[0].strategy,
        "seeds": [study.seed for study in studies],
        "at_fair": asdict(student(known)) if known and len(known) == len(ends) else None,
        "median": {"x": [], "values": [], "low": [], "high": []},
    }
    if len(found) < 2 or len(found) < len(curves):
        return whole
    first = max(float(_spent(one, by)[0]) for one in found)
    last = min(float(_spent(one, by)[-1]) for one in found)
    if last <= first:
        return whole
    grid = np.linspace(first, last, GRID)
    table = np.array(
        [one.values[np.searchsorted(_spent(one, by), grid, side="right") - 1] for one in found]
    )
    whole["median"] = {
        "x": grid.tolist(),
        "values": np.median(table, axis=0).tolist(),
        "low": table.min(axis=0).tolist(),
        "high": table.max(axis=0).tolist(),
    }
    return whole


def _spent(curve: Curve, by: str) -> Floats:
    return curve.seconds if by == "seconds" else curve.trials.astype(np.float64)


def _at(curve: Curve, spent: Floats, limit: float) -> float | None:
    """What had been found when that much was spent; None if nothing had."""
    place = int(np.searchsorted(spent, limit, side="right")) - 1
    return float(curve.values[place]) if place >= 0 else None


def _last(curve: Curve) -> float | None:
    return float(curve.values[-1]) if len(curve.values) else None


VIEW = View(
    name="runs",
    title="Compare runs",
    explains="What several searches of this store had found by when, those of equal settings and different seeds together.",
    filters={
        "study": f"id of a study, up to {MOST} times; those with the tasks of the newest without it",
        "quality": "score, or the name of a task that all have",
        "by": "seconds (of cores) or trials",
    },
    document=document,
    charts=charts,
)
