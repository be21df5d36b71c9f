import re
from typing import Any

import numpy as np
import pytest

from tasks import registry
from tasks.generated import subsequence
from tasks.task import TaskError
from tests.tasks.levels import measured

SIZES: dict[str, Any] = {"train": 1, "valid": 400, "test": 100, "batch": 20}
LAW = subsequence.Law(pattern="abc", letters=5, gap=4, farthest=60, **SIZES)
EACH = subsequence.Law(pattern="aba", letters=4, gap=3, farthest=3, each=True, **SIZES)


def lines(task, split, count):
    """Letters read with the `?`, and the answers."""
    return [tuple(text.split(" -> ")) for text in task.sample(split, count)]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_lines_are_accepted_as_the_regular_expression_says(split):
    for read, said in lines(subsequence.make(LAW, "test"), split, 2000):
        assert said == ("+" if re.search("a.*b.*c", read) else "-")


def test_at_every_step_the_answer_is_that_of_the_line_so_far():
    for read, said in lines(subsequence.make(EACH, "test"), "valid", 300):
        assert len(read) == len(said)
        for at, answer in enumerate(said):
            assert answer == ("+" if re.search("a.*b.*a", read[: at + 1]) else "-")


def test_the_length_of_a_line_tells_nothing():
    drawn = lines(subsequence.make(LAW, "test"), "valid", 8000)
    means = [np.mean([len(read) for read, said in drawn if said == answer]) for answer in "+-"]
    # the spread of a length is 2.8: five standard errors of the difference are 0.32
    assert means[0] == pytest.approx(means[1], abs=0.32)


def views(pattern):
    return {
        "no memory": lambda read: read[-1],
        "letters read, not their order": lambda read: frozenset(read) & frozenset(pattern),
    }


@pytest.mark.parametrize(("split", "suffix"), [("valid", ""), ("test", ", in test")])
def test_levels_agree_with_counts_on_drawn_lines(split, suffix):
    task = subsequence.make(LAW, "test")
    known = {floor.name: floor for floor in task.facts.floors}
    drawn = lines(task, split, 8000)
    for name, view in views("abc").items():
        found = measured((view(read), said) for read, said in drawn)
        floor = known[name + suffix]
        # 8,000 or 2,000 answers: five standard errors are below 0.029 or 0.057
        error = 0.029 if split == "valid" else 0.057
        assert (floor.loss, floor.accuracy) == pytest.approx(found, abs=error)


def test_levels_at_every_step_agree_with_counts_on_drawn_lines():
    task = subsequence.make(EACH, "test")
    known = {floor.name: floor for floor in task.facts.floors}
    assert len(known) == 3
    drawn = lines(task, "valid", 8000)
    for name, view in views("aba").items():
        found = measured(
            (view(read[: at + 1]), answer) for read, said in drawn for at, answer in enumerate(said)
        )
        # some 9 answers a line, most of them alike in one line: as 8,000 answers
        assert (known[name].loss, known[name].accuracy) == pytest.approx(found, abs=0.029)


def two_units(read):
    """Two threshold units hold the four states of a, b, c in order: 00, 10, 11, 01."""
    u1 = u2 = 0
    for letter in read:
        A, B, C = (letter == one for one in "abc")
        u1, u2 = int(2 * u1 - u2 + A - C - 0.5 > 0), int(u1 + 2 * u2 + B - 1.5 > 0)
    return u2 == 1 and u1 == 0


def latches(read, pattern):
    """A chain of k threshold units, each of which stays on once it and the one before were."""
    units = [1] + [0] * len(pattern)
    for letter in read:
        before = list(units)
        for i, awaited in enumerate(pattern, 1):
            units[i] = int(2 * before[i] + before[i - 1] + (letter == awaited) - 1.5 > 0)
    return units[-1] == 1


@pytest.mark.parametrize("scale", ["quick", "laptop", "paper"])
def test_two_threshold_units_are_always_right_at_any_length(scale):
    for read, said in lines(registry.load("subsequence", scale), "test", 300):
        assert two_units(read) == (said == "+")


@pytest.mark.parametrize("pattern", ["ab", "abc", "aba", "aab", "abcd"])
def test_a_chain_of_latches_is_always_right_letters_recurring_or_not(pattern):
    law = subsequence.Law(pattern=pattern, letters=5, gap=3, farthest=200, **SIZES)
    for read, said in lines(subsequence.make(law, "test"), "test", 200):
        assert latches(read, pattern) == (said == "+")


def test_lines_longer_than_a_window_go_on_with_their_state():
    task = subsequence.make(LAW, "test")
    windows = list(task.batches("test"))
    assert max(window.steps for window in windows) == task.facts.window == 20
    assert sum(int(window.mask.sum()) for window in windows) == 2000
    assert sum(int(window.reset.sum()) for window in windows) < 0.3 * 20 * len(windows)


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="'abz'"):
        subsequence.Law(pattern="abz", letters=5, gap=1, farthest=1, **SIZES)
    with pytest.raises(TaskError, match="in test to 1"):
        subsequence.Law(pattern="ab", letters=5, gap=2, farthest=1, **SIZES)
