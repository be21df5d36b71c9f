"""Every task by name. The module of a task is imported when it is first asked for.

A task module offers `load(name: str, scale: str) -> Task`.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache

from tasks import scale as scales
from tasks.task import Task, TaskError

MODULES = {
    "memorization": "tasks.generated.memorization",
    "arithmetic": "tasks.generated.arithmetic",
    "markup": "tasks.generated.markup",
    "reber": "tasks.generated.reber",
    "reber-continual": "tasks.generated.reber",
    "copy": "tasks.generated.copy_memory",
    "adding": "tasks.generated.adding",
    "temporal-order": "tasks.generated.temporal_order",
    "agreement": "tasks.generated.agreement",
    "subsequence": "tasks.generated.subsequence",
    "parity": "tasks.diagnostic.tracking",
    "cycle": "tasks.diagnostic.tracking",
    "s3": "tasks.diagnostic.tracking",
    "a5": "tasks.diagnostic.tracking",
    "recall": "tasks.diagnostic.recall",
    "noisy-recall": "tasks.diagnostic.recall",
    "selective-copy": "tasks.diagnostic.selective_copy",
    "compression": "tasks.diagnostic.compression",
    "progressions": "tasks.generated.progressions",
    "pydocs": "tasks.corpora.pydocs",
    "pydocs-char": "tasks.corpora.pydocs",
    "ptb": "tasks.corpora.ptb",
    "ptb-char": "tasks.corpora.ptb",
    "nottingham": "tasks.corpora.pianoroll",
    "piano-midi": "tasks.corpora.pianoroll",
    "jsb": "tasks.corpora.pianoroll",
    "musedata": "tasks.corpora.pianoroll",
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
