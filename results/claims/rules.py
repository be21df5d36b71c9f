"""Verdicts of the second edition: sign and size apart, and every p that of the test that decided.

`docs/verdicts.md` says why. Verdicts of the first edition come from `results.claims.verdict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from results.claims import power
from results.claims.claim import Claim, Comparison, Family, Measure, Test
from results.claims.decision import (
    ALPHA,
    SAME_SIGN,
    UNDECIDED,
    WORDS,
    Word,
    compared,
    concluded,
    hypotheses,
)
from results.statistics.estimate import Estimate
from results.statistics.interval import Interval
from results.statistics.multiplicity import shaffer_holm


class Caution(Protocol):
    """A weakness of the trainings behind a comparison, such as a plateau."""

    @property
    def code(self) -> str:
        """Its name."""
        ...

    @property
    def text(self) -> str:
        """One sentence."""
        ...

    @property
    def lowers(self) -> bool:
        """Whether an equality, a contradiction or a tie may be owed to it."""
        ...


class Evidence(Protocol):
    """What was measured."""

    def estimate(self, comparison: Comparison, measure: Measure) -> Estimate | None:
        """The difference over seeds; None if an arm has fewer than two."""
        ...

    def with_settings(self, comparison: Comparison, measure: Measure) -> Interval | None:
        """The difference with an interval that also carries the draw of settings."""
        ...

    def cautions(self, comparison: Comparison, measure: Measure) -> Sequence[Caution]:
        """What weakens the comparison."""
        ...


@dataclass(frozen=True, slots=True)
class Decision:
    """One comparison, judged.

    Attributes:
        comparison: what was compared.
        estimate: over seeds, given the selected settings; None if an arm has fewer than two values.
        with_settings: an interval that also carries the draw of settings; None if not known.
        hypothesis: that the printed p and power belong to, of the difference d, such as "d <= 0": the
            one that was rejected; if none was, the one that the claim had to reject.
        p: adjusted over the family, one-sided; None without an estimate.
        power: chance to reject that hypothesis at the level it was held to, with the error that was
            seen, see `judge`; None without an estimate.
        word, reason: the verdict and one sentence for it.
        at_this_budget: told in the source's direction, but a caution says that longer trainings may
            say otherwise.
        cautions: about its trainings.
    """

    comparison: Comparison
    estimate: Estimate | None
    with_settings: Interval | None
    hypothesis: str
    p: float | None
    power: float | None
    word: Word
    reason: str
    at_this_budget: bool
    cautions: tuple[Caution, ...]

    @property
    def interval(self) -> Interval | None:
        """The difference with its 95 % interval over seeds, given the selected settings."""
        return self.estimate and self.estimate.interval()


@dataclass(frozen=True, slots=True)
class Ruling:
    """One claim, judged.

    Attributes:
        claim: what was claimed.
        decisions: one a comparison.
        word, reason: the verdict and one sentence for it.
        at_this_budget: replicated, or replicated with a smaller size, with a comparison that is so at
            this budget only.
        chance: that the planned seeds replicate it if the source is right in every number; None where
            the source has no numbers.
    """

    claim: Claim
    decisions: tuple[Decision, ...]
    word: Word
    reason: str
    at_this_budget: bool
    chance: float | None

    @property
    def underpowered(self) -> bool:
        """Whether the planned seeds were too few to settle it, see `power`."""
        return self.chance is not None and self.chance < power.ENOUGH


_HYPOTHESES: Final[dict[Test, tuple[str, str]]] = {
    "better": ("d <= 0", "d >= {s:g}"),
    "equal": ("|d| >= {s:g}", "|d| < {s:g}"),
    "not-worse": ("d <= -{s:g}", "d > -{s:g}"),
}


def judge(family: Family, evidence: Evidence) -> tuple[Ruling, ...]:
    """The verdicts of all claims of a family of the second edition, in order.

    Power is the chance of rejecting the printed hypothesis at the level that it was held to, if the
    true difference is: the smallest one (`better`, d <= 0), none (`better`, d >= s; `equal`,
    |d| >= s; `not-worse`, d <= -s), or a loss of twice the smallest one (the other two).
    """
    asked = [(claim, one) for claim in family.claims for one in claim.comparisons]
    seen = [evidence.estimate(one, claim.measure) for claim, one in asked]
    tested = [index for index, one in enumerate(seen) if one is not None]
    estimates = [one for one in seen if one is not None]
    tests: list[Test] = [asked[index][0].test for index in tested]
    smallest = np.array([asked[index][1].smallest for index in tested])
    centre, error, freedom = (
        np.array([[getattr(one, name) for one in estimates]], dtype=np.float64)
        for name in ("centre", "error", "freedom")
    )
    made: dict[int, tuple[int, tuple[float, float], tuple[int, int]]] = {}
    if tested:
        adjusted, divisors = shaffer_holm(hypotheses(tests, smallest, centre, error, freedom))
        codes = compared(tests, smallest, centre, adjusted)
        for place, index in enumerate(tested):
            made[index] = (
                int(codes[0, place]),
                (float(adjusted[0, place, 0]), float(adjusted[0, place, 1])),
                (int(divisors[0, place, 0]), int(divisors[0, place, 1])),
            )
    decisions = [
        _decision(
            claim,
            one,
            seen[index],
            evidence.with_settings(one, claim.measure),
            tuple(evidence.cautions(one, claim.measure)),
            made.get(index),
        )
        for index, (claim, one) in enumerate(asked)
    ]
    chances = power.chances(family)
    rulings: list[Ruling] = []
    start = 0
    for claim in family.claims:
        end = start + len(claim.comparisons)
        rulings.append(_ruling(claim, tuple(decisions[start:end]), chances.get(claim.id)))
        start = end
    return tuple(rulings)


def _decision(
    claim: Claim,
    comparison: Comparison,
    estimate: Estimate | None,
    with_settings: Interval | None,
    cautions: tuple[Caution, ...],
    made: tuple[int, tuple[float, float], tuple[int, int]] | None,
) -> Decision:
    first, second = (text.format(s=comparison.smallest) for text in _HYPOTHESES[claim.test])
    if estimate is None or made is None:
        reason = "an arm was not run on two seeds or more"
        return Decision(
            comparison,
            None,
            with_settings,
            first,
            None,
            None,
            WORDS[UNDECIDED],
            reason,
            False,
            cautions,
        )
    code, adjusted, divisors = made
    supported, refuted = adjusted[0] <= ALPHA, adjusted[1] <= ALPHA
    which = 1 if refuted and not supported else 0
    level = ALPHA / divisors[which]
    chance = _power(claim.test, which, estimate, comparison.smallest, level)
    word: Word = WORDS[code]
    reason = _reason(claim.test, word, estimate.centre, comparison.smallest, chance)
    lowering = [caution for caution in cautions if caution.lowers]
    marked = False
    if lowering and word != WORDS[UNDECIDED]:
        told = claim.test == "better" or estimate.at_most(0.0) * divisors[0] <= ALPHA
        if supported and told and claim.test != "equal":
            marked = True
            reason += f"; at this budget: {'; '.join(one.text for one in lowering)}"
        else:
            said = "; ".join(one.text for one in lowering)
            reason = f"{word} but for this: {said}"
            word = WORDS[UNDECIDED]
    return Decision(
        comparison,
        estimate,
        with_settings,
        second if which else first,
        adjusted[which],
        chance,
        word,
        reason,
        marked,
        cautions,
    )


def _power(test: Test, which: int, estimate: Estimate, smallest: float, level: float) -> float:
    if test == "better":
        # Turned round, "d >= s" with a true 0 is "d <= -s" with a true 0.
        bound, truth = (-smallest, 0.0) if which else (0.0, smallest)
        return estimate.power_above(bound, truth, level)
    if test == "equal" and not which:
        return estimate.power_within(smallest, 0.0, level)
    if which:
        return estimate.power_above(smallest, 2 * smallest, level)
    return estimate.power_above(-smallest, 0.0, level)


def _reason(test: Test, word: Word, centre: float, smallest: float, chance: float) -> str:
    """One sentence for the word of a comparison, cautions apart."""
    size = f"{smallest:g}"
    open_power = f"power {chance:.2f}"
    if word == "replicated":
        return {
            "better": f"better, and by at least {size}",
            "equal": f"any difference is below {size}",
        }.get(test, f"any loss is below {size}")
    if word == "replicated, smaller":
        return f"better, but by less than {size}"
    if word == "contradicted":
        if test != "better":
            return f"the {'difference' if test == 'equal' else 'loss'} exceeds {size}"
        return f"an advantage of {size} is excluded" + (", and the sign is reversed" * (centre < 0))
    if word == WORDS[SAME_SIGN]:
        return f"better, but not told from 0; {open_power}"
    if test == "better":
        return f"not better, but an advantage of {size} is not excluded; {open_power}"
    what = "difference" if test == "equal" else "loss"
    return f"a {what} of {size} is neither shown nor excluded; {open_power}"


def _ruling(claim: Claim, decisions: tuple[Decision, ...], chance: float | None) -> Ruling:
    if not any(decision.estimate for decision in decisions):
        return Ruling(claim, decisions, WORDS[UNDECIDED], "not run", False, chance)
    codes = np.array([WORDS.index(decision.word) for decision in decisions])
    word = WORDS[int(concluded(codes, claim.needed))]
    counts = [(name, sum(one.word == name for one in decisions)) for name in WORDS]
    said = ", ".join(f"{count} {name}" for name, count in counts if count)
    marked = word in ("replicated", "replicated, smaller") and any(
        decision.at_this_budget for decision in decisions
    )
    reason = f"of {len(decisions)}: {said}; {claim.rule} needed"
    # Of a single comparison its own reason.
    reason = decisions[0].reason if len(decisions) == 1 else reason
    return Ruling(claim, decisions, word, reason, marked, chance)
