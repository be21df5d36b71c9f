"""Runs before every test: one thread, deterministic algorithms."""

import os
import sys
from collections.abc import Iterator

import pytest

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")


@pytest.fixture(autouse=True)
def usual_arithmetic() -> Iterator[None]:
    """Undoes the flushing of denormals that trainings switch on for the whole process."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_flush_denormal(False)
