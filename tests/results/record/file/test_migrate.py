"""Stores of every released version open; newer and foreign files are refused and not touched."""

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from results.error import StoreError
from results.record.file import migrate
from results.record.history import digest
from results.record.store import Store
from results.report import search_report as report
from tests.results import synthetic

ASSETS = Path(__file__).parents[2] / "assets"
KEPT = sorted(ASSETS.glob("version-*.gate"))


def fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_there_is_a_kept_file_of_every_version() -> None:
    expected = [f"version-{number + 1}.gate" for number in range(migrate.VERSION)]
    assert [path.name for path in KEPT] == expected


@pytest.mark.parametrize("kept", KEPT, ids=lambda path: path.stem)
def test_a_kept_file_opens_for_writing_with_the_history_it_had(kept: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    shutil.copy(kept, path)
    with Store.create_or_open(path) as store:
        assert store.select("PRAGMA user_version")[0][0] == migrate.VERSION
        (row,) = store.studies()
        recorded = kept.with_suffix(".digest").read_text(encoding="ascii").strip()
        assert digest(store, row.id) == recorded
        assert report.render(store, row.id)
        assert store.begin(row.study, {}) == row.epochs + 1


@pytest.mark.parametrize("opening", [Store.read, Store.create_or_open])
def test_a_newer_file_is_refused_and_not_touched(opening, tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    synthetic.write(path)[0].close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {migrate.VERSION + 1}")
    connection.close()
    before = fingerprint(path)
    with pytest.raises(StoreError, match=r"^newer: .*reads up to") as caught:
        opening(path)
    assert caught.value.code == "newer"
    assert "\n" not in caught.value.message
    assert fingerprint(path) == before


@pytest.mark.parametrize("opening", [Store.read, Store.create_or_open])
@pytest.mark.parametrize("content", ["text", "database"])
def test_a_foreign_file_is_refused_and_not_touched(opening, content: str, tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    if content == "text":
        path.write_text("alpha,beta\n1,2\n" * 100, encoding="ascii")
    else:
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE mine (x)")
        connection.close()
    before = fingerprint(path)
    with pytest.raises(StoreError) as caught:
        opening(path)
    assert caught.value.code == "not-a-store"
    assert fingerprint(path) == before


def test_an_empty_file_becomes_a_store_but_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "run.gate"
    path.touch()
    with pytest.raises(StoreError, match=r"^not-a-store: .*empty"):
        Store.read(path)
    Store.create_or_open(path).close()
    assert Store.read(path).studies() == []


def test_steps_are_taken_one_by_one_and_a_failing_one_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.gate"
    store, study = synthetic.write(path)
    before = digest(store, study.id)
    store.close()
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text("CREATE TABLE note (text TEXT NOT NULL) STRICT;", encoding="ascii")
    bad.write_text("CREATE TABLE half (x TEXT) STRICT; CREATE TABLE note (x);", encoding="ascii")
    steps = (*migrate.STEPS, str(good), str(bad))
    monkeypatch.setattr(migrate, "STEPS", steps)
    monkeypatch.setattr(migrate, "VERSION", len(steps))
    with Store.read(path) as older:
        assert digest(older, study.id) == before
    with pytest.raises(StoreError, match="already exists"):
        Store.create_or_open(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(steps) - 1
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    assert "note" in names
    assert "half" not in names
    connection.close()
    bad.write_text("CREATE TABLE whole (x TEXT) STRICT;", encoding="ascii")
    with Store.create_or_open(path) as again:
        assert again.select("PRAGMA user_version")[0][0] == len(steps)
        assert digest(again, study.id) == before
