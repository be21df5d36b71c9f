"""Levels measured on drawn data, to be held against those that tasks compute."""

from collections import Counter
from collections.abc import Hashable, Iterable
from math import log


def measured(pairs: Iterable[tuple[Hashable, Hashable]]) -> tuple[float, float]:
    """Loss in nats and accuracy of the best guess of the second of each pair from the first."""
    joint = Counter(pairs)
    known, best = Counter(), Counter()
    for (cell, _), count in joint.items():
        known[cell] += count
        best[cell] = max(best[cell], count)
    total = sum(joint.values())
    loss = -sum(count * log(count / known[cell]) for (cell, _), count in joint.items())
    return loss / total, sum(best.values()) / total
