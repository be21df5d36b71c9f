"""A metric is one value: how it is read, which way is better, its words, and Eq. 1."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from cells.training import metric as metrics
from cells.training.metric import ACCURACY, BITS, LOSS, PERPLEXITY, Metric, MetricError
from cells.training.point import Point
from results.leaderboard.anytime import ratios
from results.leaderboard.task_column import TaskColumn
from results.record.outcome import Ending, Outcome

OUTCOME = Outcome(
    "k", Ending.OK, valid_loss=1.5, valid_accuracy=0.6, test_loss=2.0, test_accuracy=0.5
)
ALL = (ACCURACY, LOSS, BITS, PERPLEXITY)
values = some.just(0.0) | some.floats(1e-6, 20.0)


def test_each_metric_is_read_from_the_quantity_that_the_record_holds() -> None:
    read = {one.name: (one.of(OUTCOME, "valid"), one.of(OUTCOME, "test")) for one in ALL}
    assert read["accuracy"] == (0.6, 0.5)
    assert read["loss"] == (1.5, 2.0)
    assert read["bits"] == (1.5 / math.log(2), 2.0 / math.log(2))
    assert read["perplexity"] == (math.exp(1.5), math.exp(2.0))
    point = Point(1, 0.1, 9.0, 1.5, 0.6, 1.0, 0.0)
    assert [one.at(point) for one in ALL] == [pair[0] for pair in read.values()]
    assert all(one.of(Outcome("k", Ending.OK), "test") is None for one in ALL)


def test_a_known_level_is_given_in_the_metric_itself_or_in_what_it_is_read_from() -> None:
    level = {"name": "optimum", "loss": 0.5, "accuracy": 0.9, "lower": None, "upper": None}
    assert [one.of_level(level) for one in (ACCURACY, LOSS)] == [0.9, 0.5]
    assert PERPLEXITY.of_level(level) == math.exp(0.5)
    assert PERPLEXITY.of_level({"perplexity": 81.4}) == 81.4
    assert ACCURACY.of_level({"loss": 0.5}) is None
    bounded = {"name": "entropy", "loss": None, "lower": 0.2, "upper": 0.4}
    assert LOSS.bounds(bounded) == (0.2, 0.4)
    assert BITS.bounds(bounded) == (0.2 / math.log(2), 0.4 / math.log(2))
    assert ACCURACY.bounds(bounded) is None
    assert LOSS.bounds(level) is None


@pytest.mark.parametrize("metric", ALL, ids=str)
@given(one=values, other=values)
def test_a_better_value_has_a_higher_orientation_and_a_higher_ratio(
    metric: Metric, one: float, other: float
) -> None:
    better = metric.better(one, other)
    assert better == (metric.oriented(one) > metric.oriented(other))
    assert metric.oriented(metric.oriented(one)) == one
    assert {metric.best((one, other)), metric.poorest((one, other))} == {one, other}
    if better:
        assert metric.best((one, other)) == one
        assert metric.distance(other, one) > 0
        assert metric.ratio(one, 1.0) >= metric.ratio(other, 1.0)


@pytest.mark.parametrize("metric", ALL, ids=str)
@given(found=some.lists(values | some.just(math.nan), max_size=6), reference=values)
def test_ratios_of_a_column_are_those_of_its_values(
    metric: Metric, found: list[float], reference: float
) -> None:
    column = ratios(TaskColumn("t", "smoke", metric), np.array(found, np.float64), reference)
    expected = [math.nan if math.isnan(one) else metric.ratio(one, reference) for one in found]
    np.testing.assert_array_equal(column, expected)


@given(nats=some.floats(0.01, 20.0))
def test_numbers_that_others_print_become_losses_and_come_back(nats: float) -> None:
    for metric in (BITS, PERPLEXITY):
        assert metric.invert(metric.derive(nats)) == pytest.approx(nats)


def test_a_value_is_said_with_its_own_unit_and_never_with_that_of_the_loss() -> None:
    unit = "nats per character"
    assert [one.unit_of(unit) for one in ALL] == ["", unit, "bits per character", ""]
    assert ACCURACY.said(1.0) == "accuracy 1.0000"
    assert BITS.said(2.5) == "2.5000 bits"
    assert PERPLEXITY.said(81.4) == "perplexity 81.40"
    assert LOSS.said(1e9) == "1.000e+09 nats"
    assert [one.counted("test") for one in (ACCURACY, LOSS)] == ["test accuracy", "test loss, nats"]


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(MetricError, match="no metric 'f1'; expected one of accuracy, bits, loss"):
        metrics.named("f1")


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_known", dict(metrics._known))
    assert metrics.register(LOSS) is LOSS
    with pytest.raises(MetricError, match="another metric 'loss'"):
        metrics.register(Metric("loss", "loss", True, "loss", "loss", "nats"))
