"""The pairs of sources and targets, and the levels of those who see no source."""

from collections import Counter
from itertools import product
from typing import get_args

import numpy as np
import pytest

from tasks.ancestors.transduction import Law, Rule, draw, floors
from tasks.task import TaskError

RULES: tuple[Rule, ...] = get_args(Rule)


def test_targets_are_reversed_or_sorted_and_end() -> None:
    for rule in RULES:
        pairs = draw(Law(rule, symbols=5), np.random.default_rng(0), 30, 4)
        for lane in range(30):
            source, target = pairs.sources[:, lane].tolist(), pairs.targets[:, lane].tolist()
            assert target == [*(source[::-1] if rule == "reverse" else sorted(source)), 5]


def test_lengths_are_drawn_evenly_and_a_seed_repeats_them() -> None:
    law = Law(shortest=2, longest=4)
    generator = np.random.default_rng(1)
    lengths = Counter(len(draw(law, generator, 1).sources) for _ in range(3000))
    assert set(lengths) == {2, 3, 4}
    assert min(lengths.values()) > 900
    first, again = (draw(law, np.random.default_rng(7), 5).sources for _ in range(2))
    assert np.array_equal(first, again)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("symbols", "shortest", "longest"), [(2, 1, 5), (3, 2, 4), (3, 3, 3)])
def test_the_level_without_a_source_is_that_of_counting_all_targets(
    rule: Rule, symbols: int, shortest: int, longest: int
) -> None:
    best = 0.0
    for length in range(shortest, longest + 1):
        written = Counter(
            tuple(sorted(word)) if rule == "sort" else word[::-1]
            for word in product(range(symbols), repeat=length)
        )
        chance = max(written.values()) / symbols**length / (longest - shortest + 1)
        best = max(best, chance)
    optimum, blind = floors(Law(rule, symbols, shortest, longest))
    assert optimum.accuracy == 1.0
    assert blind.accuracy == pytest.approx(best)


def test_lengths_that_cannot_be_are_refused() -> None:
    with pytest.raises(TaskError, match="4 to 3"):
        Law(shortest=4, longest=3)
