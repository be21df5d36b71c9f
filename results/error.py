"""The one exception of this floor."""

import sqlite3
from pathlib import Path

from cells.error import GatewrightError


class StoreError(GatewrightError):
    """The record cannot be read or written as asked."""


_BY_NAME = {
    "SQLITE_FULL": (
        "disk-full",
        "free some space, then run the same command again: what was acknowledged is kept",
    ),
    "SQLITE_IOERR": (
        "input-output",
        "check the disk, free space and file size limits; what was acknowledged is kept",
    ),
    "SQLITE_READONLY": ("read-only", "choose another --store, or allow writing to file and folder"),
    "SQLITE_PERM": ("read-only", "choose another --store, or allow writing to file and folder"),
    "SQLITE_CANTOPEN": (
        "read-only",
        "the folder must exist and be writable; or choose another --store",
    ),
    "SQLITE_CORRUPT": ("damaged", "restore a copy; `sqlite3 FILE .recover` saves what is legible"),
    "SQLITE_NOTADB": ("not-a-store", "give the file that `gatewright search --store` wrote"),
    "SQLITE_BUSY": ("busy", "wait for the other process, or end it"),
    "SQLITE_LOCKED": ("busy", "wait for the other process, or end it"),
    "SQLITE_TOOBIG": ("too-large", ""),
}


FAULTS = (sqlite3.Error, UnicodeDecodeError)
"""What sqlite3 raises; the second where a damaged file has spoilt the very message."""


def from_sqlite(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """The StoreError that says what an SQLite error means for a person."""
    if isinstance(error, UnicodeDecodeError):
        return StoreError("damaged", f"{path}: not legible", _BY_NAME["SQLITE_CORRUPT"][1])
    name = str(getattr(error, "sqlite_errorname", "") or "")
    # Extended names such as SQLITE_IOERR_WRITE begin with the basic one.
    basic = "_".join(name.split("_")[:2])
    code, hint = _BY_NAME.get(basic, ("sqlite", ""))
    return StoreError(code, f"{path}: {error}" + (f" ({name})" if basic in _BY_NAME else ""), hint)
