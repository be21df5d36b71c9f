"""Versions of the record's file, and the steps from each to the next. Forward only."""

import sqlite3
from pathlib import Path
from typing import Final

from results.error import StoreError

APPLICATION_ID: Final = 0x47415445
"""ASCII `GATE` in the file's header, by which `file` and we tell a store from any other database."""

STEPS: Final = ("schema.sql", "seal.sql", "strike.sql")
"""Step k leads from version k to k + 1. A released step never changes; a new one is added instead,
with a file of the version before it under `tests/results/assets`."""

VERSION: Final = len(STEPS)


def memory() -> sqlite3.Connection:
    """An empty database in memory."""
    return sqlite3.connect(":memory:", isolation_level=None)


def version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of the open file; 0 for an empty one.

    Raises:
        StoreError: `not-a-store` if the file is something else, `newer` if we are too old for it.
    """
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    stored = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    if application == 0 and stored == 0 and tables == 0:
        return 0
    if application != APPLICATION_ID:
        raise StoreError(
            "not-a-store",
            f"{path}: a database of another program",
            "give the file that `gatewright search --store` wrote, or a new name",
        )
    if stored > VERSION:
        raise StoreError(
            "newer",
            f"{path}: version {stored}; this Gatewright reads up to {VERSION}",
            "update Gatewright; the file was not touched",
        )
    return stored


def migrate(connection: sqlite3.Connection, path: Path, to: int | None = None) -> list[int]:
    """Brings the file to version `to`, or to `VERSION`, and returns the versions it passed through.

    Each step is one transaction together with its version number: after a crash the file has one
    version or the next, nothing between.

    Raises:
        StoreError: as `version`.
        sqlite3.Error: if a step fails; it is undone.
    """
    passed: list[int] = []
    for number in range(version(connection, path), VERSION if to is None else to):
        text = (Path(__file__).parent / STEPS[number]).read_text(encoding="utf-8")
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{text}\nPRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {number + 1};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        passed.append(number + 1)
    return passed
