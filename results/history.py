"""The digest of a study's history: equal histories have equal digests."""

import hashlib
import json

from results.ask import Ask, Rejection
from results.store import Store


def digest(store: Store, study_id: str) -> str:
    """The sha256 over everything that one seed must repeat, 64 hex digits.

    For each index in order: role, trial key, parent, operators, rejections, admissions and the facts
    of the outcome; then the verdicts after the last ask. No timings, slots, attempts or epochs.

    Raises:
        StoreError: if the store cannot be read.
    """
    log = store.log(study_id)
    hashed = hashlib.sha256()
    for ask, outcome in log:
        facts = "null" if outcome is None else outcome.facts_json()
        hashed.update(f"{_asked(ask)}\n{facts}\n".encode())
    rejections, admissions = store.verdicts(study_id, len(log))
    hashed.update(_json([[_rejected(rejection) for rejection in rejections], admissions]).encode())
    return hashed.hexdigest()


def _asked(ask: Ask) -> str:
    return _json(
        [
            ask.index,
            ask.role.value,
            None if ask.trial is None else ask.trial.key,
            ask.parent_id,
            ask.operators,
            [_rejected(rejection) for rejection in ask.rejections],
            ask.admissions,
        ]
    )


def _rejected(rejection: Rejection) -> list[object]:
    return [
        rejection.cause.value,
        rejection.cell_id,
        rejection.parent_id,
        rejection.operators,
        rejection.detail,
    ]


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
