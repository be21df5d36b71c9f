"""The law of nested tags of the markup task, and the levels that follow from it.

A string is a walk of the height h of the stack of open tags over iterations i = 1, 2, ...: up or
down with chance 1/2, down only after `limit` iterations, and its end when it would go below 0.
Strings follow each other without a trace of their ends, and empty ones leave none at all.
"""

from dataclasses import dataclass
from functools import cache
from math import log

import numpy as np
from numpy.typing import NDArray

from tasks.floor import entropy
from tasks.task import Floor


@dataclass(frozen=True, slots=True)
class Walk:
    """Expectations over one string that is not empty.

    Attributes:
        opened: tags opened at iteration i, `[limit + 1]`.
        bottom: those of them opened while no tag was open.
        free: decisions between opening and closing with a tag open and iterations left.
    """

    opened: NDArray[np.float64]
    bottom: NDArray[np.float64]
    free: float

    @property
    def pairs(self) -> float:
        """Tags opened, and as many closed."""
        return float(self.opened.sum())


@cache
def walk(limit: int) -> Walk:
    """The walk of a string that is cut off after `limit` iterations."""
    opened, bottom = np.zeros(limit + 1), np.zeros(limit + 1)
    opened[1] = bottom[1] = 1.0
    at = np.zeros(limit + 2)
    at[1] = 1.0
    free = 0.0
    for i in range(2, limit + 1):
        free += float(at[1:].sum())
        bottom[i] = at[0] / 2
        opened[i] = at.sum() / 2
        moved = np.zeros_like(at)
        moved[1:] += at[:-1] / 2
        moved[:-1] += at[1:] / 2
        at = moved
    return Walk(opened, bottom, free)


def share_within(limit: int, height: int) -> float:
    """Share of tags above which never more than `height` - 1 others lie while they are open.

    The name of such a tag is known at its end to whoever remembers the `height` names on top.
    """
    kept = np.ones(height + 2)
    kept[height + 1] = 0.0
    shares = np.zeros(limit + 1)
    for i in range(limit, 0, -1):
        shares[i] = kept[1]
        step = kept.copy()
        step[1:-1] = (kept[:-2] + kept[2:]) / 2
        kept = step
    weights = walk(limit).opened
    return float((weights * shares).sum() / weights.sum())


def decision_bounds(limit: int) -> tuple[float, float]:
    """Bounds on the entropy of opening or closing, in nats a pair of tags.

    The best predictor must infer the iteration, since ends of strings cannot be seen. Lower: it is
    told. Upper: it knows the tags since the stack was last empty, and how often that happens at
    each iteration, but nothing before.
    """
    law = walk(limit)
    upper = 0.0
    begins = np.arange(1, limit + 1)
    weight = law.bottom[1:]
    # ways[h]: walks of `last` steps from height 1 that end in a step up to h and stay above 0
    positive = np.zeros(limit + 2)
    positive[1] = 1.0
    for last in range(limit - 1):
        if last == 0:
            ways = positive
        else:
            ways = np.concatenate([[0.0, 0.0], positive[1:-1]])
            stepped = np.zeros_like(positive)
            stepped[1:] += positive[:-1]
            stepped[1:-1] += positive[2:]
            stepped[0] = 0.0
            positive = stepped
        for steps in range(last, limit - 1):
            count = float(ways[1 + steps - last :].sum())
            possible = last <= limit - begins
            masses = possible * weight * 0.5 ** np.minimum(steps, limit - begins)
            mass = float(masses.sum())
            up = float(masses[steps < limit - begins].sum()) / 2
            if count and mass:
                upper += count * mass * entropy([up / mass, 1 - up / mass])
    return law.free * log(2) / law.pairs, upper / law.pairs


def levels(letters: int, shortest: int, longest: int, limit: int) -> tuple[Floor, ...]:
    """What is reached by the best predictor and by those that remember few names.

    All of them know the place within a tag. `k names` remembers the names of the k innermost open
    tags, and not how many are open; `optimum` knows all of the past.

    Args:
        letters: size of the alphabet of names.
        shortest: letters of the shortest name.
        longest: letters of the longest name; all lengths between are equally likely.
        limit: iterations of a string after which tags are only closed.
    """
    sizes = np.arange(shortest, longest + 1)
    length = float(sizes.mean())
    name = length * log(letters) + log(len(sizes))
    characters = 5 + 2 * length

    # guesses right in a name that is not known, after its first letter
    rest = 0.0
    for known in range(1, longest + 1):
        reached = float((sizes >= known).mean())
        ends = float((sizes == known).mean())
        rest += max(ends, (reached - ends) / letters)

    def accuracy(share: float) -> float:
        # `<` twice and `/`; the new name; the name at the end
        right = 3 + rest + share * (length + 1) + (1 - share) * (1 / letters + rest)
        return right / characters

    law = walk(limit)
    lower, upper = (name + bound for bound in decision_bounds(limit))
    first = float(law.bottom.sum()) / law.pairs / letters
    return (
        Floor(
            "optimum",
            loss=(lower + upper) / 2 / characters,
            accuracy=accuracy(1.0) + first / characters,
            lower=lower / characters,
            upper=upper / characters,
        ),
        Floor("no memory", loss=2 * (name + log(2)) / characters, accuracy=accuracy(0.0)),
        *(
            Floor(
                f"{k} name{'s' if k > 1 else ''}",
                accuracy=accuracy(share_within(limit, k)),
            )
            for k in (1, 2, 3, 5, 8)
        ),
    )
