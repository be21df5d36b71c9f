"""Every task by name. The module of a task is imported when it is first asked for.

A task module offers `load(name: str, scale: str) -> Task`.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache

from tasks import scale as scales
from tasks.task import Task, TaskError

MODULES = {
    "memorization": "tasks.memorization",
    "arithmetic": "tasks.arithmetic",
    "markup": "tasks.markup",
    "reber": "tasks.reber",
    "reber-continual": "tasks.reber",
    "copy": "tasks.copy_memory",
    "adding": "tasks.adding",
    "temporal-order": "tasks.temporal_order",
    "agreement": "tasks.agreement",
    "subsequence": "tasks.subsequence",
    "progressions": "tasks.progressions",
    "pydocs": "tasks.pydocs",
    "pydocs-char": "tasks.pydocs",
    "ptb": "tasks.ptb",
    "ptb-char": "tasks.ptb",
    "nottingham": "tasks.pianoroll",
    "piano-midi": "tasks.pianoroll",
    "jsb": "tasks.pianoroll",
    "musedata": "tasks.pianoroll",
}


def names() -> tuple[str, ...]:
    """All tasks, in the order in which they are presented."""
    return tuple(MODULES)


def scales_of(name: str) -> tuple[str, ...]:
    """The scales that task `name` has, from small to large.

    Raises:
        TaskError: T001 if there is no such task.
    """
    _check(name)
    return scales.having(name)


def load(name: str, scale: str = "laptop") -> Task:
    """The task `name` at `scale`. Asked again, it returns the same object.

    Raises:
        TaskError: T001 there is no such task, T002 there is no such scale, T003 the task lacks this
            scale; corpora that are not on this machine raise their own.
    """
    _check(name)
    return _load(name, scale)


@lru_cache(maxsize=16)
def _load(name: str, scale: str) -> Task:
    loader: Callable[[str, str], Task] = importlib.import_module(MODULES[name]).load
    return loader(name, scale)


def _check(name: str) -> None:
    if name not in MODULES:
        hint = scales.nearest(name, names(), "the tasks are")
        raise TaskError("T001", f"there is no task {name!r}", hint)
