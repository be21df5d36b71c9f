import pytest

from tasks import registry
from tasks.generated import agreement
from tasks.task import TaskError
from tests.tasks.levels import measured

LAW = agreement.Law(longest=6, farthest=12, attractors=3, train=1, valid=500, test=500, batch=20)
FORMS = {form: number for forms in agreement.VERBS.values() for number, form in enumerate(forms)}


def sentences(task, split, count):
    """Words read and the verb of each sentence."""
    for text in task.sample(split, count):
        read, verb = text.split(" -> ")
        yield read.split(), verb


def numbers(words):
    """The number of each noun in turn, 0 singular or 1 plural."""
    return [int(words[at + 1] == "-s") for at, word in enumerate(words) if word in agreement.NOUNS]


@pytest.fixture(scope="module")
def task():
    return agreement.make(LAW, "test")


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_verb_has_the_number_of_the_head_and_is_the_one_that_the_word_before_asks_for(
    task, split
):
    for words, verb in sentences(task, split, 2000):
        assert words[0] == "the"
        # an oracle of two states: set by the first noun, kept to the end
        assert verb == agreement.VERBS[words[-1]][numbers(words)[0]]


@pytest.mark.parametrize(("split", "name"), [("valid", ""), ("test", ", in test")])
def test_levels_agree_with_rules_on_drawn_sentences(task, split, name):
    known = {floor.name: floor for floor in task.facts.floors}
    drawn = list(sentences(task, split, 10_000))
    found = measured(((words[-1], numbers(words)[-1]), verb) for words, verb in drawn)
    floor = known[f"nearest noun{name}"]
    # 10,000 verbs: five standard errors are below 0.026
    assert (floor.loss, floor.accuracy) == pytest.approx(found, abs=0.026)
    found = measured((words[-1], verb) for words, verb in drawn)
    floor = known["no memory"]
    assert (floor.loss, floor.accuracy) == pytest.approx(found, abs=0.026)


def test_the_nearest_noun_is_right_without_attractors_and_wrong_where_all_are_opposite(task):
    for words, verb in sentences(task, "test", 2000):
        head, *attractors = numbers(words)
        if not attractors:
            assert numbers(words)[-1] == FORMS[verb]
        elif all(number != head for number in attractors):
            assert numbers(words)[-1] != FORMS[verb]


def test_test_sentences_have_words_of_their_own_and_longer_clauses(task):
    free = {"the", "-s", ",", "which", *agreement.VERBS}
    used = {
        split: {word for words, _ in sentences(task, split, 10_000) for word in words} - free
        for split in ("valid", "test")
    }
    assert not used["valid"] & used["test"]
    assert used["valid"] | used["test"] == {*agreement.NOUNS, *agreement.FILLERS}
    assert task.labels("valid", "distance") == tuple(range(7))
    assert task.labels("test", "distance") == tuple(range(13))
    assert max(batch.steps for batch in task.batches("valid")) <= task.facts.window


def test_labels_tell_the_words_between_and_the_opposite_attractors(task):
    found = task.sequences("test")
    ends = found.lengths.cumsum() - 1
    said = zip(
        sentences(task, "test", 1000),
        found.labels["distance"][ends].tolist(),
        found.labels["opposite"][ends].tolist(),
        strict=False,
    )
    for (words, _), distance, opposite in said:
        head, *attractors = numbers(words)
        assert opposite == sum(number != head for number in attractors)
        clause = " ".join(words).partition(", which ")[2].rpartition(" ,")[0]
        assert distance == len([word for word in clause.split() if word != "-s"])
        assert len(attractors) <= min(3, distance)


def test_without_attractors_the_nearest_noun_is_all_that_is_needed():
    law = agreement.Law(longest=3, farthest=3, attractors=0, train=1, valid=1, test=1, batch=1)
    (floor,) = (f for f in agreement.make(law, "test").facts.floors if f.name == "nearest noun")
    assert (floor.loss, floor.accuracy) == (0, 1)


def test_impossible_numbers_are_refused():
    with pytest.raises(TaskError, match="to 3"):
        agreement.Law(longest=4, farthest=3, attractors=0, train=1, valid=1, test=1, batch=1)


def test_every_scale_tests_longer_clauses_than_it_trains():
    for scale in registry.scales_of("agreement"):
        law = agreement.load("agreement", scale).law
        assert isinstance(law, agreement.Law)
        assert law.farthest > law.longest
