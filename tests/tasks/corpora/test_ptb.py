"""Penn Treebank: the counts of the literature, and every token predicted."""

from pathlib import Path

import numpy as np
import pytest

from cells.training.metric import LOSS
from tasks import registry
from tasks.corpora import ptb
from tasks.task import Split, TaskError

WORDS: dict[Split, tuple[int, int, int, int]] = {  # lines, tokens, distinct, <unk>
    "train": (42_068, 929_589, 10_000, 45_020),
    "valid": (3_370, 73_760, 6_022, 3_485),
    "test": (3_761, 82_430, 6_049, 4_794),
}
CHARACTERS: dict[Split, tuple[int, int]] = {  # characters, distinct
    "train": (5_017_482, 50),
    "valid": (393_042, 50),
    "test": (442_423, 48),
}


@pytest.mark.parametrize("split", WORDS)
def test_words_have_the_known_counts(split: Split, data: Path) -> None:
    found = ptb.words(data)
    stream = found.streams[split]
    unknown = found.vocabulary.index("<unk>")
    assert len(found.vocabulary) == 10_000
    assert found.vocabulary[found.end] == "<eos>"
    assert stream[-1] == found.end
    assert WORDS[split] == (
        int((stream == found.end).sum()),
        len(stream),
        len(np.unique(stream)),
        int((stream == unknown).sum()),
    )


@pytest.mark.parametrize("split", CHARACTERS)
def test_characters_have_the_known_counts(split: Split, data: Path) -> None:
    found = ptb.characters(data)
    stream = found.streams[split]
    assert len(found.vocabulary) == 50
    assert found.vocabulary[found.end] == "\n"
    assert CHARACTERS[split] == (len(stream), len(np.unique(stream)))
    assert int((stream == found.end).sum()) == WORDS[split][0]


def test_words_and_characters_are_the_same_text(data: Path) -> None:
    by_word = registry.load("ptb", "paper").sample("test", 200)
    by_character = registry.load("ptb-char", "paper").sample("test", 200)
    assert by_character == [line.replace(" ", "_") for line in by_word]
    assert by_word[0].startswith("no it was n't black monday")


@pytest.mark.parametrize("name", ["ptb", "ptb-char"])
def test_the_whole_official_test_split_is_scored_from_laptop_upwards(name: str, data: Path) -> None:
    expected = WORDS["test"][1] if name == "ptb" else CHARACTERS["test"][0]
    for scale in ("laptop", "workstation", "paper"):
        batches = registry.load(name, scale).batches("test")
        assert sum(int(batch.mask.sum()) for batch in batches) == expected


def test_one_pass_at_laptop_scale_scores_all_of_train_and_valid(data: Path) -> None:
    task = registry.load("ptb", "laptop")
    assert task.facts.updates == 332
    scored = [
        sum(int(batch.mask.sum()) for batch in task.batches("train", epoch)) for epoch in range(4)
    ]
    assert sum(scored) == WORDS["train"][1]
    assert sum(int(b.mask.sum()) for b in task.batches("valid")) == WORDS["valid"][1]


def test_the_first_word_is_predicted_from_a_line_end(data: Path) -> None:
    task = registry.load("ptb", "smoke")
    first = next(iter(task.batches("valid")))
    assert task.facts.vocabulary[int(first.inputs[0, 0])] == "<eos>"
    assert task.facts.vocabulary[int(first.targets[0, 0])] == "consumers"
    assert first.reset.all()


def test_facts_say_what_is_measured(data: Path) -> None:
    by_word, by_character = (registry.load(n, "laptop").facts for n in ("ptb", "ptb-char"))
    assert (by_word.kind, by_word.size, by_word.metric) == ("symbols", 10_000, LOSS)
    assert (by_word.unit, by_word.bits) == ("nats per word", False)
    assert (by_character.size, by_character.unit) == (50, "nats per character")
    assert by_character.bits
    assert by_word.digest != by_character.digest
    known = {(b.name, b.split): b for b in by_word.baselines}
    assert np.exp(known["2-gram, Kneser-Ney", "test"].value) == pytest.approx(186.80, abs=0.01)
    assert known["2-gram, Kneser-Ney", "test"].comparable


def test_without_the_files_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    with pytest.raises(TaskError, match="gatewright data fetch ptb") as caught:
        ptb.load("ptb-char", "laptop")
    assert caught.value.code == "T102"
    assert "ptb/ptb.char.train.txt" in caught.value.message
