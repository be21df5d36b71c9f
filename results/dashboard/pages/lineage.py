"""Lineage: from the baselines to the best cells of today, and what each mutation operator is good for."""

from typing import Any, Final

import numpy as np

from results.dashboard.chart import Chart, chart, note, points, strokes
from results.dashboard.history import History
from results.dashboard.pages import ancestry
from results.dashboard.pages.cell import brief, place_of
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
    history, found = record.history(request.study_id), record.standing(request.study_id)
    top = query.whole("top", TOP, 0, 200)
    along = query.choice("along", ("generation", "time"), "generation")
    ranked = [int(one) for one in found.ranked() if one not in history.baselines]
    asked = _asked(query, history)
    chosen, left_out = _chosen(history, found, ranked[:top], asked)
    made = ancestry.tree(history, chosen, found.first)
    goal = asked if asked is not None else ranked[0] if ranked else None
    path = [] if goal is None else ancestry.chain(history, goal)
    best = set(ranked[:top])
    nodes = [
        brief(history, found, place)
        | {
            "baseline": place in history.baselines,
            "best": place in best,
            "asked": place == asked,
            "parent": None if parent < 0 else parent,
            "generation": generation,
            "line": line,
        }
        for place, parent, generation, line in zip(
            made.places, made.parents, made.generations, made.lines, strict=True
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
        "path": _path(request, history, found, path),
        "operators": operators(history, found),
    }


def charts(found: Document) -> dict[str, Chart]:
    """The tree."""
    nodes = found["nodes"]
    if not nodes:
        return {}
    time = found["along"] == "time"
    x = [node["first"] if time else node["generation"] for node in nodes]
    y = [-node["line"] for node in nodes]
    edges = [
        (node["parent"], place) for place, node in enumerate(nodes) if node["parent"] is not None
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
        own = [place for place, node in enumerate(nodes) if _step(node["score"]) == name]
        # The legend shows the sign of the first one.
        own.sort(key=lambda place: bool(nodes[place]["baseline"]))
        if own:
            drawn = points(
                name,
                [x[place] for place in own],
                [y[place] for place in own],
                colour,
                text=[_words(nodes[place]) for place in own],
                links=[cell_path(found["study"], nodes[place]["cell"]) for place in own],
                size=[_size(nodes[place]) for place in own],
                symbol=["square" if nodes[place]["baseline"] else "circle" for place in own],
            )
            # Points of several sizes would let through what is behind them.
            drawn["marker"]["opacity"] = 1
            traces.append(drawn)
    return {
        "tree": chart(
            traces,
            "index of the first ask" if time else "mutations since the first ancestor",
            xaxis={"rangemode": "tozero"} if time else {"dtick": max(1, max(x) // 12)},
            yaxis={"visible": False, "range": [-found["lines"] - 0.2, 1.0]},
            annotations=_names(nodes, x, y),
            hovermode="closest",
        )
    }


def _asked(query: Query, history: History) -> int | None:
    """The place of the cell in the query. Raises AbsentError if the study never trained it."""
    name = query.text("cell")
    if not name:
        return None
    place = place_of(history, name)
    if place is None:
        raise AbsentError(
            f"study {history.study_id} never trained a cell {name!r}; expected an id, or a name of"
            " the zoo, from the leaderboard"
        )
    return place


def _chosen(
    history: History, found: Standing, best: list[int], asked: int | None
) -> tuple[list[int], int]:
    """Baselines, the ancestors of the best, and all around the cell asked for; how many were left out."""
    kept: dict[int, None] = {}
    left_out = 0

    def add(places: list[int]) -> bool:
        fresh = [place for place in places if place not in kept]
        if len(kept) + len(fresh) > MOST:
            return False
        kept.update(dict.fromkeys(fresh))
        return True

    add([place for place in history.baselines if place is not None])
    if asked is not None:
        left_out += not add(ancestry.chain(history, asked))
        below = ancestry.descendants(history, asked)
        scores = np.nan_to_num(found.score[below], nan=-np.inf)
        order: list[int] = np.argsort(-scores, kind="stable").tolist()
        # A descendant comes with those between, so that the tree hangs together.
        left_out += sum(not add(ancestry.chain(history, below[one])) for one in order)
    left_out += sum(not add(ancestry.chain(history, place)) for place in best)
    return list(kept), left_out


def _path(
    request: Request, history: History, found: Standing, path: list[int]
) -> list[dict[str, Any]]:
    """The steps of a chain, each with the score before and after, and what fresh seeds gave."""
    rows = {
        row.cell_id: row
        for row in read_rows(
            request.record.store,
            history,
            found,
            [place for place in path if found.confirmed[place].any()],
        )
    }
    steps: list[dict[str, Any]] = []
    for place in path:
        row = rows.get(history.cells[place])
        confirmed = row and row.confirmed_score
        steps.append(
            brief(history, found, place)
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
        note(x[place], y[place], node["label"], yshift=13, font={"size": 11, "color": "ink"})
        for place, node in enumerate(nodes)
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
