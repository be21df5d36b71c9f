"""Outcomes of another record, reused by key; what its machines did to cells is left behind.

Earlier versions recorded a missing corpus or compiler, other data and lost workers as outcomes of
cells, and an outcome stays. So such a study goes on in a new store, which takes over all the rest.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from cells.engine import executor as executors
from results.record import provenance
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.trial import Trial

_OF_THE_MACHINE: Final = re.compile(
    r"^T00[1-4]: |^T10\d: "
    r"|: (version|data digest) \S+ here, \S+ in the trial$"
    r"|^no C compiler: |could not compile the native runtime|^the native runtime cannot be loaded"
    r"|^the portable executor needs |^this CPU has no avx512_bf16| makes no use of this CPU's "
)
"""Details of refusals that were a machine's doing, as earlier versions worded them."""


def of_machine(trial: Trial, outcome: Outcome) -> bool:
    """Whether an outcome says more about the machine that recorded it than about the cell."""
    match outcome.ending:
        case Ending.REFUSED:
            return _OF_THE_MACHINE.search(outcome.detail) is not None
        case Ending.OUT_OF_MEMORY:
            return trial.budget.bytes is None
        case Ending.TIMED_OUT:
            return "attempts without an outcome" in outcome.detail
        case Ending.CRASHED | Ending.GUARDED:
            return True
        case _:
            return False


class Reuse:
    """The outcomes of a record that another study may take over.

    Args:
        record: open for reading.
        path: of the record, for people.

    Attributes:
        counts: of the trials asked for: taken, left behind, of another machine class.
    """

    def __init__(self, record: Store, path: Path) -> None:
        self._record = record
        self._path = path
        self._same: dict[tuple[str, int], bool] = {}
        self.counts: Counter[str] = Counter()

    def outcome(self, trial: Trial) -> Outcome | None:
        """The outcome of an equal trial, if there is one that may be taken over.

        None also if it is a machine's doing, or was computed where bits are not those of here.
        """
        outcome = self._record.outcome(trial.key)
        if outcome is None:
            return None
        if of_machine(trial, outcome):
            self.counts["left behind"] += 1
            return None
        epochs = self._record.select("SELECT epoch FROM outcome WHERE trial_key = ?", trial.key)
        if not self._same_class(trial.executor, int(epochs[0][0])):
            self.counts["of another machine class"] += 1
            return None
        self.counts["taken"] += 1
        return outcome

    def __str__(self) -> str:
        """What came of it, on one line."""
        counts = ", ".join(f"{count:,} {what}" for what, count in sorted(self.counts.items()))
        return f"outcomes of {self._path}: {counts or 'none asked for'}"

    def _same_class(self, executor: str, epoch: int) -> bool:
        """Whether trials of an earlier start have the bits that they would have here."""
        if (executor, epoch) not in self._same:
            here = provenance.collect() | executors.describe(executor)
            rows = self._record.select("SELECT name, value FROM provenance WHERE epoch = ?", epoch)
            there = {str(name): str(value) for name, value in rows}
            self._same[executor, epoch] = all(
                there.get(name) == here[name] for name in executors.machine_class(executor, here)
            )
        return self._same[executor, epoch]
