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
    task = None if quality == "score" else runs[0][0].tasks[_index(chosen[0][1], quality) or 0]
    return {
        "quality": quality,
        "by": by,
        "spent_name": SPENT[by],
        "tasks": shared,
        **(SCORE if task is None else task.judged()),
        "fair": fair,
        "chosen": [study_id for study_id, _ in chosen],
        "studies": [asdict(study) for study in record.studies()],
        "left_out": max(0, alike - len(chosen)) if not query.many("study", MOST) else 0,
        "runs": [
            {
                "study": study_id,
                "name": study.name,
                "strategy": study.strategy,
                "seed": study.seed,
                "group": next(index for index, own in enumerate(groups) if number in own),
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
            _group(
                [chosen[number][1] for number in own], [curves[number] for number in own], by, fair
            )
            | {"runs": own, "reach": min(reached[number] for number in own)}
            for own in groups
        ],
    }


def charts(document: Document) -> dict[str, Chart]:
    """Thin lines for single studies; for several seeds the median, with the reach of all shaded."""
    traces: list[Chart] = []
    for index, group in enumerate(document["groups"]):
        colour = PALETTE[index % len(PALETTE)]
        single = len(group["runs"]) == 1
        for number in group["runs"]:
            run = document["runs"][number]
            x, y = [*run["curve"][document["by"]]], [*run["curve"]["values"]]
            if not x:
                continue
            # The last result stands until the study's last trial.
            x.append(max(x[-1], run["spent"][document["by"]]))
            y.append(y[-1])
            name = run["name"] if single else f"{run['name']} (seed {run['seed']})"
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
    what = (
        "score (Eq. 1)"
        if document["quality"] == "score"
        else f"validation {document['metric_label']}"
    )
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    return {"runs": chart(traces, document["spent_name"], f"best {what}", legend=legend)}


def _chosen(query: Query, record: Record) -> tuple[list[tuple[str, Study]], int]:
    """The studies asked for, or those with the tasks of the newest; and how many there were."""
    known = [study.id for study in record.studies()]
    if not known:
        raise StoreError("missing", f"{record.store.path.name} holds no study yet")
    asked = query.many("study", MOST)
    absent = [study_id for study_id in asked if study_id not in known]
    if absent:
        raise AbsentError(f"this store has no study {absent[0]!r}")
    studies = {study_id: record.store.study(study_id) for study_id in asked or known}
    if asked:
        chosen = list(studies.items())
        if not set[tuple[str, str]].intersection(*(_tasks(study) for _, study in chosen)):
            raise QueryError("study: these have no task at the same scale in common")
        return chosen, len(chosen)
    newest = studies[known[-1]]
    alike = [
        (study_id, study) for study_id, study in studies.items() if _tasks(study) == _tasks(newest)
    ]
    return alike[-MOST:], len(alike)


def _tasks(study: Study) -> set[tuple[str, str]]:
    return {(plan.name, plan.scale) for plan in study.tasks}


def _index(study: Study, name: str) -> int | None:
    """Where a study has a task of that name."""
    return next((index for index, plan in enumerate(study.tasks) if plan.name == name), None)


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
    known = [index for index in history.baselines if index is not None]
    new = np.ones(len(history.cells), np.bool_)
    new[known] = False
    tells = bool(new.any())
    if quality == "score":
        tasks: tuple[TaskColumn, ...] = record.standing(history.study_id).tasks
        return anytime.best_score(history, tasks, baselines=not tells)
    task = _index(history.study, quality) or 0
    return anytime.best_metric(history, task, new if tells else ~new)


def _groups(studies: Sequence[Study]) -> list[list[int]]:
    """Indices of studies that differ in nothing but name and seed, together."""
    groups: dict[str, list[int]] = {}
    for index, study in enumerate(studies):
        groups.setdefault(replace(study, name="", seed=0, edition=1).to_json(), []).append(index)
    return list(groups.values())


def _group(studies: Sequence[Study], curves: Sequence[Curve], by: str, fair: float) -> Document:
    """Median, lowest and highest of several seeds from where all have a result to where one ends."""
    filled = [curve for curve in curves if len(curve.values)]
    ends = [_at(curve, _spent(curve, by), fair) for curve in curves]
    known = [end for end in ends if end is not None]
    names = sorted({study.name for study in studies}, key=len)
    whole: Document = {
        "name": f"{studies[0].strategy}, {len(studies)} seeds" if len(studies) > 1 else names[0],
        "strategy": studies[0].strategy,
        "seeds": [study.seed for study in studies],
        "at_fair": asdict(student(known)) if known and len(known) == len(ends) else None,
        "median": {"x": [], "values": [], "low": [], "high": []},
    }
    if len(filled) < 2 or len(filled) < len(curves):
        return whole
    first = max(float(_spent(curve, by)[0]) for curve in filled)
    last = min(float(_spent(curve, by)[-1]) for curve in filled)
    if last <= first:
        return whole
    grid = np.linspace(first, last, GRID)
    table = np.array(
        [
            curve.values[np.searchsorted(_spent(curve, by), grid, side="right") - 1]
            for curve in filled
        ]
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
    index = int(np.searchsorted(spent, limit, side="right")) - 1
    return float(curve.values[index]) if index >= 0 else None


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
