"""Runs before every test: one thread, deterministic algorithms. And how tests are dealt to workers."""

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Ray's workers are nice, so beside other tests they would get next to no time.
os.environ.setdefault("RAY_worker_niceness", "0")

# How long an example takes depends on what else the machine does.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def usual_arithmetic() -> Iterator[None]:
    """Undoes the flushing of denormals that trainings switch on for the whole process."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


LONG: Final = (
    "tests/faults/",
    "tests/browser/",
    "tests/search/test_cli.py",
    "tests/search/test_machines.py",
    "tests/search/test_verify.py",
    "tests/results/record/test_faults.py",
    "tests/cells/engine/native/test_learner.py",
    "tests/results/report/test_report.py",
    "tests/tasks/corpora/test_baseline.py",
    "tests/cells/engine/native/test_build.py",
)
"""Files and folders that take ten seconds and more. They come first, so that no worker is left alone
with one of them in the end."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; the others stay in the order of their names."""

    def rank(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))

    items.sort(key=rank)


class Scheduling(LoadFileScheduling):
    """A file goes to one worker; all files that start clusters or drivers to the same, and so those
    that start a browser.

    These start many processes and wait for them. Two of a kind at a time would only wait longer.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        if file.startswith("tests/browser/"):
            return "a browser"
        return "clusters and drivers" if starts_clusters(file) else file


@cache
def starts_clusters(file: str) -> bool:
    """Whether the tests of this file, relative to the root, start Ray or drivers."""
    if file.startswith("tests/faults/"):
        return True
    return "RayPool(" in (Path(__file__).parents[1] / file).read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """The above for `--dist loadfile`."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None
