"""Fairness: had the source every number right, would its claims come out as replicated?"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from results.claims import claim, power
from results.claims.claim import Comparison, Family, Measure
from results.claims.rules import Caution, judge
from results.statistics.estimate import Estimate, welch
from results.statistics.interval import Interval

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verdicts.md"
NUMBERED = [
    name
    for name in claim.names(2)
    if any(
        one.reported is not None for told in claim.load(name, 2).claims for one in told.comparisons
    )
]
RECORDS = 120


class Drawn:
    """A record with planned seeds and the pilot's deviation in which the source is right.

    Every arm has its own values over seeds, which all its comparisons share; a comparison then adds
    what the source reports. What has no numbers was not run.
    """

    def __init__(self, family: Family, generator: np.random.Generator) -> None:
        self.family, self.generator = family, generator
        self.arms: dict[tuple[str, str], list[float]] = {}

    def values(self, arm: str, comparison: Comparison) -> list[float]:
        key = (arm, comparison.task)
        if key not in self.arms:
            assert comparison.deviation is not None
            self.arms[key] = self.generator.normal(
                0.0, comparison.deviation, self.family.seeds
            ).tolist()
        return self.arms[key]

    def estimate(self, comparison: Comparison, measure: Measure) -> Estimate | None:
        if comparison.reported is None or measure != Measure():
            return Estimate(0.0, 1e9, 10.0, 5)  # open, and counted by the correction
        better = [
            value + comparison.reported for value in self.values(comparison.better, comparison)
        ]
        return welch(better, self.values(comparison.worse, comparison))

    def with_settings(self, comparison: Comparison, measure: Measure) -> Interval | None:
        return None

    def cautions(self, comparison: Comparison, measure: Measure) -> Sequence[Caution]:
        return ()


def naive(family: Family) -> Mapping[str, float]:
    """The chances by judging records one after the other."""
    generator = np.random.default_rng(11)
    counts = dict.fromkeys(power.chances(family), 0)
    for _ in range(RECORDS):
        for ruling in judge(family, Drawn(family, generator)):
            if ruling.claim.id in counts:
                counts[ruling.claim.id] += ruling.word == "replicated"
    return {name: count / RECORDS for name, count in counts.items()}


@pytest.mark.parametrize("name", NUMBERED)
def test_the_chance_of_the_right_word_is_that_of_judged_records(name: str) -> None:
    family = claim.load(name, 2)
    chances, counted = power.chances(family), naive(family)
    assert chances
    for one, chance in chances.items():
        error = np.sqrt(max(chance * (1 - chance), 0.01) / RECORDS)
        assert counted[one] == pytest.approx(chance, abs=4 * error), one


@pytest.mark.parametrize("name", claim.names(2))
def test_every_claim_with_numbers_is_settled_or_marked_where_it_is_read(name: str) -> None:
    family = claim.load(name, 2)
    page = PAGE.read_text(encoding="utf-8")
    for ruling in judge(family, Drawn(family, np.random.default_rng(12))):
        numbered = all(one.reported is not None for one in ruling.claim.comparisons)
        assert (ruling.chance is not None) == numbered
        row = f"| {family.name} | {ruling.claim.id} |"
        if ruling.chance is None:
            assert row not in page
            continue
        assert ruling.underpowered == (ruling.chance < 0.8)
        assert ruling.underpowered == (ruling.claim.id in power.underpowered(family))
        line = next(line for line in page.splitlines() if line.startswith(row))
        assert f"| {ruling.chance:.2f} |" in line
        assert line.endswith("| underpowered |" if ruling.underpowered else "|  |")


def test_more_seeds_give_a_better_chance() -> None:
    many, few = (claim.load(f"forget-bias-{part}", 2) for part in ("rung-1", "rung-10"))
    assert (many.seeds, few.seeds) == (24, 5)
    for name, chance in power.chances(few).items():
        assert chance <= power.chances(many)[name]


def test_the_first_edition_plans_no_seeds_and_has_no_chances() -> None:
    assert power.chances(claim.load("gates")) == {}
