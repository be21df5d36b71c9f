import numpy as np
import pytest

from tasks import registry
from tasks.generated import adding
from tasks.task import TaskError
from tests.tasks.levels import measured


def test_the_answer_is_the_sum_of_the_marked_numbers_one_in_each_half():
    for text in registry.load("adding", "laptop").sample("train", 200):
        read, said = text.split(" -> ")
        *numbers, equals = read.split()
        assert equals == "="
        assert 30 <= len(numbers) <= 33
        places = [at for at, number in enumerate(numbers) if number.startswith("+")]
        assert int(said) == sum(int(numbers[at]) for at in places)
        first, second = places
        assert first < len(numbers) // 2 <= second


def test_levels_agree_with_counts_on_drawn_sequences():
    law = adding.Law(values=5, shortest=6, longest=9, train=1, valid=1, test=1000, batch=20)
    task = adding.make(law, "test")
    pairs = []
    for text in task.sample("test", 20_000):
        read, said = text.split(" -> ")
        marked = [number for number in read.split() if number.startswith("+")]
        pairs.append((marked[1], said))
    known = {floor.name: floor for floor in task.facts.floors}
    for name, found in (
        ("one of the two numbers", measured(pairs)),
        ("no memory", measured(("", said) for _, said in pairs)),
    ):
        # 20,000 sums: five standard errors are below 0.02
        assert (known[name].loss, known[name].accuracy) == pytest.approx(found, abs=0.02)


def test_the_distance_is_that_of_the_first_mark():
    task = adding.load("adding", "smoke")
    for distance in task.labels("test", "distance"):
        for batch in task.part("test", "distance", distance):
            for lane in np.flatnonzero(batch.mask.any(axis=0)):
                answer = int(batch.mask[:, lane].argmax())
                first = np.flatnonzero(batch.inputs[:answer, lane] >= 5)[0]
                assert answer - first == distance


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="1 to 5"):
        adding.Law(values=3, shortest=1, longest=5, train=1, valid=1, test=1, batch=1)
