"""What a trained cell is judged by: every metric as one value, and the paper's Eq. 1.

A record holds two quantities of each split, `loss` and `accuracy`. A metric names the one that it is
read from and how it follows from it, so a metric is added here and nowhere else: names of columns,
directions, units, labels and ratios all come from its value.

Names are frozen: records hold them. A metric may be dropped or renamed only together with a rule for
the records that name it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args

from cells.error import SingleCodeError
from cells.training.point import Point

Source = Literal["loss", "accuracy"]
"""Quantities that a record holds of a split; `valid_loss` is the column of the loss on `valid`."""

Held = Literal["valid", "test"]
"""Splits that are not trained on."""

_COLUMNS: Final = {
    (source, split): f"{split}_{source}" for source in get_args(Source) for split in get_args(Held)
}
"""Names of the recorded quantities, made once: they are looked up for every trial of a record."""

T = TypeVar("T")

TINY: Final = 1e-12
"""A value of which lower is better is taken to be at least this, so that a ratio is a number."""


class MetricError(SingleCodeError):
    """No metric has that name, or two would have it."""

    CODE = "metric"


def _same(value: T) -> T:
    return value


def _unitless(_: str) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. Its values are never negative.

    Attributes:
        name: frozen in records and on the command line.
        source: the recorded quantity that it is read from.
        higher: whether higher is better.
        derive: the metric from that quantity; rises or falls with it throughout.
        invert: that quantity from the metric, for numbers that others print.
        label: what people read.
        short: the same in a narrow column.
        amount: what a difference is counted in, such as `nats`; the label where there is no unit.
        unit_of: its unit from the unit of the task's loss; "" for a share.
        worst: the worst value that there is; None where values have no bound.
        digits: decimals of a value that stands alone.
    """

    name: str
    source: Source
    higher: bool
    label: str
    short: str
    amount: str
    derive: Callable[[float], float] = _same
    invert: Callable[[float], float] = _same
    unit_of: Callable[[str], str] = _unitless
    worst: float | None = None
    digits: int = 4

    def __str__(self) -> str:
        return self.name

    # Reading.

    def column(self, split: Held) -> str:
        """The recorded quantity that it is read from on a split, as records and tables name it."""
        return _COLUMNS[self.source, split]

    def value(self, recorded: float | None) -> float | None:
        """The metric from a recorded quantity, or None without one."""
        return None if recorded is None else self.derive(recorded)

    def of(self, measured: object, split: Held) -> float | None:
        """The metric of an outcome or a run on a split; None if nothing was measured there."""
        recorded: float | None = getattr(measured, _COLUMNS[self.source, split])
        return None if recorded is None else self.derive(recorded)

    def at(self, point: Point) -> float:
        """The validation metric at a point of a learning curve."""
        return self.derive(getattr(point, self.column("valid")))

    def of_level(self, level: Mapping[str, Any]) -> float | None:
        """The metric of a known level or baseline, whose values stand by name; None without one."""
        own: float | None = level.get(self.name)
        return own if own is not None else self.value(level.get(self.source))

    def bounds(self, level: Mapping[str, Any]) -> tuple[float, float] | None:
        """Between what the metric of a level lies, of whose loss only bounds are known; else None."""
        if self.source != "loss" or level.get("lower") is None or level.get("upper") is None:
            return None
        ends = sorted((self.derive(level["lower"]), self.derive(level["upper"])))
        return ends[0], ends[1]

    # Comparing.

    @property
    def sign(self) -> float:
        """1 where higher is better, else -1."""
        return 1.0 if self.higher else -1.0

    @property
    def direction(self) -> str:
        """The word for which way is better: `higher` or `lower`."""
        return "higher" if self.higher else "lower"

    def oriented(self, value: float) -> float:
        """The value such that higher is better; of such a value the metric."""
        return value if self.higher else -value

    def better(self, value: float, other: float) -> bool:
        """Whether a value is better than another."""
        return value > other if self.higher else value < other

    def best(self, values: Iterable[float]) -> float:
        """The best of at least one value."""
        return max(values) if self.higher else min(values)

    def poorest(self, values: Iterable[float]) -> float:
        """The worst of at least one value."""
        return min(values) if self.higher else max(values)

    def failed(self, values: Iterable[float]) -> float:
        """What a failed training counts as beside others: the worst value there is, or the worst of theirs."""
        if self.worst is not None:
            return self.worst
        known = list(values)
        return self.poorest(known) if known else 0.0

    def distance(self, value: float, optimum: float) -> float:
        """How far a value is from the optimum, 0 at the optimum."""
        return optimum - value if self.higher else value - optimum

    # Eq. 1.

    @property
    def least(self) -> float:
        """What a value is at least taken to be in a ratio."""
        return 0.0 if self.higher else TINY

    def fraction(self, value: T, reference: T) -> tuple[T, T]:
        """Numerator and denominator of the ratio of Eq. 1."""
        return (value, reference) if self.higher else (reference, value)

    def ratio(self, value: float, reference: float) -> float:
        """How good a value is relative to a reference; 1 is equal, higher is better.

        `value / reference` where higher is better, else `reference / value`. A reference without any
        right answer is matched by everything.

        Source: Jozefowicz, Zaremba, Sutskever 2015, Eq. 1; the form for losses is ours.
        """
        top, bottom = self.fraction(max(value, self.least), max(reference, self.least))
        return top / bottom if bottom > 0 else 1.0

    def ratio_bounds(
        self, value: tuple[float, float], reference: tuple[float, float]
    ) -> tuple[float, float] | None:
        """Bounds of the ratio from the far ends of two intervals; None where one reaches zero."""
        top, bottom = self.fraction(value, reference)
        if bottom[0] <= 0:
            return None
        return max(top[0], 0.0) / bottom[1], top[1] / bottom[0]

    # Words.

    def axis(self, what: str, unit: str = "") -> str:
        """The label of an axis, such as `validation loss, nats per step`."""
        return f"{what} {self.label}" + (f", {unit}" if unit else "")

    def counted(self, what: str) -> str:
        """The label of an axis on which differences are read, such as `test loss, nats`."""
        return self.axis(what, "" if self.amount == self.label else self.amount)

    @property
    def gain(self) -> str:
        """The label of a difference that is above 0 where the first is better."""
        if self.higher:
            return f"gain in {self.label}"
        if self.amount == self.label:
            return f"{self.label} saved"
        return f"gain in {self.amount} ({self.label} saved)"

    @property
    def lost(self) -> str:
        """The label of what is lost when something is taken away."""
        return f"{self.amount} {'lost' if self.higher or self.amount != self.label else 'added'}"

    def said(self, value: float) -> str:
        """A value with its name or unit: `accuracy 0.4500`, `2.7400 bits`."""
        number = f"{value:.{self.digits}f}" if abs(value) < 1e5 else f"{value:.3e}"
        return f"{self.label} {number}" if self.amount == self.label else f"{number} {self.amount}"


_known: dict[str, Metric] = {}


def register(metric: Metric) -> Metric:
    """Makes a metric known by its name, and returns it.

    Raises:
        MetricError: another metric has that name.
    """
    if _known.setdefault(metric.name, metric) != metric:
        raise MetricError(f"there is another metric {metric.name!r}; give this one its own name")
    return metric


def named(name: str) -> Metric:
    """The metric of that name.

    Raises:
        MetricError: there is none.
    """
    if name not in _known:
        raise MetricError(f"no metric {name!r}; expected one of {', '.join(sorted(_known))}")
    return _known[name]


def _bits(loss: float) -> float:
    return loss / math.log(2)


def _nats(bits: float) -> float:
    return bits * math.log(2)


def _bits_unit(loss_unit: str) -> str:
    return loss_unit.replace("nats", "bits")


def _perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))  # beyond it a double overflows


ACCURACY: Final = register(
    Metric(
        name="accuracy",
        source="accuracy",
        higher=True,
        label="accuracy",
        short="acc",
        amount="accuracy",
        worst=0.0,
    )
)
"""Share of the scored steps guessed right; in music notes right over notes predicted or present."""

LOSS: Final = register(
    Metric(
        name="loss",
        source="loss",
        higher=False,
        label="loss",
        short="loss",
        amount="nats",
        unit_of=_same,
    )
)
"""Mean negative log-likelihood of a scored step, in nats."""

BITS: Final = register(
    Metric(
        name="bits",
        source="loss",
        higher=False,
        label="loss",
        short="bits",
        amount="bits",
        derive=_bits,
        invert=_nats,
        unit_of=_bits_unit,
    )
)
"""The loss in bits, as results on text by character are quoted."""

PERPLEXITY: Final = register(
    Metric(
        name="perplexity",
        source="loss",
        higher=False,
        label="perplexity",
        short="ppl",
        amount="perplexity",
        derive=_perplexity,
        invert=math.log,
        digits=2,
    )
)
"""e to the loss, as results on text by word are quoted."""

RECORDED: Final = (LOSS, ACCURACY)
"""The two that every outcome holds as they are."""

UNKNOWN: Final = Metric(
    name="unknown", source="loss", higher=False, label="result", short="result", amount="result"
)
"""Of a task of which nothing is recorded yet, so that no result of it is ever read. Not registered."""
