"""Runs before every test: one thread, deterministic algorithms. And how tests are dealt to workers."""

import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# How long an example takes depends on what else the machine does.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def usual_arithmetic() -> Iterator[None]:
    """Undoes the flushing of denormals that trainings switch on for the whole process."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)


class Scheduling(LoadFileScheduling):
    """A file goes to one worker; all files that start a cluster, a browser or drivers to the same.

    These start many processes and wait for them. Two of them at a time would only wait longer.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "many processes" if starts_many_processes(file) else file


@cache
def starts_many_processes(file: str) -> bool:
    """Whether the tests of this file, relative to the root, start Ray, a browser or drivers."""
    if file.startswith(("tests/browser/", "tests/faults/")):
        return True
    return "RayPool(" in (Path(__file__).parents[1] / file).read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """The above for `--dist loadfile`."""
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None
