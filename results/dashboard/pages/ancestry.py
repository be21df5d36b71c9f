"""Who was mutated from whom in one study: chains of ancestors, descendants, and a tree of some cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from results.dashboard.history import History


@dataclass(frozen=True, slots=True)
class Tree:
    """Some cells, each below its parent where that is among them. All lists are parallel.

    Attributes:
        indices: of the cells in the history, parents before their children.
        parents: for each the index in `indices` of its parent, or -1.
        generations: mutations since the first of its ancestors in the tree.
        lines: height at which it is drawn; no two leaves share one.
        leaves: how many lines there are.
    """

    indices: tuple[int, ...]
    parents: tuple[int, ...]
    generations: tuple[int, ...]
    lines: tuple[float, ...]
    leaves: int


def chain(history: History, index: int) -> list[int]:
    """Indices of the ancestors that the study knows, the oldest first, and `index` itself."""
    path = [index]
    seen = {index}
    while True:
        parent = history.index(history.parents[path[-1]])
        # A damaged record could lead in a circle.
        if parent is None or parent in seen:
            return path[::-1]
        seen.add(parent)
        path.append(parent)


def descendants(history: History, index: int) -> list[int]:
    """Indices of all that came from a cell, generation by generation, without the cell itself."""
    children = _children(history)
    below: list[int] = []
    seen = {index}
    front = [index]
    while front:
        front = [
            child
            for cell in front
            for child in children.get(history.cells[cell], ())
            if child not in seen
        ]
        seen.update(front)
        below += front
    return below


def tree(history: History, chosen: Iterable[int], first: Sequence[int] | np.ndarray) -> Tree:
    """The tree of the chosen indices; children in the order in which they were first asked for.

    Args:
        history: of the study.
        chosen: indices.
        first: number of the first ask of every cell.
    """
    kept = sorted(set(chosen), key=lambda cell: int(first[cell]))
    members = set(kept)
    parent_of: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for cell in kept:
        parent = history.index(history.parents[cell])
        # Only a parent that came first: so nothing leads in a circle.
        if parent in members and first[parent] < first[cell]:
            parent_of[cell] = parent
            children.setdefault(parent, []).append(cell)
    lines: dict[int, float] = {}
    leaves = 0
    for root in (cell for cell in kept if cell not in parent_of):
        waiting = [root]
        while waiting:
            cell = waiting[-1]
            below = children.get(cell, [])
            if below and below[-1] not in lines:
                waiting += [child for child in reversed(below) if child not in lines]
                continue
            waiting.pop()
            if below:
                lines[cell] = (lines[below[0]] + lines[below[-1]]) / 2
            else:
                lines[cell] = float(leaves)
                leaves += 1
    generations: dict[int, int] = {}
    for cell in kept:
        generations[cell] = generations[parent_of[cell]] + 1 if cell in parent_of else 0
    index = {cell: number for number, cell in enumerate(kept)}
    return Tree(
        indices=tuple(kept),
        parents=tuple(index[parent_of[cell]] if cell in parent_of else -1 for cell in kept),
        generations=tuple(generations[cell] for cell in kept),
        lines=tuple(lines[cell] for cell in kept),
        leaves=leaves,
    )


def _children(history: History) -> dict[str, list[int]]:
    children: dict[str, list[int]] = {}
    for index, parent in enumerate(history.parents):
        if parent:
            children.setdefault(parent, []).append(index)
    return children
