"""Which vertex of one cell became which of another: found cheaply, improved, proved the least."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from cells.distance.assignment import assign
from cells.distance.graph import Graph, Labels, apart, changed, cost

_EFFORT: Final = 3_000
"""Steps of the search that proves a distance the least, for graphs as small as the LSTM's."""

_TRIALS: Final = 700
"""Exchanges of partners that are tried to make a match cheaper: cells as large as ENAS have more."""


@dataclass(frozen=True, slots=True)
class Match:
    """For each vertex of one graph its partner in the other, or -1; what that costs."""

    partners: tuple[int, ...]
    cost: int
    exact: bool = False


def closest(a: Graph, b: Graph) -> Match:
    """The cheapest match that is met from either side; its cost is the same both ways."""
    forward = prove(a, b, improve(a, b, approach(a, b)))
    if forward.exact:
        return forward
    backward = prove(b, a, improve(b, a, approach(b, a)))
    if forward.cost <= backward.cost and not backward.exact:
        return forward
    partners = [-1] * a.count
    for other, node in enumerate(backward.partners):
        if node >= 0:
            partners[node] = other
    return Match(tuple(partners), backward.cost, backward.exact)


def approach(a: Graph, b: Graph) -> Match:
    """A cheap match of two graphs: an assignment by surroundings."""
    far = 10_000
    size = a.count + b.count
    table = [[0] * size for _ in range(size)]
    for node in range(size):
        for other in range(size):
            if node < a.count and other < b.count:
                if a.kinds[node] != b.kinds[other]:
                    table[node][other] = far
                    continue
                here, there = a.surroundings[node], b.surroundings[other]
                shared = sum(min(n, there[what]) for what, n in here.items() if what in there)
                around = here.total() + there.total() - 2 * shared
                table[node][other] = 4 * changed(a, b, node, other) + around
            elif node < a.count:
                near = other - b.count == node and a.kinds[node] not in ("input", "out")
                table[node][other] = 4 + a.surroundings[node].total() if near else far
            elif other < b.count:
                near = node - a.count == other
                table[node][other] = 4 + b.surroundings[other].total() if near else far
    columns = assign(table)
    partners = [other if other < b.count else -1 for other in columns[: a.count]]
    return Match(tuple(partners), cost(a, b, partners))


def improve(a: Graph, b: Graph, start: Match) -> Match:
    """Gives vertices the partners of others, or free ones, or none, as long as that is cheaper.

    Ends after `_TRIALS` exchanges that were tried, with the best match so far.
    """
    partners, best, left = list(start.partners), start.cost, _TRIALS
    improved = True
    while improved:
        improved = False
        for node in range(a.count):
            if a.kinds[node] in ("input", "out"):
                continue
            fitting = [-1, *(o for o in range(b.count) if a.kinds[node] == b.kinds[o])]
            for other in fitting:
                if other == partners[node]:
                    continue
                left -= 1
                if left < 0:
                    return Match(tuple(partners), best)
                trial = list(partners)
                if other >= 0 and other in trial:
                    trial[trial.index(other)] = partners[node]
                trial[node] = other
                total = cost(a, b, trial)
                if total < best:
                    partners, best, improved = trial, total, True
    return Match(tuple(partners), best)


def prove(a: Graph, b: Graph, start: Match) -> Match:
    """The cheapest match, if a bounded search gets to its end; else the cheapest that it met."""
    best, left = start, _EFFORT * 25 // max(25, a.count)
    order = sorted(range(a.count), key=lambda node: (a.kinds[node] == "inner", node))
    rank = {node: position for position, node in enumerate(order)}
    closing: list[list[tuple[int, int, Labels]]] = [[] for _ in order]
    for (source, target), labels in a.edges.items():
        closing[max(rank[source], rank[target])].append((source, target, labels))
    rest = [
        Counter((a.labels[node], a.biases[node]) for node in order[position:])
        for position in range(len(order) + 1)
    ]
    partners = [-1] * a.count
    used: dict[int, int] = {}
    # Depth first: position, partner to try, and cost so far of vertices and arrows.
    stack: list[tuple[int, int, int]] = [(0, other, 0) for other in _choices(a, b, order, 0, used)]
    while stack:
        position, other, spent = stack.pop()
        for taken in [o for o, at in used.items() if at >= position]:
            del used[taken]
        if other in used:
            continue
        left -= 1
        if left < 0:
            return best
        node = order[position]
        for later in order[position:]:
            partners[later] = -1
        partners[node] = other
        if other >= 0:
            used[other] = position
            spent += changed(a, b, node, other)
        else:
            spent += 1 + len(a.biases[node])
        for source, target, labels in closing[position]:
            spent += apart(labels, b.edges.get((partners[source], partners[target]), ()))
        # Arrows of b between partners that no arrow of a meets are paid for when both are there.
        if other >= 0:
            spent += _unmet(a, b, partners, other, used)
        free = Counter((b.labels[o], b.biases[o]) for o in range(b.count) if o not in used)
        waiting = rest[position + 1]
        least = max(waiting.total(), free.total()) - (waiting & free).total()
        if spent + least >= best.cost:
            continue
        if position + 1 == len(order):
            total = cost(a, b, partners)
            if total < best.cost:
                best = Match(tuple(partners), total)
            continue
        stack += [(position + 1, o, spent) for o in _choices(a, b, order, position + 1, used)]
    return Match(best.partners, best.cost, exact=True)


def _choices(
    a: Graph, b: Graph, order: list[int], position: int, used: dict[int, int]
) -> list[int]:
    """Partners to try for a vertex, the likeliest last."""
    node = order[position]
    free = [o for o in range(b.count) if a.kinds[node] == b.kinds[o] and o not in used]
    free.sort(key=lambda other: -changed(a, b, node, other))
    return free if a.kinds[node] in ("input", "out") else [-1, *free]


def _unmet(a: Graph, b: Graph, partners: list[int], new: int, used: dict[int, int]) -> int:
    """Arrows of `b` between `new` and earlier partners where `a` has none at all."""
    back = {other: node for node, other in enumerate(partners) if other >= 0}
    total = 0
    for other in used:
        pairs = {(other, new), (new, other)}
        for pair in pairs:
            labels = b.edges.get(pair)
            if labels and (back[pair[0]], back[pair[1]]) not in a.edges:
                total += len(labels)
    return total
