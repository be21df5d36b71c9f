"""Estimates: against SciPy's own tests, against simulation, and where the difference is exact."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from results.statistics.effect import difference
from results.statistics.estimate import Estimate, beyond, welch, within

FIRST, SECOND = [0.9, 0.8, 0.85, 0.95, 0.7], [0.6, 0.65, 0.3, 0.5]
welch_test: Any = stats.ttest_ind


def found() -> Estimate:
    estimate = welch(FIRST, SECOND)
    assert estimate is not None
    return estimate


@pytest.mark.parametrize("bound", [0.0, 0.1, 0.33, -0.2])
def test_one_sided_tests_agree_with_scipys_welch_test(bound: float) -> None:
    moved = [value - bound for value in FIRST]
    above = welch_test(moved, SECOND, equal_var=False, alternative="greater").pvalue
    below = welch_test(moved, SECOND, equal_var=False, alternative="less").pvalue
    assert found().at_most(bound) == pytest.approx(above)
    assert found().at_least(bound) == pytest.approx(below)


def test_the_interval_is_that_of_the_two_sided_test() -> None:
    assert found().interval(0.9) == pytest.approx(difference(FIRST, SECOND, 0.1, 0.9).interval)
    low = found().interval().low
    assert low is not None
    assert found().at_most(low) == pytest.approx(0.025)


def test_an_arm_with_one_value_gives_no_estimate() -> None:
    assert welch([1.0], SECOND) is None
    assert welch(FIRST, []) is None


def test_seeds_that_all_agree_give_an_exact_difference() -> None:
    exact = welch([0.5, 0.5], [0.25, 0.25, 0.25])
    assert exact is not None
    assert exact == Estimate(0.25, 0.0, 3.0, 2)
    assert (exact.at_most(0.2), exact.at_most(0.25), exact.at_least(0.3)) == (0.0, 1.0, 0.0)
    assert exact.interval().low == exact.interval().high == 0.25
    assert (exact.power_above(0.0, 0.1, 0.025), exact.power_above(0.0, 0.0, 0.025)) == (1.0, 0.0)
    assert (exact.power_within(0.1, 0.0, 0.025), exact.power_within(0.1, 0.2, 0.025)) == (1.0, 0.0)
    assert within(0.25, 0.0, 3.0, 0.3) == beyond(0.25, 0.0, 3.0, 0.2) == 1.0
    assert within(0.25, 0.0, 3.0, 0.2) == beyond(0.25, 0.0, 3.0, 0.3) == 0.0


def test_a_known_error_gives_normal_tests() -> None:
    known = Estimate(1.0, 0.5, math.inf, 5)
    assert known.at_most(0.0) == pytest.approx(stats.norm.sf(2.0))
    assert known.power_above(0.0, 1.0, 0.025) == pytest.approx(stats.norm.sf(1.959964 - 2.0))


def simulated(truth: float, runs: int = 20000) -> tuple[Any, Any, Any]:
    """Estimates of differences of two arms of 6 values with a deviation of 1."""
    generator = np.random.default_rng(7)
    first = generator.normal(truth, 1.0, (runs, 6))
    second = generator.normal(0.0, 1.0, (runs, 6))
    error = np.sqrt((first.var(1, ddof=1) + second.var(1, ddof=1)) / 6)
    # Two arms of equal size: pooled degrees of freedom are exact where spreads are equal.
    return first.mean(1) - second.mean(1), error, np.full(runs, 10.0)


@pytest.mark.parametrize("bound", [0.05, 0.5, 2.0])
def test_a_difference_at_the_bound_is_called_beyond_it_as_seldom_as_asked(bound: float) -> None:
    rate = float((within(*simulated(bound), bound) <= 0.025).mean())
    assert rate == pytest.approx(0.025, abs=4 * math.sqrt(0.025 * 0.975 / 20000))


@pytest.mark.parametrize("bound", [0.05, 0.5, 2.0])
def test_a_difference_at_the_bound_is_called_within_it_no_more_than_asked(bound: float) -> None:
    rate = float((beyond(*simulated(bound), bound) <= 0.025).mean())
    assert rate <= 0.025 + 4 * math.sqrt(0.025 * 0.975 / 20000)


def test_power_agrees_with_simulation() -> None:
    # The error of every simulated record is its own; the formula holds at the true error.
    true = Estimate(0.0, math.sqrt(2 / 6), 10.0, 6)
    seen = simulated(1.5)
    above = float((1 - stats.t.cdf(seen[0] / seen[1], 10) <= 0.025).mean())
    assert true.power_above(0.0, 1.5, 0.025) == pytest.approx(above, abs=0.014)
    seen = simulated(0.5)
    inside = float((beyond(*seen, 2.0) <= 0.025).mean())
    assert true.power_within(2.0, 0.5, 0.025) == pytest.approx(inside, abs=0.014)


def test_power_far_out_is_certain() -> None:
    sure = Estimate(0.0, 1e-6, 8.0, 5)
    assert sure.power_above(0.0, 1.0, 0.025) == 1.0
    assert sure.power_above(0.0, -1.0, 0.025) == 0.0
    assert sure.power_within(1.0, 0.0, 0.025) == 1.0
