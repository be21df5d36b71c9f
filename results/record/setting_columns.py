"""The hyperparameters of a trial in SQL: columns of their own since the first version, else from its JSON."""

from typing import Final

from cells.training.hyperparameter import Hyperparameter, Value
from cells.training.optimizer import NAMES, own
from cells.training.setting import HYPERPARAMETERS, Setting


def setting_values(setting: Setting) -> list[Value]:
    """What the columns of the table `trial` hold of a setting, in their order."""
    values: list[Value] = []
    for row in HYPERPARAMETERS:
        if row.column is not None:
            value = getattr(setting, row.name)
            values.append(float(value) if row.kind == "real" else value)
    return values


def _read(row: Hyperparameter) -> str:
    if row.column is not None:
        return f"trial.{row.column}"
    read = _json(row.recorded)
    if not row.optimizers:
        return read if row.default is None else f"coalesce({read}, {_literal(row.default)})"
    cases = " ".join(
        f"WHEN {_literal(name)} THEN coalesce({read}, {_literal(own(name)[row.name])})"
        for name in NAMES
        if name in row.optimizers
    )
    return f"CASE {_json('optimizer')} {cases} END"


def _json(name: str) -> str:
    return f"json_extract(trial.description, '$.setting.{name}')"


def _literal(value: Value) -> str:
    return f"'{value}'" if isinstance(value, str) else repr(value)


SETTING_COLUMNS: Final = ", ".join(f"{_read(row)} AS {row.name}" for row in HYPERPARAMETERS)
"""What to select of `trial`: every hyperparameter by name; NULL where the optimizer has it not."""
