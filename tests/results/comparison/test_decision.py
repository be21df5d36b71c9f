"""The words of a comparison: right where the truth is known, wrong no oftener than promised."""

import numpy as np
import pytest

from results.comparison.decision import LEVEL, Word, decide

SMALLEST = 0.01


def words(truths: list[float], deviation: float, seeds: int, draws: int) -> list[list[Word]]:
    """Words of many families whose true differences are known."""
    generator = np.random.default_rng(7)
    said: list[list[Word]] = []
    for _ in range(draws):
        pairs = [
            (
                generator.normal(truth, deviation, seeds).tolist(),
                generator.normal(0.0, deviation, seeds).tolist(),
            )
            for truth in truths
        ]
        told = decide(pairs, [SMALLEST] * len(truths))
        said.append([decision.word for decision in told])
    return said


@pytest.mark.parametrize(
    ("truth", "expected"), [(0.05, "better"), (-0.05, "worse"), (0.0, "equal")]
)
def test_with_enough_seeds_the_word_is_that_of_the_truth(truth: float, expected: Word) -> None:
    said = words([truth] * 3, deviation=0.008, seeds=30, draws=60)
    assert sum(word == expected for row in said for word in row) > 0.9 * 180


def test_with_few_noisy_seeds_nothing_is_claimed() -> None:
    said = words([0.003], deviation=0.05, seeds=3, draws=200)
    assert sum(row == ["undecided at this budget"] for row in said) > 0.9 * 200


@pytest.mark.parametrize("truths", [[0.0] * 6, [SMALLEST] * 6, [0.0, SMALLEST, -SMALLEST, 0.05]])
def test_any_wrong_word_in_a_family_is_no_oftener_than_the_level(truths: list[float]) -> None:
    draws = 400
    wrong = 0
    for row in words(truths, deviation=0.012, seeds=7, draws=draws):
        for truth, word in zip(truths, row, strict=True):
            apart = word in ("better", "worse")
            if (apart and truth == 0) or (word == "equal" and abs(truth) >= SMALLEST):
                wrong += 1
                break
    # Three standard errors of a share of 5 %.
    assert wrong / draws <= LEVEL + 3 * (LEVEL * (1 - LEVEL) / draws) ** 0.5


def test_an_arm_with_one_seed_is_left_open_and_costs_the_others_nothing() -> None:
    good = ([0.9, 0.91, 0.9], [0.5, 0.51, 0.5])
    alone = decide([good], [SMALLEST])
    both = decide([good, ([0.9], [0.5, 0.51])], [SMALLEST] * 2)
    assert both[0] == alone[0]
    assert both[0].word == "better"
    assert (both[1].word, both[1].estimate, both[1].p_same) == (
        "undecided at this budget",
        None,
        1.0,
    )


def test_a_bound_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        decide([([1.0, 2.0], [1.0, 2.0])], [0.0])
