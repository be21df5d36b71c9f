"""Finds the real corpora for the tests that read them."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the real corpora, also set as `GATEWRIGHT_DATA`; skips where there is none."""
    chosen = os.environ.get("GATEWRIGHT_DATA")
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    for folder in ([Path(chosen)] if chosen else []) + [beside]:
        if (folder / "ptb").is_dir() and (folder / "music").is_dir():
            monkeypatch.setenv("GATEWRIGHT_DATA", str(folder))
            return folder
    pytest.skip(f"no corpora: GATEWRIGHT_DATA is {chosen!r} and {beside} does not exist")
