"""Failures: every cell that was turned away and every training that did not end well, with the reason."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cells.training.setting import HYPERPARAMETERS
from results.dashboard.chart import Chart, bars, chart
from results.dashboard.history import CAUSES, ENDINGS, PENDING, History
from results.dashboard.pages.trials import words
from results.dashboard.query import Query
from results.dashboard.view import Document, Request, View, paged
from results.label import label
from results.record.ask import MEANING, Cause
from results.record.outcome import Ending
from results.record.setting_columns import SETTING_COLUMNS
from results.record.store import Store
from results.record.words import said

SIZE: Final = 50
"""Rows of a page."""

_JUDGED: Final = [CAUSES.index(cause) for cause in (Cause.PROBE, Cause.SCREEN, Cause.THRESHOLD)]
"""Causes that lie in the training before the verdict, and so in one task."""

_REFUSED: Final = """
SELECT rowid, number, cause, cell_id, parent_id, operators, detail FROM rejection
WHERE rowid IN (SELECT value FROM json_each(?))
"""
_FAILED: Final = f"""
SELECT ask.number, role, parent_id, operators, trial.cell_id, task, scale, ending, step, detail,
    {SETTING_COLUMNS}
FROM ask JOIN trial ON trial.key = ask.trial_key JOIN outcome ON outcome.trial_key = ask.trial_key
WHERE ask.study_id = ? AND ask.number IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - the columns are those of the table of hyperparameters


def document(request: Request) -> Document:
    """Counts of what failed, and one page of the ledger, newest first."""
    query, history = request.query, request.record.history(request.study_id)
    kind = _kind(query, history)
    tasks = list(dict.fromkeys(task.name for task in history.tasks))
    operators = sorted(
        {operator for way in (*history.ways, *history.operators) for operator in way}
    )
    task, operator = query.choice("task", tasks, ""), query.choice("operator", operators, "")
    refusals = _refusals(history, task, operator)
    trials = _trials(history, task, operator)
    failed = trials[trials["ending"] != ENDINGS.index(Ending.OK)]
    if kind == "rejections":
        why = query.choice("why", [str(cause) for cause in Cause], "")
        chosen = refusals[refusals["cause"] == CAUSES.index(Cause(why))] if why else refusals
        numbers: list[int] = chosen["row"][::-1].tolist()
    else:
        why = query.choice("why", [str(ending) for ending in Ending if ending is not Ending.OK], "")
        chosen = failed[failed["ending"] == ENDINGS.index(Ending(why))] if why else failed
        numbers = chosen["number"][::-1].tolist()
    wanted = query.whole("page", 1, 1, 10**6)
    shown, pages = paged(numbers, wanted, SIZE)
    read = _read_refusals if kind == "rejections" else _read_trials
    return {
        "study": request.study_id,
        "kind": kind,
        "why": why,
        "task": task,
        "operator": operator,
        "tasks": tasks,
        "operators": operators,
        "kinds": {"rejections": len(refusals), "trials": len(failed)},
        "causes": _causes(refusals),
        "endings": _endings(failed, len(trials)),
        "by_task": _by_task(history, trials),
        "by_operator": _by_operator(history, refusals),
        "matched": len(numbers),
        "page": wanted,
        "pages": pages,
        "rows": read(request.record.store, history, [*shown]),
    }


def charts(document: Document) -> dict[str, Chart]:
    """Bars of both kinds, by cause and by ending."""
    axis = {"autorange": "reversed", "automargin": True}
    return {
        "causes": chart(
            [bars([row["cause"] for row in document["causes"]], _counts(document["causes"]))],
            "cells turned away",
            yaxis=axis,
        ),
        "endings": chart(
            [
                bars(
                    [row["ending"] for row in document["endings"]],
                    _counts(document["endings"]),
                    "vermillion",
                )
            ],
            "trainings",
            yaxis=axis,
        ),
    }


def _counts(rows: Sequence[Mapping[str, Any]]) -> list[float]:
    return [row["count"] for row in rows]


def _kind(query: Query, history: History) -> str:
    """Rejections first, unless there are none or the filter is of the other kind."""
    default = "rejections" if len(history.refusals) else "trials"
    if query.text("why") in list(Ending):
        default = "trials"
    elif query.text("why") in list(Cause):
        default = "rejections"
    return query.choice("kind", ("rejections", "trials"), default)


def _refusals(history: History, task: str, operator: str) -> NDArray[Any]:
    refusals = history.refusals
    kept = np.ones(len(refusals), np.bool_)
    if operator:
        kept &= np.array([operator in way for way in history.ways], np.bool_)[refusals["way"]]
    if task:
        indices = _judged_on(history, refusals)
        kept &= np.isin(indices, _indices(history, task))
    return refusals[kept]


def _judged_on(history: History, refusals: NDArray[Any]) -> NDArray[np.int64]:
    """Index of the task by which each was turned away: the last it was trained on; else -1."""
    rows = history.rows
    reach = int(rows["number"].max(initial=0)) + 2
    # The asks, sorted by cell and then by number, as one growing number.
    keys = rows["cell"].astype(np.int64) * reach + rows["number"]
    order = np.argsort(keys)
    wanted = refusals["cell"].astype(np.int64) * reach + refusals["number"]
    last = np.searchsorted(keys[order], wanted) - 1
    known = np.isin(refusals["cause"], _JUDGED) & (refusals["cell"] >= 0) & (last >= 0)
    asks = order[np.where(known, last, 0)] if len(order) else last
    return np.where(known, rows["task"][asks], -1) if len(order) else np.full(len(last), -1)


def _trials(history: History, task: str, operator: str) -> NDArray[Any]:
    """Trials with an outcome, each once."""
    rows = history.rows
    kept = rows["first"] & (rows["ending"] != PENDING)
    if operator:
        kept &= np.array([operator in way for way in history.operators], np.bool_)[rows["cell"]]
    if task:
        kept &= np.isin(rows["task"], _indices(history, task))
    return rows[kept]


def _indices(history: History, task: str) -> list[int]:
    return [index for index, plan in enumerate(history.tasks) if plan.name == task]


def _causes(refusals: NDArray[Any]) -> list[dict[str, Any]]:
    counts = np.bincount(refusals["cause"], minlength=len(CAUSES)).tolist()
    return [
        {
            "cause": str(cause),
            "count": count,
            "share": count / len(refusals) if len(refusals) else None,
            "meaning": MEANING[cause],
        }
        for cause, count in zip(CAUSES, counts, strict=True)
    ]


def _endings(failed: NDArray[Any], trials: int) -> list[dict[str, Any]]:
    counts = np.bincount(failed["ending"], minlength=len(ENDINGS)).tolist()
    return [
        {
            "ending": str(ending),
            "count": count,
            "share": count / trials if trials else None,
            "advice": ending.advice,
        }
        for ending, count in zip(ENDINGS, counts, strict=True)
        if ending is not Ending.OK
    ]


def _by_task(history: History, trials: NDArray[Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for index, task in enumerate(history.tasks):
        endings = trials["ending"][trials["task"] == index]
        counts = np.bincount(endings, minlength=len(ENDINGS)).tolist()
        by = {str(ending): count for ending, count in zip(ENDINGS, counts, strict=True)}
        bad = len(endings) - by.pop(str(Ending.OK))
        if len(endings):
            rows.append(
                {
                    "task": task.name,
                    "scale": task.scale,
                    "trials": len(endings),
                    "failed": bad,
                    "share": bad / len(endings),
                    "endings": by,
                }
            )
    return rows


def _by_operator(history: History, refusals: NDArray[Any]) -> list[dict[str, Any]]:
    """Of cells turned away, how many had which operator among their mutations, by cause."""
    ways, width = len(history.ways), len(CAUSES)
    joint = refusals["way"].astype(np.int64) * width + refusals["cause"]
    counts = np.bincount(joint, minlength=ways * width).reshape(ways, width)
    by_operator: dict[str, Counter[str]] = {}
    for way, row in zip(history.ways, counts.tolist(), strict=True):
        for operator in set(way):
            by = by_operator.setdefault(operator, Counter())
            by.update({str(cause): count for cause, count in zip(CAUSES, row, strict=True)})
    return [
        {"operator": operator, "count": by.total(), "causes": dict(by)}
        for operator, by in sorted(by_operator.items())
    ]


def _read_refusals(store: Store, history: History, rows: list[int]) -> list[dict[str, Any]]:
    refusals = history.refusals
    chosen = refusals[np.isin(refusals["row"], rows)]
    order: list[int] = chosen["row"].tolist()
    indices: list[int] = _judged_on(history, chosen).tolist()
    tasks: dict[int, str] = {
        row: history.tasks[task].name if task >= 0 else ""
        for row, task in zip(order, indices, strict=True)
    }
    by_rowid = {row[0]: row for row in store.select(_REFUSED, json.dumps(rows))}
    return [
        {
            "number": number,
            "why": cause,
            "task": tasks[row],
            "detail": said(detail),
            "advice": MEANING[Cause(cause)],
            **_made(history, cell_id, parent_id, operators),
        }
        for row, number, cause, cell_id, parent_id, operators, detail in (
            by_rowid[row] for row in rows
        )
    ]


def _read_trials(store: Store, history: History, numbers: list[int]) -> list[dict[str, Any]]:
    by_number = {
        row[0]: row for row in store.select(_FAILED, history.study_id, json.dumps(numbers))
    }
    shown: list[dict[str, Any]] = []
    for number in numbers:
        row = by_number[number]
        values = {parameter.name: row[parameter.name] for parameter in HYPERPARAMETERS}
        setting = {name: value for name, value in values.items() if value is not None}
        shown.append(
            {
                "number": number,
                "why": row["ending"],
                "role": row["role"],
                "task": row["task"],
                "task_scale": row["scale"],
                "setting": setting,
                "words": words(setting),
                "step": row["step"],
                "detail": row["detail"],
                "advice": Ending(row["ending"]).advice,
                **_made(history, row["cell_id"], row["parent_id"], row["operators"]),
            }
        )
    return shown


def _made(history: History, cell_id: str, parent_id: str, operators: str) -> dict[str, Any]:
    """Cell and parent with what they are called, and whether this study trained them."""
    return {
        "cell": cell_id,
        "label": label(cell_id),
        "trained": history.index(cell_id) is not None,
        "parent": parent_id,
        "parent_label": label(parent_id),
        "parent_trained": history.index(parent_id) is not None,
        "operators": json.loads(operators),
    }


VIEW = View(
    name="failures",
    title="Failures",
    explains="The ledger: every cell that was turned away and every training that did not end well, and why.",
    filters={
        "kind": "rejections: cells turned away; trials: trainings that did not end well",
        "why": "one cause of rejection, or one ending of a training",
        "task": "name of a task",
        "operator": "a mutation operator that had a part in the cell",
        "page": f"of {SIZE} rows, from 1",
    },
    document=document,
    charts=charts,
)
