"""How fresh seeds decide between two cells: better, worse, equal, or undecided at this budget.

Each comparison has two hypotheses of which at most one is true: that there is no difference at all, and
that the difference is at least the smallest meaningful one. Rejecting the first tells the cells apart,
rejecting only the second calls them equal, rejecting neither leaves the question open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from results.statistics import estimate
from results.statistics.estimate import Estimate, welch
from results.statistics.multiplicity import shaffer_holm

Word = Literal["better", "worse", "equal", "undecided at this budget"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)

LEVEL: Final = 0.05
"""Of the family: the chance that any true hypothesis is rejected, that is, that any word is wrong."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the seeds say of two arms.

    Attributes:
        word: of the first arm against the second.
        estimate: of the difference of means, above 0 where the first is better; None where an arm has
            fewer than two values.
        smallest: the smallest meaningful difference, above 0.
        p_same: of no difference, adjusted over the family.
        p_apart: of a difference of at least `smallest` either way, adjusted over the family.
    """

    word: Word
    estimate: Estimate | None
    smallest: float
    p_same: float
    p_apart: float


def decide(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], smallest: Sequence[float]
) -> tuple[Decision, ...]:
    """Decides pairs of arms that make one family.

    Args:
        pairs: values of both arms, higher is better.
        smallest: the smallest meaningful difference of each pair, above 0.

    Source: Welch 1947; Schuirmann 1987 for equality; Shaffer 1986, Holm 1979.
    """
    if any(bound <= 0 for bound in smallest):
        raise ValueError("a smallest meaningful difference is above 0")
    estimates = [welch(first, second) for first, second in pairs]
    p_values = np.ones((len(pairs), 2))
    for row, (told, bound) in enumerate(zip(estimates, smallest, strict=True)):
        if told is not None:
            p_values[row, 0] = min(1.0, 2 * min(told.at_most(0.0), told.at_least(0.0)))
            seen = told.centre, told.error, told.freedom, bound
            p_values[row, 1] = float(estimate.beyond(*seen))
    # Arms that cannot be compared are no part of the family.
    known = [row for row, told in enumerate(estimates) if told is not None]
    if known:
        p_values[known], _ = shaffer_holm(p_values[known])
    return tuple(
        Decision(_word(told, float(same), float(apart)), told, bound, float(same), float(apart))
        for told, bound, (same, apart) in zip(estimates, smallest, p_values, strict=True)
    )


def _word(told: Estimate | None, p_same: float, p_apart: float) -> Word:
    if told is not None and p_same <= LEVEL:
        return "better" if told.centre > 0 else "worse"
    return "equal" if p_apart <= LEVEL else "undecided at this budget"
