"""Cell: one cell of a study, with all that is known about it."""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Final

import numpy as np

from cells import Cell, CellError, parse
from cells.distance.relative import Relative, nearest
from cells.drawing.mathml import mathml
from cells.drawing.svg import draw
from cells.measure.passport import passport
from results.dashboard.chart import Chart
from results.dashboard.history import History
from results.dashboard.pages import trials
from results.dashboard.pages.standing import Standing, read_rows
from results.dashboard.view import AbsentError, Document, Request, View, paged
from results.label import label
from results.leaderboard.board import Row
from results.record.ask import MEANING, Cause, Role
from results.record.words import said

PAGE: Final = 50
"""Trials on one page of the table."""
KIN: Final = 10
"""Children, and siblings, that are listed."""

_TASK: Final = ("name", "scale", "optimum", "reference")


def document(request: Request) -> Document:
    """Everything about one cell of a study."""
    record, query = request.record, request.query
    history, standing = record.history(request.study_id), record.standing(request.study_id)
    index = _index(request, history)
    cell_id = history.cells[index]
    page = query.whole("page", 1, 1, 1_000_000)
    wants_relative = query.choice("relative", ("yes",), "") == "yes"
    text = record.store.cell(cell_id) or ""
    cell, wrong = _parsed(text)
    facts = passport(cell, kin=False).document() if cell is not None else None
    if facts is not None and wants_relative:
        relative = _relative(text)
        facts["relative"] = relative and relative.document()
    log = record.store.part(history.study_id, history.numbers([index]))
    tasks = {(task.name, task.scale): task for task in (*history.tasks, *standing.tasks)}
    entries = [trials.entry(ask, outcome, tasks) for ask, outcome in log if ask.trial]
    shown, pages = paged(entries, page, PAGE)
    rows = read_rows(record.store, history, standing, [index])
    best = [selected.key if selected else "" for selected in rows[0].selected] if rows else []
    keys = dict(zip((task.name for task in standing.tasks), best, strict=False))
    settings = [entry["setting"] for entry in entries]
    curves = [trials.curves(log, task, keys.get(task.name, "")) for task in tasks.values()]
    tried = [trials.tried(log, task) for task in standing.tasks]
    yardstick = history.baselines[-1]
    return {
        "study": history.study_id,
        "cell": cell_id,
        "label": history.labels[index],
        "baseline": index in history.baselines,
        "yardstick": "" if yardstick is None else history.labels[yardstick],
        "state": state(history, standing, index),
        "text": text,
        "wrong": wrong,
        "facts": facts,
        "relative_asked": wants_relative,
        "standing": _standing(standing, index, rows[0]) if rows else None,
        "tasks": [
            {name: getattr(task, name) for name in _TASK} | task.judged() for task in standing.tasks
        ],
        "screen": _screen(history, entries),
        "verdicts": _verdicts(request, history, cell_id),
        "origin": _origin(history, standing, index),
        "family": _family(history, standing, index),
        "curves": [curve for curve in curves if curve is not None],
        "tried": [plot for plot in tried if plot is not None],
        "columns": {name: trials.AXES[name] for name in trials.columns(settings)},
        "trials": list(shown),
        "trials_count": len(entries),
        "page": page,
        "pages": pages,
        "commands": _commands(cell_id, record.store.path.name),
    }


def charts(document: Document) -> dict[str, Chart]:
    """Curves and settings, a chart for each task."""
    made = {f"curves{k}": trials.curves_chart(curve) for k, curve in enumerate(document["curves"])}
    return made | {
        f"tried{k}": trials.tried_chart(plot) for k, plot in enumerate(document["tried"])
    }


def portrait(document: Document) -> dict[str, str]:
    """The drawing and the equations of a cell that could be read."""
    cell, _ = _parsed(document["text"])
    if cell is None:
        return {}
    return {"drawing": draw(replace(cell, name=document["label"])), "equations": mathml(cell)}


def to_text(request: Request) -> str:
    """The text of the cell as the store has it, which `gatewright cells check` reads."""
    history = request.record.history(request.study_id)
    return request.record.store.cell(history.cells[_index(request, history)]) or ""


def to_svg(request: Request) -> str:
    """The drawing of the cell."""
    cell, wrong = _parsed(to_text(request))
    if cell is None:
        raise AbsentError(f"the text of cell {request.name!r} cannot be drawn: {wrong}")
    return draw(replace(cell, name=request.name))


def state(history: History, standing: Standing, index: int) -> str:
    """How far a cell came, in a few words."""
    if index in history.baselines:
        return "baseline"
    if index in history.admitted:
        return "admitted to the list"
    if index in history.turned:
        return f"turned away: {history.turned[index]}"
    if standing.finished[index]:
        return "finished"
    return "in training" if standing.contender[index] else "on the screen"


def brief(history: History, standing: Standing, index: int) -> Document:
    """A cell in one line of a table."""
    score = float(standing.score[index])
    return {
        "cell": history.cells[index],
        "label": history.labels[index],
        "score": None if np.isnan(score) else score,
        "operators": list(history.operators[index]),
        "first": int(standing.first[index]),
        "state": state(history, standing, index),
    }


def index_of(history: History, name: str) -> int | None:
    """The index of the cell of that id or zoo name, or None if the study never trained it.

    Raises:
        AbsentError: not found yet, where the study is still being read.
    """
    index = history.index(name)
    if index is None and name in history.labels:
        return history.labels.index(name)
    if index is None and not history.complete:
        raise AbsentError(
            f"cell {name!r} was not found yet: study {history.study_id} is still being read;"
            " load this page again in some seconds"
        )
    return index


def _index(request: Request, history: History) -> int:
    """The index of the cell that the path names. Raises AbsentError if the study never trained it."""
    index = index_of(history, request.name)
    if index is not None:
        return index
    known = _verdicts(request, history, request.name)
    if known:
        why = f"{known[0]['cause']}: {known[0]['detail']}"
        raise AbsentError(
            f"cell {request.name} was turned away before it was trained ({why}),"
            " so its text was not kept; the view Failures counts such cells"
        )
    if request.record.store.cell(request.name) is not None:
        raise AbsentError(
            f"study {history.study_id} never trained cell {request.name}, but another study in"
            " this store did; choose that study at the top of the page"
        )
    raise AbsentError(
        f"study {history.study_id} has no cell {request.name!r}; expected an id such as"
        f" {history.cells[0] if history.cells else '0123456789ab'}, from the leaderboard or the lineage"
    )


@lru_cache(64)
def _parsed(text: str) -> tuple[Cell | None, str]:
    """The cell, or None and what is wrong with the text."""
    try:
        return parse(text), ""
    except CellError as error:
        return None, str(error)


@lru_cache(256)
def _relative(text: str) -> Relative | None:
    """The nearest cell of the zoo, which takes seconds to find where a cell is large."""
    return nearest(parse(text))


def _standing(standing: Standing, index: int, row: Row) -> Document:
    """The cell's row of the leaderboard, and where it stands there."""
    ranked = standing.ranked().tolist()
    entry = asdict(row)
    for name in ("text", "operators", "parent_id", "label", "cell_id"):
        del entry[name]
    return {
        **entry,
        "rank": ranked.index(index) + 1 if index in ranked else None,
        "finished": len(ranked),
    }


def _screen(history: History, entries: list[Document]) -> Document | None:
    """What the cell reached on the screen, or None if it was not put through it."""
    screened = [entry for entry in entries if entry["role"] == Role.SCREEN]
    if not screened:
        return None
    values = [entry["valid"] for entry in screened if entry["valid"] is not None]
    return {
        "task": history.study.screen.task,
        "accuracy": max(values) if values else None,
        "pass_mark": history.study.screen.pass_mark,
        "ending": screened[-1]["ending"],
    }


def _verdicts(request: Request, history: History, cell_id: str) -> list[Document]:
    """Why the cell was turned away, each time that it was."""
    rows = request.record.store.select(
        "SELECT cause, detail, number FROM rejection WHERE study_id = ? AND cell_id = ?"
        " ORDER BY number, place",
        history.study_id,
        cell_id,
    )
    return [
        {"cause": cause, "meaning": MEANING[Cause(cause)], "detail": said(detail), "number": number}
        for cause, detail, number in rows
    ]


def _origin(history: History, standing: Standing, index: int) -> Document:
    """Parent and operators; no parent where the cell was not mutated from another."""
    parent_id = history.parents[index]
    parent = history.index(parent_id) if parent_id else None
    named: Document | None = None
    if parent is not None:
        named = brief(history, standing, parent) | {"known": True}
    elif parent_id:
        named = {"cell": parent_id, "label": label(parent_id), "known": False}
    return {
        "parent": named,
        "operators": list(history.operators[index]),
        "first": int(standing.first[index]),
    }


def _family(history: History, standing: Standing, index: int) -> Document:
    """Children and siblings, the best first, and how many there are."""
    cell_id, parent_id = history.cells[index], history.parents[index]
    children = [child for child, parent in enumerate(history.parents) if parent == cell_id]
    siblings = [
        sibling
        for sibling, parent in enumerate(history.parents)
        if parent_id and parent == parent_id and sibling != index
    ]

    def listed(indices: list[int]) -> list[Document]:
        scores = np.nan_to_num(standing.score[indices], nan=-np.inf)
        order: list[int] = np.lexsort((standing.first[indices], -scores))[:KIN].tolist()
        return [brief(history, standing, indices[index]) for index in order]

    return {
        "children": listed(children),
        "children_count": len(children),
        "siblings": listed(siblings),
        "siblings_count": len(siblings),
    }


def _commands(cell_id: str, store: str) -> list[dict[str, str]]:
    """What to type to go on with the cell."""
    cell, file = shlex.quote(cell_id), shlex.quote(store)
    made: Mapping[str, str] = {
        "its passport as one page, with how it behaves, measured": f"cells show {cell} --store {file} --html {cell}.html",
        "a module of torch in one file": f"cells export {cell} --store {file} --to torch --out {cell}.py",
        "five mutants of it": f"cells mutate {cell} --store {file}",
    }
    return [{"does": does, "command": f"gatewright {command}"} for does, command in made.items()]


VIEW = View(
    name="cells",
    title="Cell",
    explains="One cell: how it works, how good it is, what was tried, and where it came from.",
    filters={
        "page": "of the table of trials, from 1",
        "relative": "yes: look for the nearest cell of the zoo, which may take seconds",
    },
    document=document,
    charts=charts,
    portrait=portrait,
    files={"cell": ("text/plain", to_text), "svg": ("image/svg+xml", to_svg)},
    named=True,
)
