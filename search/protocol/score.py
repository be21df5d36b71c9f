"""How cells are compared: the value of a setting, the ratio to the GRU, and the paper's Eq. 1."""

from collections.abc import Iterable, Iterator, Mapping

from cells.training.setting import Setting
from results.record.outcome import Ending, Outcome
from search.settings.sampler import FAILED
from tasks.task import Metric

TINY = 1e-12
"""Losses are taken to be at least this many nats, so that a ratio of losses is a number."""


def value(metric: Metric, outcome: Outcome | None) -> float:
    """Validation accuracy, or minus the validation loss, of a training that ended `ok`; else `FAILED`.

    Higher is better for both metrics.
    """
    if outcome is None or outcome.ending != Ending.OK:
        return FAILED
    if metric == "accuracy":
        return FAILED if outcome.valid_accuracy is None else outcome.valid_accuracy
    return FAILED if outcome.valid_loss is None else -outcome.valid_loss


def best(tried: Mapping[Setting, float | None]) -> tuple[Setting, float] | None:
    """The first setting with the highest value and that value, or None if none has one yet."""
    return max(_scored(tried), key=lambda pair: pair[1], default=None)


def ranked(*tried: Mapping[Setting, float | None]) -> list[tuple[Setting, float]]:
    """Settings with a finite value, highest first; equal ones in the order they were tried."""
    return sorted((pair for table in tried for pair in _scored(table)), key=lambda pair: -pair[1])


def _scored(tried: Mapping[Setting, float | None]) -> Iterator[tuple[Setting, float]]:
    for setting, found in tried.items():
        if found is not None and found != FAILED:
            yield setting, found


def ratio(metric: Metric, found: float, reference: float) -> float:
    """How good `found` is relative to the GRU's `reference`, both from `value`; 1 is equal.

    `acc / acc_gru`, or `loss_gru / loss`. `FAILED` gives 0; a GRU without any right answer is matched
    by everything that trains.

    Source: Jozefowicz, Zaremba, Sutskever 2015, Eq. 1; the form for losses is ours.
    """
    if found == FAILED:
        return 0.0
    if metric == "loss":
        return max(-reference, TINY) / max(-found, TINY)
    return found / reference if reference > 0 else 1.0


def score(ratios: Iterable[float]) -> float:
    """Eq. 1: the worst ratio over the tasks."""
    return min(ratios)
