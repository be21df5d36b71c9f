"""Fixtures of the record's tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from results.record.store import Store
from results.record.study import Study
from tests.results import synthetic


@pytest.fixture(autouse=True)
def close_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Closes every store that a test opened, so that tests need not."""
    opened: list[Store] = []
    original = Store.__init__

    def remember(self: Store, *arguments: Any) -> None:
        original(self, *arguments)
        opened.append(self)

    monkeypatch.setattr(Store, "__init__", remember)
    yield
    for store in opened:
        store.close()


@pytest.fixture
def written(tmp_path: Path) -> tuple[Store, Study]:
    """A store with one finished synthetic study, open for writing."""
    return synthetic.write(tmp_path / "run.gate")
