from functools import cache

import numpy as np
import pytest

from tasks import chance, registry
from tasks.generated import chorale, progressions
from tasks.generated.chorale import BAR, HARMONIES, TONES, TONIC, VOICINGS
from tasks.task import TaskError

LAW = progressions.Law((1, 2), (3, 4, 6), 0.3, 1, 1, 1, 1, 1)
GRAMMAR = chorale.grammar(LAW.bars, LAW.half)
FRAMES = (
    chorale.bass()[:, None, None] | chorale.inner()[:, :, None] | chorale.top()[None, None]
)  # [21, 3, 12, 88]


@pytest.fixture(scope="module")
def pieces():
    return progressions.draw(LAW, 800, chance.generator("test", "progressions"))


def test_every_state_has_a_frame_of_its_own_of_four_notes():
    rows = FRAMES.reshape(-1, 88)
    assert len(np.unique(rows, axis=0)) == HARMONIES * VOICINGS * TONES
    assert (rows.sum(axis=1) == 4).all()


def test_a_chord_is_recognised_by_its_three_lower_voices():
    rows = FRAMES.reshape(-1, 88)
    assert chorale.is_chord(rows).all()
    assert chorale.is_chord(np.zeros((1, 88), np.uint8)).all()
    for voice in range(3):
        missing = rows.copy()
        missing[np.arange(len(rows)), np.argwhere(rows)[voice::4, 1]] = False
        assert not chorale.is_chord(missing).any()
    melody = rows & (np.arange(88) >= 51)
    assert chorale.is_chord(rows & ~melody).all()
    moved = np.roll(rows, 1, axis=1)
    assert chorale.is_chord(moved).mean() < 0.1


def test_the_state_can_be_read_off_the_frames_alone(pieces):
    index = {row.tobytes(): at for at, row in enumerate(FRAMES.reshape(-1, 88).astype(np.uint8))}
    read = []
    step = note = 0
    for frame in pieces.roll:
        if not frame.any():
            read.append((*divmod(step, BAR), -1))
            step = 0
            continue
        harmony, voicing, now = map(int, np.unravel_index(index[frame.tobytes()], FRAMES.shape[:3]))
        way = int(np.sign(now - note)) if step else 0
        read.append((*divmod(step, BAR), harmony, voicing, now, (0, 1, 2)[way]))
        step, note = step + 1, now
    for found, state in zip(read, pieces.states.tolist(), strict=True):
        assert found == tuple(state[: len(found)])


@cache
def foretold(bar, step, harmony, voicing, note, direction):
    """Chance of each state of the next step, `[21, 3, 12]`, by the grammar; None if silent."""
    if bar == step == 0:
        even = np.full((1, VOICINGS, 1), 1 / VOICINGS)
        return GRAMMAR.opening[:, None, None] * even * GRAMMAR.first[:, None, :]
    if harmony == TONIC and step == BAR - 1:
        return None
    voicings = np.tile(GRAMMAR.voicing[voicing], (HARMONIES, 1))
    voicings[harmony] = np.eye(VOICINGS)[voicing]
    harmonies = GRAMMAR.harmony[bar, step, harmony]
    melodies = GRAMMAR.melody[step, :, note, direction]
    return harmonies[:, None, None] * voicings[:, :, None] * melodies[:, None, :]


def test_losses_of_the_best_predictors_agree_with_the_exact_levels(pieces):
    """Both optima, run on drawn pieces by the law of each next frame given the past."""
    whole, single = [], []
    before = [0] * 6
    for state, frame in zip(pieces.states.tolist(), pieces.roll, strict=True):
        chances = foretold(*state[:2], *before[2:])
        before = state
        if chances is None:
            assert not frame.any()
            whole.append(0.0)
            single.append(0.0)
            continue
        assert chances.sum() == pytest.approx(1)
        whole.append(-np.log(chances[tuple(state[2:5])]))
        notes = np.clip(np.tensordot(chances, FRAMES.astype(float), 3), 0, 1)
        single.append(-np.log(np.where(frame, notes, 1 - notes)).sum())
    optimum, frames, *_ = chorale.levels(GRAMMAR)
    count = len(whole)
    assert count > 20_000
    for losses, floor in ((single, optimum), (whole, frames)):
        error = 5 * np.std(losses) / count**0.5
        assert error < 0.2
        assert np.mean(losses) == pytest.approx(floor.loss, abs=error)


def test_levels_without_the_past_agree_with_counting(pieces):
    *_, markov, frequency = chorale.levels(GRAMMAR)
    on = pieces.roll.mean(axis=0)
    kept = pieces.roll[:, on > 0].astype(float)
    on = on[on > 0]
    counted = -(on * np.log(on) + (1 - on) * np.log(1 - on)).sum()
    assert counted == pytest.approx(frequency.loss, abs=0.05)
    before = np.concatenate([np.zeros_like(kept[:1]), kept[:-1]])
    assert not kept[pieces.offsets[1:] - 1].any()  # the last step of a piece is silent
    loss = 0.0
    for earlier in (before, 1 - before):
        for now in (kept, 1 - kept):
            both = (earlier * now).mean(axis=0)
            share = both / earlier.mean(axis=0)
            loss -= (both * np.log(np.where(share > 0, share, 1.0))).sum()
    assert loss == pytest.approx(markov.loss, abs=0.05)


def test_levels_fall_with_knowledge():
    optimum, frames, markov, frequency = (floor.loss or 0.0 for floor in chorale.levels(GRAMMAR))
    assert 0 < frames < optimum < markov < frequency


def test_phrases_have_the_lengths_of_the_law_and_end_in_silence(pieces):
    silent = np.flatnonzero(pieces.states[:, 2] < 0)
    assert not pieces.roll[silent].any()
    lengths = np.diff(np.concatenate([[-1], silent])) // BAR
    assert sorted(set(lengths.tolist())) == [3, 4, 6]
    shares = np.bincount(lengths)[[3, 4, 6]] / len(lengths)
    assert np.abs(shares - 1 / 3).max() < 5 * 0.5 / len(lengths) ** 0.5


def test_passes_score_every_frame_once_and_are_shuffled_by_epoch():
    task = registry.load("progressions", "smoke")
    law = progressions.load("progressions", "smoke").law
    frames = progressions.drawn(law, "smoke", "train").roll
    seen = []
    for epoch in (0, 1):
        batches = list(task.batches("train", epoch))
        seen.append(np.concatenate([batch.targets[batch.mask] for batch in batches]))
        assert sorted(map(bytes, seen[-1].astype(np.uint8))) == sorted(map(bytes, frames))
    assert not np.array_equal(*seen)


def test_samples_name_their_notes():
    (text,) = registry.load("progressions", "smoke").sample("train", 1)
    steps = text[1:-1].split("] [")
    assert len(steps) in (12, 16)
    assert steps[-1] == ""
    assert all(len(step.split()) == 4 for step in steps[:-1])
    assert steps[-2].split()[0] == "C1"


def test_phrases_too_short_to_close_are_refused():
    with pytest.raises(TaskError, match="3 bars"):
        progressions.Law((1,), (2,), 0.3, 1, 1, 1, 1, 1)
