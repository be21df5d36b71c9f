"""Best results so far, against a loop over the trials."""

import math

import numpy as np
import pytest

from results.leaderboard.anytime import best_scores, best_values


@pytest.mark.parametrize("seed", range(20))
def test_the_best_score_after_each_trial_is_that_of_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count, tasks = int(rng.integers(0, 120)), int(rng.integers(1, 4))
    cells = rng.integers(0, 6, count)
    places = rng.integers(-1, tasks + 1, count)
    # Few distinct ratios, so that many are equal; some trials did not count.
    ratios = np.where(rng.random(count) < 0.2, np.nan, rng.integers(0, 8, count) / 4)
    best, wanted = math.nan, []
    found: dict[int, dict[int, float]] = {}
    for cell, place, ratio in zip(cells.tolist(), places.tolist(), ratios.tolist(), strict=True):
        if 0 <= place < tasks and not math.isnan(ratio):
            own = found.setdefault(cell, {})
            own[place] = max(own.get(place, -math.inf), ratio)
            if len(own) == tasks:
                best = float(np.fmax(best, min(own.values())))
        wanted.append(best)
    np.testing.assert_array_equal(best_scores(cells, places, ratios, tasks), wanted)


def test_the_best_value_stands_until_a_better_one_comes() -> None:
    values = np.array([math.nan, 1.0, 0.5, math.nan, 2.0])
    np.testing.assert_array_equal(best_values(values), [math.nan, 1.0, 1.0, 1.0, 2.0])
    assert best_values(values[:0]).size == 0
