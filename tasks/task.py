"""The contract of a task: what every generator and every corpus offers the trainer and the record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cells.engine.batch import Batch
from cells.error import GatewrightError
from cells.training.metric import BITS, PERPLEXITY, Metric

Split = Literal["train", "valid", "test"]


class TaskError(GatewrightError):
    """A task cannot be had as asked."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """A published or computed number to stand beside ours.

    Attributes:
        name: the model or rule.
        metric: name of the metric, as the record has it.
        value: the number, on `split`.
        split: the split it was measured on.
        source: paper and table, or the command that computes it.
        comparable: False where preprocessing, split or metric differ from ours; `source` says how.
    """

    name: str
    metric: str
    value: float
    split: Split
    source: str
    comparable: bool = True


@dataclass(frozen=True, slots=True)
class Floor:
    """A known level of a generated task, e.g. what a predictor without memory can reach.

    Attributes:
        name: `optimum` for the Bayes-optimal predictor, else what the predictor knows.
        loss: nats a scored step, or None if not known.
        accuracy: share of scored steps guessed right, or None.
        lower, upper: bounds on `loss` where it is bounded and not exact.
    """

    name: str
    loss: float | None = None
    accuracy: float | None = None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is fixed about a task at one scale.

    Attributes:
        name: as on the command line, e.g. `arithmetic`.
        family: `memory`, `symbols`, `text` or `music`.
        version: rises whenever a score could change.
        scale: as `tasks.scale.names` has it, e.g. `laptop`.
        digest: sha256 over the data, or over generator, version and all its numbers.
        kind: `symbols` or `roll`, as `cells.engine.learner.Model` has it.
        size: V or F.
        metric: what the task is judged by.
        unit: what `loss` is a mean over: `nats per answer symbol`, `nats per step`, ...
        window: T of one training window.
        batch: B, where a training asks for no other.
        updates: training windows in one epoch, with that B.
        vocabulary: text of each symbol, `[V]`; empty for rolls.
        floors: known levels, by what the predictor knows.
        baselines: numbers of others.
        bits: True if the loss is usually quoted in bits.
        boundary: the symbol that ends each sequence and stands before the next, such as the end of a
            line; None where there is none.
    """

    name: str
    family: Literal["memory", "symbols", "text", "music"]
    version: int
    scale: str
    digest: str
    kind: Literal["symbols", "roll"]
    size: int
    metric: Metric
    unit: str
    window: int
    batch: int
    updates: int
    vocabulary: tuple[str, ...] = ()
    floors: tuple[Floor, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    bits: bool = False
    notes: Mapping[str, str] = field(default_factory=dict[str, str])
    boundary: int | None = None

    @property
    def quoted(self) -> Metric | None:
        """What its loss is usually quoted as beside the nats; None where as nothing else."""
        if self.bits:
            return BITS
        return PERPLEXITY if self.family == "text" else None


class Task(Protocol):
    """A task at one scale. Immutable; the same object may serve many trainings."""

    @property
    def facts(self) -> Facts:
        """What is fixed about it."""
        ...

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        """The windows of one pass over `split`, in order, each `[window, batch]` or shorter in T.

        A pure function of its arguments, task and scale: every training of every cell sees the same
        windows, so that cells are compared on equal data. `valid` and `test` ignore `epoch`.

        Args:
            split: which.
            epoch: from 0.
            lanes: B, if not the task's own: the same steps, laid beside each other otherwise.
        """
        ...

    def sample(self, split: Split, count: int) -> list[str]:
        """`count` examples as text, for people."""
        ...
