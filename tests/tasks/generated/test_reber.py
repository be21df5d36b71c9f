import re

import numpy as np
import pytest

from tasks import chance, registry
from tasks.generated import grammar, reber
from tasks.sequences import SequenceTask
from tasks.task import TaskError
from tests.tasks.levels import measured

# from the graph by hand: after the first X or P the loop X T* V P, then out by S or by X T* V V
TAIL = "(?:XT*VP)*(?:S|XT*VV)"
STRING = re.compile(f"B(?P<outer>[TP])B(?:TS*X{TAIL}|PT*V(?:V|P{TAIL}))E(?P=outer)E")


@pytest.fixture(scope="module")
def strings():
    symbols, _ = grammar.walk(20_000, chance.generator("test", "reber"))
    return ["".join(grammar.SYMBOLS[s] for s in row[row >= 0]) for row in symbols]


def test_strings_are_those_of_the_grammar_and_no_edge_is_left_out(strings):
    assert all(STRING.fullmatch(string) for string in strings)
    # all short strings of the grammar do occur: the shortest have 9 symbols
    found = {string for string in strings if len(string) <= 10}
    inner = {"PVV", "TXS", "PTVV", "TSXS", "PVPS"}
    assert found == {f"B{o}B{middle}E{o}E" for o in "TP" for middle in inner}


def scored(string):
    """Last symbol read, what is known but for the outer one, and the determined symbol."""
    outer = string[1]
    yield outer, "outer", "B"
    yield string[-4], "inner end", "E"
    yield "E", "distant", outer
    yield outer, "last", "E"


def test_levels_agree_with_counts_on_drawn_strings(strings):
    known = {floor.name: floor for floor in grammar.levels(endless=False)}
    for name, place in (("the last symbol", 0), ("all but the distant symbol", 1)):
        loss, accuracy = measured((s[place], s[2]) for t in strings for s in scored(t))
        # 80,000 symbols: five standard errors are below 0.009
        assert known[name].loss == pytest.approx(loss, abs=0.009)
        assert known[name].accuracy == pytest.approx(accuracy, abs=0.009)
    assert known["all but the distant symbol"].accuracy == pytest.approx(7 / 8)


def test_levels_of_the_stream_agree_with_counts_on_drawn_strings(strings):
    known = {floor.name: floor for floor in grammar.levels(endless=True)}
    for name, place in (("the last symbol", 0), ("all but the distant symbol", 1)):
        pairs = [(s[place], s[2]) for t in strings for s in scored(t)]
        pairs += [(("E", "start")[place], "B")] * len(strings)
        loss, accuracy = measured(pairs)
        assert known[name].loss == pytest.approx(loss, abs=0.009)
        assert known[name].accuracy == pytest.approx(accuracy, abs=0.009)


def test_every_string_is_read_from_the_zero_state_and_scored_where_it_is_determined():
    task = registry.load("reber", "smoke")
    for text in task.sample("valid", 50):
        read, said = text.split(" -> ")
        assert STRING.fullmatch(read + "E")
        assert said == f"BE{read[1]}E"
    windows = list(task.batches("valid"))
    assert sum(int(window.mask.sum()) for window in windows) == 4 * 5 * 10


def test_the_stream_goes_from_string_to_string_without_reset():
    task = registry.load("reber-continual", "smoke")
    windows = list(task.batches("test"))
    assert [window.reset.any() for window in windows] == [True] + [False] * (len(windows) - 1)
    whole = np.concatenate([window.inputs for window in windows])
    said = np.concatenate([window.targets for window in windows])
    mask = np.concatenate([window.mask for window in windows])
    np.testing.assert_array_equal(whole[1:], said[:-1])
    lane = "".join(grammar.SYMBOLS[s] for s in whole[:, 0])
    ends = [found.end() for found in STRING.finditer(lane)]
    assert ends
    # B after an end is determined too
    assert all(mask[end - 1, 0] and said[end - 1, 0] == 0 for end in ends if end < len(lane))
    assert all(STRING.fullmatch(text) for text in task.sample("test", 5))


@pytest.mark.parametrize("name", ["reber", "reber-continual"])
def test_the_distant_symbol_can_be_looked_at_alone(name):
    task = registry.load(name, "smoke")
    assert isinstance(task, SequenceTask | reber.Continual)
    assert task.divided_by == ("distant",)
    assert task.labels("test", "distant") == (0, 1)
    counts = []
    for value in (0, 1):
        windows = list(task.part("test", "distant", value))
        said = np.concatenate([window.targets[window.mask] for window in windows])
        counts.append(len(said))
        if value:
            assert {grammar.SYMBOLS[s] for s in said} == {"T", "P"}
    whole = sum(int(window.mask.sum()) for window in task.batches("test"))
    assert sum(counts) == whole


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="fresh"):
        reber.Law(train=1, valid=1, test=1, batch=1, steps=9, fresh=True)
    with pytest.raises(TaskError, match="window"):
        reber.StreamLaw(1, 1, 1, 1, 0)
