"""A record as text to be published: a folder with each table of a store, and checksums of all.

`record.json` says what the folder holds: studies with their digests and provenance, and for each
table its rows, bytes and sha256. `TABLE.csv.gz` is the table, columns as in `schema.sql`, rows in the
order they were added; an empty field is NULL where the column may be NULL, else the empty text. All
but the compression is a function of the store, and reading gives the store back, row by row.
"""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import re
import sqlite3
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from results.error import FAULTS, StoreError, from_sqlite
from results.record import history
from results.record.connection import connect
from results.record.migrate import VERSION, migrate
from results.record.store import Store, Value

FORMAT: Final = 1
"""Of the folder; rises when an older Gatewright could not read it."""

MANIFEST: Final = "record.json"

LARGEST: Final = 2**30
"""Bytes of a table beyond which it is not read: a small file can unpack to any size."""

_HINT: Final = "get the folder again, or publish the store again"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: str
    optional: bool


def publish(store: Store, folder: Path) -> dict[str, Any]:
    """Writes the whole record into `folder`, made if need be, and returns its manifest.

    The same store gives the same bytes. What an interrupted call leaves does not fit its manifest and
    is refused when it is read.

    Raises:
        StoreError: `not-a-store` if the store's file has a name that no manifest may hold; if it cannot
            be read.
        OSError: the folder cannot be written.
    """
    if not _NAME.fullmatch(store.path.name):
        raise StoreError(
            "not-a-store",
            f"{store.path.name!r}: expected a file name of letters, digits, '.', '_' and '-'",
            "rename the store",
        )
    with store.snapshot():
        texts = {name: _write(store, name) for name in _tables(store)}
        manifest = _manifest(store, texts)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _replace(_file(folder, name), _compress(text))
    _replace(folder / MANIFEST, _lines(manifest))
    return manifest


def load(folder: Path) -> Store:
    """The published record as a store in memory, for reading.

    Raises:
        StoreError: `missing` if there is no record; `newer` if a newer Gatewright published it;
            `damaged` if a file is not the one that was published.
    """
    manifest = _read_manifest(folder)
    path = folder.absolute() / str(manifest["file"])
    store = Store(connect(path, "file::memory:"), path, None)
    try:
        fill(store, folder)
    except BaseException:
        store.close()
        raise
    return store


def fill(store: Store, folder: Path) -> None:
    """Puts the rows of a published record into an empty store, and brings it up to date.

    Raises:
        StoreError: as `load`.
    """
    manifest = _read_manifest(folder)
    connection = store.connection
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection, store.path, manifest["version"])
        texts = {name: _read(folder, name, manifest) for name in _tables(store)}
        connection.execute("BEGIN")
        for name, text in texts.items():
            _insert(connection, store, folder, name, text)
        connection.execute("COMMIT")
        again = _manifest(store, texts) | {"file": manifest["file"]}
        for part in again:
            if manifest[part] != again[part]:
                what = f"{folder / MANIFEST}: {part!r} is not what the tables say"
                raise StoreError("damaged", what, _HINT)
        migrate(connection, store.path)
    except FAULTS as error:
        raise from_sqlite(error, store.path) from error


@contextlib.contextmanager
def open_record(place: Path, *, whole: bool = True) -> Generator[Store]:
    """The record at `place` for reading: a store's file, or a folder that was published.

    Args:
        place: file or folder.
        whole: of a file, as `Store.read` has it; a folder is always checked.

    Raises:
        StoreError: as `Store.read` and `load`.
    """
    with load(place) if place.is_dir() else Store.read(place, whole=whole) as store:
        yield store


def _manifest(store: Store, texts: dict[str, bytes]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "file": store.path.name,
        "version": int(store.select("PRAGMA user_version")[0][0]),
        "studies": [
            {
                "id": row.id,
                "name": row.study.name,
                "asked": row.asked,
                "answered": row.answered,
                "digest": history.digest(store, row.id),
                "starts": {str(one): said for one, said in store.provenance(row.id).items()},
                "description": json.loads(row.description),
            }
            for row in store.studies()
        ],
        "tables": {
            name: {
                "rows": int(store.select(f"SELECT count(*) FROM {name}")[0][0]),  # noqa: S608
                "bytes": len(text),
                "sha256": hashlib.sha256(text).hexdigest(),
            }
            for name, text in texts.items()
        },
    }


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        hint = "give a folder that `gatewright publish` wrote, or the file of a search"
        raise StoreError("missing", f"{folder}: holds no {MANIFEST}", hint)
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        numbers = int(found["format"]), int(found["version"])
        whole = set(found) == {"format", "file", "version", "studies", "tables"}
        named = _NAME.fullmatch(found["file"]) is not None
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise StoreError("damaged", f"{path}: not legible", _HINT) from error
    if numbers > (FORMAT, VERSION) or numbers[1] > VERSION:
        what = f"{path}: format {numbers[0]}, version {numbers[1]}"
        known = f"this Gatewright reads up to {FORMAT} and {VERSION}"
        raise StoreError("newer", f"{what}; {known}", "update Gatewright")
    if not whole or not named or min(numbers) < 1:
        raise StoreError("damaged", f"{path}: not what `gatewright publish` writes", _HINT)
    return found


def _tables(store: Store) -> list[str]:
    """Tables in the order of the schema, so that rows come after those that they refer to."""
    names = store.select(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        " ORDER BY rowid"
    )
    return [str(name) for (name,) in names]


def _columns(store: Store, table: str) -> list[_Column]:
    rows = store.select('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', table)
    return [_Column(name, kind, not (required or key)) for name, kind, required, key in rows]


def _write(store: Store, table: str) -> bytes:
    columns = _columns(store, table)
    bare = store.select("SELECT wr FROM pragma_table_list(?)", table)[0][0]
    order = store.select("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", table)
    by = ", ".join(str(name) for (name,) in order) if bare else "rowid"
    _, rows = store.table(f"SELECT * FROM {table} ORDER BY {by}")  # noqa: S608
    text = io.StringIO(newline="")
    # Lines end as RFC 4180 has it; csv then puts fields with either sign of it into quotes.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.name for column in columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def _read(folder: Path, table: str, manifest: dict[str, Any]) -> bytes:
    path = _file(folder, table)
    if not path.is_file():
        raise StoreError("damaged", f"{path}: no such file", _HINT)
    try:
        with gzip.open(path) as file:
            text = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise StoreError("damaged", f"{path}: {error}", _HINT) from error
    if len(text) > LARGEST:
        raise StoreError("too-large", f"{path}: unpacks to more than {LARGEST:,} bytes")
    found = hashlib.sha256(text).hexdigest()
    said = _said(manifest, table)
    if found != said:
        what = f"{path}: sha256 of its text is {found[:16]}, expected {said[:16]}"
        raise StoreError("damaged", what, _HINT)
    return text


def _said(manifest: dict[str, Any], table: str) -> str:
    try:
        return str(manifest["tables"][table]["sha256"])
    except (LookupError, TypeError):
        return "nothing"


def _insert(
    connection: sqlite3.Connection, store: Store, folder: Path, table: str, text: bytes
) -> None:
    columns = _columns(store, table)
    marks = ", ".join("?" * len(columns))
    try:
        rows = _rows(text.decode(), columns)
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608
    except (ValueError, csv.Error, OverflowError, sqlite3.IntegrityError) as error:
        raise StoreError("damaged", f"{_file(folder, table)}: {error}", _HINT) from error


def _rows(text: str, columns: Sequence[_Column]) -> Iterator[list[Value]]:
    csv.field_size_limit(LARGEST)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    expected = [column.name for column in columns]
    head = next(reader, list[str]())
    if head != expected:
        raise ValueError(f"columns {', '.join(head)}; expected {', '.join(expected)}")
    for row in reader:
        if len(row) != len(columns):
            raise ValueError(f"line {reader.line_num}: {len(row)} fields, not {len(columns)}")
        yield [_value(field, column) for field, column in zip(row, columns, strict=True)]


def _value(field: str, column: _Column) -> Value:
    if field == "" and column.optional:
        return None
    if column.kind == "INTEGER":
        return int(field)
    return float(field) if column.kind == "REAL" else field


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.csv.gz"


def _compress(text: bytes) -> bytes:
    """`text` under gzip without name and time, so that it is the same bytes each time."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()


def _lines(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that under its name is the old content or the new one, nothing between."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
