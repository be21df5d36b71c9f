"""The tables of each version of the schema: columns, order of rows, and whether a file has them."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from results.error import StoreError
from results.record.file.migrate import memory, migrate

_MEMORY: Final = Path("memory")


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
            many to pass over. Rows that follow others are sorted by their key.
        stream: of all rows; those that follow others come in the order of those.
    """

    name: str
    columns: tuple[Column, ...]
    follows: str
    query: str
    stream: str


@cache
def tables(version: int) -> dict[str, Table]:
    """All tables of a version by name, each after those that its rows refer to."""
    connection = _schema(version)
    try:
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            " ORDER BY rowid"
        )
        return {str(name): _table(connection, str(name)) for (name,) in names.fetchall()}
    finally:
        connection.close()


def check_schema(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Checks that a file has the tables, indices and triggers of a version, and nothing else.

    A file may come from anybody. A view can be endless, a trigger can write what nobody asked for.

    Raises:
        StoreError: `not-a-store`, naming what is too much, missing or altered.
    """
    found, expected = _objects(connection), _expected(version)
    for (kind, name), text in found.items():
        if (kind, name) not in expected:
            hint = f"get a copy without it, or drop it: DROP {kind.upper()} {name}"
            raise _foreign(path, f"the {kind} {name!r}, which no store has", hint)
        if text != expected[kind, name]:
            raise _foreign(path, f"another {kind} {name!r} than a store of version {version}")
    for kind, name in expected:
        if (kind, name) not in found:
            raise _foreign(path, f"no {kind} {name!r}, which every store has")


def _foreign(
    path: Path, what: str, hint: str = "get a copy from where it was recorded"
) -> StoreError:
    return StoreError("not-a-store", f"{path}: its schema has {what}", hint)


@cache
def _expected(version: int) -> Mapping[tuple[str, str], str]:
    connection = _schema(version)
    try:
        return _objects(connection)
    finally:
        connection.close()


def _objects(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    """The text of each object of the schema, but for what SQLite makes itself, such as statistics."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    return {
        (str(kind), str(name)): f"{table}: {text}"
        for kind, name, table, text in rows
        if not str(name).startswith("sqlite_stat")
    }


def _schema(version: int) -> sqlite3.Connection:
    connection = memory()
    migrate(connection, _MEMORY, version)
    return connection


def _table(connection: sqlite3.Connection, name: str) -> Table:
    info = connection.execute(
        'SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,)
    ).fetchall()
    columns = tuple(
        Column(column_name, kind, not (required or key))
        for column_name, kind, required, key in info
    )
    names = [column.name for column in columns]
    every = f"SELECT {', '.join(names)} FROM {name}"  # noqa: S608
    part = "ORDER BY rowid LIMIT ? OFFSET ?"
    (bare,) = connection.execute("SELECT wr FROM pragma_table_list(?)", (name,)).fetchone()
    if not bare:
        return Table(name, columns, name, f"{every} {part}", f"{every} ORDER BY rowid")
    # Rows without an order of their own came with those that they refer to.
    parent, column, its = connection.execute(
        'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?)', (name,)
    ).fetchone()
    keys = [
        column_name
        for column_name, _, _, position in sorted(info, key=lambda row: row[3])
        if position
    ]
    among = f"{column} IN (SELECT {its} FROM {parent} {part})"  # noqa: S608
    query = f"{every} WHERE {among} ORDER BY {', '.join(keys)}"
    own = ", ".join(f"{name}.{column_name}" for column_name in names)
    order = ", ".join([f"{parent}.rowid", *(f"{name}.{key}" for key in keys if key != column)])
    # CROSS JOIN: the parent outside, so that nothing need be sorted.
    joined = f"{parent} CROSS JOIN {name} ON {name}.{column} = {parent}.{its}"
    return Table(name, columns, parent, query, f"SELECT {own} FROM {joined} ORDER BY {order}")  # noqa: S608
