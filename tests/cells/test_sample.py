"""Random cells are valid, of the size asked for, and varied."""

from collections import Counter
from random import Random

import pytest

from cells import CellError, check, identifier, sample
from cells.limit import Limits
from cells.op import FIRST, alphabet


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


@pytest.mark.parametrize("extended", [False, True])
def test_samples_are_valid_and_of_the_size_asked_for(extended: bool):
    for seed in range(300):
        generator = seeded(seed)
        size = generator.randint(1, 40)
        cell = sample(generator, size, extended=extended)
        check(cell)
        assert sum(bool(node.args) for node in cell.nodes) == size


def test_samples_have_the_states_asked_for():
    for states in range(5):
        cell = sample(seeded(states), 12, states)
        assert len(cell.updates) == states


def test_samples_are_a_function_of_the_generator():
    assert [sample(seeded(s), 15) for s in range(20)] == [sample(seeded(s), 15) for s in range(20)]


def test_samples_of_twenty_nodes_hardly_repeat():
    names: set[str] = set()
    folded = 0
    for seed in range(300):
        try:
            names.add(identifier(sample(seeded(seed), 20)))
        except CellError:
            folded += 1
    assert folded < 15
    assert len(names) == 300 - folded


def test_the_paper_set_is_drawn_from_in_full_and_nothing_else():
    ops = Counter(
        node.op for seed in range(200) for node in sample(seeded(seed), 20).nodes if node.args
    )
    assert set(ops) == {"linear", "tanh", "sigmoid", "relu", "*", "+", "-"}


def test_the_extended_set_is_drawn_from_in_full():
    ops = {node.op for seed in range(300) for node in sample(seeded(seed), 20, extended=True).nodes}
    drawn = {*alphabet("activation", FIRST), *alphabet("arithmetic", FIRST)}
    assert ops - {"input", "state"} == {"linear", "constant", "vector", "scalar", *drawn}


def test_impossible_requests_are_refused():
    with pytest.raises(ValueError, match="less than the number of states"):
        sample(seeded(0), 1, 3)
    with pytest.raises(CellError, match="C401"):
        sample(seeded(0), 30, limits=Limits(nodes=10))
