"""Fixtures of the record's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from results.store import Store
from results.study import Study
from tests.results import synthetic


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[Store, Study]]:
    """A store with one finished synthetic study, open for writing."""
    store, study = synthetic.write(tmp_path / "run.gate")
    yield store, study
    store.close()
