import numpy as np
import pytest

from tasks import registry
from tasks.generated import memorization
from tasks.task import TaskError

LAW = memorization.Law(symbols=3, alphabet=5, train=4, valid=2, test=2, batch=10)


def test_the_answer_follows_the_delimiter():
    task = memorization.make(LAW, "test")
    for batch in task.batches("train"):
        assert batch.inputs.shape == (6, 10)
        assert batch.reset.all()
        np.testing.assert_array_equal(batch.inputs[3], 5)
        np.testing.assert_array_equal(batch.targets[3:], batch.inputs[:3])
        np.testing.assert_array_equal(batch.inputs[4:], batch.inputs[:2])
        assert not batch.mask[:3].any()
        assert batch.mask[3:].all()


def test_fresh_data_differ_between_epochs_and_fixed_data_only_in_order():
    def rows(task, epoch):
        return np.concatenate([b.inputs[:3].T for b in task.batches("train", epoch)])

    fresh = memorization.make(LAW, "test")
    assert not np.array_equal(rows(fresh, 0), rows(fresh, 1))
    law = memorization.Law(3, 5, 4, 2, 2, 10, fresh=False)
    fixed = memorization.make(law, "test")
    assert not np.array_equal(rows(fixed, 0), rows(fixed, 1))
    assert sorted(map(tuple, rows(fixed, 0))) == sorted(map(tuple, rows(fixed, 1)))


def test_the_floor_without_memory_is_chance():
    (optimum, chance) = memorization.make(LAW, "test").facts.floors
    assert (optimum.accuracy, optimum.loss) == (1.0, 0.0)
    assert chance.accuracy == 1 / 5
    batches = list(registry.load("memorization", "paper").batches("test"))
    answers = np.concatenate([batch.targets[batch.mask] for batch in batches])
    # 25,000 answers: 5 standard errors are 0.006
    assert abs((answers == 4).mean() - 1 / 26) < 0.006


def test_samples_read_as_question_and_answer():
    for text in registry.load("memorization", "paper").sample("valid", 5):
        question, answer = text.split("|")
        assert question == answer
        assert len(answer) == 5


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="27"):
        memorization.Law(3, 27, 4, 2, 2, 10)
    with pytest.raises(TaskError, match="batch"):
        memorization.Law(3, 5, 4, 0, 2, 10)
