"""What became of the cells that each mutation operator had a part in."""

from collections import Counter, defaultdict
from dataclasses import asdict

from results.dashboard.history import CAUSES, History
from results.dashboard.pages.standing import Standing
from results.dashboard.view import Document
from results.record.ask import Cause
from results.statistics.interval import wilson

ANY = "any operator"

_BEFORE = [CAUSES.index(cause) for cause in (Cause.INVALID, Cause.DUPLICATE)]
"""Causes by which a cell is turned away before it is trained."""


def operators(history: History, standing: Standing) -> list[Document]:
    """A row an operator, the first for all of them together; none where no cell was mutated.

    A cell that several operators made counts for each of them, once. Each share comes with Wilson's
    95 % interval: of all proposals those that were new and valid; of these what passed the screen,
    finished all tasks, was admitted to the list; of the finished ones whose parent finished, too,
    those with a higher score than it.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    baselines = set(history.baselines)

    def add(way: tuple[str, ...], *what: str, times: int = 1) -> None:
        for operator in {ANY, *way}:
            for outcome in what:
                counts[operator][outcome] += times

    refused = history.refusals
    early = refused[(refused["cause"] == _BEFORE[0]) | (refused["cause"] == _BEFORE[1])]
    ways: list[int] = early["way"].tolist()
    for way, times in Counter(ways).items():
        if history.ways[way]:
            add(history.ways[way], "proposed", times=times)
    for index, made in enumerate(history.operators):
        if not made or index in baselines:
            continue
        what = ["proposed", "new"]
        if standing.passed[index]:
            what.append("passed")
        if index in history.admitted:
            what.append("admitted")
        if standing.finished[index]:
            what.append("finished")
            parent = history.index(history.parents[index])
            if parent is not None and standing.finished[parent]:
                what.append("compared")
                if standing.score[index] > standing.score[parent]:
                    what.append("better")
        add(made, *what)
    order = sorted(
        counts, key=lambda operator: (operator != ANY, -counts[operator]["proposed"], operator)
    )
    return [_row(operator, counts[operator]) for operator in order]


def _row(operator: str, count: Counter[str]) -> Document:
    def share(part: str, whole: str) -> Document | None:
        return (
            asdict(wilson(count[part], count[whole])) | {"part": count[part]}
            if count[whole]
            else None
        )

    return {
        "operator": operator,
        "proposed": count["proposed"],
        "new": share("new", "proposed"),
        "passed": share("passed", "new"),
        "finished": share("finished", "new"),
        "admitted": share("admitted", "new"),
        "better": share("better", "compared"),
    }
