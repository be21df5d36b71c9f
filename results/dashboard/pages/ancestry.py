"""Who was mutated from whom in one study: chains of ancestors, descendants, and a tree of some cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from results.dashboard.history import History


@dataclass(frozen=True, slots=True)
class Tree:
    """Some cells, each below its parent where that is among them. All lists are parallel.

    Attributes:
        places: of the cells in the history, parents before their children.
        parents: for each the place in `places` of its parent, or -1.
        generations: mutations since the first of its ancestors in the tree.
        lines: height at which it is drawn; no two leaves share one.
        leaves: how many lines there are.
    """

    places: tuple[int, ...]
    parents: tuple[int, ...]
    generations: tuple[int, ...]
    lines: tuple[float, ...]
    leaves: int


def chain(history: History, place: int) -> list[int]:
    """Places of the ancestors that the study knows, the first one at the start, and `place` itself."""
    found = [place]
    seen = {place}
    while True:
        parent = history.place(history.parents[found[-1]])
        # A damaged record could lead in a circle.
        if parent is None or parent in seen:
            return found[::-1]
        seen.add(parent)
        found.append(parent)


def descendants(history: History, place: int) -> list[int]:
    """Places of all that came from a cell, generation by generation, without the cell itself."""
    children = _children(history)
    found: list[int] = []
    seen = {place}
    front = [place]
    while front:
        front = [
            child
            for one in front
            for child in children.get(history.cells[one], ())
            if child not in seen
        ]
        seen.update(front)
        found += front
    return found


def tree(history: History, chosen: Iterable[int], first: Sequence[int] | np.ndarray) -> Tree:
    """The tree of the chosen places; children in the order in which they were first asked for.

    Args:
        history: of the study.
        chosen: places.
        first: number of the first ask of every place.
    """
    kept = sorted(set(chosen), key=lambda one: int(first[one]))
    members = set(kept)
    parent_of: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for one in kept:
        parent = history.place(history.parents[one])
        # Only a parent that came first: so nothing leads in a circle.
        if parent in members and first[parent] < first[one]:
            parent_of[one] = parent
            children.setdefault(parent, []).append(one)
    lines: dict[int, float] = {}
    leaves = 0
    for root in (one for one in kept if one not in parent_of):
        waiting = [root]
        while waiting:
            one = waiting[-1]
            below = children.get(one, [])
            if below and below[-1] not in lines:
                waiting += [child for child in reversed(below) if child not in lines]
                continue
            waiting.pop()
            if below:
                lines[one] = (lines[below[0]] + lines[below[-1]]) / 2
            else:
                lines[one] = float(leaves)
                leaves += 1
    generations: dict[int, int] = {}
    for one in kept:
        generations[one] = generations[parent_of[one]] + 1 if one in parent_of else 0
    index = {one: place for place, one in enumerate(kept)}
    return Tree(
        places=tuple(kept),
        parents=tuple(index[parent_of[one]] if one in parent_of else -1 for one in kept),
        generations=tuple(generations[one] for one in kept),
        lines=tuple(lines[one] for one in kept),
        leaves=leaves,
    )


def _children(history: History) -> dict[str, list[int]]:
    children: dict[str, list[int]] = {}
    for place, parent in enumerate(history.parents):
        if parent:
            children.setdefault(parent, []).append(place)
    return children
