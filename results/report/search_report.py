"""One study as one HTML file: opens offline, runs no script, and is the same bytes each time."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jinja2 import Environment

from cells import CellError, parse
from cells.drawing.equation import plain
from cells.drawing.svg import draw
from results import frame
from results.label import label
from results.leaderboard import board as leaderboard
from results.leaderboard.board import Board, Row
from results.leaderboard.task_column import TaskColumn
from results.record import history, words
from results.record.outcome import Ending
from results.record.store import Store
from results.report import figure
from results.report.page import POLICY, environment, interval, markup, number
from results.report.panel import to_svg
from results.statistics.interval import Interval, interquartile_mean, stratified

_LEDGER: Final = 300
"""Rows of the rejections ledger that are written out; the store has all."""


@dataclass(frozen=True, slots=True)
class _Portrait:
    """A cell as the report shows it."""

    row: Row
    equations: str
    drawing: str


def render(store: Store, study_id: str) -> str:
    """The report of a study as far as it has come, as the text of one HTML file.

    Raises:
        StoreError: `missing` if there is no such study; if the store cannot be read.
    """
    with store.snapshot():
        board = leaderboard.build(store, study_id)
        trials = frame.trials(store, study_id)
        curves = frame.curves(store, study_id)
        cells = frame.cells(store, study_id)
        ledger = store.select(
            "SELECT number, cause, cell_id, parent_id, operators, detail FROM rejection"
            " WHERE study_id = ? ORDER BY number, place",
            study_id,
        )
        events = store.select(
            "SELECT kind, number, detail FROM event WHERE study_id = ? ORDER BY id", study_id
        )
        provenance = store.provenance(study_id)
        digest = history.digest(store, study_id)
        root = store.root
    figures = {
        "curves": figure.learning_curves(board, curves),
        "best": figure.best_so_far(board, trials),
        "ratios": figure.ratios(board),
        "screen": figure.screen(board, trials),
        "rejections": figure.rejections(board),
        "lineage": figure.lineage(board, cells),
    }
    return (
        _environment()
        .get_template("report.html")
        .render(
            policy=POLICY,
            board=board,
            study=board.study,
            study_id=study_id,
            headline=headline(board),
            caveats=caveats(board),
            means={row.cell_id: _mean_ratio(row, study_id) for row in board.rows},
            portraits=[_portrait(row) for row in _worth_showing(board)],
            figures={name: markup(to_svg(made, name)) for name, made in figures.items()},
            ledger=[{**row, "detail": words.said(row["detail"])} for row in ledger[:_LEDGER]],
            ledger_left=max(0, len(ledger) - _LEDGER),
            events=Counter(event["kind"] for event in events),
            mismatches=[event for event in events if event["kind"] == "mismatch"][:50],
            advice={ending: Ending(ending).advice for ending in board.endings},
            provenance=provenance,
            digest=digest,
            root=root,
            description=json.dumps(json.loads(board.study.to_json()), indent=2, sort_keys=True),
            command=f"gatewright search {board.study.name} --store {store.path.name}",
            core_seconds=sum(
                seconds for (seconds,) in store.select(_SECONDS, study_id) if seconds is not None
            ),
        )
    )


_SECONDS: Final = """
SELECT sum(cpu_seconds) FROM outcome
WHERE trial_key IN (SELECT trial_key FROM ask WHERE study_id = ?)
"""


def headline(board: Board) -> list[str]:
    """What was searched and what it found, one sentence each."""
    names = ", ".join(f"{task.name} ({task.scale})" for task in board.tasks)
    new = [row for row in board.rows if not row.baseline]
    said = [
        f"{board.screened} new cells were screened, {board.passed} went on, and {len(new)} finished"
        f" all {len(board.tasks)} tasks: {names}."
    ]
    if not new:
        said.append("No new cell has finished all tasks.")
        return said
    best = new[0]
    assert best.score is not None  # noqa: S101 - rows of the board have one
    others = " and ".join(f"{row.label} has {row.score:.3f}" for row in board.rows if row.baseline)
    said.append(
        f"The best new cell is {best.label} with a score of {best.score:.3f}"
        + (f"; {others}." if others else ".")
    )
    if best.confirmed_score is not None:
        said.append(f"On fresh seeds and test data its score is {best.confirmed_score.text()}.")
    return said


def caveats(board: Board) -> list[str]:
    """What the numbers do not show, one sentence each."""
    said: list[str] = []
    if board.done < board.asked:
        said.append(
            f"The study is not finished: {board.asked - board.done} trials have no outcome."
        )
    new = [row for row in board.rows if not row.baseline]
    if len(new) > 1:
        said.append(
            f"The first of {len(new)} finished cells is the luckiest as well as the best: scores of"
            " selection are too high, and only confirmed ones may be quoted."
        )
    confirmed = [row for row in board.rows if any(row.confirmed)]
    if not board.compared:
        what = "No new cell" if board.study.proposals else "No cell"
        said.append(f"{what} has been confirmed on fresh seeds, so no difference is significant.")
        return said
    said += _told(board)
    least = min(found.count for row in confirmed for found in row.confirmed if found)
    said.append(
        f"Confirmed means rest on as few as {least} seeds. Cells are compared by Welch's test on each"
        f" task, corrected by Holm for {len(board.compared)} comparisons; the intervals are not corrected."
    )
    return said


def _told(board: Board) -> list[str]:
    """Which cells fresh seeds tell apart, one sentence for each cell that others are compared with."""
    said: list[str] = []
    for other in dict.fromkeys(found.other_id for found in board.compared):
        mine = [found for found in board.compared if found.other_id == other]
        against = label(other)
        for better, word in ((True, "better"), (False, "worse")):
            told = [
                found for found in mine if found.told and (found.difference.centre > 0) == better
            ]
            by_cell: dict[str, list[str]] = {}
            for found in told:
                p = "p < 0.001" if (found.p or 0.0) < 0.001 else f"p {found.p:.3f}"
                by_cell.setdefault(found.cell_id, []).append(f"{found.task} ({p})")
            if by_cell:
                cells = "; ".join(
                    f"{label(cell)} on {', '.join(tasks)}" for cell, tasks in by_cell.items()
                )
                said.append(f"On fresh seeds {word} than {against}: {cells}.")
        alike = dict.fromkeys(found.cell_id for found in mine)
        for found in mine:
            if found.told:
                alike.pop(found.cell_id, None)
        if alike:
            cells = ", ".join(label(cell) for cell in alike)
            said.append(f"Not told apart from {against} on any task: {cells}.")
    return said


def _mean_ratio(row: Row, study_id: str) -> Interval | None:
    """Interquartile mean of the confirmed ratios over tasks and seeds, with a bootstrap interval."""
    if not row.ratios or not all(row.ratios):
        return None
    return stratified(row.ratios, interquartile_mean, np.random.default_rng(int(study_id, 16)))


def _worth_showing(board: Board) -> list[Row]:
    """The best new cells, or the leader if there is none."""
    new = [row for row in board.rows if not row.baseline]
    return (new or list(board.rows))[:3]


def _portrait(row: Row) -> _Portrait:
    try:
        cell = parse(row.text)
    except CellError:
        return _Portrait(row, "", "")
    return _Portrait(row, plain(cell), markup(draw(cell)))


def _environment() -> Environment:
    return environment(
        {
            "interval": interval,
            "number": number,
            "label": label,
            "listed": _listed,
            "value": _value,
            "bar": _bar,
        }
    )


def _listed(operators: str) -> str:
    return ", ".join(json.loads(operators))


def _value(level: dict[str, Any], task: TaskColumn) -> str:
    """A floor in the metric of its task."""
    value, bounds = task.metric.of_level(level), task.metric.bounds(level)
    if value is not None:
        return f"{value:.4f}"
    return "" if bounds is None else f"{bounds[0]:.4f} to {bounds[1]:.4f}"


def _bar(value: float | None, rows: Sequence[Row]) -> int:
    """Length of a bar in percent, from 0 to the highest score of the board."""
    highest = max((row.score or 0.0 for row in rows), default=0.0)
    return 0 if value is None or highest <= 0 else round(100 * max(0.0, value) / highest)
