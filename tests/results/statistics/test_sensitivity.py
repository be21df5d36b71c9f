"""Sensitivity, on made-up settings whose answer can be counted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from cells.training.metric import ACCURACY, LOSS, Metric
from cells.training.point import Point
from cells.training.setting import Setting
from results.claims.findings import Training
from results.leaderboard.task_column import TaskColumn
from results.record.ask import Role
from results.record.outcome import Ending, Outcome
from results.statistics.sensitivity import (
    Selection,
    best_of_tries,
    failed_values,
    memoryless,
    paired,
    selections,
    signed_rank,
)
from tests.results import synthetic

FLOORS = ({"name": "optimum", "loss": 0.0, "accuracy": 1.0}, {"name": "no memory", "accuracy": 0.3})
COUNTED = {"name": "1-gram, add-1", "metric": "loss", "value": 3.0, "comparable": False}
SYMBOLS = TaskColumn("alpha", "smoke", ACCURACY, floors=FLOORS)
TEXT = TaskColumn(
    "gamma",
    "smoke",
    LOSS,
    baselines=(COUNTED | {"split": "valid"}, COUNTED | {"value": 2.9, "split": "test"}),
)
MUSIC = TaskColumn("beta", "smoke", LOSS)


def settings(count: int) -> tuple[Setting, ...]:
    return tuple(Setting(learning_rate=0.1 * (1 + place)) for place in range(count))


def selection(
    values: Sequence[float | None], arm: str = "gru", metric: Metric = ACCURACY
) -> Selection:
    ends = tuple(Ending.DIVERGED if value is None else Ending.OK for value in values)
    return Selection(
        arm, "alpha", metric, settings(len(values)), tuple(values), ends, (True,) * len(values)
    )


def training(
    task: TaskColumn, number: int, role: Role = Role.BASELINE, **fields: float
) -> Training:
    trial = synthetic.trial(synthetic.BASELINES["gru"], task.name, number)
    trial = replace(trial, setting=settings(number + 1)[number])
    ending = Ending.OK if fields else Ending.DIVERGED
    first = Point(1, 0.1, 9.0, fields.pop("first", 9.0), 0.0, 1.0, 0.0)
    outcome = Outcome(trial.key, ending, curve=(first,), **fields)  # pyright: ignore[reportArgumentType]
    return Training("gru", role, trial, outcome, task.metric)


def learned(task: TaskColumn, found: Sequence[Training]) -> tuple[bool, ...]:
    (one,) = selections(found, {task.name: task})
    return one.learned


def test_a_setting_learns_when_it_beats_the_level_without_memory() -> None:
    assert memoryless(SYMBOLS) == ("no memory", 0.3)
    found = [
        training(SYMBOLS, 0, valid_accuracy=0.31, valid_loss=1.0),
        training(SYMBOLS, 1, valid_accuracy=0.3, valid_loss=1.0),
        training(SYMBOLS, 2),
    ]
    assert learned(SYMBOLS, found) == (True, False, False)


def test_with_a_margin_a_setting_learns_only_clearly_above_that_level() -> None:
    found = [
        training(SYMBOLS, place, valid_accuracy=value, valid_loss=1.0)
        for place, value in enumerate((0.29, 0.31, 0.33))
    ]
    (with_margin,) = selections(found, {"alpha": SYMBOLS}, {"alpha": 0.02})
    assert with_margin.learned == (False, False, True)
    losses = [training(TEXT, place, valid_loss=2.99 - place / 10) for place in range(2)]
    (text,) = selections(losses, {"gamma": TEXT}, {"gamma": 0.05})
    assert text.learned == (False, True)


def test_for_text_that_level_is_the_unigram_of_the_split() -> None:
    assert memoryless(TEXT) == ("1-gram, add-1", 3.0)
    assert memoryless(TEXT, "test") == ("1-gram, add-1", 2.9)
    assert learned(
        TEXT, [training(TEXT, 0, valid_loss=2.99), training(TEXT, 1, valid_loss=3.0)]
    ) == (True, False)


def test_without_a_level_half_the_way_to_the_best_loss_counts() -> None:
    assert memoryless(MUSIC) is None
    found = [training(MUSIC, place, valid_loss=loss) for place, loss in enumerate((5.0, 6.9, 7.0))]
    assert learned(MUSIC, found) == (True, True, False)


def test_confirmations_are_no_selection() -> None:
    found = [training(SYMBOLS, 0, Role.CONFIRM, valid_accuracy=0.9, valid_loss=1.0)]
    assert selections(found, {"alpha": SYMBOLS}) == ()


def test_the_expected_best_of_tries_goes_from_the_mean_to_the_best() -> None:
    assert best_of_tries(selection([0.2, 0.6, 0.4]), 0.0) == pytest.approx([0.4, 1.6 / 3, 0.6])
    losses = selection([2.0, 6.0, 4.0], metric=LOSS)
    assert best_of_tries(losses, 9.0) == pytest.approx([4.0, 8.0 / 3, 2.0])


def test_a_failure_counts_as_the_worst() -> None:
    assert best_of_tries(selection([0.6, None]), 0.0) == pytest.approx([0.3, 0.6])
    losses = selection([2.0, None], metric=LOSS), selection([5.0, 3.0], metric=LOSS)
    assert failed_values(losses) == {"alpha": 5.0}
    assert best_of_tries(losses[0], 5.0) == pytest.approx([3.5, 2.0])


def test_ten_wins_of_ten_are_told_apart_and_one_of_two_are_not() -> None:
    better = selection([0.5 + 0.01 * place for place in range(10)])
    worse = selection([0.4 + 0.009 * place for place in range(10)], "lstm")
    found = paired(better, worse, 0.0)
    assert (found.count, found.wins, found.losses) == (10, 10, 0)
    # All of 2^10 sign patterns are equally likely: two are as extreme.
    assert found.p == pytest.approx(2 / 1024)
    assert found.median == pytest.approx(0.1 + 0.0045)
    even = paired(selection([0.5, 0.4]), selection([0.4, 0.5], "lstm"), 0.0)
    assert (even.wins, even.losses, even.p) == (1, 1, 1.0)


def test_only_common_settings_are_compared_and_equal_ones_say_nothing() -> None:
    found = paired(selection([0.5, 0.5, 0.9]), selection([0.5, 0.5], "lstm"), 0.0)
    assert (found.count, found.wins, found.losses, found.p) == (2, 0, 0, None)


def test_the_signed_rank_test_is_that_of_scipy_and_exact_with_ties() -> None:
    generator = np.random.default_rng(3)
    for count in (3, 8, 20):
        told = generator.normal(0.4, 1.0, count).tolist()
        known: Any = stats.wilcoxon(told, method="exact")
        assert signed_rank(told) == pytest.approx(float(known.pvalue))
    # Sizes 1, 1, 1, 3 have ranks 2, 2, 2, 4: of 16 choices of signs these sum to 2 or to 8.
    assert signed_rank([1.0, -1.0, 1.0, 3.0]) == pytest.approx(8 / 16)


def test_two_tasks_are_not_compared() -> None:
    with pytest.raises(ValueError, match="not one task"):
        paired(selection([0.5]), replace(selection([0.5]), task="beta"), 0.0)
