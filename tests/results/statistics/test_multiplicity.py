"""Correction over pairs of hypotheses, against closed testing by enumeration."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from results.statistics.effect import holm
from results.statistics.multiplicity import shaffer_holm

Pair = Sequence[float]


def closed(pairs: Sequence[Pair]) -> list[list[float]]:
    """Adjusted p of every hypothesis: the largest Bonferroni p of all intersections that contain it.

    An intersection takes at most one hypothesis of a pair, since both cannot be true.
    """
    adjusted = [[0.0, 0.0] for _ in pairs]
    for chosen in product((None, 0, 1), repeat=len(pairs)):
        members = [(pair, side) for pair, side in enumerate(chosen) if side is not None]
        if not members:
            continue
        whole = min(1.0, len(members) * min(pairs[pair][side] for pair, side in members))
        for pair, side in members:
            adjusted[pair][side] = max(adjusted[pair][side], whole)
    return adjusted


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_adjusted_p_values_are_those_of_closed_testing(count: int) -> None:
    generator = np.random.default_rng(count)
    drawn: NDArray[np.float64] = generator.random((40, count, 2)) ** 4
    drawn[::4] = np.round(drawn[::4], 1)  # ties, zeros among them
    adjusted, _ = shaffer_holm(drawn)
    for record, found in zip(drawn.tolist(), adjusted.tolist(), strict=True):
        assert np.allclose(found, closed(record), rtol=0, atol=1e-12)


def test_with_one_hypothesis_out_of_reach_in_each_pair_it_is_holms_procedure() -> None:
    p_values = [0.01, 0.04, 0.03]
    adjusted, divisors = shaffer_holm(np.array([[p, 1.0] for p in p_values]))
    # The other hypothesis of a rejected pair can still be true, and divides on.
    assert adjusted[:, 0].tolist() == pytest.approx([0.03, 0.12, 0.09])
    assert divisors[:, 0].tolist() == [3, 3, 3]
    both, _ = shaffer_holm(np.array([[p, p] for p in p_values]))
    assert both[:, 0].tolist() == pytest.approx(holm(p_values))


def test_a_pair_with_both_hypotheses_rejected_divides_no_more() -> None:
    adjusted, divisors = shaffer_holm(np.array([[0.001, 0.002], [0.02, 0.9]]))
    assert adjusted.tolist() == pytest.approx(np.array([[0.002, 0.004], [0.02, 0.9]]))
    assert divisors.tolist() == [[2, 2], [1, 1]]


def test_the_family_is_held_to_the_level_where_half_of_every_pair_is_true() -> None:
    generator = np.random.default_rng(3)
    p_values = np.stack([generator.random((20000, 4)), np.zeros((20000, 4))], -1)
    adjusted, _ = shaffer_holm(p_values)
    rate = float((adjusted[..., 0] <= 0.025).any(-1).mean())
    assert rate <= 0.025 + 4 * np.sqrt(0.025 * 0.975 / 20000)
    assert rate > 0.02  # independent tests: 1 - (1 - 0.025 / 4) ** 4 = 0.0248
