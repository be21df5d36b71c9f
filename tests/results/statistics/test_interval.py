"""Statistics with answers that are known."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from results.statistics.interval import (
    Interval,
    best_of,
    interquartile_mean,
    stratified,
    student,
    wilson,
)

NUMBERS = st.floats(-100, 100)


def test_the_interquartile_mean_of_eight_numbers_is_that_of_the_middle_four() -> None:
    values = np.array([[100.0, 1.0, 2.0, -50.0], [3.0, 4.0, 900.0, 0.0]])
    assert interquartile_mean(values) == pytest.approx((1 + 2 + 3 + 4) / 4)


@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_the_interquartile_mean_lies_within_its_values_and_agrees_where_nothing_is_cut_in_part(
    values: list[float],
) -> None:
    found = interquartile_mean(np.array(values))
    assert min(values) - 1e-9 <= found <= max(values) + 1e-9
    if len(values) % 4 == 0:
        assert found == pytest.approx(float(stats.trim_mean(values, 0.25)), abs=1e-9)


def test_students_interval_is_the_one_of_the_tables() -> None:
    found = student([1.0, 2.0, 3.0])
    # t(0.975; 2) = 4.3027, standard error 1 / sqrt(3).
    assert found.centre == 2.0
    assert found.low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)
    assert found.high == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-5)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilsons_interval_is_the_one_of_scipy(pair: tuple[int, int]) -> None:
    found = wilson(*pair)
    expected = stats.binomtest(*pair).proportion_ci(0.95, method="wilson")
    assert found.centre == pair[0] / pair[1]
    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


def test_a_share_of_no_tries_has_no_interval() -> None:
    for pair in ((0, 0), (3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="successes of"):
            wilson(*pair)


def test_one_value_has_no_bounds_and_can_be_told_from_nothing() -> None:
    lonely = student([0.5])
    assert (lonely.low, lonely.high, lonely.count) == (None, None, 1)
    assert lonely.overlaps(Interval(9.0, 8.9, 9.1, 10))
    with pytest.raises(ValueError, match="no values"):
        student([])


def test_students_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    hits = 0
    for _ in range(1000):
        found = student(generator.normal(0.3, 2.0, 4).tolist())
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.3 <= found.high
    assert 930 <= hits <= 970


def test_the_bootstrap_of_a_mean_matches_its_standard_error() -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(5.0, 1.0, 400).tolist()
    found = stratified([values], lambda v: float(v.mean()), generator)
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * float(np.std(values)) / 20, rel=0.1)
    assert found.centre == pytest.approx(float(np.mean(values)))


def test_strata_are_not_mixed() -> None:
    generator = np.random.default_rng(2)
    found = stratified([[1.0] * 5, [9.0] * 5], lambda v: float(v.mean()), generator)
    assert (found.low, found.centre, found.high) == (5.0, 5.0, 5.0)


def test_the_bootstrap_repeats_with_its_generator_and_needs_two_values_a_stratum() -> None:
    strata = [[1.0, 2.0, 4.0], [3.0, 5.0]]
    first = stratified(strata, interquartile_mean, np.random.default_rng(3), resamples=50)
    again = stratified(strata, interquartile_mean, np.random.default_rng(3), resamples=50)
    assert first == again
    alone = stratified([[1.0], [2.0, 3.0]], interquartile_mean, np.random.default_rng(3))
    assert alone.low is None
    with pytest.raises(ValueError, match="without values"):
        stratified([[]], interquartile_mean, np.random.default_rng(3))


@given(st.lists(NUMBERS, min_size=1, max_size=7), st.data())
def test_the_best_of_n_is_the_mean_over_all_draws(values: list[float], data: st.DataObject) -> None:
    tries = data.draw(st.integers(1, len(values)))
    draws = [max(draw) for draw in combinations(values, tries)]
    assert best_of(values, tries) == pytest.approx(sum(draws) / len(draws), abs=1e-9)


def test_intervals_that_touch_overlap() -> None:
    assert Interval(1, 0, 2, 3).overlaps(Interval(3, 2, 4, 3))
    assert not Interval(1, 0, 2, 3).overlaps(Interval(3, 2.1, 4, 3))
