#!/usr/bin/env python3
"""Write the simulated rates and the chances of every claim into `docs/verdicts.md`; `--check` only compares.

Fails where a false verdict is more frequent than 5 %. Takes a minute.
"""

import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from results.claims import claim, power
from results.claims.decision import WORDS
from scripts.page import run, table
from tests.results.claims.simulated import EFFECTS, SPREADS, TESTS, Design, designs, rates

RECORDS: Final = 4_000
SEEDS: Final = (5, 7, 10)
COUNTS: Final = (2, 3, 4, 5, 6)
MOST: Final = 0.05


@cache
def worst() -> dict[tuple[str, int], dict[str, tuple[float, str]]]:
    """By test and seeds, for each false word: its highest rate, and under which truth."""
    generator = np.random.default_rng(0)
    found: dict[tuple[str, int], dict[str, tuple[float, str]]] = defaultdict(dict)
    for design in designs(COUNTS, SEEDS):
        for name, truth in design.truths().items():
            words = rates(design, truth, RECORDS, generator)
            wrong = design.false_words(truth)
            for kind in ("replicated", "contradicted"):
                # Of whatever size: a false sign is one error.
                rate = sum(words[word] for word in wrong if word.startswith(kind))
                highest = found[design.test, design.seeds].get(kind, (-1.0, ""))
                found[design.test, design.seeds][kind] = max(highest, (rate, name))
    highest = max(rate for kinds in found.values() for rate, _ in kinds.values())
    if highest > MOST:
        raise SystemExit(f"a false verdict comes in {highest:.3f} of all records, above {MOST}")
    return found


def errors() -> str:
    """The highest rates of false words."""
    head = ("claim", "seeds", "false `replicated`", "under", "false `contradicted`", "under")
    rows = [
        (test, seeds, *(entry for kind in kinds for entry in _rate(kind)))
        for (test, seeds), by_kind in sorted(worst().items())
        for kinds in [(by_kind["replicated"], by_kind["contradicted"])]
    ]
    return table(head, rows)


def _rate(found: tuple[float, str]) -> tuple[str, str]:
    rate, name = found
    error = 100 * float(np.sqrt(rate * (1 - rate) / RECORDS))
    return f"{100 * rate:.2f} ± {error:.2f} %", name


def words() -> str:
    """How often each word comes out of a claim of two comparisons of which both are needed."""
    generator = np.random.default_rng(1)
    rows: list[tuple[str, ...]] = []
    for test in TESTS:
        for seeds in (5, 10):
            design = Design(test, "all", 2, seeds, SPREADS[-1])
            for name in EFFECTS[test]:
                found = rates(design, design.truths()[name], RECORDS, generator)
                wrong = design.false_words(design.truths()[name])
                cells = (f"{100 * found[word]:.1f}{' (false)' * (word in wrong)}" for word in WORDS)
                effect = f"{name} ({EFFECTS[test][name]:g} s)"
                rows.append((test, str(seeds), effect, *cells))
    return table(("claim", "seeds", "true difference", *WORDS), rows)


def skewed() -> str:
    """The highest rates of false words where values over seeds are far from normal."""
    generator = np.random.default_rng(2)
    rows: list[tuple[str, ...]] = []
    for test in TESTS:
        for seeds in SEEDS:
            highest: dict[bool, float] = {False: 0.0, True: 0.0}
            for unequal in highest:
                for spreads in SPREADS[1:3] if unequal else (SPREADS[0], SPREADS[3]):
                    design = Design(test, "all", 2, seeds, spreads, skewed=True)
                    for truth in design.truths().values():
                        found = rates(design, truth, RECORDS, generator)
                        rate = sum(found[word] for word in design.false_words(truth))
                        highest[unequal] = max(highest[unequal], rate)
            cells = (f"{100 * highest[unequal]:.1f} %" for unequal in (False, True))
            rows.append((test, str(seeds), *cells))
    return table(("claim", "seeds", "equal spreads", "spreads as 3 to 17"), rows)


def fairness() -> str:
    """Every claim that has numbers, with its chance."""
    rows: list[tuple[str, ...]] = []
    for name in claim.names(2):
        family = claim.load(name, 2)
        chances = power.chances(family)
        for told in family.claims:
            if told.id in chances:
                mark = "underpowered" if told.id in power.underpowered(family) else ""
                effects = ", ".join(
                    f"{one.reported:g} ({one.smallest:.3g})" for one in told.comparisons
                )
                chance = f"{chances[told.id]:.2f}"
                rows.append((name, told.id, told.test, str(family.seeds), effects, chance, mark))
    return table(("family", "claim", "test", "seeds", "reported (s)", "chance", ""), rows)


if __name__ == "__main__":
    sys.exit(
        run(
            "verdicts.md",
            {"errors": errors, "words": words, "skewed": skewed, "fairness": fairness},
            __doc__ or "",
            "check_verdicts.py",
        )
    )
