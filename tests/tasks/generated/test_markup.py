import re

import numpy as np
import pytest

from tasks import chance, registry
from tasks.generated import markup, nesting
from tasks.task import TaskError

PAPER = markup.Law(26, 2, 10, 50, 1, 1, 1, 1, 35)
TAGS = 120_000


@pytest.fixture(scope="module")
def tags():
    return markup.draw_tags(PAPER, TAGS, chance.generator("test", "markup", "tags"))


@pytest.fixture(scope="module")
def text(tags):
    symbols = markup.written(PAPER, tags, chance.generator("test", "markup", "names"))
    return markup.spelled(PAPER, symbols)


def test_tags_are_closed_in_the_reverse_order_of_their_opening(text):
    stack = []
    for slash, name in re.findall(r"<(/?)([a-z]{2,10})>", text):
        if slash:
            assert stack.pop() == name
        else:
            stack.append(name)
    assert stack == []
    assert re.sub(r"</?[a-z]{2,10}>", "", text) == ""


def test_no_tag_is_opened_after_the_last_iteration(tags):
    assert tags.iteration[tags.opening].max() == 50
    assert tags.iteration.max() > 50


def test_strings_have_the_length_of_the_reading_of_the_paper(tags, text):
    strings = (tags.iteration == 1).sum()
    # 175.8 characters by the exact walk; one string's standard deviation is about 220
    assert nesting.walk(50).pairs * 17 == pytest.approx(175.78, abs=0.01)
    assert len(text) / strings == pytest.approx(175.78, abs=5 * 220 / strings**0.5)
    assert strings > 2000


def test_levels_at_the_difficulty_of_the_paper():
    known = {floor.name: floor for floor in nesting.levels(26, 2, 10, 50)}
    lines = {
        "no memory": 0.30,
        "1 name": 0.48,
        "2 names": 0.54,
        "3 names": 0.57,
        "5 names": 0.60,
        "8 names": 0.625,
        "optimum": 0.65,
    }
    for name, line in lines.items():
        assert known[name].accuracy == pytest.approx(line, abs=0.0051)
    optimum = known["optimum"]
    lower, upper = optimum.lower or 0.0, optimum.upper or 0.0
    assert 0 < upper - lower < 0.0015
    assert lower < (optimum.loss or 0.0) < upper


def letter_by_letter(name, law):
    """Right guesses after the first letter of a name that is not known: its end, or an `a`."""
    right = 0
    for known in range(1, len(name) + 1):
        ends = 1 / (law.longest - known + 1) if known >= law.shortest else 0.0
        right += known == len(name) if ends > (1 - ends) / law.letters else name[known:][:1] == "a"
    return right


def guesses(text, memory, law):
    """Right guesses of a predictor that walks the text with a stack of at most `memory` names.

    With no bound (None) it also knows when the stack is empty.
    """
    right = 0
    stack: list[str] = []
    height = 0
    for slash, name in re.findall(r"<(/?)([a-z]+)>", text):
        right += 1  # `<`
        empty = memory is None and height == 0
        if slash:
            height -= 1
            right += 1
            assert not empty
            guess = stack.pop() if stack else None
            if guess is not None:
                assert guess == name
                right += len(name) + 1
                continue
            right += name[0] == "a"
        else:
            height += 1
            right += empty and name[0] == "a"
            stack.append(name)
            if memory is not None:
                stack = stack[len(stack) - min(memory, len(stack)) :]
        right += letter_by_letter(name, law)
    return right / len(text)


@pytest.mark.parametrize("memory", [0, 1, 2, 3, 5, 8, None])
def test_levels_agree_with_predictors_that_are_run_on_drawn_text(text, memory):
    name = {None: "optimum", 0: "no memory", 1: "1 name"}.get(memory, f"{memory} names")
    (floor,) = (floor for floor in nesting.levels(26, 2, 10, 50) if floor.name == name)
    # over many such texts the shares spread by 0.0008: five standard errors
    assert guesses(text, memory, PAPER) == pytest.approx(floor.accuracy, abs=0.004)


@pytest.mark.parametrize("scale", ["laptop-near", "laptop-middle", "laptop-far"])
@pytest.mark.parametrize(("memory", "name"), [(0, "no memory"), (1, "1 name"), (None, "optimum")])
def test_levels_agree_with_predictors_at_each_distance(tags, scale, memory, name):
    task = markup.load("markup", scale)
    text = markup.spelled(
        task.law, markup.written(task.law, tags, chance.generator("test", "markup", scale))
    )
    (floor,) = (floor for floor in task.facts.floors if floor.name == name)
    assert guesses(text, memory, task.law) == pytest.approx(floor.accuracy, abs=0.004)


def test_the_bounds_of_the_decisions_hold_for_the_filter_that_knows_the_whole_past(tags):
    """Entropy of opening or closing under the exact posterior of the iteration, by Monte Carlo."""
    lower, upper = nesting.decision_bounds(50)
    limit = 50
    posterior = np.zeros(limit + 60)
    posterior[1] = 1.0  # after the first tag, iteration 1 is over
    told = whole = recent = 0.0
    weight = nesting.walk(limit).bottom
    excursion = np.zeros_like(posterior)
    excursion[1:51] = weight[1:] / weight.sum()
    start = excursion.copy()
    up = np.where(np.arange(posterior.size) < limit, 0.5, 0.0)  # of the next iteration
    opening, heights, iterations = tags.opening, tags.height, tags.iteration
    count = len(opening)
    for at in range(1, count):
        if heights[at] == 0:
            # an opening: of this string, or the first of the next, since ends leave no trace
            ends = float((posterior * (1 - up)).sum())
            moved = np.zeros_like(posterior)
            moved[1:] = (posterior * up)[:-1]
            moved[1] += ends
            posterior = moved / moved.sum()
            excursion = start.copy()
            continue
        chance = up if opening[at] else 1 - up
        likely = float((posterior * chance).sum())
        near = float((excursion * chance).sum())
        whole -= np.log(likely)
        recent -= np.log(near)
        told += np.log(2) if iterations[at] <= limit else 0.0
        posterior[1:] = (posterior * chance)[:-1] / likely
        excursion[1:] = (excursion * chance)[:-1] / near
        posterior[0] = excursion[0] = 0.0
    pairs = count / 2
    error = 5 * 0.35 / pairs**0.5  # spread of a decision's cost, by the mean of 60,000 pairs
    assert error < (upper - lower) / 3
    assert told / pairs == pytest.approx(lower, abs=error)
    assert recent / pairs == pytest.approx(upper, abs=error)
    # on the same tags: the more is known, the better
    assert told < whole < recent
    # and the whole past lies between the bounds as stated, up to the common error of the sample
    assert lower - error < whole / pairs < upper + error


def test_samples_are_whole_strings():
    task = registry.load("markup", "paper")
    for string in task.sample("valid", 20):
        assert string.count("<") == 2 * string.count("</")
        first = re.match("<([a-z]+)>", string)
        assert first is not None
        assert string.endswith(f"</{first[1]}>")


def test_every_character_is_scored_and_the_state_carried():
    batches = list(registry.load("markup", "smoke").batches("valid"))
    assert all(batch.mask.all() for batch in batches)
    assert [batch.reset.any() for batch in batches] == [True] + [False] * (len(batches) - 1)


def test_impossible_names_are_refused():
    with pytest.raises(TaskError, match="27 letters"):
        markup.Law(27, 2, 10, 50, 1, 1, 1, 1, 35)
