"""The digest of a study's history: equal histories have equal digests."""

import hashlib
from collections.abc import Sequence

from results.record.ask import Rejection
from results.record.outcome import Outcome
from results.record.row import ask_json, verdicts_json
from results.record.store import Store
from results.record.words import Edition


class History:
    """The sha256 over everything that one seed must repeat, taken ask by ask.

    For each index in order: role, trial key, parent, operators, rejections, admissions and the facts
    of the outcome; then the verdicts after the last ask. No timings, slots, attempts or epochs, and
    nothing that is said to people but in the first edition of studies, which covers that too.

    Args:
        edition: of the study.
    """

    def __init__(self, edition: Edition) -> None:
        self._first = edition == 1
        self._hashed = hashlib.sha256()

    def add(self, ask: str, outcome: Outcome | None, facts: str = "") -> None:
        """Adds the next ask, as `results.record.row.ask_json` has it, with its outcome, if any.

        Args:
            ask: the text.
            outcome: of its trial.
            facts: the outcome's `facts_json` where it is at hand.
        """
        covered = "null"
        if outcome is not None and self._first:
            covered = facts or outcome.facts_json()
        elif outcome is not None:
            covered = outcome.result_of(facts) if facts else outcome.result_json()
        self._hashed.update(f"{ask}\n{covered}\n".encode())

    def digest(
        self,
        following: Sequence[tuple[str, Outcome | None]] = (),
        rejections: Sequence[Rejection] = (),
        admissions: Sequence[str] = (),
    ) -> str:
        """The digest of what was added, then these asks and verdicts; 64 hex digits."""
        whole = History(1 if self._first else 2)
        whole._hashed = self._hashed.copy()
        for ask, outcome in following:
            whole.add(ask, outcome)
        whole._hashed.update(verdicts_json(rejections, admissions).encode())
        return whole._hashed.hexdigest()


def digest(store: Store, study_id: str) -> str:
    """The digest of a recorded history, see `History`.

    Raises:
        StoreError: if the store cannot be read.
    """
    history, asked = History(store.study(study_id).edition), 0
    for ask, outcome in store.log(study_id):
        history.add(ask_json(ask), outcome)
        asked += 1
    return history.digest((), *store.verdicts(study_id, asked))
