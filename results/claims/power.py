"""Whether a design can decide: the chance of the right word when the source's own numbers are the truth."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import numpy as np

from results.claims.claim import Claim, Family, Measure
from results.claims.decision import REPLICATED, Floats, claim_words
from results.statistics.estimate import welch_error

ENOUGH: Final = 0.8
"""A claim whose chance is lower is underpowered."""

DRAWS: Final = 4000
"""Simulated records; the standard error of a chance of 0.8 is 0.006."""


@lru_cache(maxsize=128)
def chances(family: Family, draws: int = DRAWS, seed: int = 0) -> Mapping[str, float]:
    """The chance that each claim comes out as `replicated` at its planned number of seeds.

    The truth is what the source reports, the spread over seeds what the pilot saw; values are
    normal, and an arm that several comparisons share is drawn once. All claims of the family are
    judged together by the rules of the second edition, without cautions. A comparison without
    reported numbers is taken to stay open, which costs the others the most that it can.

    Args:
        family: of the second edition.
        draws: how many records are simulated.
        seed: of the simulation.

    Returns:
        By claim, those only with reported numbers for all their comparisons.
    """
    if family.seeds is None or not any(map(_reported, family.claims)):
        return {}
    centre, error, freedom = _simulated(family, family.seeds, draws, np.random.default_rng(seed))
    kept = replace(family, claims=tuple(claim for claim in family.claims if claim.comparisons))
    words = claim_words(kept, centre, error, freedom)
    return MappingProxyType(
        {
            claim.id: float((words[:, index] == REPLICATED).mean())
            for index, claim in enumerate(kept.claims)
            if _reported(claim)
        }
    )


def underpowered(family: Family) -> frozenset[str]:
    """The claims that this design would not settle even if the source is right in every number."""
    return frozenset(name for name, chance in chances(family).items() if chance < ENOUGH)


def _reported(claim: Claim) -> bool:
    return bool(claim.comparisons) and all(one.reported is not None for one in claim.comparisons)


def _simulated(
    family: Family, seeds: int, draws: int, generator: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Estimates of all comparisons, each [draws, comparisons]."""
    arms: dict[tuple[str, str, Measure], tuple[Floats, Floats]] = {}

    def arm(name: str, task: str, measure: Measure, deviation: float) -> tuple[Floats, Floats]:
        """Mean, less its true value, and variance over seeds of every draw."""
        if (name, task, measure) not in arms:
            arms[name, task, measure] = (
                generator.normal(0.0, deviation / np.sqrt(seeds), draws),
                deviation**2 * generator.chisquare(seeds - 1, draws) / (seeds - 1),
            )
        return arms[name, task, measure]

    columns: list[tuple[Floats, Floats, Floats]] = []
    for claim in family.claims:
        for one in claim.comparisons:
            if one.reported is None or one.deviation is None:
                columns.append((np.zeros(draws), np.full(draws, np.inf), np.full(draws, np.inf)))
                continue
            better, worse = (
                arm(name, one.task, claim.measure, one.deviation)
                for name in (one.better, one.worse)
            )
            error, freedom = welch_error(better[1], seeds, worse[1], seeds)
            columns.append((one.reported + better[0] - worse[0], error, freedom))
    centre, error, freedom = (np.stack(column, -1) for column in zip(*columns, strict=True))
    return centre, error, freedom
