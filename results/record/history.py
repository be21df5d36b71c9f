"""The digest of a study's history: equal histories have equal digests."""

import hashlib

from results.record.row import ask_json, verdicts_json
from results.record.store import Store


def digest(store: Store, study_id: str) -> str:
    """The sha256 over everything that one seed must repeat, 64 hex digits.

    For each index in order: role, trial key, parent, operators, rejections, admissions and the facts
    of the outcome; then the verdicts after the last ask. No timings, slots, attempts or epochs, and
    nothing that is said to people but in the first edition of studies, which covers that too.

    Raises:
        StoreError: if the store cannot be read.
    """
    first = store.study(study_id).edition == 1
    log = store.log(study_id)
    hashed = hashlib.sha256()
    for ask, outcome in log:
        facts = "null"
        if outcome is not None:
            facts = outcome.facts_json() if first else outcome.result_json()
        hashed.update(f"{ask_json(ask)}\n{facts}\n".encode())
    rejections, admissions = store.verdicts(study_id, len(log))
    hashed.update(verdicts_json(rejections, admissions).encode())
    return hashed.hexdigest()
