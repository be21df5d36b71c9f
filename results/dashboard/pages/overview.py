"""Overview: how far the search is, how fast, and what it has found."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from results.dashboard.chart import Chart, bars, chart, level, line
from results.dashboard.history import ENDINGS, PENDING, ROLES, History
from results.dashboard.pages import anytime
from results.dashboard.pages.standing import Standing
from results.dashboard.view import Document, Request, View
from results.label import label
from results.record.ask import Cause, Role
from results.record.store import Store

RECENT = 200
"""Outcomes over which the present throughput is measured."""
IDLE = 120.0
"""Seconds without a new row after which a search that is not over counts as standing still."""


def document(request: Request) -> Document:
    """Counts, rates and the best so far of one study."""
    record, study_id = request.record, request.study_id
    history, standing = record.history(study_id), record.standing(study_id)
    rate = _rate(record.store, study_id)
    ranked = [int(index) for index in standing.ranked()]
    best = next((index for index in ranked if index not in history.baselines), None)
    return {
        "study": study_id,
        "name": history.study.name,
        "strategy": history.study.strategy,
        "asked": history.asked - history.idle,
        "answered": history.answered - history.idle,
        "cells": len(history.cells),
        "cascade": _cascade(history, standing),
        "turned_away": {str(cause): history.causes[cause] for cause in Cause},
        "endings": _endings(history),
        "roles": _roles(history),
        "core_seconds": float(history.rows["cpu_seconds"][history.rows["first"]].sum()),
        "progress": _progress(history, rate),
        "rate": rate,
        "best": None
        if best is None
        else {
            "cell": history.cells[best],
            "label": history.labels[best],
            "score": float(standing.score[best]),
            "yardstick": history.yardstick,
        },
        "score": _score(history, standing),
        "tasks": [_task(history, standing, index) for index in history.planned],
        "events": [
            {"kind": kind, "detail": detail, "at": at}
            for kind, detail, at in record.store.select(
                "SELECT kind, substr(detail, 1, 2000), at FROM event WHERE study_id = ? ORDER BY id DESC LIMIT 8",
                study_id,
            )
        ],
        "strikes": [
            {
                "number": strike.index,
                "kind": str(strike.kind),
                "blame": str(strike.blame),
                "node": strike.node,
                "slot": strike.slot,
                "detail": strike.detail[:2000],
                "at": strike.at,
            }
            for strike in reversed(record.store.strikes(study_id, 8))
        ],
    }


def charts(document: Document) -> dict[str, Chart]:
    """The cascade, the best score, and the best result on each task."""
    steps = [step for step in document["cascade"] if step["count"] is not None]
    made = {
        "cascade": chart(
            [bars([step["name"] for step in steps], [step["count"] for step in steps])],
            "cells",
            yaxis={"autorange": "reversed", "automargin": True},
        )
    }
    made["score"] = _lines(document["score"], "score (Eq. 1)", "best new cell")
    for number, task in enumerate(document["tasks"]):
        made[f"task{number}"] = _lines(
            task,
            f"best validation {task['metric_label']}",
            "best new cell" if task["new"] else "best cell",
        )
    return made


def _lines(document: Document, y: str, name: str) -> Chart:
    curve = document["curve"]
    reach = [0.0, max([1.0, *curve["seconds"], document["spent"]])]
    seconds, values = [*curve["seconds"]], [*curve["values"]]
    if values and seconds[-1] < reach[1]:
        seconds.append(reach[1])
        values.append(values[-1])
    traces = [line(name, seconds, values, "blue", steps=True)] if values else []
    colours = ("ink", "orange", "green", "purple")
    for index, (baseline, value) in enumerate(document["levels"].items()):
        if value is not None:
            traces.append(level(baseline, value, reach, colours[index % len(colours)], "dash"))
    if document["limit"] is not None:
        traces.append(level("best possible", document["limit"], reach, "faint"))
    return chart(traces, "core-seconds", y)


def _cascade(history: History, standing: Standing) -> list[dict[str, Any]]:
    """The way of a new cell, with how many came how far."""
    known = [index for index in history.baselines if index is not None]
    new = np.ones(len(history.cells), np.bool_)
    new[known] = False
    before = sum(history.causes[cause] for cause in (Cause.INVALID, Cause.DUPLICATE))
    screened = int(standing.screened.sum())
    confirmed = int((new & (standing.confirmed > 0).any(axis=1)).sum())
    stages = [
        ("proposed", before + screened, "mutations and draws, before anything is checked"),
        ("new and valid", screened, "neither seen before nor impossible"),
        ("passed the screen", int(standing.passed.sum()), "memorization, with one setting"),
        (
            "trained on every task",
            int((standing.finished & new).sum()),
            "above the threshold on each",
        ),
        ("admitted to the list", len(history.admitted.keys() - set(known)), "among the best"),
        ("confirmed", confirmed, "trained again on fresh seeds"),
    ]
    return [{"name": name, "count": count, "explains": why} for name, count, why in stages]


def _endings(history: History) -> dict[str, int]:
    rows = history.rows
    done = rows["ending"][rows["first"] & (rows["ending"] != PENDING)]
    counts = np.bincount(done, minlength=len(ENDINGS))
    return {str(ending): int(count) for ending, count in zip(ENDINGS, counts, strict=True) if count}


def _roles(history: History) -> dict[str, dict[str, int]]:
    """Asked and answered trials by role."""
    rows = history.rows
    done = rows["ending"] != PENDING
    asked = np.bincount(rows["role"], minlength=len(ROLES))
    answered = np.bincount(rows["role"][done], minlength=len(ROLES))
    return {
        str(role): {"asked": int(asked[index]), "answered": int(answered[index])}
        for index, role in enumerate(ROLES)
        if asked[index]
    }


def _rate(store: Store, study_id: str) -> dict[str, Any]:
    """Throughput, workers and what runs now, from the times in the record."""
    latest = store.select(
        "SELECT at FROM outcome WHERE study_id = ? ORDER BY rowid DESC LIMIT ?", study_id, RECENT
    )
    epoch = store.select(
        "SELECT number, at FROM epoch WHERE study_id = ? ORDER BY number DESC LIMIT 1", study_id
    )[0]
    sent = store.select(
        # The sign keeps SQLite from an index that would have it sort all attempts of the study.
        "SELECT sent.number, slot, sent.at, trial.cell_id, trial.task, outcome.ending FROM"
        " (SELECT * FROM attempt WHERE +study_id = ? AND epoch = ? ORDER BY rowid DESC LIMIT ?) sent"
        " JOIN ask ON ask.study_id = sent.study_id AND ask.number = sent.number"
        " JOIN trial ON trial.key = ask.trial_key LEFT JOIN outcome ON outcome.trial_key = trial.key",
        study_id,
        epoch["number"],
        RECENT,
    )
    times = [datetime.fromisoformat(row["at"]) for row in latest]
    reach = (times[0] - times[-1]).total_seconds() if len(times) > 1 else 0.0
    newest = max([epoch["at"], *(row["at"] for row in (*latest[:1], *sent[:1]))])
    return {
        "trials_per_minute": 60 * (len(times) - 1) / reach if reach > 0 else None,
        "begun": epoch["at"],
        "newest": newest,
        "silent_seconds": max(
            0.0, (datetime.now(UTC) - datetime.fromisoformat(newest)).total_seconds()
        ),
        "workers": sorted({row["slot"] for row in sent}),
        "running": [
            {
                "number": row["number"],
                "slot": row["slot"],
                "at": row["at"],
                "cell": label(row["cell_id"]),
                "task": row["task"],
            }
            for row in sent
            if row["ending"] is None
        ][:64],
    }


def _progress(history: History, rate: dict[str, Any]) -> dict[str, Any]:
    """Trials expected in all and time left; what follows from a proposal goes on at the present ratio."""
    study = history.study
    roles = np.bincount(history.rows["role"], minlength=len(ROLES))
    screened = int(roles[ROLES.index(Role.SCREEN)])
    asked = len(history.rows)
    certain = len(study.baselines) * sum(plan.settings for plan in study.tasks)
    if study.strategy == "roster":
        certain += len(study.baselines) * len(study.tasks) * study.confirm.seeds
        total = max(asked, certain)
    else:
        fixed = int(roles[ROLES.index(Role.BASELINE)] + roles[ROLES.index(Role.CONFIRM)])
        share = max(1.0, study.proposals / screened) if screened else 1.0
        total = max(fixed, certain) + round((asked - fixed) * share)
        total += 0 if screened else study.proposals
    over = history.answered == history.asked and asked >= total
    left = max(0, total - int(np.count_nonzero(history.rows["ending"] != PENDING)))
    still = rate["silent_seconds"] > IDLE
    pace = rate["trials_per_minute"]
    return {
        "total": total,
        "state": "finished" if over else "standing still" if still else "running",
        "seconds_left": None if over or still or not pace else 60 * left / pace,
    }


def _score(history: History, standing: Standing) -> Document:
    levels = {
        history.labels[index]: None
        if np.isnan(standing.score[index])
        else float(standing.score[index])
        for index in history.baselines
        if index is not None
    }
    return {
        "curve": anytime.best_score(history, standing.tasks).document(),
        "levels": levels if len(levels) <= 4 else {},
        "limit": anytime.limit(standing.tasks),
        "spent": float(history.rows["cpu_seconds"].sum()),
    }


def _task(history: History, standing: Standing, index: int) -> Document:
    task = standing.tasks[index]
    known = [baseline for baseline in history.baselines if baseline is not None]
    new = np.ones(len(history.cells), np.bool_)
    new[known] = False
    tells = bool(new.any())
    curve = anytime.best_metric(history, index, new if tells else ~new)
    shown = known if len(known) <= 4 else known[-1:]
    levels = {
        history.labels[baseline]: None
        if np.isnan(standing.best[baseline, index])
        else float(standing.best[baseline, index])
        for baseline in shown
    }
    return {
        "name": task.name,
        "scale": task.scale,
        **task.judged(),
        "new": tells,
        "trained": int((standing.tried[:, index] > 0).sum()),
        "trials": int(standing.tried[:, index].sum()),
        "diverged": int(standing.diverged[:, index].sum()),
        "best": curve.document()["values"][-1] if len(curve.values) else None,
        "curve": curve.document(),
        "levels": levels,
        "limit": task.optimum,
        "spent": float(history.rows["cpu_seconds"].sum()),
    }


VIEW = View(
    name="",
    title="Overview",
    explains="How far the search is, how fast it goes, and the best it has found so far.",
    filters={},
    document=document,
    charts=charts,
)
