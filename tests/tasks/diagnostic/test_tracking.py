"""State tracking: labels are products, levels are those of the last quarter."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cells.seed import task_seed
from tasks import registry
from tasks.diagnostic import quarter, tracking
from tasks.diagnostic.group import GENERATORS, generated, is_odd, named
from tasks.sequences import SequenceTask
from tasks.task import Split, TaskError
from tests.tasks.levels import measured

TASKS = ("parity", "cycle", "s3", "a5")


def law(group, **changes):
    sizes: dict[str, Any] = {"shortest": 4, "longest": 9, "tested": (9, 17), "train": 1}
    sizes |= {"group": group, "valid": 300, "test": 300, "batch": 20, **changes}
    return tracking.Law(**sizes)


def loaded(name, scale):
    task = registry.load(name, scale)
    assert isinstance(task, SequenceTask)
    return task


def law_of(task):
    assert isinstance(task.law, tracking.Law)
    return task.law


def sequences(task, split):
    """Letters and answers of every step, and which are scored, sequence by sequence."""
    drawn = task.sequences(split)
    begin = 0
    for length in drawn.lengths.tolist():
        steps = slice(begin, begin + length)
        begin += length
        words = [
            [task.facts.vocabulary[symbol] for symbol in symbols[steps].tolist()]
            for symbols in (drawn.inputs, drawn.targets)
        ]
        yield *words, drawn.scored[steps]


def by_hand(group, letters):
    """The products of letters so far, as names, computed without the group's table."""
    if group.startswith("z"):
        return [
            str(sum(map(int, letters[: at + 1])) % int(group[1:])) for at in range(len(letters))
        ]
    standing = list(range(len(GENERATORS[group][0])))  # where each of 0, 1, ... went so far
    said = []
    for letter in letters:
        generator = GENERATORS[group]["ab".index(letter)]
        standing = [generator[at] for at in standing]
        said.append("".join(str(at + 1) for at in standing))
    return said


@pytest.mark.parametrize("group", ["z2", "z5", "s3", "a5"])
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_every_label_is_the_product_of_the_letters_so_far(group, split):
    task = tracking.make(law(group, valid=20, test=20, train=20), "test", "tracking")
    for letters, said, _ in sequences(task, split):
        assert said == by_hand(group, letters)


def test_the_generators_give_all_permutations_of_three_and_all_even_ones_of_five():
    assert set(named("s3").names) == {"".join(p) for p in permutations("123")}
    even = {"".join(str(at + 1) for at in p) for p in permutations(range(5)) if not is_odd(p)}
    assert set(named("a5").names) == even
    assert named("s3").odd.sum() == 3
    assert not named("a5").odd.any()


@given(st.permutations(range(5)), st.permutations(range(5)))
@settings(max_examples=50)
def test_a_generated_group_is_one_and_signs_multiply(first, second):
    group = generated((tuple(first), tuple(second)))
    n = len(group.names)
    assert 120 % n == 0  # Lagrange
    for row, generator in zip(group.moves, (first, second), strict=True):
        assert sorted(row.tolist()) == list(range(n))
        np.testing.assert_array_equal(group.odd[row], group.odd ^ is_odd(tuple(generator)))


@given(st.integers(1, 10_000))
def test_the_last_quarter_is_rounded_up(count):
    assert count - quarter.first(count) == -(-count // 4)
    np.testing.assert_array_equal(quarter.first(np.array([count])), [quarter.first(count)])


def test_training_scores_every_step_and_the_other_splits_the_last_quarter():
    task = tracking.make(law("z2", train=20), "test", "tracking")
    for split in ("train", "valid", "test"):
        for letters, _, scored in sequences(task, split):
            first = 0 if split == "train" else len(letters) - -(-len(letters) // 4)
            np.testing.assert_array_equal(scored, np.arange(len(letters)) >= first)


VIEWS = {
    "the last letter": lambda letters, said: letters[-1],
    "the number of letters and the last": lambda letters, said: (len(letters), letters[-1]),
    "the sign of the product": lambda letters, said: is_odd(tuple(map(int, said))),
}


@pytest.mark.parametrize("group", ["z2", "z3", "s3", "a5"])
@pytest.mark.parametrize(("split", "where"), [("valid", ""), ("test", ", in test")])
def test_levels_agree_with_counts_on_drawn_sequences(group, split, where):
    # short sequences, whose walk is far from even; 12,000 of them
    numbers = {"shortest": 2, "longest": 5, "tested": (3, 8), "valid": 600, "test": 600}
    task = tracking.make(law(group, **numbers), "test", "tracking")
    known = {floor.name: floor for floor in task.facts.floors}
    steps = [
        (letters[: at + 1], said[at])
        for letters, said, scored in sequences(task, split)
        for at in np.flatnonzero(scored).tolist()
    ]
    checked = 0
    for name, view in VIEWS.items():
        floor = known.get(name + where, known.get(name) if group.startswith("z") else None)
        if floor is None:
            continue
        checked += 1
        # at least 12,000 answers: five standard errors of an accuracy are below 0.023, of a loss in
        # nats below 0.03; counting takes off 1/2 / 12,000 for each of at most 500 pairs that occur
        found = measured((view(letters, said), said) for letters, said in steps)
        assert floor.accuracy == pytest.approx(found[1], abs=0.023)
        assert floor.loss == pytest.approx(found[0], abs=0.05)
    assert checked == {"z2": 1, "z3": 1, "s3": 3, "a5": 2}[group]


def test_long_sequences_come_to_the_even_law():
    (known, counted) = tracking.levels(named("a5"), (400,))
    assert known.accuracy == pytest.approx(1 / 60, abs=1e-6)
    assert counted.loss == pytest.approx(np.log(60), abs=1e-6)
    *_, sign = tracking.levels(named("s3"), (400,))
    assert (sign.loss, sign.accuracy) == pytest.approx((np.log(3), 1 / 3))


@pytest.mark.parametrize("name", TASKS)
def test_every_scale_tests_at_the_length_it_trains_and_beyond(name):
    for scale in registry.scales_of(name):
        task = loaded(name, scale)
        numbers = law_of(task)
        assert numbers.tested[0] == numbers.longest == task.facts.window
        assert task.labels("test", "length") == tuple(sorted(numbers.tested))
        assert numbers.tested[-1] >= 2 * numbers.longest
    assert max(law_of(loaded(name, "laptop")).tested) == 200


def test_a_sequence_longer_than_a_window_goes_on_with_its_state():
    task = loaded("parity", "quick")
    batches = list(task.batches("test"))
    assert max(batch.steps for batch in batches) == 16
    assert sum(int(batch.reset.sum()) for batch in batches) < len(batches) * 20
    lengths = task.sequences("test").lengths
    answers = sum(-(-length // 4) for length in lengths.tolist())
    assert sum(int(batch.mask.sum()) for batch in batches) == answers


@pytest.mark.parametrize(
    "name", [*TASKS, "recall", "noisy-recall", "selective-copy", "compression"]
)
def test_splits_and_epochs_are_drawn_from_seeds_of_their_own(name):
    task = loaded(name, "laptop")
    facts = task.facts
    parts: list[tuple[Split, int]] = [("train", 0), ("train", 1), ("valid", 0), ("test", 0)]
    seeds = {task_seed(name, facts.version, "laptop", *part) for part in parts}
    assert len(seeds) == len(parts)
    drawn = [task.sequences(*part) for part in parts]
    for at, one in enumerate(drawn):
        for other in drawn[:at]:
            common = min(len(one.inputs), len(other.inputs))
            assert not np.array_equal(one.inputs[:common], other.inputs[:common])
        assert np.array_equal(one.inputs, task.sequences(*parts[at]).inputs)


def test_long_sequences_of_different_splits_are_different():
    task = loaded("parity", "laptop")
    lines = {}
    splits: tuple[Split, ...] = ("train", "valid", "test")
    for split in splits:
        found = ["".join(letters) for letters, _, _ in sequences(task, split)]
        lines[split] = {line for line in found if len(line) > 35}
        assert len(lines[split]) > 50
    assert not lines["train"] & lines["valid"]
    assert not lines["train"] & lines["test"]
    assert not lines["valid"] & lines["test"]


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="'d4'"):
        law("d4")
    with pytest.raises(TaskError, match="9 to 8"):
        law("z2", shortest=9, longest=8)
    with pytest.raises(TaskError, match="in test"):
        law("z2", tested=())
