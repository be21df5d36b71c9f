"""Rows of a store's tables as CSV text, and back: what a published record is made of.

Columns and their order are those of a version of the schema, rows are in the order in which they were
added, and an empty field is NULL where the column may be NULL, else the empty text.
"""

import csv
import io
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from results.record.connection import connect
from results.record.migrate import migrate
from results.record.store import Store, Value

LARGEST: Final = 2**30
"""Bytes of a table beyond which it is not read: a small file can unpack to any size."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, SQLite's word for its type, and whether it may be NULL."""

    name: str
    kind: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a version of the schema.

    Attributes:
        name, columns: as the schema has them.
        follows: the table whose rows these are added with; itself if they have an order of their own.
        query: of rows in the order they were added, given how many rows of `follows` to read and how
            many to pass over.
    """

    name: str
    columns: tuple[Column, ...]
    follows: str
    query: str


@cache
def tables(version: int) -> dict[str, Table]:
    """All tables of a version by name, each after those that its rows refer to."""
    memory = Path("memory")
    connection = connect(memory, "file::memory:")
    try:
        migrate(connection, memory, version)
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            " ORDER BY rowid"
        )
        return {str(name): _table(connection, str(name)) for (name,) in names.fetchall()}
    finally:
        connection.close()


def _table(connection: sqlite3.Connection, name: str) -> Table:
    info = connection.execute(
        'SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,)
    ).fetchall()
    columns = tuple(
        Column(column_name, kind, not (required or key))
        for column_name, kind, required, key in info
    )
    every = f"SELECT {', '.join(column.name for column in columns)} FROM {name}"  # noqa: S608
    part = "ORDER BY rowid LIMIT ? OFFSET ?"
    (bare,) = connection.execute("SELECT wr FROM pragma_table_list(?)", (name,)).fetchone()
    if not bare:
        return Table(name, columns, name, f"{every} {part}")
    # Rows without an order of their own came with those that they refer to.
    parent, column, its = connection.execute(
        'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)', (name,)
    ).fetchone()
    key = ", ".join(
        column_name
        for column_name, _, _, position in sorted(info, key=lambda row: row[3])
        if position
    )
    among = f"{column} IN (SELECT {its} FROM {parent} {part})"  # noqa: S608
    return Table(name, columns, parent, f"{every} WHERE {among} ORDER BY {key}")


def render(store: Store, table: Table, start: int, count: int) -> tuple[int, bytes]:
    """How many rows there are, and their text: those that came with `count` rows from `start` on."""
    _, rows = store.table(table.query, count, start)
    text = io.StringIO(newline="")
    # Lines end as RFC 4180 has it; csv then puts fields with either sign of it into quotes.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(rows)
    return len(rows), text.getvalue().encode()


def insert(connection: sqlite3.Connection, table: Table, text: bytes) -> int:
    """Adds the rows of a text to the table of that name, and returns how many there were.

    Raises:
        ValueError, csv.Error, OverflowError, sqlite3.IntegrityError: it is no text of `render`, or a
            row does not fit the others.
    """
    names = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
    return connection.executemany(statement, _rows(text.decode(), table.columns)).rowcount


def _rows(text: str, columns: Sequence[Column]) -> Iterator[list[Value]]:
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


def _value(field: str, column: Column) -> Value:
    if field == "" and column.optional:
        return None
    if column.kind == "INTEGER":
        return int(field)
    return float(field) if column.kind == "REAL" else field
