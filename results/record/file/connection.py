"""Opening the store's file with SQLite, and telling whether it is whole."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from results.error import FAULTS, StoreError, from_sqlite
from results.record.file.migrate import version
from results.record.file.table import check_schema
from results.record.file.watch import log_of

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
    # KiB, in place of 2,000: keys are hashes, so what is read together lies all over the file.
    connection.execute("PRAGMA cache_size = -16384")
    # A schema may come from anybody: it must not call what can do more than compute.
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def examined(path: Path, uri: str, whole: bool) -> sqlite3.Connection:
    """A connection to a file that a reader can use as it is.

    Args:
        path: of the file, for messages.
        uri: of the file, with the mode.
        whole: check all of it, which reads it once.

    Raises:
        StoreError: if it is no store, newer than this version, or damaged.
    """
    connection = connect(path, uri)
    try:
        stored = version(connection, path)
        if stored == 0:
            hint = "if it was copied while a search ran, copy its -wal and its .lock too"
            raise StoreError("not-a-store", f"{path}: empty; no search has written to it", hint)
        check_schema(connection, path, stored)
        if whole:
            check_whole(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def check_log(path: Path) -> None:
    """Checks that the write-ahead log beside a file is the file's own.

    SQLite takes any log of the right name, and puts its pages in the stead of the file's. So a log that
    was left by a store that was moved away overwrites the store that is put in its place.

    Raises:
        StoreError: `foreign-log`; nothing was touched.
    """
    log = log_of(path)
    try:
        if not log.stat().st_size:
            return
        empty = not path.stat().st_size
        alone = _Origin((), None) if empty else _origin(path, "?immutable=1")
    except (OSError, *FAULTS):
        return  # in the middle of a checkpoint, or not legible: said by whoever reads it
    if not empty:
        number = alone.seal[0] if alone.seal else None
        try:
            together = _origin(path, "?mode=ro", number)
        except sqlite3.OperationalError:
            return  # a folder that may not be written
        except FAULTS:
            together = None  # its pages do not fit the file's
        if together is not None and together.goes_on(alone):
            return
    raise StoreError(
        "foreign-log",
        f"{path}: {log.name} beside it is of another store, which was deleted, moved or replaced",
        f"move {log.name} away, or to the store that it is of; nothing was touched",
    )


@dataclass(frozen=True, slots=True)
class _Origin:
    """By what stores are told apart: the times at which drivers were started, and a seal."""

    starts: tuple[tuple[int, str, str], ...]
    seal: tuple[int, str] | None

    def goes_on(self, earlier: "_Origin") -> bool:
        """Whether this can be the same store later."""
        same = self.starts[: len(earlier.starts)] == earlier.starts
        return same and earlier.seal in (None, self.seal)


def _origin(path: Path, mode: str, number: int | None = None) -> _Origin:
    """Of the file as it is opened in that mode, with the seal of that number or the last one."""
    with contextlib.closing(connect(path, path.as_uri() + mode)) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        starts: list[tuple[int, str, str]] = []
        if "epoch" in known:
            rows = connection.execute("SELECT number, study_id, at FROM epoch ORDER BY number")
            starts = [(row[0], row[1], row[2]) for row in rows]
        seal = None
        if "seal" in known:
            seal = connection.execute(
                "SELECT number, digest FROM seal WHERE number <= coalesce(?, number)"
                " ORDER BY number DESC LIMIT 1",
                (number,),
            ).fetchone()
        return _Origin(tuple(starts), None if seal is None else (seal[0], seal[1]))


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
