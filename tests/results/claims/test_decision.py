"""The rules of the second edition on simulated records whose truth is known."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from results.claims.claim import Comparison, Measure, Test
from results.claims.decision import WORDS, claim_words, concluded
from results.claims.rules import Caution, judge
from results.statistics.estimate import Estimate, welch
from results.statistics.interval import Interval
from tests.results.claims.simulated import RULES, SPREADS, TESTS, Design, designs, rates, values

RECORDS = 2000


@pytest.mark.parametrize("test", TESTS)
def test_false_replications_and_contradictions_are_rare(test: Test) -> None:
    """At most 5 % with two Monte Carlo standard errors on top, whatever the design and the truth."""
    generator = np.random.default_rng([1, TESTS.index(test)])
    for design in (*designs(counts=(2,), seeds=(10,)), *designs(counts=(6,), seeds=(5,))):
        if design.test != test or design.spreads not in SPREADS[:2]:
            continue
        for name, truth in design.truths().items():
            wrong = design.false_words(truth)
            found = rates(design, truth, RECORDS, generator)
            rate = sum(found[word] for word in wrong)
            error = np.sqrt(rate * (1 - rate) / RECORDS)
            assert rate + 2 * error <= 0.05, (design, name, found)


def test_the_hardest_truths_use_the_level_up() -> None:
    """The bound is not kept by never deciding: with one comparison short the level is spent."""
    generator = np.random.default_rng(2)
    for test in TESTS:
        design = Design(test, "all", 3, 10, (0.5, 0.5))
        found = rates(design, design.truths()["one short"], 20000, generator)
        wrong = found["replicated"] + found["replicated, smaller"]
        assert 0.5 * 0.025 / 3 < wrong < 0.03, test


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("test", "truth", "word"),
    [
        ("better", 2.0, "replicated"),
        ("better", 0.0, "contradicted"),
        ("better", -2.0, "contradicted"),
        ("equal", 0.0, "replicated"),
        ("equal", 2.0, "contradicted"),
        ("equal", -2.0, "contradicted"),
        ("not-worse", 0.0, "replicated"),
        ("not-worse", 1.0, "replicated"),
        ("not-worse", -2.0, "contradicted"),
    ],
)
def test_the_right_word_comes_out_where_seeds_tell(
    test: Test, rule: str, truth: float, word: str
) -> None:
    generator = np.random.default_rng(3)
    design = Design(test, "all" if rule == "all" else "most", 4, 10, (0.3, 0.3))
    found = rates(design, (truth,) * 4, RECORDS, generator)
    assert max(found, key=lambda one: found[one]) == word
    assert found[word] > 0.95  # type: ignore[index]


def test_records_are_judged_as_the_arrays_are() -> None:
    """The words of `judge`, record by record from single values, are those of the simulations."""
    generator = np.random.default_rng(4)
    seen: set[str] = set()
    for test, rule in product(TESTS, RULES):
        for truth in ((0.7, 0.7, 0.7), tuple(generator.uniform(-2.5, 2.5, 3).tolist())):
            design = Design(test, rule, 3, 5, (0.3, 0.6))
            better, worse = values(design, truth, 15, generator)
            estimates = [
                [welch(one.tolist(), other.tolist()) for one, other in zip(*pair, strict=True)]
                for pair in zip(better, worse, strict=True)
            ]
            arrays = [
                np.array([[getattr(one, name) for one in record] for record in estimates])
                for name in ("centre", "error", "freedom")
            ]
            codes = claim_words(design.family, *arrays)
            for record, code in zip(estimates, codes[:, 0], strict=True):
                (ruling,) = judge(design.family, Seen(record))
                assert ruling.word == WORDS[code]
                seen.add(ruling.word)
    assert seen == set(WORDS)


class Seen:
    """Estimates by task, which are named 0, 1, 2."""

    def __init__(self, estimates: Sequence[Estimate | None]) -> None:
        self.estimates = estimates

    def estimate(self, comparison: Comparison, measure: Measure) -> Estimate | None:
        return self.estimates[int(comparison.task)]

    def with_settings(self, comparison: Comparison, measure: Measure) -> Interval | None:
        return None

    def cautions(self, comparison: Comparison, measure: Measure) -> Sequence[Caution]:
        return ()


def test_a_claim_without_comparisons_has_no_word() -> None:
    with pytest.raises(ValueError, match="without comparisons"):
        concluded(np.zeros((1, 0), dtype=np.intp), 0)
