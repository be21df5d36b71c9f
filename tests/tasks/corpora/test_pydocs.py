"""pydocs: normalised, without repetitions across the splits, on every machine."""

import platform
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks import registry
from tasks.corpora import pydocs
from tasks.corpora.text import SPLITS


def test_a_paragraph_becomes_one_plain_line() -> None:
    source = "Größe — “Quoted” …\n*********\n\n   indented\n     code\n \n\n\n日本\n"
    assert pydocs.normalise(source) == ['groe - "quoted" ... ***', "indented code"]


@given(st.text())
def test_whatever_comes_in_only_known_characters_come_out(source: str) -> None:
    for line in pydocs.normalise(source):
        assert set(line) <= set(pydocs.CHARACTERS) - {"\n"}
        assert line == " ".join(line.split())
        assert line


@given(st.dictionaries(st.text("ab", min_size=1), st.text("ab \n")))
def test_no_paragraph_stands_in_two_splits_or_twice(source: dict[str, str]) -> None:
    parts = pydocs.divide(source)
    found = [line for split in SPLITS for line in parts[split]]
    wanted = {line for topic in source.values() for line in pydocs.normalise(topic)}
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert pydocs.divide(dict(reversed(source.items()))) == parts


def test_ninety_five_and_five_percent_of_every_topic() -> None:
    lines = [f"{first}{second}" for first in "abcdefghij" for second in "abcdefghij"]
    parts = pydocs.divide({"x": "\n\n".join(lines)})
    assert [len(parts[split]) for split in SPLITS] == [90, 5, 5]
    assert [*parts["train"], *parts["valid"], *parts["test"]] == lines


def test_the_text_of_this_python_has_a_useful_size() -> None:
    sizes = {split: sum(len(line) + 1 for line in pydocs.paragraphs()[split]) for split in SPLITS}
    assert sizes["train"] > 200_000
    for split in ("valid", "test"):
        assert 0.03 * sizes["train"] < sizes[split] < 0.08 * sizes["train"]


def test_the_alphabet_does_not_depend_on_the_text() -> None:
    assert len(pydocs.CHARACTERS) == 70
    assert not set(pydocs.CHARACTERS) & set(string.ascii_uppercase)
    facts = registry.load("pydocs-char", "quick").facts
    assert facts.vocabulary == pydocs.CHARACTERS
    assert facts.bits


def test_characters_spell_the_paragraphs() -> None:
    found = pydocs.characters()
    spelled = "".join(found.vocabulary[symbol] for symbol in found.streams["valid"])
    assert spelled.splitlines() == list(pydocs.paragraphs()["valid"])


def test_words_are_the_most_frequent_ones_of_the_training_part() -> None:
    found = pydocs.words(500)
    assert len(found.vocabulary) == len(set(found.vocabulary)) == 500
    assert found.vocabulary[:2] == ("<eos>", "<unk>")
    counts = np.bincount(found.streams["train"], minlength=500)
    assert (np.diff(counts[2:]) <= 0).all()
    unknown = [float((found.streams[split] == 1).mean()) for split in SPLITS]
    assert all(0.05 < share < 0.3 for share in unknown)
    for split in SPLITS:
        assert int((found.streams[split] == 0).sum()) == len(pydocs.paragraphs()[split])


def test_digits_become_one_symbol_and_marks_stand_alone() -> None:
    found = pydocs.tokenise('see "x_1", 3.14!')
    assert found == ["see", '"', "x_", "N", '"', ",", "N", ".", "N", "!"]


@pytest.mark.parametrize("name", ["pydocs", "pydocs-char"])
@pytest.mark.parametrize("scale", ["smoke", "quick", "laptop"])
def test_the_task_says_which_text_it_is(name: str, scale: str) -> None:
    task = registry.load(name, scale)
    assert task.facts.family == "text"
    assert task.facts.notes["python"] == platform.python_version()
    assert task.facts.notes["text"] == pydocs.digest(pydocs.paragraphs())
    assert len(list(task.batches("train"))) <= task.facts.updates
    assert sum(1 for _ in task.batches("valid")) <= 20
    assert {b.split for b in task.facts.baselines} == {"valid", "test"}


def test_the_digest_follows_the_text() -> None:
    parts = pydocs.divide({"a": "one\n\ntwo"})
    other = pydocs.divide({"a": "one\n\nthree"})
    assert pydocs.digest(parts) != pydocs.digest(other)
