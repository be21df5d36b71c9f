"""The best of some settings, against counting all draws and against simulated truth."""

import math
from itertools import combinations

import numpy as np
import pytest

from results.statistics.interval import best_of
from results.statistics.tuning import chosen, difference, draw, expected, expected_of

CHOICE = np.array([0.3, 0.9, -math.inf, 0.9, 0.5, -math.inf, 0.1])
VALUE = np.array([0.4, 0.7, 0.0, 0.8, 0.6, 0.0, 0.2])
"""Two settings are chosen alike, and two failed."""


def counted(choice: np.ndarray, value: np.ndarray, tries: int) -> float:
    """The mean over all draws, of equal settings the first; slow and plain."""
    draws = list(combinations(range(len(choice)), tries))
    return sum(value[max(drawn, key=lambda place: choice[place])] for drawn in draws) / len(draws)


@pytest.mark.parametrize("tries", range(1, 8))
def test_the_expected_value_is_the_mean_over_all_draws(tries: int) -> None:
    assert expected(CHOICE, VALUE, tries) == pytest.approx(counted(CHOICE, VALUE, tries))


def test_the_expected_value_is_that_of_drawing_often() -> None:
    generator = np.random.default_rng(4)
    choice = generator.normal(size=20)
    value = choice + generator.normal(size=20)
    draws = [generator.choice(20, 5, replace=False) for _ in range(20_000)]
    values = [value[drawn[choice[drawn].argmax()]] for drawn in draws]
    # Four standard errors.
    assert abs(expected(choice, value, 5) - np.mean(values)) < 4 * np.std(values) / 20_000**0.5


def test_where_the_choice_is_what_counts_it_is_the_expected_best() -> None:
    value = np.random.default_rng(1).normal(size=9)
    for tries in range(1, 10):
        assert expected(value, value, tries) == pytest.approx(best_of(value.tolist(), tries))


def test_a_resample_counts_a_setting_that_it_holds_twice_as_two() -> None:
    drawn = np.array([[0, 0, 4, 4, 4, 6, 2], [1, 3, 3, 0, 2, 5, 5]])
    found = expected_of(CHOICE, VALUE, 3, drawn)
    assert found == pytest.approx([counted(CHOICE[row], VALUE[row], 3) for row in drawn])


def test_of_settings_chosen_alike_the_first_that_was_tried_is_chosen() -> None:
    drawn = np.array([[3, 1, 0], [3, 4, 0], [2, 5, 5]])
    assert chosen(CHOICE, drawn).tolist() == [1, 3, 2]


def test_more_tries_than_settings_are_an_error() -> None:
    for tries in (0, 8):
        with pytest.raises(ValueError, match="tries of 7 settings"):
            expected(CHOICE, VALUE, tries)
    single = np.array([0.5])
    with pytest.raises(ValueError, match="no spread"):
        difference((single, single), (single, single), 1, np.random.default_rng(0), shared=True)


def test_how_hard_a_setting_is_cancels_where_the_arms_share_the_settings() -> None:
    generator = np.random.default_rng(2)
    hard = generator.normal(size=30)
    first, second = ((hard + gain, hard + gain) for gain in (0.25, 0.0))
    for tries in (1, 4, 30):
        together = difference(first, second, tries, generator, shared=True)
        apart = difference(first, second, tries, generator, shared=False)
        assert together.centre == pytest.approx(0.25)
        assert together.error == pytest.approx(0.0, abs=1e-12)
        assert apart.error > 0.05
        assert (together.freedom, together.count) == (29.0, 30)


def test_the_error_of_the_mean_setting_is_the_textbook_one() -> None:
    generator = np.random.default_rng(3)
    first, second = generator.normal(size=(2, 15))
    found = difference((first, first), (second, second), 1, generator, shared=True)
    assert found.error == pytest.approx(np.std(first - second, ddof=1) / 15**0.5, rel=0.05)


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(tries: int) -> None:
    # Arms that differ by 0.05 in every law of values do so in the expected best of any number.
    generator = np.random.default_rng(tries)
    above = below = 0
    for _ in range(400):
        hard = generator.normal(0, 0.1, 20)
        arms = []
        for gain in (0.05, 0.0):
            level = gain + hard - np.abs(generator.normal(0, 0.1, 20))
            level = np.where(generator.random(20) < 0.2, gain - 0.4, level)
            arms.append((level + generator.normal(0, 0.01, 20), level))
        told = difference(arms[0], arms[1], tries, generator, shared=True, resamples=400)
        above += told.at_least(0.05) < 0.025
        below += told.at_most(0.05) < 0.025
    # Either way 10 are expected; 5 % and four standard deviations are 37.
    assert max(above, below) < 37
    assert above + below > 4


def test_resamples_draw_every_setting_alike() -> None:
    drawn = draw(5, 4000, np.random.default_rng(0))
    assert drawn.shape == (4000, 5)
    assert np.bincount(drawn.ravel()) == pytest.approx(4000, abs=300)
