"""Partitions against enumerations of every line."""

from collections import Counter
from itertools import product
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.diagnostic.partition import (
    arrangements,
    compositions,
    orders,
    partitions,
    unordered,
)

few = st.integers(1, 5), st.integers(1, 4)


@given(*few)
@settings(max_examples=20)
def test_partitions_and_their_weights_count_every_line_once(total, parts):
    counted = Counter(
        tuple(sorted((line.count(symbol) for symbol in range(parts)), reverse=True))
        for line in product(range(parts), repeat=total)
    )
    found = {c: arrangements(c) * orders(c) for c in partitions(total, parts)}
    assert found == counted


@given(*few)
@settings(max_examples=20)
def test_compositions_are_all_counts_that_sum_to_the_total(total, parts):
    expected = {c for c in product(range(total + 1), repeat=parts) if sum(c) == total}
    found = list(compositions(total, parts))
    assert set(found) == expected
    assert len(found) == len(expected)


@pytest.mark.parametrize(("count", "alphabet"), [(1, 3), (3, 3), (4, 2)])
def test_the_level_without_order_is_that_of_all_lines(count, alphabet):
    lines = list(product(range(alphabet), repeat=count))
    right = sum(max(map(line.count, line)) for line in lines)
    loss = -sum(log(line.count(symbol) / count) for line in lines for symbol in line)
    level = unordered("", count, alphabet)
    assert level.accuracy == pytest.approx(right / count / len(lines))
    assert level.loss == pytest.approx(loss / count / len(lines))
