"""Selective copying: symbols among blanks, said in order."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tasks import registry
from tasks.diagnostic import selective_copy
from tasks.task import TaskError
from tests.tasks.levels import measured

SIZES: dict[str, Any] = {"train": 5, "valid": 500, "test": 100, "batch": 20}
LAW = selective_copy.Law(symbols=3, alphabet=4, shortest=9, longest=12, tested=(12, 30), **SIZES)


@pytest.mark.parametrize(("split", "lengths"), [("valid", {9, 10, 11, 12}), ("test", {12, 30})])
def test_what_is_said_is_the_line_without_its_blanks(split, lengths):
    task = selective_copy.make(LAW, "test")
    seen = set()
    for text in task.sample(split, 2000):
        read, said = text.split(" -> ")
        line, blanks = read.split("|")
        assert line.replace(".", "") == said
        assert blanks == ".."
        seen.add(len(line))
    assert seen == lengths


def test_every_place_of_a_line_is_equally_likely():
    counts = Counter(
        at
        for text in selective_copy.make(LAW, "test").sample("test", 2000)
        for at, symbol in enumerate(text.split("|")[0])
        if symbol != "." and text.index("|") == 12
    )
    shares = np.array([counts[at] for at in range(12)]) / sum(counts.values())
    # some 3,000 symbols: five standard errors are 0.026
    assert shares == pytest.approx([1 / 12] * 12, abs=0.026)


def test_all_answers_stand_in_the_last_quarter():
    for scale in registry.scales_of("selective-copy"):
        drawn = selective_copy.load("selective-copy", scale).sequences("test")
        ends = drawn.lengths.cumsum()
        for length, end in zip(drawn.lengths.tolist(), ends.tolist(), strict=True):
            scored = drawn.scored[end - length : end]
            assert not scored[: length - -(-length // 4)].any()
            assert scored[-1]


def test_levels_agree_with_counts_on_drawn_lines():
    task = selective_copy.make(LAW, "test")
    known = {floor.name: floor for floor in task.facts.floors}
    answers = [text.split(" -> ")[1] for text in task.sample("valid", 10_000)]
    views = {
        "no memory": lambda said, at: None,
        "the symbols, not their order": lambda said, at: tuple(sorted(said)),
        "1 of the 3 symbols": lambda said, at: (at, said[:1] if at == 0 else ""),
        "2 of the 3 symbols": lambda said, at: (at, said[at] if at < 2 else ""),
    }
    assert {"optimum", *views} == set(known)
    for name, view in views.items():
        found = measured((view(said, at), said[at]) for said in answers for at in range(3))
        # 30,000 answers, three a line: five standard errors are below 0.015
        assert (known[name].loss, known[name].accuracy) == pytest.approx(found, abs=0.015)


def test_impossible_numbers_are_refused():
    numbers: dict[str, Any] = {"symbols": 3, "alphabet": 4, "shortest": 8, "longest": 12}
    with pytest.raises(TaskError, match="3 of 4 symbols in 8 to 12"):
        selective_copy.Law(**numbers, tested=(12,), **SIZES)
