"""Each column of every table is covered by the digests that `verify` checks."""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from results.error import StoreError
from results.publishing import publication
from results.publishing.restore import restore
from results.record import seal
from results.record.ask import Cause, Rejection
from results.record.file.lock import beside
from results.record.file.migrate import VERSION
from results.record.file.table import tables
from results.record.store import Store
from results.record.strike import Blame, Kind, Strike
from results.record.study import Confirm
from tests.results import synthetic
from tests.results.forge import unguarded

OLD = Path(__file__).parents[1] / "assets" / "edition-1"
COLUMNS = [
    (table.name, column.name) for table in tables(VERSION).values() for column in table.columns
]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store with rows in every table, and beside it the folder `published`."""
    path = tmp_path_factory.mktemp("record") / "run.gate"
    study = replace(synthetic.study(), proposals=3, baseline_settings=1, confirm=Confirm(1, 1))
    with Store.create_or_open(path) as store:
        store.begin(study, {"python": "3.11.0"})
        synthetic.tasks(store)
        for ask, outcome in synthetic.history(study)[:12]:
            turned = Rejection(Cause.INVALID, "b" * 16, ask.parent_id, ("swap",), "too deep")
            ask = replace(ask, rejections=(turned,), admissions=("c" * 16,))
            store.add_ask(study.id, ask)
            store.add_attempt(study.id, ask.index, 1, "slot-0")
            if outcome is not None:
                store.add_outcome(study.id, ask.index, outcome)
        store.add_event(study.id, "worker_lost", "gone", 3)
        store.add_strike(study.id, Strike(3, 1, Kind.DIED, Blame.CELL, "alpha", "0", "gone"))
    with Store.read(path) as store:
        publication.publish(store, path.with_name("published"))
    return path


def other(value: Any) -> Any:
    """A value of the same type, near to this one."""
    match value:
        case None:
            return 1
        case str():
            return value.replace("a", "b", 1) if "a" in value else value + " "
        case float():
            return value * 0.875 + 0.0625
        case _:
            return value + 1


def change_store(path: Path, table: str, column: str) -> None:
    """Changes one value, past the triggers, and leaves the schema as it was."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        names = [
            name
            for name, position in connection.execute(
                "SELECT name, pk FROM pragma_table_info(?) ORDER BY pk", (table,)
            )
            if position
        ]
        key, last = ", ".join(names), ", ".join(f"{name} DESC" for name in names)
        row = f"SELECT {key} FROM {table} ORDER BY {column} IS NULL, {last} LIMIT 1"  # noqa: S608
        (*keys,) = connection.execute(row).fetchone()
        marks = ", ".join("?" * len(keys))
        where = f"WHERE ({key}) = ({marks})"
        (value,) = connection.execute(f"SELECT {column} FROM {table} {where}", keys).fetchone()  # noqa: S608
        with unguarded(connection, f"{table}_no_update"):
            changed = connection.execute(
                f"UPDATE {table} SET {column} = ? {where}",  # noqa: S608
                (other(value), *keys),
            )
        assert changed.rowcount == 1


def change_folder(folder: Path, table: str, column: str) -> None:
    """Changes one value of a published table, and fits `record.json` to it."""
    path = folder / f"{table}.csv.gz"
    reader = csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode(), newline=""))
    head, *rows = reader
    at = head.index(column)
    kind = {one.name: one.kind for one in tables(VERSION)[table].columns}[column]
    row = next((row for row in rows[::-1] if row[at]), rows[-1])
    value = row[at]
    read = {"INTEGER": int, "REAL": float, "TEXT": str}[kind]
    row[at] = str(other(read(value) if value else None))
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([head, *rows])
    content = text.getvalue().encode()
    path.write_bytes(gzip.compress(content))
    manifest = json.loads((folder / "record.json").read_text())
    fitted = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest["tables"][table] |= fitted
    (folder / "record.json").write_text(json.dumps(manifest))


def changed(
    whole: Path, tmp_path: Path, change: Callable[[Path, str, str], None], table: str, column: str
) -> Path:
    """A copy of a record with one value changed."""
    copy = tmp_path / f"{table}-{column}"
    (shutil.copytree if whole.is_dir() else shutil.copy)(whole, copy)
    change(copy, table, column)
    return copy


def said(opening: Callable[[Path], Store], path: Path) -> str:
    """The code of the error that opening a record ends with, or ""."""
    try:
        opening(path).close()
    except StoreError as error:
        return error.code
    return ""


def test_there_are_rows_in_every_table(record: Path) -> None:
    with Store.read(record) as store:
        for name in tables(VERSION):
            assert store.select(f"SELECT count(*) FROM {name}")[0][0]  # noqa: S608
        assert len(store.root) == 64
    with publication.open_record(record.with_name("published")) as published:
        assert published.root == store_root(record)


def store_root(path: Path) -> str:
    with Store.read(path) as store:
        return store.root


def test_a_changed_column_of_a_store_is_found(record: Path, tmp_path: Path) -> None:
    found = {
        (table, column): said(Store.read, changed(record, tmp_path, change_store, table, column))
        for table, column in COLUMNS
    }
    assert len(found) == 113
    assert {what for what, code in found.items() if code not in ("damaged", "incomplete")} == set()


def test_a_changed_column_of_a_published_folder_is_found_though_its_sums_were_fitted(
    record: Path, tmp_path: Path
) -> None:
    folder = record.with_name("published")
    found = {
        (table, column): said(
            publication.load, changed(folder, tmp_path, change_folder, table, column)
        )
        for table, column in COLUMNS
    }
    assert {what for what, code in found.items() if code != "damaged"} == set()


def test_a_change_that_is_fitted_to_its_seals_changes_the_root_digest(
    record: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(record, tmp_path / "copy.gate"))
    change_store(path, "event", "at")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with unguarded(connection, "seal_no_delete"):
            connection.execute("DELETE FROM seal")
        connection.execute("BEGIN")
        assert seal.adopt(connection) == 1
        seal.Addition(connection).seal(closing=True)
        connection.execute("COMMIT")
    assert store_root(path) not in ("", store_root(record))


@pytest.mark.parametrize("name", ["search.gate", "published"])
def test_a_record_of_before_has_no_root_digest_and_is_covered_once_it_goes_on(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.gate"
    if name == "published":
        with publication.open_record(OLD / name) as old:
            assert old.root == ""
        restore(OLD / name, path)
    else:
        shutil.copy(OLD / name, path)
    with Store.read(path) as old:
        assert old.root == ""
    Store.create_or_open(path).close()
    assert len(store_root(path)) == 64
    beside(path).unlink()
    change_store(path, "trial", "learning_rate")
    with pytest.raises(StoreError, match=r"^damaged: .*seal 1 \(.*trial.*\) does not fit its rows"):
        Store.read(path)
