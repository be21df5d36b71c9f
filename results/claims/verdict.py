"""Verdicts: what the measured values say about each claim, and why.

A comparison is `replicated`, `contradicted` or `undecided`; a claim follows from its comparisons by
its rule. p values are corrected by Holm's method over all comparisons of the family.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from results.claims.claim import Claim, Comparison, Family
from results.statistics.effect import Difference, difference, holm, pooled
from results.statistics.interval import Interval

Word = Literal["replicated", "contradicted", "undecided"]
Values = Mapping[tuple[str, str], Sequence[float]]
"""Test values by (arm, task), one a seed, such that higher is better."""

ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison, judged.

    Attributes:
        comparison: what was compared.
        counts: seeds of the better and of the worse arm.
        effect: the difference, its interval, p and power; None if an arm has no values.
        p_holm: corrected over the family; None without a p.
        word, reason: the verdict and one sentence for it.
    """

    comparison: Comparison
    counts: tuple[int, int]
    effect: Difference | None
    p_holm: float | None
    word: Word
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One claim, judged.

    Attributes:
        claim: what was claimed.
        findings: one a comparison.
        pooled: mean over its comparisons of difference / smallest difference, with a bootstrap
            interval; None if nothing could be compared.
        word, reason: the verdict and one sentence for it.
    """

    claim: Claim
    findings: tuple[Finding, ...]
    pooled: Interval | None
    word: Word
    reason: str


def summary(told: Verdict) -> dict[str, Any]:
    """The row of a claim in tables: seeds and power of its weakest comparison, smallest and largest p."""
    ran = [finding for finding in told.findings if finding.effect is not None]
    powers = [
        finding.effect.power
        for finding in ran
        if finding.effect and finding.effect.power is not None
    ]
    p_values = sorted(finding.p_holm for finding in ran if finding.p_holm is not None)
    absent = len(told.findings) - len(ran)
    # Of a single comparison its own reason.
    reason = told.findings[0].reason if len(told.findings) == 1 else told.reason
    if not ran:
        reason = "not run"
    elif len(told.findings) > 1 and absent:
        reason += f" ({absent} not run)"
    return {
        "id": told.claim.id,
        "statement": told.claim.statement,
        "source": told.claim.source,
        "test": str(told.claim.test),
        "rule": str(told.claim.rule),
        "word": told.word,
        "seeds": min((min(finding.counts) for finding in ran), default=None),
        "effect": told.pooled and asdict(told.pooled),
        "p": [p_values[0], p_values[-1]] if p_values else [],
        "power": min(powers, default=None),
        "reason": reason,
    }


def comparison(finding: Finding) -> dict[str, Any]:
    """The row of one comparison in tables."""
    return {
        "better": finding.comparison.better,
        "worse": finding.comparison.worse,
        "task": finding.comparison.task,
        "smallest": finding.comparison.smallest,
        "seeds": list(finding.counts),
        "effect": finding.effect and asdict(finding.effect.interval),
        "p": finding.p_holm,
        "power": finding.effect and finding.effect.power,
        "verdict": finding.word,
        "reason": finding.reason,
    }


def judge(family: Family, values: Values, seed: int = 0) -> tuple[Verdict, ...]:
    """The verdicts of all claims of a family, in order.

    Args:
        family: the claims.
        values: test values of the confirmed settings on fresh seeds.
        seed: of the bootstrap.
    """
    asked = [(claim, comparison) for claim in family.claims for comparison in claim.comparisons]
    effects = [_effect(comparison, values) for _, comparison in asked]
    tested = [
        index for index, effect in enumerate(effects) if effect is not None and effect.p is not None
    ]
    adjusted: dict[int, float] = dict(
        zip(tested, holm([_p(effects[index]) for index in tested]), strict=True)
    )
    findings: dict[str, list[Finding]] = {claim.id: [] for claim in family.claims}
    for index, (claim, comparison) in enumerate(asked):
        p_holm = adjusted.get(index)
        word, reason = _decide(claim, comparison, effects[index], p_holm)
        findings[claim.id].append(
            Finding(
                comparison,
                (
                    len(values.get((comparison.better, comparison.task), ())),
                    len(values.get((comparison.worse, comparison.task), ())),
                ),
                effects[index],
                p_holm,
                word,
                reason,
            )
        )
    return tuple(
        _verdict(claim, tuple(findings[claim.id]), values, seed) for claim in family.claims
    )


def _p(effect: Difference | None) -> float:
    assert effect is not None  # noqa: S101 - asked of tested effects only
    assert effect.p is not None  # noqa: S101
    return effect.p


def _effect(comparison: Comparison, values: Values) -> Difference | None:
    better, worse = (
        values.get((arm, comparison.task), ()) for arm in (comparison.better, comparison.worse)
    )
    return difference(better, worse, comparison.smallest) if better and worse else None


def _decide(
    claim: Claim, comparison: Comparison, effect: Difference | None, p_holm: float | None
) -> tuple[Word, str]:
    """The verdict of one comparison.

    Superior: replicated when the difference is told from 0 and at least the smallest one worth the
    name; contradicted when it is told from 0 the other way, or when the interval lies wholly below
    the smallest one. Not worse: replicated when the interval lies wholly above minus the smallest
    difference; contradicted when the difference is told from 0 and at least that far below. Equivalent: replicated when the interval lies within the smallest difference
    either way; contradicted when it lies wholly outside and is told from 0.
    """
    if effect is None:
        return "undecided", "not run"
    interval = effect.interval
    if p_holm is None or interval.low is None or interval.high is None:
        return "undecided", "one seed has no interval"
    told, low, high, smallest = p_holm < ALPHA, interval.low, interval.high, comparison.smallest
    power = f"power {effect.power:.2f} for {smallest:g}"
    if claim.test == "equivalent":
        if -smallest < low and high < smallest:
            return "replicated", f"the interval lies within {smallest:g} either way"
        if told and (low > smallest or high < -smallest):
            return "contradicted", f"the difference exceeds {smallest:g}"
        return "undecided", f"the interval is not within {smallest:g}; {power}"
    if claim.test == "not-worse":
        if low > -smallest:
            return "replicated", f"any loss is below {smallest:g}"
        if told and interval.centre <= -smallest:
            return (
                "contradicted",
                "told from 0 the other way, and large enough to be worth the name",
            )
        return "undecided", f"a loss of {smallest:g} is not ruled out; {power}"
    if told and interval.centre >= smallest:
        return "replicated", "told from 0, and large enough to be worth the name"
    if told and interval.centre < 0:
        return "contradicted", "told from 0 the other way"
    if high < smallest:
        return "contradicted", f"any difference is below {smallest:g}"
    if told:
        return "undecided", f"told from 0, and not told from less than {smallest:g}"
    return "undecided", f"not told from 0 after correction; {power}"


def _verdict(claim: Claim, findings: tuple[Finding, ...], values: Values, seed: int) -> Verdict:
    usable = [finding for finding in findings if finding.effect is not None]
    summary = None
    if usable:
        pairs = [
            (
                values[finding.comparison.better, finding.comparison.task],
                values[finding.comparison.worse, finding.comparison.task],
            )
            for finding in usable
        ]
        units = [finding.comparison.smallest for finding in usable]
        summary = pooled(pairs, units, np.random.default_rng([seed, *claim.id.encode()]))
    word, reason = _summed(claim, findings)
    return Verdict(claim, findings, summary, word, reason)


def _summed(claim: Claim, findings: Sequence[Finding]) -> tuple[Word, str]:
    """The verdict of a claim from its comparisons, by its rule."""
    total = len(findings)
    count = {
        word: sum(finding.word == word for finding in findings)
        for word in ("replicated", "contradicted", "undecided")
    }
    if total == 0:
        return "undecided", "none of its comparisons was run"
    needed = total if claim.rule == "all" else math.floor(total / 2) + 1
    said = (
        f"{count['replicated']} of {total} replicated, {count['contradicted']} contradicted,"
        f" {count['undecided']} undecided; {claim.rule} needed"
    )
    if count["replicated"] >= needed:
        return "replicated", said
    if count["contradicted"] > total - needed:
        return "contradicted", said
    return "undecided", said
