"""A record as text to be published: a folder with each table of a store, and checksums of all.

`record.json` says what the folder holds: studies with their digests and provenance, and for each
table its rows, bytes and sha256. `TABLE.csv.gz` is the table, columns as in `schema.sql`, rows in the
order they were added. A store that has grown is published into the same folder as a further part, with
the rows that are new, and files that are there keep their bytes. All but the compression is a function
of the store and of when it was published, and reading gives the store back, row by row.
"""

import contextlib
import csv
import gzip
import hashlib
import io
import json
import os
import sqlite3
import zlib
from collections import Counter
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from results.error import FAULTS, StoreError, from_sqlite
from results.publishing import csv_text, manifest
from results.publishing.manifest import HINT, MANIFEST, Manifest, Part, Text, file_of
from results.record import history
from results.record.file.connection import connect
from results.record.file.migrate import migrate
from results.record.file.table import tables
from results.record.store import Store

_CACHE: Final = 2**18
"""KiB of a published record that are held in memory."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a call of `publish` left in the folder.

    Attributes:
        manifest: what the folder holds now.
        files: all that belongs to it, the manifest first.
        added: rows that were not published before.
    """

    manifest: Manifest
    files: tuple[Path, ...]
    added: int


def publish(store: Store, folder: Path) -> Published:
    """Writes what `folder` does not hold of a record yet, as a further part; makes it if need be.

    The same store gives the same bytes, and a second time nothing is written. What was published is
    not written again, unless it was lost or damaged since. An interrupted call leaves the folder's old
    record, and files that it does not name.

    Raises:
        StoreError: `differs` if the store does not begin with the rows that are published there;
            `not-a-store` if its file has a name that no manifest may hold; if one cannot be read.
        OSError: the folder cannot be written.
    """
    if not manifest.NAME.fullmatch(store.path.name):
        raise StoreError(
            "not-a-store",
            f"{store.path.name!r}: expected a file name of letters, digits, '.', '_' and '-'",
            "rename the store",
        )
    known = manifest.read(folder) if (folder / MANIFEST).exists() else None
    with store.snapshot():
        passed: Counter[str] = Counter()
        for number, part in enumerate(known.parts if known else ()):
            _keep(store, folder, number, part, passed)
        version = int(store.select("PRAGMA user_version")[0][0])
        texts = _texts(store, version, passed, known is None)
        studies = _studies(store)
    added = sum(rows for rows, _ in texts.values())
    if known is None or added:
        before = known.parts if known else ()
        part = Part(version, {name: _text(*rendered) for name, rendered in texts.items()})
        known = Manifest(known.file if known else store.path.name, studies, (*before, part))
        _write(folder, len(before), {name: text for name, (_, text) in texts.items()})
        _replace(folder / MANIFEST, _lines(known.to_json()))
    names = [
        file_of(folder, at, name)
        for at, earlier in enumerate(known.parts)
        for name in earlier.texts
    ]
    return Published(known, (folder / MANIFEST, *names), added)


def load(folder: Path) -> Store:
    """The published record as a store of its own, for reading: in memory, or beyond that on the disk.

    Raises:
        StoreError: `missing` if there is no record; `newer` if a newer Gatewright published it;
            `damaged` if a file is not the one that was published.
    """
    path = folder.absolute() / manifest.read(folder).file
    # A database without a name is deleted when it is closed, and takes to the disk what is too much.
    store = Store(connect(path, ""), path, None)
    try:
        store.select(f"PRAGMA cache_size = -{_CACHE}")
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
    content = manifest.read(folder)
    connection = store.connection
    sizes: Counter[str] = Counter()
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        for number, part in enumerate(content.parts):
            migrate(connection, store.path, part.version)
            connection.execute("BEGIN")
            for name, said in part.texts.items():
                path = file_of(folder, number, name)
                sizes[name] += said.bytes
                _check_size(path, sizes[name])
                _insert(connection, path, part, name)
            connection.execute("COMMIT")
        migrate(connection, store.path)
        if _studies(store) != content.studies:
            what = f"{folder / MANIFEST}: 'studies' is not what the tables say"
            raise StoreError("damaged", what, HINT)
        store.check_seals()
    except FAULTS as error:
        raise from_sqlite(error, store.path) from error


@contextlib.contextmanager
def open_record(path: Path, *, whole: bool = True) -> Generator[Store]:
    """The record at `path` for reading: a store's file, or a folder that was published.

    Args:
        path: file or folder.
        whole: of a file, as `Store.read` has it; a folder is always checked.

    Raises:
        StoreError: as `Store.read` and `load`.
    """
    with load(path) if path.is_dir() else Store.read(path, whole=whole) as store:
        yield store


def _studies(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "id": row.id,
            "name": row.study.name,
            "asked": row.asked,
            "answered": row.answered,
            "digest": history.digest(store, row.id),
            "starts": {str(start): said for start, said in store.provenance(row.id).items()},
            "description": json.loads(row.description),
        }
        for row in store.studies()
    ]


def _keep(store: Store, folder: Path, number: int, part: Part, passed: Counter[str]) -> None:
    """Checks that the store has the rows of a published part, and writes its files that are not whole.

    Args:
        store: that the part was taken of.
        folder: where it lies.
        number: of the part.
        part: as the manifest describes it.
        passed: rows of earlier parts by table; those of this one are added.
    """
    start = passed.copy()
    for name, table in tables(part.version).items():
        with_rows = part.texts.get(table.follows)
        rendered = csv_text.render(
            store, table, start[table.follows], with_rows.rows if with_rows else 0
        )
        said = part.texts.get(name)
        if (said is None and rendered[0]) or (said is not None and _text(*rendered) != said):
            raise StoreError(
                "differs",
                f"{folder}: part {number} has other rows of {name!r} than {store.path}",
                "publish into another folder; this one is of another store",
            )
        if said is not None:
            passed[name] += said.rows
            path = file_of(folder, number, name)
            try:
                _Reading(path, said).end()
            except StoreError:
                _write(folder, number, {name: rendered[1]})


def _texts(
    store: Store, version: int, passed: Counter[str], every: bool
) -> dict[str, tuple[int, bytes]]:
    """Rows and text of what was added since, by table; of `every` table or of those with new rows."""
    texts: dict[str, tuple[int, bytes]] = {}
    for name, table in tables(version).items():
        rendered = csv_text.render(store, table, passed[table.follows], -1)
        if every or rendered[0]:
            texts[name] = rendered
    return texts


def _text(rows: int, text: bytes) -> Text:
    return Text(rows, len(text), hashlib.sha256(text).hexdigest())


def _check_size(path: Path, size: int) -> None:
    if size > csv_text.LARGEST:
        message = f"{path}: its table unpacks to more than {csv_text.LARGEST:,} bytes"
        raise StoreError("too-large", message)


class _Reading:
    """The text of a file, read a line at a time, and checked at its end."""

    def __init__(self, path: Path, said: Text) -> None:
        self._path = path
        self._said = said
        self._hashed = hashlib.sha256()
        self._size = 0
        self._lines = self._read()

    def lines(self) -> Iterator[str]:
        """The lines, with their ends."""
        return (line.decode() for line in self._lines)

    def end(self) -> None:
        """Reads what is left. Raises StoreError unless all of it is what was published."""
        for _ in self._lines:
            pass
        digest = self._hashed.hexdigest()
        if digest != self._said.sha256:
            what = f"sha256 of its text is {digest[:16]}, expected {self._said.sha256[:16]}"
            raise StoreError("damaged", f"{self._path}: {what}", HINT)
        if self._size != self._said.bytes:
            what = f"{self._size} bytes, expected {self._said.bytes}"
            raise StoreError("damaged", f"{self._path}: {what}", HINT)

    def _read(self) -> Generator[bytes]:
        if not self._path.is_file():
            raise StoreError("damaged", f"{self._path}: no such file", HINT)
        try:
            with gzip.open(self._path) as file:
                while line := file.readline(csv_text.LONGEST + 1):
                    self._size += len(line)
                    _check_size(self._path, self._size)
                    if len(line) > csv_text.LONGEST:
                        what = f"a line of more than {csv_text.LONGEST:,} bytes"
                        raise StoreError("too-large", f"{self._path}: {what}")
                    self._hashed.update(line)
                    yield line
        except (OSError, EOFError, zlib.error) as error:
            raise StoreError("damaged", f"{self._path}: {error}", HINT) from error


def _insert(connection: sqlite3.Connection, path: Path, part: Part, name: str) -> None:
    said = part.texts[name]
    reading = _Reading(path, said)
    try:
        rows = csv_text.insert(connection, tables(part.version)[name], reading.lines(), said.rows)
    except (ValueError, csv.Error, OverflowError, sqlite3.IntegrityError) as error:
        reading.end()  # a file that is another one than was published is told of as such
        raise StoreError("damaged", f"{path}: {error}", HINT) from error
    reading.end()
    if rows != said.rows:
        raise StoreError("damaged", f"{path}: {rows} rows, expected {said.rows}", HINT)


def _write(folder: Path, number: int, texts: dict[str, bytes]) -> None:
    """Writes files of a part; they are on the disk when this returns."""
    for name, text in texts.items():
        path = file_of(folder, number, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, _compress(text))


def _compress(text: bytes) -> bytes:
    """`text` under gzip without name and time, so that it is the same bytes each time."""
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, packed, mtime=0) as file:
        file.write(text)
    return packed.getvalue()


def _lines(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that under its name is the old content or the new one, nothing between."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    # The name too, before anything that refers to it.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
