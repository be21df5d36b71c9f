"""Effects, on cases with known answers."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from results.statistics.effect import difference, holm, pooled, pooled_jointly

welch: Any = stats.ttest_ind


def test_a_difference_agrees_with_scipys_welch_test() -> None:
    first, second = [0.9, 0.8, 0.85, 0.95, 0.7], [0.6, 0.65, 0.3, 0.5]
    found = difference(first, second, 0.1)
    wanted = welch(first, second, equal_var=False)
    bounds = wanted.confidence_interval(0.95)
    assert found.p == pytest.approx(wanted.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx((bounds.low, bounds.high))
    assert found.interval.count == 4


def test_the_interval_covers_the_truth_as_often_as_it_says_though_spreads_differ() -> None:
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(2000):
        first = generator.normal(1.0, 0.1, 5).tolist()
        second = generator.normal(0.0, 1.0, 5).tolist()
        interval = difference(first, second, 0.5).interval
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= 1.0 <= interval.high
    # Four standard deviations of a coin of 0.95 over 2,000 throws are 0.0195.
    assert abs(hits / 2000 - 0.95) < 0.0195


def test_power_agrees_with_simulation() -> None:
    generator = np.random.default_rng(2)
    scale = math.sqrt(5 / 4)  # so that the sample variance of this arm is exactly 1
    arm = [scale * value for value in (-1.0, 1.0, -1.0, 1.0, 0.0)]
    stated = difference(arm, arm, 2.0).power
    found = np.mean(
        [
            welch(
                generator.normal(2, np.std(arm, ddof=1), 5),
                generator.normal(0, np.std(arm, ddof=1), 5),
            ).pvalue
            < 0.05
            for _ in range(3000)
        ]
    )
    assert stated == pytest.approx(found, abs=0.04)


def test_certain_and_hopeless_powers_are_numbers() -> None:
    assert difference([1.0, 1.0001], [0.0, 0.0001], 1e6).power == pytest.approx(1.0)
    weak = difference([1.0, 2.0], [0.0, 5.0], 1e-9).power
    assert weak is not None
    assert weak == pytest.approx(0.05, abs=1e-3)


def test_equal_seeds_give_an_exact_difference_and_one_seed_none_at_all() -> None:
    exact = difference([1.0, 1.0], [0.5, 0.5], 0.1)
    assert (exact.interval.low, exact.interval.high, exact.p, exact.power) == (0.5, 0.5, 0.0, 1.0)
    assert difference([1.0, 1.0], [1.0, 1.0], 0.1).p == 1.0
    alone = difference([1.0], [0.5, 0.4], 0.1)
    assert alone.interval.centre == pytest.approx(0.55)
    assert (alone.interval.low, alone.p, alone.power) == (None, None, None)
    with pytest.raises(ValueError, match="without values"):
        difference([], [1.0], 0.1)


def test_holm_gives_the_textbook_values_in_the_order_asked() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_keeps_the_family_error_under_its_level() -> None:
    generator = np.random.default_rng(3)
    wrong = np.mean([min(holm(generator.uniform(size=20).tolist())) < 0.05 for _ in range(4000)])
    assert wrong < 0.05 + 4 * math.sqrt(0.05 * 0.95 / 4000)


def test_the_pooled_effect_is_the_mean_in_units_of_the_smallest() -> None:
    pairs = [([1.0, 3.0], [0.0, 0.0]), ([10.0, 10.0], [4.0, 6.0])]
    found = pooled(pairs, [1.0, 10.0], np.random.default_rng(0))
    assert found.centre == pytest.approx((2.0 / 1.0 + 5.0 / 10.0) / 2)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.centre < found.high
    assert found == pooled(pairs, [1.0, 10.0], np.random.default_rng(0))


def test_the_pooled_interval_covers_the_truth_nearly_as_often_as_it_says() -> None:
    generator = np.random.default_rng(4)
    hits, rounds = 0, 400
    for _ in range(rounds):
        pairs = [
            (generator.normal(1, 1, 10).tolist(), generator.normal(0, 1, 10).tolist())
            for _ in range(3)
        ]
        found = pooled(pairs, [1.0] * 3, generator, resamples=400)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1.0 <= found.high
    assert 0.90 < hits / rounds < 0.985


def test_nothing_to_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        pooled([], [], np.random.default_rng(0))


def test_comparisons_that_share_no_arm_pool_as_in_the_first_edition() -> None:
    generator = np.random.default_rng(8)
    arms = {name: generator.normal(size=6).tolist() for name in "abcd"}
    pairs = [("a", "b"), ("c", "d")]
    apart = pooled([(arms[x], arms[y]) for x, y in pairs], [1.0, 0.5], np.random.default_rng(1))
    jointly = pooled_jointly(pairs, arms, [1.0, 0.5], np.random.default_rng(1))
    assert (jointly.centre, jointly.low, jointly.high) == pytest.approx(
        (apart.centre, apart.low, apart.high)
    )
    assert jointly.count == 6


def test_an_arm_that_is_shared_is_drawn_once() -> None:
    # Against one arm the error of that arm does not average out over the comparisons.
    generator = np.random.default_rng(9)
    arms = {name: generator.normal(size=8).tolist() for name in ("base", "a", "b", "c", "d")}
    pairs = [(name, "base") for name in "abcd"]
    errors = {name: np.var(values, ddof=1) / 8 for name, values in arms.items()}
    true = math.sqrt(errors["base"] + sum(errors[name] for name in "abcd") / 16)
    jointly = pooled_jointly(pairs, arms, [1.0] * 4, np.random.default_rng(1))
    apart = pooled([(arms[x], arms[y]) for x, y in pairs], [1.0] * 4, np.random.default_rng(1))
    assert jointly.low is not None
    assert jointly.high is not None
    assert apart.low is not None
    assert apart.high is not None
    assert jointly.high - jointly.low == pytest.approx(2 * 1.96 * true, rel=0.05)
    assert apart.high - apart.low < 0.75 * (jointly.high - jointly.low)


def test_an_arm_on_both_sides_cancels() -> None:
    arms = {name: np.random.default_rng(ord(name)).normal(size=5).tolist() for name in "abc"}
    chain = pooled_jointly([("a", "b"), ("b", "c")], arms, [1.0, 1.0], np.random.default_rng(0))
    ends = pooled_jointly([("a", "c")], arms, [2.0], np.random.default_rng(0))
    assert chain.centre == pytest.approx(ends.centre)
    assert (chain.low, chain.high) == pytest.approx((ends.low, ends.high), abs=0.05)


def test_the_joint_pool_needs_every_arm() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        pooled_jointly([("a", "b")], {"a": [1.0]}, [1.0], np.random.default_rng(0))
    single = pooled_jointly([("a", "b")], {"a": [1.0], "b": [0.5]}, [0.5], np.random.default_rng(0))
    assert (single.centre, single.low, single.count) == (1.0, None, 1)
