"""Seals: each transaction of a store ends with a digest over every column of all rows so far.

The digest of seal `n` is the sha256 of the digest before (nothing for the first), then of the line
`number rows added`, then for each table with new rows, in the order of the schema, of its name and of
the rows as compact JSON lists of all columns, a line each `CHUNK` rows. So the last digest, the *root
digest*, stands for every value in the record, and whoever changes one must change all seals after it.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol, cast

from results.error import StoreError
from results.record.file.lock import beside
from results.record.file.migrate import VERSION
from results.record.file.table import Table, tables
from results.record.file.watch import log_of

CHUNK: Final = 500
"""Rows that are put into one JSON text; part of what the digest is taken of."""

SEAL: Final = "seal"
"""The table of seals, the only one that they do not cover row by row: they cover each other."""

CLOSED: Final = "{}"
"""What the last seal adds where the writer closed the file."""

Row = Sequence[Any]


class _Hash(Protocol):
    def update(self, text: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


_encode: Final = json.JSONEncoder(separators=(",", ":")).encode

_KINDS: Final[dict[str, Callable[[Any], Any]]] = {
    "TEXT": str,
    "INTEGER": int,
    "REAL": lambda value: float(value) + 0.0,  # SQLite keeps no -0.0
}
"""What a value of a column is read back as."""


class Addition:
    """The rows that one transaction of a store adds."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: dict[str, list[Row]] = {}

    def insert(self, table: str, *values: object) -> bool:
        """Inserts one row, all columns in order, unless its primary key is there; True if inserted."""
        statement, kinds = _insertion(table)
        cursor = self._connection.execute(statement, values)
        if cursor.rowcount != 1:
            return False
        row = [
            value if value is None else kind(value)
            for kind, value in zip(kinds, values, strict=True)
        ]
        if row[0] is None:  # a number that SQLite chose
            row[0] = cursor.lastrowid
        self._rows.setdefault(table, []).append(row)
        return True

    def insert_all(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Inserts rows that cannot be there, all columns in order."""
        statement, kinds = _insertion(table)
        self._connection.executemany(statement, rows)
        added = self._rows.setdefault(table, []) if rows else []
        added.extend(
            [
                value if value is None else kind(value)
                for kind, value in zip(kinds, row, strict=True)
            ]
            for row in rows
        )

    def seal(self, *, closing: bool = False) -> int:
        """Ends with the seal of what was inserted; returns how many rows came, the seal among them.

        Args:
            closing: seal even nothing, which says that the writer closed the file.
        """
        if not self._rows and not closing:
            return 0
        known = tables(VERSION)
        rows = {name: self._rows[name] for name in known if name in self._rows}
        counts = {name: len(added) for name, added in rows.items()}
        self._rows = {}
        _enter(self._connection, counts, rows.__getitem__, _chunks)
        return sum(counts.values()) + 1


def last(connection: sqlite3.Connection) -> tuple[int, int, str, str] | None:
    """Number, rows, added and digest of the last seal; None where there is none, or no table of them."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'seal'").fetchone():
        return None
    return _last(connection)


def adopt(connection: sqlite3.Connection) -> int:
    """Seals the rows of a store that has no seal yet, in the transaction that is open; returns 1 or 0.

    They were recorded by a version without seals, and are covered from now on.
    """
    if _last(connection) is not None:
        return 0
    covered = _covered(VERSION)
    counts = {
        name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608
        for name in covered
    }
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        return 0

    def cursor(name: str) -> sqlite3.Cursor:
        return _rows(connection, covered[name])

    _enter(connection, counts, cursor, _fetched)
    return 1


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Checks every row of every table against the seals. Nothing is said of a record without seals.

    Reads all rows once, some at a time.

    Raises:
        StoreError: `damaged`, naming the first seal that does not fit.
    """
    if last(connection) is None:
        return
    # As it is: a reader does not bring the file of an older version up to date.
    covered = _covered(int(connection.execute("PRAGMA user_version").fetchone()[0]))
    cursors = {name: _rows(connection, table) for name, table in covered.items()}
    digest, total = "", 0
    seals = connection.cursor()
    seals.row_factory = None
    seals.execute("SELECT number, rows, added, digest FROM seal ORDER BY number")
    for due, (number, rows, added, recorded) in enumerate(seals, 1):
        counts = _counts(added, covered)
        if counts is None or number != due or rows != total + sum(counts.values()):
            raise _damaged(path, f"seal {due} is not what a store writes")
        hashed = _begin(digest, number, rows, added)
        for name, count in counts.items():
            if not _hash(hashed, name, _fetched(cursors[name], count), count):
                raise _damaged(path, f"rows of {name!r} are missing that seal {number} counts")
        digest, total = hashed.hexdigest(), rows
        if digest != recorded:
            names = ", ".join(counts) or "nothing"
            raise _damaged(path, f"seal {number} ({names}) does not fit its rows")
    for name, cursor in cursors.items():
        if cursor.fetchone() is not None:
            raise _damaged(path, f"rows of {name!r} that no seal covers")


def check_acknowledged(
    path: Path, rows: int, acknowledged: int | None, seal: tuple[int, int, str, str] | None
) -> None:
    """Checks that a file has the rows that it should have.

    Args:
        path: of the file.
        rows: that it has, seals too.
        acknowledged: that its writer acknowledged, 0 if that is unknown; None if it has no lock.
        seal: its last one.

    Raises:
        StoreError: `damaged`; `incomplete` if nothing tells how many rows there should be.
    """
    if seal is not None and rows != seal[0] + seal[1]:
        what = f"{rows:,} rows, where its seals count {seal[0] + seal[1]:,}"
        raise _damaged(path, what)
    if acknowledged is not None:
        if acknowledged > rows:
            raise missing_rows(path, acknowledged - rows, acknowledged)
        return
    log = log_of(path)
    if seal is not None and seal[2] != CLOSED and not (log.exists() and log.stat().st_size):
        lock = beside(path).name
        raise StoreError(
            "incomplete",
            f"{path}: its writer did not close it, and neither {log.name} nor {lock} is beside it,"
            " so rows may be missing",
            f"copy all three files; if the others are lost, an empty {lock} says to take what is left",
        )


def missing_rows(path: Path, missing: int, acknowledged: int) -> StoreError:
    """What is said where acknowledged rows are missing."""
    return StoreError(
        "damaged",
        f"{path}: {missing} of {acknowledged} acknowledged rows are missing",
        f"restore the file together with its -wal, or empty {beside(path).name} to go on"
        " with what is left",
    )


def _counts(added: str, covered: Mapping[str, Table]) -> dict[str, int] | None:
    """New rows by table, or None if no store with these tables writes that text."""
    try:
        read = json.loads(added)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    said = cast("dict[str, Any]", read)
    counts: dict[str, int] = {name: said[name] for name in covered if name in said}
    whole = all(type(count) is int and 0 < count < 2**40 for count in counts.values())
    return counts if whole and _encode(counts) == added else None


def _enter(
    connection: sqlite3.Connection,
    counts: Mapping[str, int],
    rows_of: Callable[[str], Any],
    chunks: Callable[[Any, int], Generator[Sequence[Row]]],
) -> None:
    number, rows, _, digest = _last(connection) or (0, 0, "", "")
    number, rows, added = number + 1, rows + sum(counts.values()), _encode(counts)
    hashed = _begin(digest, number, rows, added)
    for name, count in counts.items():
        _hash(hashed, name, chunks(rows_of(name), count), count)
    values = number, rows, added, hashed.hexdigest()
    connection.execute("INSERT INTO seal VALUES (?, ?, ?, ?)", values)


def _begin(digest: str, number: int, rows: int, added: str) -> _Hash:
    return hashlib.sha256(f"{digest}\n{number} {rows} {added}\n".encode())


def _hash(hashed: _Hash, name: str, chunks: Generator[Sequence[Row]], count: int) -> bool:
    """Adds rows to a digest; whether there were `count` of them."""
    hashed.update(f"{name}\n".encode())
    seen = 0
    for chunk in chunks:
        hashed.update(f"{_encode(chunk)}\n".encode())
        seen += len(chunk)
    return seen == count


def _chunks(rows: Sequence[Row], count: int) -> Generator[Sequence[Row]]:
    for start in range(0, count, CHUNK):
        yield rows[start : start + CHUNK]


def _fetched(cursor: sqlite3.Cursor, count: int) -> Generator[Sequence[Row]]:
    while count > 0 and (rows := cursor.fetchmany(min(count, CHUNK))):
        count -= len(rows)
        yield rows


def _rows(connection: sqlite3.Connection, table: Table) -> sqlite3.Cursor:
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor.execute(table.stream)


def _covered(version: int) -> dict[str, Table]:
    return {name: table for name, table in tables(version).items() if name != SEAL}


@cache
def _insertion(table: str) -> tuple[str, tuple[Callable[[Any], Any], ...]]:
    """The statement that inserts a row of all columns, and what its values are read back as."""
    columns = tables(VERSION)[table].columns
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    return statement, tuple(_KINDS[column.kind] for column in columns)


def _last(connection: sqlite3.Connection) -> tuple[int, int, str, str] | None:
    row = connection.execute(
        "SELECT number, rows, added, digest FROM seal ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return None if row is None else (row[0], row[1], row[2], row[3])


def _damaged(path: Path, what: str) -> StoreError:
    return StoreError("damaged", f"{path}: {what}", "restore a copy of the file")
