"""Gatewright from Python: `import gatewright as gw`.

Everything here is defined elsewhere and named as it is there. `import gatewright` loads none of it: a name
is looked up when it is first used, so reading a record never loads torch, and a cell never loads pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cells import (
        Cell,
        canonical,
        check,
        execution_class,
        identifier,
        mutate,
        parse,
        read,
        sample,
        to_text,
        zoo,
    )
    from cells.engine.training import trainer
    from cells.error import CellError, GatewrightError
    from cells.training.budget import Budget
    from cells.training.schedule import Schedule
    from cells.training.setting import Setting
    from results import frame
    from results.error import StoreError
    from results.publishing.publication import open_record
    from results.record.study import Study
    from search import configuration
    from search.error import SearchError
    from search.run.session import conduct
    from search.verify import verify
    from tasks import registry
    from tasks.task import TaskError

_HOMES: Final[dict[str, tuple[str, ...]]] = {
    "cells": (
        *("Cell", "canonical", "check", "execution_class", "identifier", "mutate", "parse"),
        *("read", "sample", "to_text", "zoo"),
    ),
    "cells.engine.training": ("trainer",),
    "cells.error": ("CellError", "GatewrightError"),
    "cells.training.budget": ("Budget",),
    "cells.training.schedule": ("Schedule",),
    "cells.training.setting": ("Setting",),
    "results": ("frame",),
    "results.error": ("StoreError",),
    "results.publishing.publication": ("open_record",),
    "results.record.study": ("Study",),
    "search": ("configuration",),
    "search.error": ("SearchError",),
    "search.run.session": ("conduct",),
    "search.verify": ("verify",),
    "tasks": ("registry",),
    "tasks.task": ("TaskError",),
}
"""Names by the module that defines them, or by the package that a module is in."""

_HOME: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Budget",
    "Cell",
    "CellError",
    "GatewrightError",
    "Schedule",
    "SearchError",
    "Setting",
    "StoreError",
    "Study",
    "TaskError",
    "canonical",
    "check",
    "conduct",
    "configuration",
    "execution_class",
    "frame",
    "identifier",
    "mutate",
    "open_record",
    "parse",
    "read",
    "registry",
    "sample",
    "to_text",
    "trainer",
    "verify",
    "zoo",
]


def __getattr__(name: str) -> Any:
    """The value of a public name, from where it is defined."""
    if name not in _HOME:
        raise AttributeError(f"module 'gatewright' has no attribute {name!r}")
    home = import_module(_HOME[name])
    value = getattr(home, name, None)
    if value is None:
        value = import_module(f"{_HOME[name]}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)


if __name__ == "__main__":
    from search.cli import main

    main()
