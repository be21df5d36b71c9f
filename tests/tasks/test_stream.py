import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import chance
from tasks.stream import cut_sequences, cut_stream, roll_batches, stream_batches
from tasks.task import TaskError

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=30)


def seen(cut):
    """All steps that a cut holds, in the order of reading, lane by lane."""
    return [
        [
            step
            for start, used in zip(cut.starts[:, b], cut.used[:, b], strict=True)
            for step in range(start, start + used)
        ]
        for b in range(cut.starts.shape[1])
    ]


@given(st.integers(1, 400), st.integers(1, 9), st.integers(1, 12))
def test_a_stream_is_cut_into_contiguous_lanes_that_hold_each_step_once(steps, lanes, window):
    if steps < lanes:
        with pytest.raises(TaskError, match="T005"):
            cut_stream(steps, lanes, window)
        return
    cut = cut_stream(steps, lanes, window)
    assert [step for lane in seen(cut) for step in lane] == list(range(steps))
    sizes = cut.used.sum(axis=0)
    assert sizes.max() - sizes.min() <= 1
    assert cut.resets[0].all()
    assert not cut.resets[1:][cut.used[1:] > 0].any()


@given(lengths, st.integers(1, 6), st.integers(1, 12), st.booleans())
@settings(max_examples=60)
def test_each_step_of_each_sequence_stands_in_one_lane_once(sizes, lanes, window, shuffled):
    generator = chance.generator("test", len(sizes)) if shuffled else None
    cut = cut_sequences(sizes, lanes, window, generator)
    assert sorted(step for lane in seen(cut) for step in lane) == list(range(sum(sizes)))
    begins = set(np.cumsum([0, *sizes[:-1]]).tolist())
    held = cut.used > 0
    assert set(cut.starts[held & cut.resets].tolist()) == begins
    assert (held & cut.resets).sum() == len(sizes)


@given(lengths, st.integers(1, 6), st.integers(1, 12))
@settings(max_examples=60)
def test_lanes_are_filled_evenly(sizes, lanes, window):
    cut = cut_sequences(sizes, lanes, window)
    blocks = sorted((-(-size // window) for size in sizes), reverse=True)
    # Of the longest `lanes` + 1 sequences two share a lane.
    two = sum(blocks[lanes - 1 : lanes + 1]) if len(blocks) > lanes else 0
    best = max(-(-sum(blocks) // lanes), max(blocks), two)
    assert cut.windows <= 4 / 3 * best  # Graham's bound for longest first


def test_windows_of_a_stream_read_one_symbol_and_predict_the_next():
    symbols = np.arange(1, 24)
    batches = list(stream_batches(symbols, lanes=2, window=4))
    assert [batch.steps for batch in batches] == [4, 4, 3]
    for batch in batches:
        np.testing.assert_array_equal(batch.targets[batch.mask], batch.inputs[batch.mask] + 1)
    inputs = np.concatenate([batch.inputs for batch in batches])
    assert inputs[:, 0].tolist() == list(range(1, 12))
    assert inputs[:, 1].tolist() == list(range(12, 23))
    assert [batch.reset.all() for batch in batches] == [True, False, False]


def test_every_symbol_but_the_first_is_scored_once_a_pass():
    symbols = chance.generator("test").integers(1000, size=1001)
    targets = [b.targets[b.mask] for b in stream_batches(symbols, lanes=7, window=13)]
    assert sorted(np.concatenate(targets)) == sorted(symbols[1:])


def test_unscored_symbols_are_read_and_not_scored():
    symbols = np.arange(30)
    scored = symbols % 3 == 0
    batches = list(stream_batches(symbols, 2, 5, scored))
    targets = np.concatenate([batch.targets[batch.mask] for batch in batches])
    assert sorted(targets) == list(range(3, 30, 3))


def test_rolls_read_the_frame_before_and_zeros_at_the_start():
    generator = chance.generator("roll")
    roll = (generator.random((40, 6)) < 0.5).astype(np.uint8)
    offsets = np.array([0, 11, 30, 40])
    scored = 0
    for batch in roll_batches(roll, offsets, lanes=2, window=8):
        assert batch.inputs.dtype == batch.targets.dtype == np.float32
        scored += int(batch.mask.sum())
        for lane in range(2):
            count = int(batch.mask[:, lane].sum())
            assert not batch.mask[count:, lane].any()
            assert not batch.targets[count:, lane].any()
            if batch.reset[lane]:
                assert not batch.inputs[0, lane].any()
            held = batch.inputs[:count, lane]
            np.testing.assert_array_equal(held[1:], batch.targets[:count, lane][:-1])
    assert scored == 40


def test_rolls_in_all_windows_are_the_rolls_that_came_in():
    generator = chance.generator("roll")
    roll = (generator.random((200, 5)) < 0.5).astype(np.uint8)
    offsets = np.array([0, 3, 90, 91, 150, 200])
    frames = np.concatenate(
        [b.targets[b.mask] for b in roll_batches(roll, offsets, 3, 7, chance.generator("order"))]
    )
    assert sorted(map(tuple, frames)) == sorted(map(tuple, roll.astype(np.float32)))


def test_a_shuffle_changes_the_order_and_repeats_for_its_seed():
    sizes = list(range(1, 30))
    one = cut_sequences(sizes, 3, 5, chance.generator("order", 0))
    again = cut_sequences(sizes, 3, 5, chance.generator("order", 0))
    other = cut_sequences(sizes, 3, 5, chance.generator("order", 1))
    np.testing.assert_array_equal(one.starts, again.starts)
    assert not np.array_equal(one.starts, other.starts)


def test_no_sequences_are_refused():
    with pytest.raises(TaskError, match="T005"):
        cut_sequences([], 2, 5)


def test_a_seed_depends_on_every_name_and_on_nothing_else():
    assert chance.generator("a", 1).random() == chance.generator("a", 1).random()
    drawn = {chance.generator(*names).random() for names in [("a", 1), ("a", 2), ("b", 1), ("a1",)]}
    assert len(drawn) == 4
