"""A difference with its standard error: tests against any bound, an interval, and power.

The functions take arrays, so that simulations run the very tests that a record is judged by.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr, stdtrit

from results.statistics.interval import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference of two arms, above 0 where the first is better, in the unit of the metric.

    Attributes:
        centre: the difference itself.
        error: its standard error, at least 0; 0 says that the difference is exact.
        freedom: degrees of freedom of the error; infinite where the error is taken as known.
        count: values of the smaller arm.
    """

    centre: float
    error: float
    freedom: float
    count: int

    def at_most(self, bound: float) -> float:
        """One-sided p of "the true difference is at most `bound`"."""
        return float(at_most(self.centre, self.error, self.freedom, bound))

    def at_least(self, bound: float) -> float:
        """One-sided p of "the true difference is at least `bound`"."""
        return float(at_least(self.centre, self.error, self.freedom, bound))

    def interval(self, level: float = 0.95) -> Interval:
        """The difference with its two-sided interval, by Student's t."""
        reach = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.error if self.error else 0.0
        return Interval(self.centre, self.centre - reach, self.centre + reach, self.count)

    def power_above(self, bound: float, truth: float, level: float) -> float:
        """Chance that "at most `bound`" is rejected at a one-sided level if `truth` is true.

        Given the error that was seen; by the noncentral t distribution. Turned round for "at least":
        `power_above(-bound, -truth, level)`.
        """
        if self.error == 0.0:
            return float(truth > bound)
        critical = float(stdtrit(self.freedom, 1 - level))
        return 1.0 - _noncentral(critical, self.freedom, (truth - bound) / self.error)

    def power_within(self, bound: float, truth: float, level: float) -> float:
        """Chance that both one-sided tests against plus and minus `bound` reject if `truth` is true.

        Source: Phillips 1990, Power of the two one-sided tests procedure in bioequivalence.
        """
        if self.error == 0.0:
            return float(abs(truth) < bound)
        critical = float(stdtrit(self.freedom, 1 - level))
        below = _noncentral(-critical, self.freedom, (truth - bound) / self.error)
        return max(0.0, below - _noncentral(critical, self.freedom, (truth + bound) / self.error))


def welch(first: Sequence[float], second: Sequence[float]) -> Estimate | None:
    """Mean of `first` minus mean of `second`; None if either has fewer than 2 values.

    Source: Welch 1947, with Satterthwaite's degrees of freedom.
    """
    count = min(len(first), len(second))
    if count < 2:
        return None
    arms = [np.asarray(arm, dtype=np.float64) for arm in (first, second)]
    error, freedom = welch_error(
        float(np.var(arms[0], ddof=1)), len(first), float(np.var(arms[1], ddof=1)), len(second)
    )
    centre = math.fsum(first) / len(first) - math.fsum(second) / len(second)
    return Estimate(centre, float(error), float(freedom), count)


def welch_error(
    first: ArrayLike, first_count: int, second: ArrayLike, second_count: int
) -> tuple[Floats, Floats]:
    """Standard error of a difference of means and its degrees of freedom, from two variances."""
    one = np.asarray(first, dtype=np.float64) / first_count
    other = np.asarray(second, dtype=np.float64) / second_count
    total = one + other
    parts = one**2 / (first_count - 1) + other**2 / (second_count - 1)
    exact = parts == 0.0
    freedom = np.where(
        exact, first_count + second_count - 2, total**2 / np.where(exact, 1.0, parts)
    )
    return np.where(exact, 0.0, np.sqrt(total)), freedom


def at_most(centre: ArrayLike, error: ArrayLike, freedom: ArrayLike, bound: ArrayLike) -> Floats:
    """One-sided p of "the true difference is at most `bound`", elementwise."""
    return at_least(np.negative(centre), error, freedom, np.negative(bound))


def at_least(centre: ArrayLike, error: ArrayLike, freedom: ArrayLike, bound: ArrayLike) -> Floats:
    """One-sided p of "the true difference is at least `bound`", elementwise."""
    distance, error = np.subtract(centre, bound), np.asarray(error, dtype=np.float64)
    exact = error == 0.0
    told: Any = stdtr(freedom, distance / np.where(exact, 1.0, error))
    return np.where(exact, np.where(distance >= 0.0, 1.0, 0.0), told)


def beyond(centre: ArrayLike, error: ArrayLike, freedom: ArrayLike, bound: ArrayLike) -> Floats:
    """P of "the true difference is at least `bound` either way", `bound` above 0, elementwise.

    The larger of two one-sided tests.

    Source: Schuirmann 1987.
    """
    above = at_least(centre, error, freedom, bound)
    return np.maximum(above, at_most(centre, error, freedom, np.negative(bound)))


def within(centre: ArrayLike, error: ArrayLike, freedom: ArrayLike, bound: ArrayLike) -> Floats:
    """P of "the true difference is less than `bound` either way", `bound` above 0, elementwise.

    The chance of a difference as large as this, whichever way, if the true one is the bound.

    Source: Hodges, Lehmann 1954, Testing the approximate validity of statistical hypotheses.
    """
    size = np.abs(centre)
    near = at_most(size, error, freedom, bound)
    far = at_most(size, error, freedom, np.negative(bound))
    # An exact difference leaves no chance on the far side.
    return np.where(np.equal(error, 0.0), near, np.minimum(1.0, near + far))


def _noncentral(value: float, freedom: float, shift: float) -> float:
    """Distribution function of the noncentral t."""
    from scipy import stats  # a second, which tests alone do without

    if math.isinf(freedom):
        return float(stats.norm.cdf(value - shift))
    found = float(stats.nct.cdf(value, freedom, shift))
    # SciPy gives NaN far out, where the answer is certain.
    return float(value > shift) if math.isnan(found) else min(1.0, max(0.0, found))
