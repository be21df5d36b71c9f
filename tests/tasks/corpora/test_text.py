"""Text tasks: each symbol predicted once from the one before it, state carried, epochs in parts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.corpora import text
from tasks.corpora.text import SPLITS, Corpus, Law, Symbols, Text
from tasks.task import Baseline, Split, TaskError


def task(train: int, law: Law, baselines: tuple[Baseline, ...] = ()) -> Text:
    streams: dict[Split, Symbols] = {
        split: np.arange(1, size + 1).astype(np.uint16)
        for split, size in zip(SPLITS, (train, 60, 61), strict=True)
    }
    size = max(train, 61) + 1
    known = Corpus(tuple(map(str, range(size))), streams, 0, "digest of the text")
    return text.make(
        known,
        law,
        name="numbers",
        version=1,
        scale="smoke",
        unit="nats per number",
        blank=" ",
        bits=False,
        baselines=baselines,
    )


@given(
    st.integers(50, 400),
    st.integers(1, 7),
    st.integers(1, 20),
    st.integers(1, 6),
)
def test_one_pass_predicts_every_symbol_once_from_the_one_before_it(
    size: int, batch: int, window: int, parts: int
) -> None:
    numbers = task(size, Law(batch, window, parts))
    predicted: list[int] = []
    for epoch in range(parts):
        windows = list(numbers.batches("train", epoch))
        assert len(windows) <= numbers.facts.updates
        for index, batch_ in enumerate(windows):
            assert batch_.inputs.shape[0] <= window
            assert batch_.inputs.shape[1] == batch
            assert batch_.reset.all() or index > 0
            scored = batch_.mask
            assert (batch_.targets[scored] == batch_.inputs[scored] + 1).all()
            predicted += batch_.targets[scored].tolist()
    assert sorted(predicted) == list(range(1, size + 1))
    again = [b.targets for b in numbers.batches("train", parts)]
    first = [b.targets for b in numbers.batches("train", 0)]
    assert all((a == b).all() for a, b in zip(again, first, strict=True))


def test_only_the_first_window_of_an_epoch_resets_the_lanes() -> None:
    numbers = task(400, Law(4, 10, 3))
    for epoch in range(3):
        resets = [window.reset for window in numbers.batches("train", epoch)]
        assert resets[0].all()
        assert not any(reset.any() for reset in resets[1:])


def test_validation_is_the_same_in_every_epoch() -> None:
    numbers = task(100, Law(3, 7, 2))
    passes = [
        np.concatenate([window.targets for window in numbers.batches("valid", epoch)])
        for epoch in (0, 1, 5)
    ]
    assert all((found == passes[0]).all() for found in passes)


def test_a_scale_may_use_the_beginning_of_a_split() -> None:
    numbers = task(100, Law(3, 7, train=50, valid=10))
    assert numbers.stream("train").tolist() == list(range(1, 51))
    assert numbers.stream("valid").tolist() == list(range(1, 11))
    assert len(numbers.stream("test")) == 61


def test_a_scale_that_asks_for_too_much_is_refused() -> None:
    with pytest.raises(TaskError, match="train has 100 symbols, smoke asks 101") as caught:
        task(100, Law(3, 7, train=101))
    assert caught.value.code == "T004"
    for wrong in ({"batch": 0}, {"window": 0}, {"parts": 0}, {"valid": -1}):
        with pytest.raises(TaskError, match="T004"):
            Law(**{"batch": 1, "window": 1, **wrong})


def test_the_digest_tells_scales_apart() -> None:
    laws = (Law(3, 7), Law(3, 8), Law(4, 7), Law(3, 7, 2), Law(3, 7, train=60))
    assert len({task(100, law).facts.digest for law in laws}) == len(laws)


def test_a_baseline_of_a_whole_split_is_not_comparable_with_a_part_of_it() -> None:
    known = tuple(Baseline("rule", "loss", 1.0, split, "us") for split in ("valid", "test"))
    valid, test = task(100, Law(3, 7, valid=20), known).facts.baselines
    assert not valid.comparable
    assert "part" in valid.source
    assert test == known[1]


def test_samples_are_lines_without_their_ends(tmp_path: Path) -> None:
    streams: dict[Split, Symbols] = {
        split: np.array([1, 2, 0, 0, 2, 0, 1], np.uint16) for split in SPLITS
    }
    known = Corpus(("|", "a", "b"), streams, 0, "")
    made = Text(Law(1, 1), task(50, Law(1, 1)).facts, known, "-")
    assert made.sample("valid", 9) == ["a-b", "", "b"]
    assert made.sample("valid", 1) == ["a-b"]
