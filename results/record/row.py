"""Values as the store's columns hold them: plain, finite, and equal when read back."""

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

from cells.training.point import Point
from results.error import StoreError
from results.record import words
from results.record.ask import Ask, Rejection
from results.record.decode import checksum
from results.record.outcome import Cost, Outcome
from results.record.plain import encode
from results.record.seal import Addition
from results.record.setting_columns import setting_values
from results.record.trial import Trial

_numbers = attrgetter(*Point.__slots__)
"""The fields of a point in order; `dataclasses.astuple` takes twenty times as long."""


def insert_trial(addition: Addition, trial: Trial) -> None:
    """Inserts a trial and its cell, each unless it is there."""
    addition.insert("cell", trial.cell_id, trial.cell)
    addition.insert(
        "trial",
        trial.key,
        trial.cell_id,
        trial.task,
        trial.scale,
        trial.task_version,
        trial.task_digest,
        *setting_values(trial.setting),
        trial.seed,
        trial.executor,
        trial.engine,
        trial.dtype,
        trial.to_json(),
    )


def insert_outcome(
    addition: Addition,
    outcome: Outcome,
    study_id: str,
    index: int,
    epoch: int | None,
    at: str,
) -> bool:
    """Inserts an outcome with its curve unless its key is there; True if inserted."""
    inserted = addition.insert(
        "outcome",
        outcome.key,
        outcome.ending.value,
        outcome.step,
        outcome.detail,
        outcome.width,
        outcome.parameters,
        outcome.updates,
        outcome.tokens,
        outcome.valid_loss,
        outcome.valid_accuracy,
        outcome.test_loss,
        outcome.test_accuracy,
        outcome.cost.seconds,
        outcome.cost.cpu_seconds,
        outcome.cost.peak_bytes,
        facts_digest(outcome),
        study_id,
        index,
        epoch,
        at,
    )
    if inserted:
        curve = [
            (outcome.key, position, *_numbers(point))
            for position, point in enumerate(outcome.curve)
        ]
        addition.insert_all("point", curve)
    return inserted


def insert_verdicts(
    addition: Addition,
    study_id: str,
    index: int,
    rejections: Sequence[Rejection],
    admissions: Sequence[str],
) -> None:
    """Inserts what was decided before ask `index`."""
    for position, rejection in enumerate(rejections):
        addition.insert(
            "rejection",
            study_id,
            index,
            position,
            rejection.cause.value,
            rejection.cell_id,
            rejection.parent_id,
            canonical_json(rejection.operators),
            words.joined(rejection.facts, rejection.detail),
        )
    for position, cell_id in enumerate(admissions):
        addition.insert("admission", study_id, index, position, cell_id)


def clean_text(text: str) -> str:
    """The text without lone surrogates, which UTF-8 cannot hold; messages of others have them."""
    return text.encode("utf-8", "replace").decode("utf-8")


def clean_rejection(rejection: Rejection) -> Rejection:
    """The rejection as it will be read back; most are so already."""
    if type(rejection.operators) is tuple and rejection.detail.isascii():
        return rejection
    return replace(
        rejection, operators=tuple(rejection.operators), detail=clean_text(rejection.detail)
    )


def clean_ask(ask: Ask) -> Ask:
    """The ask as it will be read back; most are so already."""
    if ask.rejections == () and type(ask.operators) is type(ask.admissions) is tuple:
        return ask
    return replace(
        ask,
        operators=tuple(ask.operators),
        rejections=tuple(map(clean_rejection, ask.rejections)),
        admissions=tuple(ask.admissions),
    )


def clean_outcome(outcome: Outcome) -> Outcome:
    """The outcome as it will be read back: plain finite floats, no -0.0 (SQLite keeps no such)."""
    try:
        return replace(
            outcome,
            detail=clean_text(outcome.detail),
            step=_whole(outcome.step),
            width=_whole(outcome.width),
            parameters=_whole(outcome.parameters),
            updates=int(outcome.updates),
            tokens=int(outcome.tokens),
            valid_loss=_finite(outcome.valid_loss),
            valid_accuracy=_finite(outcome.valid_accuracy),
            test_loss=_finite(outcome.test_loss),
            test_accuracy=_finite(outcome.test_accuracy),
            curve=tuple(_clean_point(point) for point in outcome.curve),
            cost=Cost(
                _finite(outcome.cost.seconds) or 0.0,
                _finite(outcome.cost.cpu_seconds) or 0.0,
                int(outcome.cost.peak_bytes),
            ),
        )
    except ValueError as error:
        raise StoreError("not-finite", f"outcome of trial {outcome.key}: {error}") from error


def _clean_point(point: Point) -> Point:
    update, *numbers = _numbers(point)
    return Point(int(update), *(_finite(number) or 0.0 for number in numbers))


def _finite(number: float | None) -> float | None:
    if number is None:
        return None
    if not math.isfinite(number):
        raise ValueError(f"{number} in a result")
    return float(number) + 0.0


def _whole(number: int | None) -> int | None:
    return None if number is None else int(number)


Verdict = tuple[str, str, str, Sequence[str], str]
"""A rejection in recorded words: cause, cell, parent, operators, and what digests cover of the reason."""


def ask_json(ask: Ask) -> str:
    """Canonical JSON of an ask: what one seed must repeat. The trial stands for itself by its key."""
    key = None if ask.trial is None else ask.trial.key
    verdicts = verdicts_json(ask.rejections, ask.admissions)
    return ask_text(ask.index, ask.role, key, ask.parent_id, ask.operators, verdicts)


def ask_text(
    index: int, role: str, key: str | None, parent_id: str, operators: Sequence[str], verdicts: str
) -> str:
    """Canonical JSON of an ask from its recorded words."""
    trial = "null" if key is None else encode(key)
    steps = ",".join(map(canonical_json, operators))
    return f"[{index},{encode(role)},{trial},{encode(parent_id)},[{steps}],{encode(verdicts)}]"


def verdicts_json(rejections: Sequence[Rejection], admissions: Sequence[str]) -> str:
    """Canonical JSON of what was decided before an ask."""
    rows = [(r.cause.value, r.cell_id, r.parent_id, r.operators, r.digested) for r in rejections]
    return verdicts_text(rows, admissions)


def verdicts_text(rejections: Sequence[Verdict], admissions: Sequence[str]) -> str:
    """Canonical JSON of what was decided before an ask, from its recorded words."""
    if not rejections and not admissions:
        return "[[],[]]"  # of most asks
    return canonical_json([rejections, admissions])


def ask_digest(ask: Ask) -> str:
    """The sha256 of an ask, 64 hex digits."""
    return checksum(ask_json(ask))


def facts_digest(outcome: Outcome) -> str:
    """The sha256 of an outcome's facts, 64 hex digits."""
    return checksum(outcome.facts_json())


def canonical_json(value: object) -> str:
    """Compact JSON. Raises StoreError `not-finite` on NaN or infinity."""
    try:
        return encode(value)
    except ValueError as error:
        raise StoreError("not-finite", f"a number to be recorded: {error}") from error
