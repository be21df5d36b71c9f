"""Rows of a store's tables as CSV text, and back: what a published record is made of.

Columns and their order are those of a version of the schema, rows are in the order in which they were
added, and an empty field is NULL where the column may be NULL, else the empty text.
"""

import csv
import io
import math
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from results.record.file.table import Column, Table
from results.record.reading import Value
from results.record.store import Store

LARGEST: Final = 2**30
"""Bytes of a table beyond which it is not read: a small file can unpack to any size."""

LONGEST: Final = 2**24
"""Bytes of a line, and characters of a field, beyond which they are not read."""


def render(store: Store, table: Table, start: int, count: int) -> tuple[int, bytes]:
    """How many rows there are, and their text: those that came with `count` rows from `start` on."""
    _, rows = store.table(table.query, count, start)
    text = io.StringIO(newline="")
    # Lines end as RFC 4180 has it; csv then puts fields with either sign of it into quotes.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(column.name for column in table.columns)
    writer.writerows(rows)
    return len(rows), text.getvalue().encode()


def insert(connection: sqlite3.Connection, table: Table, lines: Iterator[str], most: int) -> int:
    """Adds the rows of a text to the table of that name, and returns how many there were.

    Args:
        connection: to the database.
        table: which table.
        lines: of the text, read as they are needed.
        most: rows that may come.

    Raises:
        ValueError, csv.Error, OverflowError, sqlite3.IntegrityError: it is no text of `render`, or a
            row does not fit the others.
    """
    names = ", ".join(column.name for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
    return connection.executemany(statement, _rows(lines, table.columns, most)).rowcount


def _rows(lines: Iterator[str], columns: Sequence[Column], most: int) -> Iterator[list[Value]]:
    csv.field_size_limit(LONGEST)
    reader = csv.reader(lines, strict=True)
    expected = [column.name for column in columns]
    head = next(reader, list[str]())
    if head != expected:
        raise ValueError(f"columns {', '.join(head)}; expected {', '.join(expected)}")
    for number, row in enumerate(reader):
        if number == most:
            raise ValueError(f"more than {most:,} rows, expected {most:,}")
        if len(row) != len(columns):
            raise ValueError(f"line {reader.line_num}: {len(row)} fields, not {len(columns)}")
        yield [_value(field, column) for field, column in zip(row, columns, strict=True)]


def _value(field: str, column: Column) -> Value:
    if field == "" and column.optional:
        return None
    if column.kind == "INTEGER":
        return int(field)
    if column.kind == "TEXT":
        return field
    number = float(field)
    if not math.isfinite(number):
        raise ValueError(f"{field[:20]} in column {column.name!r}; expected a finite number")
    return number
