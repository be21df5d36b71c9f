"""How an estimate decides a comparison, and how comparisons decide a claim: the second edition.

All on arrays whose first axis is any number of records, so that one record is judged, and the power
of a design simulated, by the same code.
"""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from results.claims.claim import Family, Test
from results.statistics import estimate
from results.statistics.multiplicity import shaffer_holm

Word = Literal[
    "replicated",
    "replicated, smaller",
    "same sign, not told apart",
    "contradicted",
    "undecided at this budget",
]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
REPLICATED, SMALLER, SAME_SIGN, CONTRADICTED, UNDECIDED = range(len(WORDS))

ALPHA: Final = 0.025
"""Of every one-sided test, after correction over its family; agrees with intervals of 95 %."""

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
"""Indices into `WORDS`."""


def hypotheses(
    tests: Sequence[Test], smallest: Floats, centre: Floats, error: Floats, freedom: Floats
) -> Floats:
    """P values of both hypotheses of every comparison, before correction.

    The first is the one that the claim must reject to be replicated, the second the one whose
    rejection contradicts it:

    - `better`: d <= 0, and d >= s;
    - `equal`: |d| >= s, and |d| < s;
    - `not-worse`: d <= -s, and d > -s.

    Args:
        tests: of each comparison.
        smallest: the difference s that decides, [comparisons].
        centre: of the estimates of d, [records, comparisons].
        error: of the same.
        freedom: of the same.

    Returns:
        [records, comparisons, 2].
    """
    pairs = np.empty((*centre.shape, 2))
    for index, test in enumerate(tests):
        bound = float(smallest[index])
        seen = (centre[:, index], error[:, index], freedom[:, index])
        match test:
            case "better":
                both = estimate.at_most(*seen, 0.0), estimate.at_least(*seen, bound)
            case "equal":
                both = estimate.beyond(*seen, bound), estimate.within(*seen, bound)
            case "not-worse":
                both = estimate.at_most(*seen, -bound), estimate.at_least(*seen, -bound)
            case _:
                raise ValueError(f"the second edition has no test {test!r}")
        pairs[:, index, 0], pairs[:, index, 1] = both
    return pairs


def compared(tests: Sequence[Test], smallest: Floats, centre: Floats, adjusted: Floats) -> Codes:
    """Words of comparisons, [records, comparisons].

    Args:
        tests: of each comparison.
        smallest: [comparisons].
        centre: [records, comparisons].
        adjusted: p values after correction, [records, comparisons, 2].
    """
    supported, refuted = (adjusted <= ALPHA)[..., 0], (adjusted <= ALPHA)[..., 1]
    sized = np.array([test == "better" for test in tests])
    open_word = np.where(sized & (centre > 0), SAME_SIGN, UNDECIDED)
    told = np.where(sized & (centre < smallest), SMALLER, REPLICATED)
    return np.where(supported, told, np.where(refuted, CONTRADICTED, open_word))


def concluded(codes: Codes, needed: int) -> Codes:
    """Words of a claim from those of its comparisons.

    Args:
        codes: [records, comparisons], at least one comparison.
        needed: how many of the comparisons must hold.
    """
    total = codes.shape[-1]
    if total == 0:
        raise ValueError("a claim without comparisons has no word")
    replicated, smaller, same_sign, contradicted = (
        (codes == code).sum(-1) for code in (REPLICATED, SMALLER, SAME_SIGN, CONTRADICTED)
    )
    # The first condition that holds decides.
    return np.select(
        [
            replicated >= needed,
            replicated + smaller >= needed,
            contradicted > total - needed,
            replicated + smaller + same_sign >= needed,
        ],
        [REPLICATED, SMALLER, CONTRADICTED, SAME_SIGN],
        UNDECIDED,
    )


def claim_words(family: Family, centre: Floats, error: Floats, freedom: Floats) -> Codes:
    """Words of all claims of a family, without cautions, [records, claims].

    Args:
        family: every claim with at least one comparison.
        centre: of the estimates, [records, comparisons in the order of the claims].
        error: of the same; infinite for a comparison that is to stay open.
        freedom: of the same.
    """
    asked = [(claim, one) for claim in family.claims for one in claim.comparisons]
    tests: list[Test] = [claim.test for claim, _ in asked]
    smallest = np.array([one.smallest for _, one in asked])
    adjusted, _ = shaffer_holm(hypotheses(tests, smallest, centre, error, freedom))
    codes = compared(tests, smallest, centre, adjusted)
    words: list[Codes] = []
    start = 0
    for claim in family.claims:
        end = start + len(claim.comparisons)
        words.append(concluded(codes[:, start:end], claim.needed))
        start = end
    return np.stack(words, -1)
