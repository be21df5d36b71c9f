"""Records drawn from a known truth, and how often each word of the second edition comes out.

`test_decision.py` holds the rates to their bounds; `scripts/check_verdicts.py` prints them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from results.claims.claim import Claim, Comparison, Family, Rule, Test
from results.claims.decision import WORDS, Word, claim_words
from results.statistics.estimate import welch_error

Floats = NDArray[np.float64]

TESTS: Final[tuple[Test, ...]] = ("better", "equal", "not-worse")
RULES: Final[tuple[Rule, ...]] = ("all", "most")
SPREADS: Final = ((1.0, 1.0), (0.3, 1.7), (1.7, 0.3), (0.5, 0.5))

EFFECTS: Final[Mapping[Test, Mapping[str, float]]] = {
    "better": {"none": 0.0, "half": 1.0, "full": 2.0, "reversed": -2.0},
    "equal": {"none": 0.0, "half": 0.5, "full": 1.0, "reversed": -1.0},
    "not-worse": {"none": 0.0, "half": -0.5, "full": -1.0, "reversed": 1.0},
}
"""True differences in units of the smallest one, s. For `better` the full effect is what the source
reports, at least 2 s; for the other two it is the difference that the claim denies, s."""


@dataclass(frozen=True)
class Design:
    """One claim that is a family by itself, with the smallest difference as the unit.

    Attributes:
        test, rule: of the claim.
        comparisons: how many.
        seeds: of each arm.
        spreads: deviation over seeds of the better and of the worse arm.
        skewed: values of a shifted exponential instead of a normal law.
    """

    test: Test
    rule: Rule
    comparisons: int
    seeds: int
    spreads: tuple[float, float]
    skewed: bool = False

    @property
    def family(self) -> Family:
        compared = tuple(
            Comparison("first", "second", str(task), 1.0) for task in range(self.comparisons)
        )
        claim = Claim("claim", "S", "S", self.test, self.rule, compared)
        return Family("f", 1, "T", "S", (claim,), 2, "", self.seeds)

    def truths(self) -> Mapping[str, tuple[float, ...]]:
        """True differences by name: the same for all comparisons, and the two hardest mixtures.

        `one short`: the claim lacks one comparison, and all others could not be clearer.
        `just enough`: it has as many as it needs, barely, and the rest are clearly against it.
        """
        need, total = self.family.claims[0].needed, self.comparisons
        clear, bare = {"better": (4.0, 1.0), "equal": (0.0, 0.99), "not-worse": (4.0, -0.99)}[
            self.test
        ]
        short, against = {"better": (0.0, -4.0), "equal": (1.0, 4.0), "not-worse": (-1.0, -4.0)}[
            self.test
        ]
        return {
            **{name: (effect,) * total for name, effect in EFFECTS[self.test].items()},
            "one short": (clear,) * (need - 1) + (short,) * (total - need + 1),
            "just enough": (bare,) * need + (against,) * (total - need),
        }

    def false_words(self, truth: Sequence[float]) -> frozenset[Word]:
        """The words that would be wrong."""
        need = self.family.claims[0].needed
        match self.test:
            case "better":
                signs, sizes = sum(d > 0 for d in truth), sum(d >= 1 for d in truth)
            case "equal":
                signs = sizes = sum(abs(d) < 1 for d in truth)
            case _:
                signs = sizes = sum(d > -1 for d in truth)
        wrong: set[Word] = set()
        if signs < need:
            wrong |= {"replicated", "replicated, smaller"}
        if sizes >= need:
            wrong |= {"contradicted"}
        return frozenset(wrong)


def designs(counts: Sequence[int], seeds: Sequence[int]) -> Iterator[Design]:
    """Every kind of claim under every spread, with normal values."""
    for test, rule, count, seed, spreads in product(TESTS, RULES, counts, seeds, SPREADS):
        yield Design(test, rule, count, seed, spreads)


def values(
    design: Design, truth: Sequence[float], records: int, generator: np.random.Generator
) -> tuple[Floats, Floats]:
    """Values of the better and the worse arms, each [records, comparisons, seeds]."""
    shape = (records, design.comparisons, design.seeds)
    drawn = [
        spread
        * (generator.exponential(1.0, shape) - 1 if design.skewed else generator.normal(size=shape))
        for spread in design.spreads
    ]
    return drawn[0] + np.asarray(truth)[None, :, None], drawn[1]


def rates(
    design: Design, truth: Sequence[float], records: int, generator: np.random.Generator
) -> dict[Word, float]:
    """How often each word comes out."""
    if design.skewed:
        drawn = values(design, truth, records, generator)
        means, variances = [arm.mean(-1) for arm in drawn], [arm.var(-1, ddof=1) for arm in drawn]
    else:
        # Mean and variance of normal values are independent, and quicker drawn than the values.
        shape, freed = (records, design.comparisons), design.seeds - 1
        means = [
            generator.normal(mean, spread / np.sqrt(design.seeds), shape)
            for mean, spread in zip((truth, 0.0), design.spreads, strict=True)
        ]
        variances = [
            spread**2 * generator.chisquare(freed, shape) / freed for spread in design.spreads
        ]
    error, freedom = welch_error(variances[0], design.seeds, variances[1], design.seeds)
    codes = claim_words(design.family, means[0] - means[1], error, freedom)
    return {word: float((codes == code).mean()) for code, word in enumerate(WORDS)}
