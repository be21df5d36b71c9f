"""Words that went into records, and stay in them: names of fields, and texts that digests cover.

A hash stands for its text letter by letter, so a field that is renamed in Python goes on under the
name that it has in records: `FIELDS` maps one to the other. Members of `Role`, `Cause` and `Ending`
carry the recorded word as their value and may be renamed freely; the words of `Literal` types
(`paper`, `uniform`, `edits`, ...) are recorded as they stand and never change. Hyperparameters map
their names themselves, where the class has a method `recorded`.

The first edition of studies digests what was said to people when a cell was turned away, so these
texts are frozen too: a search of that edition that is resumed says the same. It also digests the lines
that the probe and the trainer leave in an outcome, which they still write as they did. The second
edition digests codes and numbers, and what is said to people may change.
"""

from collections.abc import Mapping
from typing import Final, Literal

Edition = Literal[1, 2]
"""Of a study: what its digests cover. The first is not written in its description."""

EDITION: Final[Edition] = 2
"""Of the studies that are begun today."""

_FIELDS: Final = {
    "Point": "update rate train_loss valid_loss valid_accuracy norm clipped",
    "Budget": "parameters updates tokens seconds bytes",
    "Schedule": "name epochs patience decay tail least constant",
    "Trial": "cell cell_id task task_version task_digest scale setting schedule budget seed stop_at"
    " executor engine dtype",
    "Outcome": "key ending step detail width parameters updates tokens valid_loss valid_accuracy"
    " test_loss test_accuracy curve",
    "TaskPlan": "name scale settings budget schedule",
    "Screen": "task scale pass_mark budget schedule",
    "Confirm": "cells seeds",
    "Study": "name strategy seed lag slots proposals tasks screen baseline_settings baselines"
    " threshold list_size reevaluate retry sampler space mutation confirm",
}
"""Fields of the first edition by class. One that is renamed to `new` becomes `new=old` here."""


def _pairs(fields: str) -> dict[str, str]:
    pairs = (field.partition("=") for field in fields.split())
    return {name: old or name for name, _, old in pairs}


FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    kind: _pairs(fields) for kind, fields in _FIELDS.items()
}
"""By class: what a field is called today, and what it is called in records. A field that came later
is not listed and is recorded under its own name."""


def recorded(kind: str, name: str) -> str:
    """What records call the field `name` of the class `kind`."""
    return FIELDS.get(kind, {}).get(name, name)


FIRST_LINES: Final[Mapping[str, str]] = {
    "invalid": "{code}: {message}",
    "baseline": "same as a baseline",
    "earlier": "proposed before",
    "probe": "{line}",
    "screen": "accuracy {accuracy:.4f}, {needed:g} needed",
    "failed": "{ending}: {line}",
    "threshold": "{ratio:.4f} of the GRU's best on {task}, above {needed:g} needed",
    "list": "score {score:.4f}, above {needed:.4f} needed",
}
"""What the first edition says of a cell that is turned away, whatever the yardstick is."""

FIRST_MESSAGES: Final[Mapping[str, str]] = {
    "C401": "the cell has more than {limit} nodes",
    "C402": "the cell has more than {limit} parameters",
    "C403": "the cell has more than {limit} states",
    "C501": "x does not reach the output",
    "C502": "state {word} does not reach the output",
}
"""What the first edition says of a mutated graph that is no cell, by the code of the error."""

FIRST_ADVICE: Final[Mapping[str, str]] = {
    "ok": "Trained to the end of its schedule or budget.",
    "diverged": "Loss or gradient stopped being finite at `step`; lower the rate, the scale or the clip.",
    "rejected": "The probe before training found no finite output or no gradient through time; see `detail`.",
    "refused": "No width meets the parameter budget, or the cell cannot be built; see `detail`.",
    "timed_out": "Longer than the study's `seconds`; raise it, or lower the budget of updates.",
    "out_of_memory": "More memory than the study's `bytes`; lower width, layers or batch.",
    "crashed": "The worker died or our code failed; `detail` says where. Please report it.",
}
"""What the first edition says of a failed screen without a line of its own."""


def joined(facts: str, line: str) -> str:
    """What is recorded of a reason: the facts as JSON on a line, then the line for people.

    Without facts, as in the first edition, the line for people alone.
    """
    return f"{facts}\n{line}" if facts else line


def parted(text: str) -> tuple[str, str]:
    """Facts and line of what `joined` made."""
    facts, newline, line = text.partition("\n")
    return (facts, line) if newline and facts.startswith("{") else ("", text)


def said(text: str) -> str:
    """The line for people of a recorded reason."""
    return parted(text)[1]


def digested(text: str) -> str:
    """What a digest covers of a recorded reason: the facts, or in the first edition the line."""
    facts, line = parted(text)
    return facts or line
