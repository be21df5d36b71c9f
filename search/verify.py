"""Recorded trials trained again: the same bits on the machine class that recorded them, close elsewhere."""

import math
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, get_args

from cells.engine import executor as executors
from cells.training.metric import LOSS, RECORDED, Held
from results.label import label
from results.publishing import publication
from results.record import history, provenance
from results.record.outcome import Ending, Outcome
from results.record.reading import StudyRow
from results.record.store import Store
from results.record.trial import ENGINE, Trial
from search.run.evaluate import evaluate
from search.run.executor import executor_of
from tasks import registry
from tasks.task import Facts, TaskError

REPEATABLE: Final = frozenset({Ending.OK, Ending.DIVERGED, Ending.REJECTED, Ending.REFUSED})
"""Endings that follow from the trial; the others from time, memory or luck of one machine."""

FLOOR: Final = 1e-5
"""Distance that rounding may always make elsewhere, see `distance`."""

FACTOR: Final = 10.0
"""How much farther than a training disturbed here the record of another machine class may lie.

Measured on 48 trainings of seven cells on arithmetic and markup at scale smoke, recorded by the native
executor and repeated by the reference: 39 could be judged; each lay within 5.7 times, or the floor.
Of 25 with 2,000 updates in place of 60 only 9 could be judged; those lay within 1.0 times.
"""

CHAOTIC: Final = 0.01
"""Distance that a disturbance as small as rounding makes, beyond which a training hangs on it."""

DISTURBANCE: Final = 2.0**-22
"""Relative; twice the distance between neighbours in float32."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A trial with what came of it, and the provenance of the driver start that recorded it."""

    trial: Trial
    outcome: Outcome
    provenance: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """A recorded trial and the same trial trained again.

    Attributes:
        key, cell, task, scale: of the trial; the cell by name.
        executor: that trained it again.
        unlike: what of the machine class differs, as "what: recorded, here"; empty means same class.
        metric: what `recorded` and `found` are, such as `test loss`.
        recorded, found: None where a training has none.
        endings: the recorded one, and the one found.
        verdict: `same bits`, `within rounding` or `differs`; where nothing can be judged `hangs on
            rounding`, or `not finished` if time or memory of this machine ended the training.
        distance: of the two outcomes; None if they differ in kind.
        allowed: the distance that rounding explains; 0 where bits must be the same.
    """

    key: str
    cell: str
    task: str
    scale: str
    executor: str
    unlike: tuple[str, ...]
    metric: str
    recorded: float | None
    found: float | None
    endings: tuple[str, str]
    verdict: str
    distance: float | None
    allowed: float | None

    @property
    def judged(self) -> bool:
        """Whether the verdict is for or against the record."""
        return self.agrees or self.verdict == "differs"

    @property
    def agrees(self) -> bool:
        """Whether the record stands."""
        return self.verdict in ("same bits", "within rounding")


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a record that was checked.

    Attributes:
        studies: of the record, in order.
        digests: of the history of each, by id.
        root: digest over every column of every row; "" of a record that was made without.
        recorded: trials with an outcome.
        able: how many of them this machine can repeat.
        reasons: how many it cannot, for which reason.
        checks: the trials that were trained again.
    """

    studies: tuple[StudyRow, ...]
    digests: Mapping[str, str]
    root: str
    recorded: int
    able: int
    reasons: Counter[str]
    checks: tuple[Check, ...]

    @property
    def compared(self) -> int:
        """Trials that can be judged."""
        return sum(check.judged for check in self.checks)

    @property
    def agreeing(self) -> int:
        """Trials that agree with the record."""
        return sum(check.agrees for check in self.checks)


def verify(
    path: Path,
    sample: int = 5,
    seconds: float = 300.0,
    seed: int = 0,
    executor: str | None = None,
    on_trial: Callable[[int, int, Trial], None] | None = None,
) -> Verification:
    """Checks the sums and digests of a record, trains some of its trials again, and compares.

    Args:
        path: a store's file, or a published folder.
        sample: trials to train again, at most.
        seconds: that these took when they were recorded, at most, see `draw`.
        seed: of the draw.
        executor: what trains again; None for what the record names, or the reference where that
            cannot run.
        on_trial: told the number of each trial, of how many, before it is trained.

    Raises:
        StoreError: the record cannot be read, or does not fit its sums and digests.
        UsageError: no executor has this name, or this machine cannot run it.
    """
    chosen = None if executor is None else executor_of(executor)
    with publication.open_record(path) as record:
        studies = tuple(record.studies())
        digests = {row.id: history.digest(record, row.id) for row in studies}
        root = record.root
        recorded = read(record)
    able, reasons = sort_out(recorded, chosen)
    drawn = draw(able, sample, seconds, seed)
    checks: list[Check] = []
    for number, item in enumerate(drawn, 1):
        if on_trial is not None:
            on_trial(number, len(drawn), item.trial)
        checks.append(repeat(item, evaluate, chosen))
    return Verification(studies, digests, root, len(recorded), len(able), reasons, tuple(checks))


def read(store: Store) -> list[Recorded]:
    """All trials of the store that have an outcome, each once, in the order they were asked.

    Raises:
        StoreError: `damaged` if a trial, an ask or an outcome does not fit its digest.
    """
    with store.snapshot():
        starts = {
            number: said
            for row in store.studies()
            for number, said in store.provenance(row.id).items()
        }
        epochs = dict(store.select("SELECT trial_key, epoch FROM outcome"))
        logs = [store.log(row.id) for row in store.studies()]
    answered: dict[str, Recorded] = {}
    for ask, outcome in (entry for log in logs for entry in log):
        if ask.trial is not None and outcome is not None:
            known = Recorded(ask.trial, outcome, starts[epochs[ask.trial.key]])
            answered.setdefault(ask.trial.key, known)
    return list(answered.values())


def sort_out(
    recorded: Sequence[Recorded], executor: str | None
) -> tuple[list[Recorded], Counter[str]]:
    """The trials that this machine can repeat, and how many it cannot for which reason."""
    tasks = {(item.trial.task, item.trial.scale) for item in recorded}
    facts = {task: _facts(*task) for task in sorted(tasks)}
    able: list[Recorded] = []
    reasons: Counter[str] = Counter()
    for item in recorded:
        reason = _hindrance(item, executor, facts[item.trial.task, item.trial.scale])
        if reason:
            reasons[reason] += 1
        else:
            able.append(item)
    return able, reasons


def draw(recorded: Sequence[Recorded], count: int, seconds: float, seed: int) -> list[Recorded]:
    """A random sample of at most `count` trials, spread over the tasks, that fits a time.

    Args:
        recorded: to draw from.
        count: at most.
        seconds: that all of them took when they were recorded, at most. If even the cheapest takes
            longer, it alone is drawn.
        seed: of the draw.
    """
    shuffled = sorted(recorded, key=lambda item: item.trial.key)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - nobody gains by guessing it
    seen: Counter[tuple[str, str]] = Counter()
    rounds: list[tuple[int, int]] = []
    for index, item in enumerate(shuffled):
        task = (item.trial.task, item.trial.scale)
        rounds.append((seen[task], index))
        seen[task] += 1
    drawn: list[Recorded] = []
    left = seconds
    for _, index in sorted(rounds):
        item = shuffled[index]
        if len(drawn) < count and item.outcome.cost.seconds <= left:
            drawn.append(item)
            left -= item.outcome.cost.seconds
    if not drawn and count and shuffled:
        drawn = [min(shuffled, key=lambda item: item.outcome.cost.seconds)]
    return drawn


def repeat(
    original: Recorded, evaluate: Callable[[str], str], executor: str | None = None
) -> Check:
    """Trains a recorded trial again and compares.

    On the machine class of the record the bits must be the same. Elsewhere sums are rounded in
    another order, and how far that carries depends on the training: from the seventh digit to
    everything. So it is measured on the spot, see `sway`: the record may lie `FACTOR` times as far
    from what is found, or at `FLOOR`. A training that sways by more than `CHAOTIC` is not judged.

    Args:
        original: what is recorded.
        evaluate: see `search.run.evaluate.evaluate`.
        executor: None for the recorded one, or where this machine cannot run it the reference.
    """
    recorded, trial = original.outcome, original.trial
    chosen = executor or trial.executor
    if executor is None and executors.hindrance(chosen):
        chosen = "reference"
    unlike = differences(original, chosen)
    repeated = Outcome.from_json(evaluate(replace(trial, executor=chosen).to_json()))
    metric, values = _shown(recorded, repeated)
    apart, allowed = distance(recorded, repeated), 0.0
    if repeated.ending in (Ending.TIMED_OUT, Ending.OUT_OF_MEMORY):
        verdict = "not finished"
    elif replace(repeated, key=recorded.key).result_json() == recorded.result_json():
        verdict = "same bits"
    elif not unlike:
        verdict = "differs"
    else:
        moved = sway(replace(trial, executor=chosen), repeated, evaluate)
        allowed = max(FLOOR, FACTOR * moved)
        if moved > CHAOTIC:
            verdict = "hangs on rounding"
        else:
            verdict = "within rounding" if apart <= allowed else "differs"
    return Check(
        key=trial.key,
        cell=label(trial.cell_id),
        task=trial.task,
        scale=trial.scale,
        executor=chosen,
        unlike=unlike,
        metric=metric,
        recorded=values[0],
        found=values[1],
        endings=(str(recorded.ending), str(repeated.ending)),
        verdict=verdict,
        distance=apart if math.isfinite(apart) else None,
        allowed=allowed if math.isfinite(allowed) else None,
    )


def differences(original: Recorded, executor: str) -> tuple[str, ...]:
    """What of the machine class differs between the record and here, as "what: recorded, here".

    The class is the executor with its compiler, flags, CPU features and C library, the architecture,
    the versions of what computes, and the engine's own version. Of the portable executor none of that
    counts but its class of CPUs, the version of NumPy and the engine's. What the record does not say
    counts as different.
    """
    here = _here(executor)
    recorded = dict(original.provenance) | {"engine": str(original.trial.engine)}
    names = ("engine", *executors.machine_class(executor, here))
    return tuple(
        f"{name}: {recorded.get(name, 'not recorded')}, {here[name]}"
        for name in names
        if recorded.get(name) != here[name]
    )


def sway(trial: Trial, outcome: Outcome, evaluate: Callable[[str], str]) -> float:
    """How far disturbances as small as rounding carry a training: the largest of three distances.

    Once in float64, and at learning rates a `DISTURBANCE` larger and smaller.
    """
    # Products in bfloat16 exist in float32 only.
    variants = [replace(trial, executor=trial.executor.removesuffix("-bf16"), dtype="float64")]
    rate = trial.setting.learning_rate
    for factor in (1 + DISTURBANCE, 1 - DISTURBANCE):
        setting = replace(trial.setting, learning_rate=rate * factor)
        variants.append(replace(trial, setting=setting))
    return max(
        distance(outcome, Outcome.from_json(evaluate(variant.to_json()))) for variant in variants
    )


def distance(one: Outcome, other: Outcome) -> float:
    """How far two outcomes of a trial lie apart: the largest over losses (relative) and accuracies.

    Infinite if ending, width or parameters differ, or if one has a number that the other lacks.
    """
    if any(
        getattr(one, name) != getattr(other, name) for name in ("ending", "width", "parameters")
    ):
        return math.inf
    largest = 0.0
    for metric, split in product(RECORDED, get_args(Held)):
        first, second = metric.of(one, split), metric.of(other, split)
        if first == second:
            continue
        if first is None or second is None:
            return math.inf
        # What has no bound is compared in proportion.
        unit = max(abs(first), abs(second)) if metric.worst is None else 1.0
        largest = max(largest, abs(first - second) / unit)
    return largest


def _hindrance(one: Recorded, executor: str | None, facts: Facts | str) -> str:
    """Why this machine cannot repeat a recorded trial with `executor`, or with its own; or ""."""
    trial, ending = one.trial, one.outcome.ending
    if ending not in REPEATABLE:
        return f"{ending}: time, memory or luck of the machine that recorded it"
    if executor is None and trial.executor not in executors.EXECUTORS:
        return f"no executor {trial.executor} in this version"
    if executor is None and trial.executor == "native-bf16" and executors.hindrance("native-bf16"):
        return "no products in bfloat16 here"
    if isinstance(facts, str):
        return facts
    for what, here, recorded in (
        ("version", facts.version, trial.task_version),
        ("data digest", facts.digest[:16], trial.task_digest[:16]),
    ):
        if here != recorded:
            return f"{trial.task} at {trial.scale}: {what} {here} here, {recorded} recorded"
    return ""


@cache
def _here(executor: str) -> dict[str, str]:
    return provenance.collect() | executors.describe(executor) | {"engine": str(ENGINE)}


def _shown(recorded: Outcome, repeated: Outcome) -> tuple[str, tuple[float | None, float | None]]:
    """The measured number that tells most, by name, of both."""
    for split in reversed(get_args(Held)):
        values = LOSS.of(recorded, split), LOSS.of(repeated, split)
        if values != (None, None):
            return LOSS.axis(split), values
    return LOSS.axis("test"), (None, None)


def _facts(task: str, scale: str) -> Facts | str:
    """The facts of a task, or why this machine has none."""
    try:
        return registry.load(task, scale).facts
    except TaskError as error:
        return f"{task} at {scale}: {error.code}: {error.message}"
