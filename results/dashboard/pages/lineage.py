"""Lineage: from the baselines to the best cells of today, and what each mutation operator is good for."""

from typing import Any, Final

import numpy as np

from results.dashboard.chart import Chart, chart, note, points, strokes
from results.dashboard.history import History
from results.dashboard.pages import ancestry
from results.dashboard.pages.cell import brief, index_of
from results.dashboard.pages.operators import operators
from results.dashboard.pages.standing import Standing, read_rows
from results.dashboard.query import Query
from results.dashboard.view import AbsentError, Document, Request, View, cell_path

TOP: Final = 20
"""Best cells whose ancestors are drawn unless the URL says otherwise."""
MOST: Final = 400
"""Cells of one tree; more could not be told apart."""

STEPS: Final = (
    (1.05, "1.05 and above", "blue"),
    (1.0, "1 to 1.05", "sky"),
    (0.95, "0.95 to 1", "orange"),
    (-np.inf, "below 0.95", "vermillion"),
)
"""Scores from which a colour is taken, the highest first."""
UNFINISHED: Final = ("did not finish", "grey")


def document(request: Request) -> Document:
    """A tree of cells, the way to the best of them, and operator statistics of a study."""
    record, query = request.record, request.query
    history, standing = record.history(request.study_id), record.standing(request.study_id)
    top = query.whole("top", TOP, 0, 200)
    along = query.choice("along", ("generation", "time"), "generation")
    ranked = [int(index) for index in standing.ranked() if index not in history.baselines]
    asked = _asked(query, history)
    chosen, left_out = _chosen(history, standing, ranked[:top], asked)
    made = ancestry.tree(history, chosen, standing.first)
    goal = asked if asked is not None else ranked[0] if ranked else None
    path = [] if goal is None else ancestry.chain(history, goal)
    best = set(ranked[:top])
    nodes = [
        brief(history, standing, index)
        | {
            "baseline": index in history.baselines,
            "best": index in best,
            "asked": index == asked,
            "parent": None if parent < 0 else parent,
            "generation": generation,
            "line": line,
        }
        for index, parent, generation, line in zip(
            made.indices, made.parents, made.generations, made.lines, strict=True
        )
    ]
    yardstick = history.baselines[-1]
    return {
        "study": history.study_id,
        "top": top,
        "cell": "" if asked is None else history.cells[asked],
        "along": along,
        "yardstick": "" if yardstick is None else history.labels[yardstick],
        "finished": len(ranked),
        "nodes": nodes,
        "lines": made.leaves,
        "left_out": left_out,
        "path": _path(request, history, standing, path),
        "operators": operators(history, standing),
    }


def charts(document: Document) -> dict[str, Chart]:
    """The tree."""
    nodes = document["nodes"]
    if not nodes:
        return {}
    time = document["along"] == "time"
    x = [node["first"] if time else node["generation"] for node in nodes]
    y = [-node["line"] for node in nodes]
    edges = [
        (node["parent"], index) for index, node in enumerate(nodes) if node["parent"] is not None
    ]
    traces: list[Chart] = []
    if edges:
        bends = [((x[a], x[a], x[b]), (y[a], y[b], y[b])) for a, b in edges]
        lines = strokes("mutations", bends, "faint")
        middles = points(
            "mutations",
            [(x[a] + x[b]) / 2 for a, b in edges],
            [y[b] for _, b in edges],
            "faint",
            text=[_edge(nodes[a], nodes[b]) for a, b in edges],
            size=5,
            symbol="triangle-right",
        )
        traces += [lines | {"showlegend": False}, middles | {"showlegend": False}]
    for name, colour in [step[1:] for step in STEPS] + [UNFINISHED]:
        own = [index for index, node in enumerate(nodes) if _step(node["score"]) == name]
        # The legend shows the sign of the first one.
        own.sort(key=lambda index: bool(nodes[index]["baseline"]))
        if own:
            drawn = points(
                name,
                [x[index] for index in own],
                [y[index] for index in own],
                colour,
                text=[_words(nodes[index]) for index in own],
                links=[cell_path(document["study"], nodes[index]["cell"]) for index in own],
                size=[_size(nodes[index]) for index in own],
                symbol=["square" if nodes[index]["baseline"] else "circle" for index in own],
            )
            # Points of several sizes would let through what is behind them.
            drawn["marker"]["opacity"] = 1
            traces.append(drawn)
    return {
        "tree": chart(
            traces,
            "index of the first ask" if time else "mutations since the first ancestor",
            xaxis={"rangemode": "tozero"} if time else {"dtick": max(1, max(x) // 12)},
            yaxis={"visible": False, "range": [-document["lines"] - 0.2, 1.0]},
            annotations=_names(nodes, x, y),
            hovermode="closest",
        )
    }


def _asked(query: Query, history: History) -> int | None:
    """The index of the cell in the query. Raises AbsentError if the study never trained it."""
    name = query.text("cell")
    if not name:
        return None
    index = index_of(history, name)
    if index is None:
        raise AbsentError(
            f"study {history.study_id} never trained a cell {name!r}; expected an id, or a name of"
            " the zoo, from the leaderboard"
        )
    return index


def _chosen(
    history: History, standing: Standing, best: list[int], asked: int | None
) -> tuple[list[int], int]:
    """Baselines, the ancestors of the best, and all around the cell asked for; how many were left out."""
    kept: dict[int, None] = {}
    left_out = 0

    def add(indices: list[int]) -> bool:
        fresh = [index for index in indices if index not in kept]
        if len(kept) + len(fresh) > MOST:
            return False
        kept.update(dict.fromkeys(fresh))
        return True

    add([index for index in history.baselines if index is not None])
    if asked is not None:
        left_out += not add(ancestry.chain(history, asked))
        below = ancestry.descendants(history, asked)
        scores = np.nan_to_num(standing.score[below], nan=-np.inf)
        order: list[int] = np.argsort(-scores, kind="stable").tolist()
        # A descendant comes with those between, so that the tree hangs together.
        left_out += sum(not add(ancestry.chain(history, below[number])) for number in order)
    left_out += sum(not add(ancestry.chain(history, index)) for index in best)
    return list(kept), left_out


def _path(
    request: Request, history: History, standing: Standing, path: list[int]
) -> list[dict[str, Any]]:
    """The steps of a chain, each with the score before and after, and what fresh seeds gave."""
    rows = {
        row.cell_id: row
        for row in read_rows(
            request.record.store,
            history,
            standing,
            [index for index in path if standing.confirmed[index].any()],
        )
    }
    steps: list[dict[str, Any]] = []
    for index in path:
        row = rows.get(history.cells[index])
        confirmed = row and row.confirmed_score
        steps.append(
            brief(history, standing, index)
            | {
                "before": steps[-1]["score"] if steps else None,
                "confirmed": confirmed
                and {
                    "centre": confirmed.centre,
                    "low": confirmed.low,
                    "high": confirmed.high,
                    "count": confirmed.count,
                },
            }
        )
    return steps


def _step(score: float | None) -> str:
    if score is None:
        return UNFINISHED[0]
    return next(name for least, name, _ in STEPS if score >= least)


def _size(node: Document) -> int:
    return 13 if node["baseline"] or node["asked"] else 11 if node["best"] else 7


def _words(node: Document) -> str:
    score = "no score" if node["score"] is None else f"score {node['score']:.3f}"
    made = f", made by {', '.join(node['operators'])}" if node["operators"] else ""
    return f"{node['label']}: {score}, {node['state']}{made}, first asked at {node['first']:,}"


def _edge(before: Document, after: Document) -> str:
    return (
        f"{', '.join(after['operators']) or 'no operator'}: {before['label']} to {after['label']}"
    )


def _names(nodes: list[Document], x: list[float], y: list[float]) -> list[dict[str, Any]]:
    """Names of the baselines, of the best cell, and of the one that was asked for."""
    scores = [node["score"] for node in nodes if node["best"]]
    best = max((score for score in scores if score is not None), default=None)
    return [
        note(x[index], y[index], node["label"], yshift=13, font={"size": 11, "color": "ink"})
        for index, node in enumerate(nodes)
        if node["baseline"] or node["asked"] or (node["best"] and node["score"] == best)
    ]


VIEW = View(
    name="lineage",
    title="Lineage",
    explains="Which mutations led from the baselines to the best cells, and how often each operator helps.",
    filters={
        "top": f"how many of the best cells are drawn with their ancestors, 0 to 200; {TOP} if not given",
        "cell": "an id or a zoo name: its ancestors and descendants are drawn, too, and the path leads to it",
        "along": "generation or time: what goes from left to right",
    },
    document=document,
    charts=charts,
)
