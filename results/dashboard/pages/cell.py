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
    history, found = record.history(request.study_id), record.standing(request.study_id)
    place = _place(request, history)
    cell_id = history.cells[place]
    page = query.whole("page", 1, 1, 1_000_000)
    wants_relative = query.choice("relative", ("yes",), "") == "yes"
    text = record.store.cell(cell_id) or ""
    cell, wrong = _parsed(text)
    facts = passport(cell, kin=False).document() if cell is not None else None
    if facts is not None and wants_relative:
        relative = _relative(text)
        facts["relative"] = relative and relative.document()
    log = record.store.part(history.study_id, history.numbers([place]))
    tasks = {(task.name, task.scale): task for task in (*history.tasks, *found.tasks)}
    entries = [trials.entry(ask, outcome, tasks) for ask, outcome in log if ask.trial]
    shown, pages = paged(entries, page, PAGE)
    rows = read_rows(record.store, history, found, [place])
    best = [one.key if one else "" for one in rows[0].selected] if rows else []
    keys = dict(zip((task.name for task in found.tasks), best, strict=False))
    settings = [one["setting"] for one in entries]
    curves = [trials.curves(log, task, keys.get(task.name, "")) for task in tasks.values()]
    tried = [trials.tried(log, task) for task in found.tasks]
    yardstick = history.baselines[-1]
    return {
        "study": history.study_id,
        "cell": cell_id,
        "label": history.labels[place],
        "baseline": place in history.baselines,
        "yardstick": "" if yardstick is None else history.labels[yardstick],
        "state": state(history, found, place),
        "text": text,
        "wrong": wrong,
        "facts": facts,
        "relative_asked": wants_relative,
        "standing": _standing(found, place, rows[0]) if rows else None,
        "tasks": [
            {name: getattr(task, name) for name in _TASK} | task.judged() for task in found.tasks
        ],
        "screen": _screen(history, entries),
        "verdicts": _verdicts(request, history, cell_id),
        "origin": _origin(history, found, place),
        "family": _family(history, found, place),
        "curves": [one for one in curves if one is not None],
        "tried": [one for one in tried if one is not None],
        "columns": {name: trials.AXES[name] for name in trials.columns(settings)},
        "trials": list(shown),
        "trials_count": len(entries),
        "page": page,
        "pages": pages,
        "commands": _commands(cell_id, record.store.path.name),
    }


def charts(found: Document) -> dict[str, Chart]:
    """Curves and settings, a chart for each task."""
    made = {f"curves{k}": trials.curves_chart(one) for k, one in enumerate(found["curves"])}
    return made | {f"tried{k}": trials.tried_chart(one) for k, one in enumerate(found["tried"])}


def portrait(found: Document) -> dict[str, str]:
    """The drawing and the equations of a cell that could be read."""
    cell, _ = _parsed(found["text"])
    if cell is None:
        return {}
    return {"drawing": draw(replace(cell, name=found["label"])), "equations": mathml(cell)}


def to_text(request: Request) -> str:
    """The text of the cell as the store has it, which `gatewright cells check` reads."""
    history = request.record.history(request.study_id)
    return request.record.store.cell(history.cells[_place(request, history)]) or ""


def to_svg(request: Request) -> str:
    """The drawing of the cell."""
    cell, wrong = _parsed(to_text(request))
    if cell is None:
        raise AbsentError(f"the text of cell {request.name!r} cannot be drawn: {wrong}")
    return draw(replace(cell, name=request.name))


def state(history: History, found: Standing, place: int) -> str:
    """How far a cell came, in a few words."""
    if place in history.baselines:
        return "baseline"
    if place in history.admitted:
        return "admitted to the list"
    if place in history.turned:
        return f"turned away: {history.turned[place]}"
    if found.finished[place]:
        return "finished"
    return "in training" if found.contender[place] else "on the screen"


def brief(history: History, found: Standing, place: int) -> Document:
    """A cell in one line of a table."""
    score = float(found.score[place])
    return {
        "cell": history.cells[place],
        "label": history.labels[place],
        "score": None if np.isnan(score) else score,
        "operators": list(history.operators[place]),
        "first": int(found.first[place]),
        "state": state(history, found, place),
    }


def place_of(history: History, name: str) -> int | None:
    """The place of the cell of that id or zoo name, or None if the study never trained it.

    Raises:
        AbsentError: not found yet, where the study is still being read.
    """
    place = history.place(name)
    if place is None and name in history.labels:
        return history.labels.index(name)
    if place is None and not history.complete:
        raise AbsentError(
            f"cell {name!r} was not found yet: study {history.study_id} is still being read;"
            " load this page again in some seconds"
        )
    return place


def _place(request: Request, history: History) -> int:
    """The place of the cell that the path names. Raises AbsentError if the study never trained it."""
    place = place_of(history, request.name)
    if place is not None:
        return place
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


def _standing(found: Standing, place: int, row: Row) -> Document:
    """The cell's row of the leaderboard, and where it stands there."""
    ranked = found.ranked().tolist()
    entry = asdict(row)
    for name in ("text", "operators", "parent_id", "label", "cell_id"):
        del entry[name]
    return {
        **entry,
        "rank": ranked.index(place) + 1 if place in ranked else None,
        "finished": len(ranked),
    }


def _screen(history: History, entries: list[Document]) -> Document | None:
    """What the cell reached on the screen, or None if it was not put through it."""
    found = [one for one in entries if one["role"] == Role.SCREEN]
    if not found:
        return None
    values = [one["valid"] for one in found if one["valid"] is not None]
    return {
        "task": history.study.screen.task,
        "accuracy": max(values) if values else None,
        "pass_mark": history.study.screen.pass_mark,
        "ending": found[-1]["ending"],
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


def _origin(history: History, found: Standing, place: int) -> Document:
    """Parent and operators; no parent where the cell was not mutated from another."""
    parent_id = history.parents[place]
    parent = history.place(parent_id) if parent_id else None
    named: Document | None = None
    if parent is not None:
        named = brief(history, found, parent) | {"known": True}
    elif parent_id:
        named = {"cell": parent_id, "label": label(parent_id), "known": False}
    return {
        "parent": named,
        "operators": list(history.operators[place]),
        "first": int(found.first[place]),
    }


def _family(history: History, found: Standing, place: int) -> Document:
    """Children and siblings, the best first, and how many there are."""
    cell_id, parent_id = history.cells[place], history.parents[place]
    children = [one for one, parent in enumerate(history.parents) if parent == cell_id]
    siblings = [
        one
        for one, parent in enumerate(history.parents)
        if parent_id and parent == parent_id and one != place
    ]

    def listed(places: list[int]) -> list[Document]:
        scores = np.nan_to_num(found.score[places], nan=-np.inf)
        order: list[int] = np.lexsort((found.first[places], -scores))[:KIN].tolist()
        return [brief(history, found, places[one]) for one in order]

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
