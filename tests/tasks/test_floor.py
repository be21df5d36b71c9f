from math import log
from pathlib import Path

import numpy as np
import pytest

import tasks
from tasks import registry
from tasks.floor import entropy, level

GENERATED = ("memorization", "arithmetic", "markup", "progressions")


def test_a_level_is_the_conditional_entropy_and_the_best_guess():
    found = level("coin", np.array([[1.0, 3.0], [2.0, 2.0]]))
    half = -(0.25 * log(0.25) + 0.75 * log(0.75)) / 2 + log(2) / 2
    assert found.loss == pytest.approx(half)
    assert found.accuracy == pytest.approx(5 / 8)


def test_what_is_certain_costs_nothing():
    found = level("sure", np.array([[0.0, 3.0], [2.0, 0.0]]))
    assert (found.loss, found.accuracy) == (0.0, 1.0)


def test_the_entropy_of_a_fair_die():
    assert entropy([1 / 6] * 6 + [0.0]) == pytest.approx(log(6))


def test_the_levels_on_the_page_are_those_of_the_tasks():
    page = (Path(tasks.__file__).parent / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines()]
    written = [row for row in rows if len(row) == 4 and row[0] in GENERATED]
    expected = [
        [
            name,
            floor.name,
            *("" if value is None else f"{value:.4f}" for value in (floor.loss, floor.accuracy)),
        ]
        for name in GENERATED
        for floor in registry.load(name, "paper").facts.floors
    ]
    assert written == expected


@pytest.mark.parametrize("name", ["arithmetic", "markup"])
def test_published_accuracies_stand_beside_the_paper_scale_alone(name):
    assert registry.load(name, "laptop").facts.baselines == ()
    baselines = registry.load(name, "paper").facts.baselines
    assert len(baselines) == 10
    for baseline in baselines:
        assert baseline.metric == "accuracy"
        assert 0.2 < baseline.value < 0.93
        assert not baseline.comparable
