"""Piano rolls: the counts of the literature, pieces kept apart, every step scored."""

from pathlib import Path

import numpy as np
import pytest

from tasks import registry
from tasks.corpora import pianoroll
from tasks.corpora.pianoroll import Law
from tasks.task import Split, TaskError

COUNTS: dict[str, dict[Split, tuple[int, int]]] = {  # pieces, steps
    "nottingham": {"train": (694, 176_561), "valid": (173, 45_513), "test": (170, 44_463)},
    "piano-midi": {"train": (87, 75_911), "valid": (12, 8_540), "test": (25, 19_036)},
    "jsb": {"train": (229, 13_807), "valid": (76, 4_602), "test": (77, 4_725)},
    "musedata": {"train": (524, 245_202), "valid": (135, 82_755), "test": (124, 64_339)},
}


@pytest.mark.parametrize("name", COUNTS)
def test_a_set_has_the_known_pieces_and_steps(name: str, data: Path) -> None:
    pieces = pianoroll.read(data, pianoroll.file_of(name))
    for split, expected in COUNTS[name].items():
        found = pieces[split]
        assert (len(found.offsets) - 1, len(found.roll)) == expected
        assert found.roll.shape[1] == 88
        assert set(np.unique(found.roll).tolist()) == {0, 1}
        assert found.offsets[0] == 0
        assert found.offsets[-1] == len(found.roll)
        assert (np.diff(found.offsets) > 0).all()


@pytest.mark.parametrize("name", COUNTS)
def test_every_step_of_a_split_is_scored_once(name: str, data: Path) -> None:
    task = registry.load(name, "laptop")
    for split, (_, steps) in COUNTS[name].items():
        windows = list(task.batches(split))
        assert sum(int(window.mask.sum()) for window in windows) == steps
        if split == "train":
            assert len(windows) == task.facts.updates


@pytest.mark.parametrize("split", ["train", "test"])
def test_each_lane_reads_what_it_predicted_a_step_before_and_zeros_first(
    split: Split, data: Path
) -> None:
    task = registry.load("jsb", "laptop")
    pieces = 0
    last = np.zeros((20, 88), np.float32)
    for window in task.batches(split, 3):
        starting = window.reset & window.mask[0]
        pieces += int(starting.sum())
        assert not window.inputs[0][window.reset].any()
        going = ~window.reset & window.mask[0]
        assert (window.inputs[0][going] == last[going]).all()
        both = window.mask[1:] & window.mask[:-1]
        assert (window.inputs[1:][both] == window.targets[:-1][both]).all()
        last = np.asarray(window.targets[-1])
        assert window.inputs.dtype == np.float32
    assert pieces == COUNTS["jsb"][split][0]


def test_training_deals_the_pieces_anew_in_each_epoch_and_the_same_in_each_run(data: Path) -> None:
    task = registry.load("jsb", "laptop")

    def first(epoch: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.asarray(next(iter(task.batches("train", epoch))).targets, np.float32)

    assert (first(0) == first(0)).all()
    assert not (first(0) == first(1)).all()
    again = pianoroll.load("jsb", "laptop")
    assert (next(iter(again.batches("train", 1))).targets == first(1)).all()


def test_all_ones_are_heard_as_often_in_the_windows_as_in_the_file(data: Path) -> None:
    task = registry.load("nottingham", "laptop")
    total = sum(int(np.asarray(window.targets).sum()) for window in task.batches("valid"))
    pieces = pianoroll.read(data, pianoroll.file_of("nottingham"))
    assert total == int(pieces["valid"].roll.sum())


def test_a_smaller_scale_uses_the_first_pieces(data: Path) -> None:
    smoke = pianoroll.load("nottingham", "smoke")
    pieces = pianoroll.read(data, pianoroll.file_of("nottingham"))
    steps = int(pieces["valid"].offsets[smoke.law.valid])
    assert sum(int(window.mask.sum()) for window in smoke.batches("valid")) == steps
    assert not any(b.comparable for b in smoke.facts.baselines)
    whole = pianoroll.load("nottingham", "laptop")
    assert any(b.comparable for b in whole.facts.baselines)
    assert smoke.facts.digest != whole.facts.digest


def test_notes_have_their_names(data: Path) -> None:
    row = np.zeros(88, np.uint8)
    assert pianoroll.notes(row) == "-"
    row[[0, 39, 87]] = 1
    assert pianoroll.notes(row) == "A0 C4 C8"
    samples = registry.load("jsb", "laptop").sample("train", 3)
    assert len(samples) == 3
    assert len(samples[0].split(" | ")) == 16


def test_wrong_numbers_are_refused() -> None:
    for wrong in ({"batch": 0}, {"window": 0}, {"test": -1}):
        with pytest.raises(TaskError, match="T004"):
            Law(**{"batch": 1, "window": 1, **wrong})


def test_without_the_files_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    with pytest.raises(TaskError, match="gatewright data fetch piano-midi") as caught:
        pianoroll.load("piano-midi", "laptop")
    assert caught.value.code == "T102"
    assert "music/Piano_midi.npz" in caught.value.message
