"""One answer a step: the answers, and the level of those who remember nothing."""

import numpy as np
import pytest

from tasks.ancestors.labelling import Law, draw, floors
from tasks.task import TaskError


def test_sums_and_delays_are_those_of_the_symbols_read() -> None:
    found = draw(Law("sum", symbols=4, steps=9), np.random.default_rng(0), 3)
    for lane in range(3):
        digits = found.inputs[:, lane].tolist()
        assert found.targets[:, lane].tolist() == [sum(digits[: t + 1]) % 4 for t in range(9)]
    found = draw(Law("delay", steps=9, delay=2), np.random.default_rng(0), 3)
    assert (found.targets[:2] == -1).all()
    assert np.array_equal(found.targets[2:], found.inputs[:-2])


@pytest.mark.parametrize("law", [Law("sum", 3, 4), Law("delay", 4, 6, 2), Law("delay", 4, 6, 0)])
def test_the_level_without_memory_is_that_of_the_best_table_of_answers(law: Law) -> None:
    found = draw(law, np.random.default_rng(1), 20_000)
    counts = np.zeros((law.symbols, law.symbols))
    scored = found.targets >= 0
    np.add.at(counts, (found.inputs[scored], found.targets[scored]), 1)
    blind = floors(law)[1]
    assert blind.name == "no memory"
    assert blind.accuracy == pytest.approx(counts.max(1).sum() / counts.sum(), abs=0.01)


def test_a_delay_beyond_the_sequence_is_refused() -> None:
    with pytest.raises(TaskError, match="delay 5"):
        Law("delay", steps=5, delay=5)
