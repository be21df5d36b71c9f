"""Words that went into records, and stay in them: names of fields, and texts that digests cover.

A hash stands for its text letter by letter, so a field that is renamed in Python goes on under the
name that it has in records: `FIELDS` maps one to the other. Members of `Role`, `Cause` and `Ending`
carry the recorded word as their value and may be renamed freely; the words of `Literal` types
(`paper`, `uniform`, `edits`, ...) are recorded as they stand and never change. Hyperparameters map
their names themselves, where the class has a method `recorded`.

The first edition of studies digests what was said to people when a cell was turned away, so these
texts are frozen too. Later editions digest codes and numbers, see `Reason`.
"""

from collections.abc import Mapping
from typing import Final

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
