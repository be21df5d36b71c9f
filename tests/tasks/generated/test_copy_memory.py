import numpy as np
import pytest

from tasks import registry
from tasks.generated import copy_memory
from tasks.task import TaskError

LAW = copy_memory.Law(symbols=3, alphabet=5, delay=4, train=4, valid=2, test=50, batch=10)


def test_the_symbols_are_asked_for_after_the_delay_and_not_shown_again():
    for batch in copy_memory.make(LAW, "test").batches("train"):
        assert batch.inputs.shape == (10, 10)
        assert batch.reset.all()
        blank, delimiter = 5, 6
        assert (batch.inputs[:3] < blank).all()
        assert (batch.inputs[3:7] == blank).all()
        assert (batch.inputs[7] == delimiter).all()
        assert (batch.inputs[8:] == blank).all()
        np.testing.assert_array_equal(batch.targets[7:], batch.inputs[:3])
        np.testing.assert_array_equal(batch.mask, (np.arange(10) >= 7)[:, None] & np.ones(10, bool))


def test_levels_agree_with_a_memory_of_some_symbols_on_drawn_data():
    task = copy_memory.make(LAW, "test")
    known = {floor.name: floor.accuracy for floor in task.facts.floors}
    for kept, name in ((0, "no memory"), (1, "1 of the 3 symbols"), (2, "2 of the 3 symbols")):
        right = np.concatenate(
            [
                np.where(np.arange(3)[:, None] < kept, True, batch.targets[7:] == 0)
                for batch in task.batches("test")
            ],
            axis=1,
        )
        # 1,500 symbols: five standard errors are 0.052
        assert known[name] == pytest.approx(right.mean(), abs=0.052)
    assert [floor.loss for floor in task.facts.floors] == pytest.approx(
        [0, np.log(5) / 3, np.log(5) * 2 / 3, np.log(5)]
    )


def test_samples_read_as_question_and_answer():
    for text in registry.load("copy", "paper").sample("valid", 5):
        read, said = text.split(" -> ")
        assert read == said + "." * 100 + "|" + "." * 9


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="27"):
        copy_memory.Law(symbols=3, alphabet=27, delay=0, train=1, valid=1, test=1, batch=1)
    with pytest.raises(TaskError, match="batch"):
        copy_memory.Law(symbols=3, alphabet=2, delay=0, train=1, valid=1, test=1, batch=0)
