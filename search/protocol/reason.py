"""Why a cell is turned away: facts that digests cover, and a line for people that they do not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cells import zoo
from results.record import words
from results.record.outcome import Ending, Outcome
from results.record.row import canonical_json
from results.record.words import Edition

Fact = str | int | float

_LINES: Final = {
    "invalid": "{code}: {message}",
    "baseline": "same as a baseline",
    "earlier": "proposed before",
    "probe": "{line}",
    "screen": "accuracy {accuracy:.4f}, {needed:g} needed",
    "failed": "{ending}: {line}",
    "threshold": "{ratio:.4f} of {name}'s best on {task}, above {needed:g} needed",
    "list": "score {score:.4f}, above {needed:.4f} needed",
}
"""What is said today; the first edition's lines are in `results.record.words`."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        kind: which line says it.
        facts: numbers and codes, which digests cover.
        words: what else the line needs.
        first: of `words`, those that the first edition says otherwise.
    """

    kind: str
    facts: Mapping[str, Fact]
    words: Mapping[str, Fact]
    first: Mapping[str, Fact]

    def recorded(self, edition: Edition) -> tuple[str, str]:
        """The line for people, and the facts as canonical JSON, or "" in the first edition."""
        if edition == 1:
            filling = {**self.facts, **self.words, **self.first}
            return words.FIRST_LINES[self.kind].format(**filling), ""
        line = _LINES[self.kind].format(**{**self.facts, **self.words})
        return line, canonical_json(self.facts)


def invalid(code: str, values: Mapping[str, Fact], message: str) -> Reason:
    """A graph that is no cell, from the error: its code, the values of its message, and that."""
    first = words.FIRST_MESSAGES.get(code, "").format(**values) or message
    return Reason("invalid", {"code": code}, {"message": message}, {"message": first})


def duplicate(*, baseline: bool) -> Reason:
    """A cell that is known in this study."""
    kind = "baseline" if baseline else "earlier"
    return Reason(kind, {"same": kind}, {}, {})


def probe(outcome: Outcome) -> Reason:
    """A cell that the probe rejected."""
    return Reason("probe", {"ending": outcome.ending.value}, {"line": outcome.detail}, {})


def screen(outcome: Outcome, accuracy: float, needed: float) -> Reason:
    """A cell that did not reach the accuracy needed on the screen, or did not end well there."""
    if outcome.ending is Ending.OK:
        facts: dict[str, Fact] = {"needed": needed}
        if math.isfinite(accuracy):
            facts["accuracy"] = accuracy
        return Reason("screen", facts, {"accuracy": accuracy}, {})
    ending = outcome.ending
    line = {"line": outcome.detail or ending.advice}
    first = {"line": outcome.detail or words.FIRST_ADVICE[ending.value]}
    return Reason("failed", {"ending": ending.value}, line, first)


def threshold(ratio: float, needed: float, task: str, yardstick: str) -> Reason:
    """A cell that stayed at or below a share of the yardstick's best on a task.

    Args:
        ratio: of the two bests, as Eq. 1 of the paper has it.
        needed: what it must exceed.
        task: name.
        yardstick: as the study names it: a zoo name, or the text of a cell.
    """
    name = yardstick if yardstick in zoo.names() else "the yardstick"
    facts = {"ratio": ratio, "needed": needed, "task": task}
    return Reason("threshold", facts, {"name": name}, {})


def full_list(score: float, needed: float) -> Reason:
    """A cell that was not better than the worst of a full list."""
    return Reason("list", {"score": score, "needed": needed}, {}, {})
