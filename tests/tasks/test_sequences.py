from typing import Any

import numpy as np
import pytest

from tasks import registry
from tasks.breakdown import by
from tasks.generated import adding, copy_memory, subsequence
from tasks.sequences import SequenceTask

NAMES = ("reber", "copy", "adding", "temporal-order", "agreement", "subsequence")
FIXED = copy_memory.Law(symbols=2, alphabet=6, delay=1, train=6, valid=2, test=2, batch=5)
FRESH = copy_memory.Law(
    symbols=2, alphabet=6, delay=1, train=6, valid=2, test=2, batch=5, fresh=True
)


def rows(task, epoch):
    return [tuple(lane) for batch in task.batches("train", epoch) for lane in batch.inputs.T]


def test_fixed_sequences_repeat_in_another_order_and_fresh_ones_do_not_repeat():
    fixed, fresh = copy_memory.make(FIXED, "test"), copy_memory.make(FRESH, "test")
    assert rows(fixed, 0) != rows(fixed, 1)
    assert sorted(rows(fixed, 0)) == sorted(rows(fixed, 1))
    assert sorted(rows(fresh, 0)) != sorted(rows(fresh, 1))
    assert rows(fresh, 1) == rows(fresh, 1)


@pytest.mark.parametrize("name", NAMES)
def test_each_sequence_begins_at_a_reset_and_is_read_once(name):
    task = registry.load(name, "smoke")
    assert isinstance(task, SequenceTask)
    whole = task.sequences("test")
    begun = said = 0
    for batch in task.batches("test"):
        begun += int(batch.reset.sum())
        said += int(batch.mask.sum())
    # lanes that have run out are reset as well
    assert begun >= len(whole.lengths) == task.law.test * task.law.batch
    assert said == whole.scored.sum()


@pytest.mark.parametrize(
    ("name", "label"),
    [("copy", "place"), ("adding", "distance"), ("agreement", "opposite"), ("reber", "distant")],
)
def test_parts_share_out_what_is_scored(name, label):
    task = registry.load(name, "smoke")
    assert isinstance(task, SequenceTask)
    whole = sum(int(batch.mask.sum()) for batch in task.batches("test"))
    assert label in task.divided_by
    values = task.labels("test", label)
    assert len(values) > 1
    parts = [
        sum(int(batch.mask.sum()) for batch in task.part("test", label, value)) for value in values
    ]
    assert all(parts)
    assert sum(parts) == whole


class Parrot:
    """Says the symbol that it read `delay` steps before; 0 where there was none."""

    def __init__(self, delay):
        self.delay = delay

    def forget(self):
        self.forgotten = True

    def evaluate(self, batch):
        assert self.forgotten
        guess = np.zeros_like(batch.inputs)
        guess[self.delay :] = batch.inputs[: batch.steps - self.delay]
        right = (guess == batch.targets) & batch.mask
        return Counted(
            float((~right & batch.mask).sum()), float(right.sum()), int(batch.mask.sum())
        )


class Counted:
    def __init__(self, loss, correct, scored):
        self.loss, self.correct, self.scored = loss, correct, scored


def test_a_breakdown_tells_where_a_model_is_right():
    task = copy_memory.make(FIXED, "test")
    # the first symbol is due 3 steps after it was read, and so is the second
    assert [part.accuracy for part in by("place", Parrot(3), task).values()] == [1.0, 1.0]
    found = by("place", Parrot(4), task, "train")
    assert {place: part.scored for place, part in found.items()} == {0: 30, 1: 30}
    # the second answer is then the first symbol, right by chance alone
    assert found[1].accuracy < 0.6
    assert found[1].loss == pytest.approx(1 - found[1].accuracy)


def test_a_label_that_a_task_lacks_is_an_error():
    with pytest.raises(KeyError):
        by("distance", Parrot(3), copy_memory.make(FIXED, "test"))


def test_tasks_of_equal_sizes_differ_in_their_digest():
    sizes: dict[str, Any] = {"train": 1, "valid": 1, "test": 1, "batch": 2}
    one = adding.make(adding.Law(values=3, shortest=4, longest=4, **sizes), "test")
    two = adding.make(adding.Law(values=3, shortest=4, longest=5, **sizes), "test")
    assert one.facts.digest != two.facts.digest
    law = subsequence.Law(pattern="ab", letters=3, gap=1, farthest=1, **sizes)
    other = subsequence.Law(pattern="ab", letters=3, gap=1, farthest=2, **sizes)
    assert subsequence.make(law, "t").facts.digest != subsequence.make(other, "t").facts.digest
