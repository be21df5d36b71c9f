"""Rulings of the second edition as rows of tables, with the keys of the first edition's rows."""

from dataclasses import asdict
from typing import Any

from results.claims.rules import Decision, Ruling
from results.statistics.interval import Interval


def summary(ruling: Ruling, effect: Interval | None) -> dict[str, Any]:
    """The row of a claim: seeds and power of its weakest comparison, smallest and largest p.

    Args:
        ruling: of the claim.
        effect: pooled over its comparisons, see `Evidence.pooled`.
    """
    ran = [one for one in ruling.decisions if one.estimate is not None]
    p_values = sorted(one.p for one in ran if one.p is not None)
    marks = [ruling.reason]
    if ruling.at_this_budget:
        marks.append("at this budget")
    if ruling.underpowered:
        marks.append(f"underpowered: {ruling.chance:.2f}")
    return {
        "id": ruling.claim.id,
        "statement": ruling.claim.statement,
        "source": ruling.claim.source,
        "test": ruling.claim.test,
        "rule": ruling.claim.rule,
        "word": ruling.word,
        "seeds": min((one.estimate.count for one in ran if one.estimate), default=None),
        "effect": effect and asdict(effect),
        "p": [p_values[0], p_values[-1]] if p_values else [],
        "power": min((one.power for one in ran if one.power is not None), default=None),
        "reason": "; ".join(marks),
    }


def comparison(decision: Decision) -> dict[str, Any]:
    """The row of a comparison."""
    count = decision.estimate.count if decision.estimate else 0
    interval = decision.interval
    return {
        "better": decision.comparison.better,
        "worse": decision.comparison.worse,
        "task": decision.comparison.task,
        "smallest": decision.comparison.smallest,
        "seeds": [count, count],
        "effect": interval and asdict(interval),
        "p": decision.p,
        "power": decision.power,
        "verdict": decision.word,
        "reason": decision.reason,
    }
