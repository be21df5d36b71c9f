"""Compression: the symbol at each place, asked for in any order."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from tasks.diagnostic import compression
from tasks.task import TaskError
from tests.tasks.levels import measured

SIZES: dict[str, Any] = {"train": 5, "valid": 500, "test": 10, "batch": 20}
LAW = compression.Law(symbols=3, alphabet=4, **SIZES)


def lines(count):
    for text in compression.make(LAW, "test").sample("valid", count):
        read, said = text.split(" -> ")
        yield read[:3], read[3:], said


def test_each_place_is_asked_for_once_and_answered_with_its_symbol():
    for symbols, places, said in lines(2000):
        assert sorted(places) == ["1", "2", "3"]
        assert said == "".join(symbols[int(place) - 1] for place in places)


def test_all_orders_are_equally_likely():
    counts = Counter(places for _, places, _ in lines(10_000))
    for order in permutations("123"):
        # five standard errors are 0.019
        assert counts["".join(order)] / 10_000 == pytest.approx(1 / 6, abs=0.019)


def test_levels_agree_with_counts_on_drawn_lines():
    known = {floor.name: floor for floor in compression.make(LAW, "test").facts.floors}
    drawn = list(lines(10_000))
    views = {
        "no memory": lambda symbols, place: None,
        "the symbols, not their places": lambda symbols, place: tuple(sorted(symbols)),
        "1 of the 3 symbols": lambda symbols, place: (place, symbols[0] if place == 0 else ""),
        "2 of the 3 symbols": lambda symbols, place: (place, symbols[place] if place < 2 else ""),
    }
    assert {"optimum", *views} == set(known)
    for name, view in views.items():
        found = measured(
            (view(symbols, int(place) - 1), answer)
            for symbols, places, said in drawn
            for place, answer in zip(places, said, strict=True)
        )
        # 30,000 answers, three a line: five standard errors are below 0.015
        assert (known[name].loss, known[name].accuracy) == pytest.approx(found, abs=0.015)


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="1 of 4 symbols"):
        compression.Law(symbols=1, alphabet=4, **SIZES)
