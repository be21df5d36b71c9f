"""Small honest statistics for few seeds: intervals, a robust mean, and the best of n tries."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Statistic = Callable[[NDArray[np.float64]], float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with bounds; `low` and `high` are None where `count` is too small for any.

    Attributes:
        centre: the value itself.
        low, high: bounds at the level asked for.
        count: numbers behind it.
    """

    centre: float
    low: float | None
    high: float | None
    count: int

    def text(self, digits: int = 3) -> str:
        """The value with its bounds, such as `0.912 [0.871, 0.953]`."""
        if self.low is None or self.high is None:
            return f"{self.centre:.{digits}f} (no interval)"
        return f"{self.centre:.{digits}f} [{self.low:.{digits}f}, {self.high:.{digits}f}]"

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two cannot be told apart: they share a point, or one has no bounds."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return True
        return self.low <= other.high and other.low <= self.high


def student(values: Sequence[float], level: float = 0.95) -> Interval:
    """The mean with Student's t interval, which is wide for few values, as it should be.

    Raises:
        ValueError: without any value.
    """
    if not values:
        raise ValueError("no values")
    centre = math.fsum(values) / len(values)
    if len(values) < 2:
        return Interval(centre, None, None, len(values))
    from scipy.special import stdtrit  # a fifth of a second, which most pages do without

    spread = math.sqrt(math.fsum((value - centre) ** 2 for value in values) / (len(values) - 1))
    reach = float(stdtrit(len(values) - 1, 0.5 + level / 2)) * spread / math.sqrt(len(values))
    return Interval(centre, centre - reach, centre + reach, len(values))


def wilson(successes: int, count: int, level: float = 0.95) -> Interval:
    """A share with Wilson's score interval, which stays within 0 and 1 and holds for few tries too.

    Source: Wilson 1927, Probable inference, the law of succession, and statistical inference.

    Raises:
        ValueError: unless 0 <= successes <= count and 1 <= count.
    """
    if not 0 <= successes <= count or count < 1:
        raise ValueError(f"{successes} successes of {count}")
    share = successes / count
    square = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    middle = (successes + square / 2) / (count + square)
    reach = math.sqrt(square * (share * (1 - share) + square / (4 * count)) * count)
    reach /= count + square
    # Rounding must not carry a bound past the share itself.
    return Interval(
        share, max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach)), count
    )


def interquartile_mean(values: NDArray[np.float64]) -> float:
    """The mean of the middle half of all entries; cut entries count in part.

    Source: Agarwal et al. 2021, Deep RL at the edge of the statistical precipice.
    """
    ordered = np.sort(values, axis=None)
    cut = ordered.size / 4
    places = np.arange(ordered.size)
    shares = np.clip(np.minimum(places + 1 - cut, ordered.size - cut - places), 0.0, 1.0)
    return float(ordered @ shares / shares.sum())


def stratified(
    strata: Sequence[Sequence[float]],
    statistic: Statistic,
    generator: np.random.Generator,
    level: float = 0.95,
    resamples: int = 2000,
) -> Interval:
    """A statistic over strata with its percentile bootstrap interval.

    Each resample draws the values of every stratum (a task) anew from that stratum (its seeds). With
    fewer than about five values a stratum the interval is too narrow; say how many there are.

    Args:
        strata: values by stratum; strata may differ in size.
        statistic: of all values, in the order of the strata.
        generator: the source of the resamples.
        level: coverage asked for.
        resamples: how many.

    Raises:
        ValueError: if there is no stratum, or an empty one.
    """
    arrays = [np.asarray(values, dtype=np.float64) for values in strata]
    if not arrays or not all(array.size for array in arrays):
        raise ValueError("a stratum without values")
    count = sum(array.size for array in arrays)
    centre = statistic(np.concatenate(arrays))
    if min(array.size for array in arrays) < 2:
        return Interval(centre, None, None, count)
    drawn = [
        statistic(np.concatenate([generator.choice(array, array.size) for array in arrays]))
        for _ in range(resamples)
    ]
    low, high = np.quantile(drawn, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(centre, float(low), float(high), count)


def best_of(values: Sequence[float], tries: int) -> float:
    """The expected highest of `tries` values drawn from `values` without replacement.

    Compares cells that were given different numbers of settings as if all had had the same. A
    setting that failed enters as the lowest value that is possible.

    Raises:
        ValueError: unless 1 <= tries <= len(values).
    """
    if not 1 <= tries <= len(values):
        raise ValueError(f"{tries} tries of {len(values)} values")
    ways = math.comb(len(values), tries)
    # The value at place k of the sorted ones is the highest in comb(k, tries - 1) of all draws.
    return math.fsum(
        value * (math.comb(index, tries - 1) / ways) for index, value in enumerate(sorted(values))
    )
