"""Opening the store's file with SQLite, and telling whether it is whole."""

import sqlite3
from pathlib import Path
from typing import Final

from results.error import FAULTS, StoreError, from_sqlite
from results.record.migrate import VERSION, version

OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with STRICT tables."""


def connect(path: Path, uri: str) -> sqlite3.Connection:
    """A connection to the database at `uri`; errors are StoreErrors that name `path`."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        what = f"SQLite {sqlite3.sqlite_version} is too old, {needed} is needed"
        raise StoreError("sqlite", what, "use a newer build of Python")
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=30.0, isolation_level=None)
    except FAULTS as error:
        raise from_sqlite(error, path) from error
    connection.row_factory = sqlite3.Row
    return connection


def examined(path: Path, uri: str, whole: bool) -> sqlite3.Connection:
    """A connection to a file that a reader can use as it is.

    Args:
        path: of the file, for messages.
        uri: of the file, with the mode.
        whole: check all of it, which reads it once.

    Raises:
        StoreError: if it is no store, older or newer than this version, or damaged.
    """
    connection = connect(path, uri)
    try:
        stored = version(connection, path)
        if stored == 0:
            raise StoreError("not-a-store", f"{path}: empty; no search has written to it")
        if stored < VERSION:
            raise StoreError(
                "older",
                f"{path}: version {stored}, this Gatewright reads {VERSION}",
                "resume the search once to bring the file up to date",
            )
        if whole:
            check_whole(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check_whole(connection: sqlite3.Connection, path: Path) -> None:
    """Checks what SQLite holds of the file against itself.

    Raises:
        StoreError: `damaged`, with what was found.
    """
    # Not quick_check: it passes over indices, and a damaged one makes queries return fewer rows.
    faults = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
    if faults == ["ok"]:
        orphan = connection.execute("PRAGMA foreign_key_check").fetchone()
        if orphan is None:
            return
        faults = [f"a row of {orphan[0]} refers to a missing row of {orphan[2]}"]
    hint = "restore a copy; `sqlite3 FILE .recover` saves what is legible"
    raise StoreError("damaged", f"{path}: {faults[0].splitlines()[-1]}", hint)
