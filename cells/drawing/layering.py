"""Where the vertices of a diagram stand: layers, an order in each, heights."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from cells.drawing.diagram import Diagram

_SWEEPS: Final = 16
_VERTEX: Final = 44.0
_BEND: Final = 24.0
_BESIDE: Final = 34.0
"""Least distance in pixels of two vertices, two bends, a vertex and a bend in one layer."""
_STRAIGHT: Final = 6.0
"""How much more a bend wants to stand level with the next bend than with a vertex."""

_Near = dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Columns:
    """The layout of a diagram.

    Attributes:
        layers: of each vertex, from 0 on.
        routes: for each edge the entries that it passes, one a layer: its source, bends (from the
            number of vertices on), its target. Edges of one kind from one source share bends.
        heights: of vertices and bends in pixels, from 0 on downwards.
    """

    layers: tuple[int, ...]
    routes: tuple[tuple[int, ...], ...]
    heights: dict[int, float]


def arrange(made: Diagram) -> Columns:
    """The layout of a diagram, a function of it alone."""
    layers = _layers(made)
    columns, routes = _routed(made, layers)
    before, after = _neighbours(columns, routes)
    columns = _ordered(columns, before, after)
    heights = _heights(columns, before, after, len(layers))
    return Columns(tuple(layers), tuple(routes), heights)


def _layers(made: Diagram) -> list[int]:
    """By longest path; then what has more readers than arguments moves towards its readers."""
    vertices, edges = made.vertices, made.edges
    layers = [0] * len(vertices)
    arguments: list[set[int]] = [set() for _ in vertices]
    readers: list[set[int]] = [set() for _ in vertices]
    for edge in edges:  # in topological order of their targets
        layers[edge.target] = max(layers[edge.target], layers[edge.source] + 1)
        arguments[edge.target].add(edge.source)
        readers[edge.source].add(edge.target)
    last = max(layers)
    for index, vertex in enumerate(vertices):
        if vertex.role in ("new", "out"):
            layers[index] = last
    for index in reversed(range(len(vertices))):
        fixed = vertices[index].role in ("input", "state", "new", "out")
        if not fixed and len(readers[index]) > len(arguments[index]):
            layers[index] = min(layers[reader] for reader in readers[index]) - 1
    return layers


def _routed(made: Diagram, layers: list[int]) -> tuple[list[list[int]], list[tuple[int, ...]]]:
    """The entries of each layer, and for each edge its way through them."""
    columns: list[list[int]] = [[] for _ in range(1 + max(layers))]
    for index, layer in enumerate(layers):
        columns[layer].append(index)
    bends: dict[tuple[int, bool, int], int] = {}
    routes: list[tuple[int, ...]] = []
    for edge in made.edges:
        way = [edge.source]
        for layer in range(layers[edge.source] + 1, layers[edge.target]):
            key = (edge.source, edge.linear is not None, layer)
            if key not in bends:
                bends[key] = len(layers) + len(bends)
                columns[layer].append(bends[key])
            way.append(bends[key])
        routes.append((*way, edge.target))
    return columns, routes


def _neighbours(columns: list[list[int]], routes: list[tuple[int, ...]]) -> tuple[_Near, _Near]:
    before: _Near = {entry: [] for column in columns for entry in column}
    after: _Near = {entry: [] for column in columns for entry in column}
    for left, right in dict.fromkeys(pair for route in routes for pair in pairwise(route)):
        after[left].append(right)
        before[right].append(left)
    return before, after


def _ordered(columns: list[list[int]], before: _Near, after: _Near) -> list[list[int]]:
    """The order of each layer with the fewest crossings that sweeps of barycentres and exchanges find."""
    columns = [list(column) for column in columns]
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        forward = sweep % 2 == 0
        near = before if forward else after
        places = {entry: position for column in columns for position, entry in enumerate(column)}
        for column in columns if forward else reversed(columns):
            wishes = {
                entry: sum(places[other] for other in near[entry]) / len(near[entry])
                if near[entry]
                else float(places[entry])
                for entry in column
            }
            # Entries that want the same place change it now and then, so that sweeps do not stick.
            column.sort(key=lambda entry: (wishes[entry], places[entry] * (-1) ** (sweep // 2 % 2)))
            places |= {entry: position for position, entry in enumerate(column)}
        _exchange(columns, before, after)
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    return best


def _exchange(columns: list[list[int]], before: _Near, after: _Near) -> None:
    """Exchanges neighbours in a layer as long as that removes crossings."""
    places = {entry: position for column in columns for position, entry in enumerate(column)}
    improved = True
    while improved:
        improved = False
        for column in columns:
            for position, (upper, lower) in enumerate(pairwise(column)):
                gain = 0
                for near in (before, after):
                    for one in near[upper]:
                        for other in near[lower]:
                            gain += (places[one] > places[other]) - (places[one] < places[other])
                if gain > 0:
                    column[position], column[position + 1] = lower, upper
                    places[upper], places[lower] = position + 1, position
                    improved = True
                    break


def _crossings(columns: list[list[int]], after: _Near) -> int:
    """How many pairs of lines between neighbouring layers cross."""
    places = {entry: position for column in columns for position, entry in enumerate(column)}
    total = 0
    for column in columns:
        ends = [
            position
            for entry in column
            for position in sorted(places[neighbour] for neighbour in after[entry])
        ]
        total += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


def _heights(
    columns: list[list[int]], before: _Near, after: _Near, vertices: int
) -> dict[int, float]:
    """Heights near those of the neighbours; long lines run level as far as they can."""
    heights: dict[int, float] = {}
    for column in columns:
        level = 0.0
        for position, entry in enumerate(column):
            if position:
                level += _distance(column[position - 1], entry, vertices)
            heights[entry] = level
    for sweep in range(2 * _SWEEPS):
        for column in columns if sweep % 2 else reversed(columns):
            wishes: list[tuple[float, float]] = []
            for entry in column:
                near = before[entry] + after[entry]
                weights = [
                    _STRAIGHT if entry >= vertices and other >= vertices else 1.0 for other in near
                ]
                total = sum(weights) or 1.0
                wish = sum(w * heights[other] for w, other in zip(weights, near, strict=True))
                wishes.append((wish / total if near else heights[entry], total))
            _settle(column, wishes, heights, vertices)
    top = min(heights.values())
    return {entry: height - top for entry, height in heights.items()}


def _distance(upper: int, lower: int, vertices: int) -> float:
    bends = (upper >= vertices) + (lower >= vertices)
    return (_VERTEX, _BESIDE, _BEND)[bends]


def _settle(
    column: list[int], wishes: list[tuple[float, float]], heights: dict[int, float], vertices: int
) -> None:
    """Gives a layer the heights nearest to the wishes that keep its order and its distances.

    Weighted least squares under an order: entries that would come too close move as one block.
    """
    offsets = [0.0]
    for upper, lower in pairwise(column):
        offsets.append(offsets[-1] + _distance(upper, lower, vertices))
    blocks: list[tuple[float, float, int]] = []
    for (wish, weight), offset in zip(wishes, offsets, strict=True):
        total, mass, count = weight * (wish - offset), weight, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / mass:
            earlier, heavy, number = blocks.pop()
            total, mass, count = total + earlier, mass + heavy, count + number
        blocks.append((total, mass, count))
    levels = [total / mass for total, mass, count in blocks for _ in range(count)]
    for entry, level, offset in zip(column, levels, offsets, strict=True):
        heights[entry] = level + offset
