"""Verdicts, on made-up values whose verdict is plain."""

import numpy as np
import pytest

from results.claims.claim import Family, read
from results.claims.verdict import Values, judge

TEXT = """
version = 1
title = "Gates"
source = "a paper"
smallest = { copying = 0.1, counting = 0.1 }

[[claims]]
id = "gate"
statement = "The gate helps"
tasks = ["copying", "counting"]
better = "with"
worse = "without"
"""


def only(text: str) -> Family:
    (found,) = read("gates", text)
    return found


def family(more: str = "") -> Family:
    return only(TEXT + more)


def values(**means: float) -> Values:
    """Ten seeds about each mean, with a spread of 0.02."""
    generator = np.random.default_rng(5)
    return {
        (arm, task): generator.normal(mean, 0.02, 10).tolist()
        for key, mean in means.items()
        for arm, task in [tuple(key.split("_on_"))]
    }


def words(found: Values, more: str = "") -> list[str]:
    (verdict,) = judge(family(more), found)
    return [verdict.word, *(one.word for one in verdict.findings)]


def test_a_large_difference_the_right_way_on_every_task_is_replicated() -> None:
    found = values(
        with_on_copying=0.9, without_on_copying=0.5, with_on_counting=0.8, without_on_counting=0.6
    )
    assert words(found) == ["replicated", "replicated", "replicated"]


def test_a_difference_the_wrong_way_is_contradicted() -> None:
    found = values(
        with_on_copying=0.9, without_on_copying=0.5, with_on_counting=0.5, without_on_counting=0.6
    )
    assert words(found) == ["contradicted", "replicated", "contradicted"]


def test_a_difference_that_is_surely_too_small_is_contradicted() -> None:
    found = values(
        with_on_copying=0.52, without_on_copying=0.5, with_on_counting=0.9, without_on_counting=0.5
    )
    assert words(found)[1] == "contradicted"
    (verdict,) = judge(family(), found)
    assert verdict.findings[0].reason == "any difference is below 0.1"


def test_noise_is_undecided_with_its_power() -> None:
    generator = np.random.default_rng(6)
    found = {
        (arm, task): generator.normal(0.5, 0.3, 5).tolist()
        for arm in ("with", "without")
        for task in ("copying", "counting")
    }
    (verdict,) = judge(family(), found)
    assert verdict.word == "undecided"
    assert all("power 0." in one.reason for one in verdict.findings)


def test_what_was_not_run_is_undecided_and_says_so() -> None:
    (verdict,) = judge(family(), {})
    assert (verdict.word, verdict.pooled) == ("undecided", None)
    assert {one.reason for one in verdict.findings} == {"not run"}
    (empty,) = judge(family().restricted(["with"], ["copying"]), {})
    assert empty.reason == "none of its comparisons was run"


def test_most_is_more_than_half() -> None:
    wide = TEXT.replace('"counting"]', '"counting", "sorting"]').replace(
        "0.1 }", "0.1, sorting = 0.1 }"
    )
    found = values(
        with_on_copying=0.9,
        without_on_copying=0.5,
        with_on_counting=0.5,
        without_on_counting=0.6,
        with_on_sorting=0.9,
        without_on_sorting=0.5,
    )
    (most,) = judge(only(wide + 'rule = "most"'), found)
    (every,) = judge(only(wide), found)
    assert (most.word, every.word) == ("replicated", "contradicted")
    assert most.reason == "2 of 3 replicated, 1 contradicted, 0 undecided; most needed"


def test_equality_within_the_smallest_difference_is_a_finding() -> None:
    equal = values(
        with_on_copying=0.5, without_on_copying=0.5, with_on_counting=0.6, without_on_counting=0.6
    )
    assert words(equal, 'test = "equivalent"') == ["replicated"] * 3
    apart = values(
        with_on_copying=0.9, without_on_copying=0.5, with_on_counting=0.5, without_on_counting=0.9
    )
    assert words(apart, 'test = "equivalent"') == ["contradicted"] * 3


def test_not_worse_allows_any_gain_and_a_loss_that_is_surely_small() -> None:
    found = values(
        with_on_copying=0.48, without_on_copying=0.5, with_on_counting=0.9, without_on_counting=0.5
    )
    assert words(found, 'test = "not-worse"') == ["replicated"] * 3
    worse = values(
        with_on_copying=0.3, without_on_copying=0.5, with_on_counting=0.45, without_on_counting=0.5
    )
    assert words(worse, 'test = "not-worse"')[1] == "contradicted"


def test_comparisons_of_one_family_are_corrected_together() -> None:
    found = values(
        with_on_copying=0.53, without_on_copying=0.5, with_on_counting=0.8, without_on_counting=0.6
    )
    (verdict,) = judge(family(), found)
    first, second = verdict.findings
    assert first.effect is not None
    assert second.effect is not None
    assert first.p_holm == first.effect.p  # the larger of two
    assert second.effect.p is not None
    assert second.p_holm == pytest.approx(2 * second.effect.p)


def test_verdicts_are_the_same_each_time() -> None:
    found = values(
        with_on_copying=0.9, without_on_copying=0.5, with_on_counting=0.8, without_on_counting=0.6
    )
    assert judge(family(), found) == judge(family(), found)
