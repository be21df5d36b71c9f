"""How a search compares cells: the value of a setting, the ratio to the yardstick, and the paper's Eq. 1."""

from collections.abc import Iterable, Iterator, Mapping

from cells.training.metric import Metric
from cells.training.setting import Setting
from results.leaderboard.task_column import metric_of
from results.record.outcome import Outcome
from search.settings.sampler import FAILED


def value(metric: Metric, outcome: Outcome | None) -> float:
    """The validation metric of a training that ended `ok`, such that higher is better; else `FAILED`."""
    measured = None if outcome is None else metric_of(metric, outcome, "valid")
    return FAILED if measured is None else metric.oriented(measured)


def best(tried: Mapping[Setting, float | None]) -> tuple[Setting, float] | None:
    """The first setting with the highest value and that value, or None if none has one yet."""
    return max(_scored(tried), key=lambda pair: pair[1], default=None)


def ranked(*tried: Mapping[Setting, float | None]) -> list[tuple[Setting, float]]:
    """Settings with a finite value, highest first; equal ones in the order they were tried."""
    return sorted((pair for table in tried for pair in _scored(table)), key=lambda pair: -pair[1])


def _scored(tried: Mapping[Setting, float | None]) -> Iterator[tuple[Setting, float]]:
    for setting, measured in tried.items():
        if measured is not None and measured != FAILED:
            yield setting, measured


def ratio(metric: Metric, achieved: float, reference: float) -> float:
    """`Metric.ratio` of `achieved` to the yardstick's `reference`, both from `value`; `FAILED` gives 0."""
    if achieved == FAILED:
        return 0.0
    return metric.ratio(metric.oriented(achieved), metric.oriented(reference))


def score(ratios: Iterable[float]) -> float:
    """Eq. 1: the worst ratio over the tasks."""
    return min(ratios)
