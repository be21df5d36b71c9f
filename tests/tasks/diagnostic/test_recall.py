"""Recall: answers are those of a dictionary, levels those of partial knowledge of the pairs."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from tasks import registry
from tasks.diagnostic import recall
from tasks.task import TaskError
from tests.tasks.levels import measured

SIZES: dict[str, Any] = {"train": 20, "valid": 700, "test": 300, "batch": 20}
LAW = recall.Law(keys=4, values=3, shortest=4, longest=9, tested=(9, 16), **SIZES)
NOISY = recall.Law(
    keys=3, values=4, shortest=4, longest=6, tested=(6, 24), noise=3, distractors=5, **SIZES
)


def sequences(task, split):
    """Pairs as (key, value or None, answer or None if not scored), sequence by sequence."""
    drawn, vocabulary = task.sequences(split), task.facts.vocabulary
    begin = 0
    for length in drawn.lengths.tolist():
        pairs = []
        for at in range(begin, begin + length):
            symbol = vocabulary[drawn.inputs[at]]
            if symbol.islower():
                said = vocabulary[drawn.targets[at]] if drawn.scored[at] else None
                pairs.append([symbol, None, said])
            else:
                assert not drawn.scored[at]
                if symbol.isdigit():
                    pairs[-1][1] = symbol
        begin += length
        yield pairs


@pytest.mark.parametrize("law", [LAW, NOISY])
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_answers_are_looked_up_in_what_was_read(law, split):
    pairs_of = {"train": range(law.shortest, law.longest + 1), "test": law.tested}
    for pairs in sequences(recall.make(law, "test"), split):
        count = len(pairs)
        assert count in pairs_of.get(split, pairs_of["train"])
        first = 0 if split == "train" else count - -(-count // 4)
        known = {}
        for at, (key, value, said) in enumerate(pairs):
            assert said == (known.get(key) if at >= first else None)
            assert known.setdefault(key, value) == value or at == count - 1


def test_distractors_stand_before_a_pair_and_never_in_it():
    task = recall.make(NOISY, "test")
    runs = Counter()
    for text in task.sample("valid", 3000):
        read = text.split(" -> ")[0]
        run, inside = 0, False
        for symbol in read:
            if symbol.isupper():
                assert not inside
                run += 1
            elif symbol.islower():
                runs[run] += 1
                run, inside = 0, True
            else:
                inside = False
        assert read[-1].islower()
    # 15,000 runs: five standard errors are 0.018
    total = sum(runs.values())
    assert [runs[n] / total for n in range(5)] == pytest.approx([0.25] * 4 + [0], abs=0.018)
    assert max(batch.steps for batch in task.batches("valid")) <= task.facts.window == 29


def views(name, before, key):
    if name == "the pair before":
        (last_key, last_value, _) = before[-1]
        return last_value if last_key == key else None
    if name == "the values read, not their keys":
        return tuple(sorted(Counter(value for _, value, _ in before).items()))
    return None


@pytest.mark.parametrize("law", [LAW, NOISY])
@pytest.mark.parametrize(("split", "where"), [("valid", ""), ("test", ", in test")])
@pytest.mark.parametrize("name", ["the pair before", "values", "no memory"])
def test_levels_agree_with_counts_on_drawn_sequences(law, split, where, name):
    name = {"values": "the values read, not their keys"}.get(name, name)
    task = recall.make(law, "test")
    known = {floor.name: floor for floor in task.facts.floors}
    floor = known[name if name == "no memory" else name + where]
    if name == "the values read, not their keys" and where:
        # counts of many pairs hardly recur, so the best guess is made by rule: the value read most
        right = [
            said == max(counts, key=counts.__getitem__)
            for pairs in sequences(task, split)
            for at, (_, _, said) in enumerate(pairs)
            if said is not None
            for counts in [Counter(value for _, value, _ in pairs[:at])]
        ]
        # at least 12,000 answers, some alike in a sequence: five standard errors are below 0.03
        assert floor.accuracy == pytest.approx(np.mean(right), abs=0.03)
        return
    answers = [
        (views(name, pairs[:at], key), said)
        for pairs in sequences(task, split)
        for at, (key, _, said) in enumerate(pairs)
        if said is not None
    ]
    assert len(answers) > 12_000
    loss, accuracy = measured(answers)
    assert floor.accuracy == pytest.approx(accuracy, abs=0.03)
    assert floor.loss == pytest.approx(loss, abs=0.05)


def test_two_keys_of_two_values_by_hand():
    """Four pairs, of which the last is asked: 8 orders of 3 keys before it, 2 keys, 4 maps."""
    numbers: dict[str, Any] = {"keys": 2, "values": 2, "shortest": 4, "longest": 4}
    law = recall.Law(**numbers, tested=(4,), **SIZES)
    joint: Counter[tuple[tuple[int, int], int]] = Counter()
    for order in range(16):
        *before, asked = ((order >> at) & 1 for at in range(4))
        if asked not in before:
            continue
        for bound in ((0, 0), (0, 1), (1, 0), (1, 1)):
            ones = sum(bound[key] for key in before)
            joint[(ones, 3 - ones), bound[asked]] += 1
    best: Counter[tuple[int, int]] = Counter()
    for (counts, _), times in joint.items():
        best[counts] = max(best[counts], times)
    known = {floor.name: floor for floor in law.floors()}
    share = sum(best.values()) / sum(joint.values())
    assert known["the values read, not their keys"].accuracy == pytest.approx(share)
    # 14 of 16 are asked for: 8 with the key before, 6 with the other
    assert known["the pair before"].accuracy == pytest.approx((8 + 3) / 14)
    assert len(known) == 4


def test_the_label_says_how_many_pairs_ago_the_key_was_read():
    task = recall.make(LAW, "test")
    drawn = task.sequences("valid")
    distances = iter(drawn.labels["distance"][drawn.scored].tolist())
    for pairs in sequences(task, "valid"):
        for at, (key, _, said) in enumerate(pairs):
            if said is not None:
                last = max(before for before in range(at) if pairs[before][0] == key)
                assert next(distances) == at - last


@pytest.mark.parametrize("name", ["recall", "noisy-recall"])
def test_every_scale_tests_more_pairs_than_it_trains(name):
    for scale in registry.scales_of(name):
        numbers = recall.load(name, scale).law
        assert isinstance(numbers, recall.Law)
        assert numbers.tested[0] == numbers.longest
        assert numbers.tested[-1] >= 2 * numbers.longest
        assert (numbers.noise > 0) == (name == "noisy-recall")


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="11 keys"):
        recall.Law(keys=11, values=2, shortest=4, longest=4, tested=(4,), **SIZES)
    with pytest.raises(TaskError, match="up to 2 of 0"):
        recall.Law(keys=2, values=2, shortest=4, longest=4, tested=(4,), noise=2, **SIZES)
