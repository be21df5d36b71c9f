from dataclasses import dataclass

import numpy as np
import pytest

from tasks import registry, scale
from tasks.task import TaskError

GENERATED = (
    *("memorization", "arithmetic", "markup", "progressions", "reber", "reber-continual", "copy"),
    *("adding", "temporal-order", "agreement", "subsequence"),
)
DIAGNOSTIC = (
    *("parity", "cycle", "s3", "a5", "recall", "noisy-recall", "selective-copy", "compression"),
)
DISTANCES = ("laptop-near", "laptop-middle", "laptop-far")
BY_DISTANCE = {
    "arithmetic": {"gaps"},
    "markup": {"shortest", "longest"},
    "copy": {"delay"},
    "adding": {"shortest", "longest"},
    "temporal-order": {"shortest", "longest"},
    "agreement": {"longest", "farthest"},
}
"""The tasks that have these scales, and the numbers that set their distance."""
PAIRS = [(name, size) for name in (*GENERATED, *DIAGNOSTIC) for size in registry.scales_of(name)]


def test_the_scales_come_from_small_to_large():
    assert scale.names() == ("smoke", "quick", "laptop", *DISTANCES, "workstation", "paper")


@pytest.mark.parametrize("name", GENERATED)
def test_every_generated_task_has_every_scale_but_those_of_six_tasks_by_distance(name):
    others = tuple(size for size in scale.names() if size not in DISTANCES)
    assert registry.scales_of(name) == (scale.names() if name in BY_DISTANCE else others)


@pytest.mark.parametrize("name", DIAGNOSTIC)
def test_diagnostic_tasks_have_the_three_small_scales(name):
    assert registry.scales_of(name) == ("smoke", "quick", "laptop")
    assert name in registry.names()


@pytest.mark.parametrize("name", BY_DISTANCE)
def test_the_scales_by_distance_differ_in_nothing_else(name):
    near, middle, far = (scale.tables(size)[name] for size in DISTANCES)
    assert near.keys() == middle.keys() == far.keys()
    differing = {key for key in near if near[key] != middle[key] or middle[key] != far[key]}
    assert differing == BY_DISTANCE[name]
    assert middle["fresh"]


@pytest.mark.parametrize("name", ["copy", "arithmetic", "markup"])
def test_the_middle_distance_of_three_tasks_is_that_of_laptop(name):
    middle, laptop = (scale.tables(size)[name] for size in ("laptop-middle", "laptop"))
    newer = {"fresh": True, "train": 250}
    assert middle == laptop | newer | ({"disjoint": True} if name == "arithmetic" else {})


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(TaskError, match="memorization") as caught:
        registry.load("memorisation")
    assert caught.value.code == "T001"


def test_an_unknown_scale_names_the_nearest():
    with pytest.raises(TaskError, match="laptop") as caught:
        registry.load("memorization", "labtop")
    assert caught.value.code == "T002"


def test_a_scale_that_a_task_lacks_names_those_it_has():
    @dataclass
    class Law:
        batch: int

    with pytest.raises(TaskError, match="it has none") as caught:
        scale.read("nothing", "smoke", Law)
    assert caught.value.code == "T003"


@dataclass(frozen=True)
class Missing:
    symbols: int
    alphabet: int
    train: int
    valid: int
    test: int
    batch: int
    fresh: bool
    further: int


@dataclass(frozen=True)
class Unknown:
    symbols: int


@dataclass(frozen=True)
class Wrong:
    symbols: str


@pytest.mark.parametrize(
    ("law", "text"),
    [(Missing, "'further' is missing"), (Unknown, "unknown key"), (Wrong, "type <class 'str'>")],
)
def test_a_table_that_does_not_fit_its_law_is_refused(law, text):
    with pytest.raises(TaskError, match=text) as caught:
        scale.read("memorization", "smoke", law)
    assert caught.value.code == "T004"


def test_loading_twice_gives_the_same_object():
    assert registry.load("memorization") is registry.load("memorization", "laptop")


@pytest.mark.parametrize(("name", "size"), PAIRS)
def test_facts_agree_with_the_batches(name, size):
    task = registry.load(name, size)
    facts = task.facts
    assert (facts.name, facts.scale) == (name, size)
    batches = list(task.batches("valid"))
    assert batches[0].reset.all()
    for batch in batches:
        assert batch.steps <= facts.window
        assert batch.lanes == facts.batch
        assert batch.inputs.shape == batch.targets.shape
        assert batch.mask.shape == batch.inputs.shape[:2]
        assert batch.inputs.dtype == (np.int64 if facts.kind == "symbols" else np.float32)
        if facts.kind == "symbols":
            assert batch.inputs.max() < facts.size == len(facts.vocabulary)
        else:
            assert batch.inputs.shape[2] == facts.size
    if size not in ("paper", "workstation"):
        assert sum(1 for _ in task.batches("train")) == facts.updates
    assert len(task.sample("test", 3)) == 3


@pytest.mark.parametrize("name", [*GENERATED, *DIAGNOSTIC])
def test_passes_repeat_and_splits_differ(name):
    task = registry.load(name, "smoke")

    def first(split, epoch=0):
        return next(iter(task.batches(split, epoch))).targets

    for split in ("train", "valid", "test"):
        np.testing.assert_array_equal(first(split), first(split))
    np.testing.assert_array_equal(first("valid", 0), first("valid", 7))
    assert not np.array_equal(first("valid"), first("test"))
    assert not np.array_equal(first("valid"), first("train"))


def test_digests_differ_between_tasks_and_scales():
    digests = {registry.load(*pair).facts.digest for pair in PAIRS}
    assert len(digests) == len(PAIRS)


@pytest.mark.parametrize("name", [*GENERATED, *DIAGNOSTIC])
@pytest.mark.parametrize("lanes", [7, 40])
def test_another_batch_size_lays_the_same_steps_beside_each_other_otherwise(name, lanes):
    task = registry.load(name, "smoke")

    def scored(batches):
        return sorted(row for batch in batches for row in batch.targets[batch.mask].tolist())

    for split in ("train", "valid"):
        wide = list(task.batches(split, 1, lanes))
        assert {batch.lanes for batch in wide} == {lanes}
        assert max(batch.steps for batch in wide) <= task.facts.window
        assert scored(wide) == scored(task.batches(split, 1))
    assert task.facts == registry.load(name, "smoke").facts
