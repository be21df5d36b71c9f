"""The paper's tables as data: whole, consistent, and compared by order alone."""

import pytest

from results.claims.paper_table import agreement, order, tables
from results.label import baseline_id, label
from results.statistics.interval import Interval


def test_each_table_has_ten_cells_and_a_value_for_each_column() -> None:
    for table in tables():
        assert len(table.rows) == 10
        assert all(len(row.values) == len(table.columns) for row in table.rows)
        assert all(column.reason for column in table.columns)


def test_rows_name_cells_of_the_zoo() -> None:
    for table in tables():
        assert [label(baseline_id(row.arm)) for row in table.rows] == [
            row.arm for row in table.rows
        ]


def test_the_printed_perplexities_of_table_3_follow_from_its_last_column() -> None:
    # The checksum that the paper itself gives: exp(20M-tst), as printed beside it.
    printed = {
        "elman": 97.7,
        "lstm": 81.4,
        "lstm_b": 79.83,
        "gru": 91.7,
        "mut1": 94.6,
        "mut3": 89.47,
    }
    rows = {row.arm: row.values[-1] for row in tables()[2].rows}
    for arm, perplexity in printed.items():
        assert 2.718281828 ** rows[arm] == pytest.approx(perplexity, abs=0.07)


def test_only_pairs_that_are_told_apart_count_and_agree_by_sign() -> None:
    table = tables()[0]
    ours = {
        "elman": Interval(0.3, 0.2, 0.4, 5),
        "lstm": Interval(0.9, 0.8, 1.0, 5),
        "lstm_f": Interval(0.6, 0.5, 0.7, 5),
        "gru": Interval(0.75, 0.65, 0.85, 5),
    }
    found = agreement(table, 0, ours)
    # Apart: elman from all three, and lstm from lstm_f; only elman below lstm_f is against the paper.
    assert (found.pairs, found.told, found.agree) == (6, 4, 3)


def test_one_seed_tells_nothing_apart() -> None:
    ours = {"elman": Interval(0.3, None, None, 1), "lstm": Interval(0.9, None, None, 1)}
    assert agreement(tables()[0], 0, ours).told == 0


def test_two_extreme_cells_can_make_an_order_that_the_others_have_not() -> None:
    table = tables()[0]
    same = {row.arm: row.values[0] for row in table.rows}
    found = order(table, 0, same)
    assert (found.cells, found.rank, found.without) == (10, pytest.approx(1.0), pytest.approx(1.0))
    turned = {arm: -value for arm, value in same.items()} | {"elman": -2.0, "lstm_f": -3.0}
    found = order(table, 0, turned)
    # Ranks of the other eight run against each other: 1 - 6 * 168 / 990.
    assert found.rank == pytest.approx(1 - 6 * 168 / 990)
    assert found.without == pytest.approx(-1.0)


def test_too_few_cells_or_equal_ones_have_no_order() -> None:
    table = tables()[0]
    two = order(table, 0, {"lstm": 0.5, "gru": 0.6, "elman": 0.1})
    assert (two.cells, two.without) == (3, None)
    assert two.rank == pytest.approx(1.0)
    assert order(table, 0, dict.fromkeys(("lstm", "gru", "mut1"), 0.5)).rank is None
