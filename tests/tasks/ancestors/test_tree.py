"""Formulas: their values, their law, and the levels of those who see less than the tree."""

import re
from collections import Counter
from itertools import product

import numpy as np
import pytest

from tasks.ancestors.tree import Forest, Law, draw, floors, spelled
from tasks.task import TaskError


def value_of(text: str, modulus: int) -> int:
    """The value of a formula by rewriting innermost brackets, until a digit is left."""

    def replace(found: re.Match[str]) -> str:
        left, operator, right = int(found[1]), found[2], int(found[3])
        values = {"min": min(left, right), "max": max(left, right), "-": (left - right) % modulus}
        return str(values[operator])

    while "(" in text:
        text = re.sub(r"\((\d+) (min|max|-) (\d+)\)", replace, text)
    return int(text)


def test_values_are_those_of_the_spelled_formulas() -> None:
    law = Law(modulus=7)
    trees = draw(law, np.random.default_rng(0), 200)
    assert len(set(trees.values.tolist())) == 7
    for root, value in zip(trees.roots, trees.values, strict=True):
        assert value_of(spelled(law, trees, root), 7) == value


def test_formulas_have_as_many_digits_as_the_law_says() -> None:
    law = Law(least=2, most=4)
    trees = draw(law, np.random.default_rng(1), 3000)
    texts = [spelled(law, trees, root) for root in trees.roots]
    counts = Counter(len(re.findall(r"\d", text)) for text in texts)
    assert set(counts) == {2, 3, 4}
    assert min(counts.values()) > 900
    assert sum(bool(re.match(r"\(\d", text)) for text in texts) == pytest.approx(
        3000 * (1 + 1 / 2 + 1 / 3) / 3, rel=0.05
    )


def test_the_level_without_the_tree_is_that_of_many_draws() -> None:
    law = Law(modulus=4, most=5)
    values = draw(law, np.random.default_rng(2), 20_000).values
    counts = np.bincount(values, minlength=4) / len(values)
    blind = floors(law)[-1]
    assert blind.name == "no tree"
    assert blind.accuracy == pytest.approx(counts.max(), abs=0.015)
    assert blind.loss == pytest.approx(-np.log(counts) @ counts, abs=0.01)


def test_the_level_without_order_is_that_of_trying_all_exchanges() -> None:
    law = Law(modulus=5, most=5)
    trees = draw(law, np.random.default_rng(3), 40)
    right = 0.0
    inner = np.flatnonzero(trees.children[:, 0] >= 0)
    for place, root in enumerate(trees.roots):
        low = 0 if place == 0 else trees.roots[place - 1] + 1
        own = [node for node in inner if low <= node <= root]
        values: list[int] = []
        for turns in product((False, True), repeat=len(own)):
            children = trees.children.copy()
            for node, turned in zip(own, turns, strict=True):
                if turned:
                    children[node] = children[node, ::-1]
            turned_trees = Forest(trees.labels, children, trees.roots, trees.values)
            values.append(value_of(spelled(law, turned_trees, root), 5))
        right += max(Counter(values).values()) / len(values)
    level = floors(law, trees)[1]
    assert level.name == "no order"
    assert level.accuracy == pytest.approx(right / 40)


def test_without_the_difference_order_does_not_matter() -> None:
    law = Law(operators=("min", "max"))
    level = floors(law, draw(law, np.random.default_rng(4), 50))[1]
    assert level.accuracy == 1.0
    assert level.loss == 0.0


def test_laws_that_cannot_be_are_refused() -> None:
    with pytest.raises(TaskError, match="'times'"):
        Law(operators=("min", "times"))
    with pytest.raises(TaskError, match="5 to 4 digits"):
        Law(least=5, most=4)
