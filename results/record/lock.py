"""The writer's lock: one driver at a time, and a witness of how much it has acknowledged."""

import contextlib
import errno
import os
from pathlib import Path
from typing import Self

from results.error import StoreError


class Lock:
    """A held lock on `FILE.lock`; the system gives it back when the process ends, however it ends.

    Attributes:
        acknowledged: rows that the last writer had acknowledged, 0 if unknown.
    """

    def __init__(self, descriptor: int, acknowledged: int) -> None:
        self._descriptor = descriptor
        self.acknowledged = acknowledged

    @classmethod
    def acquire(cls, path: Path) -> Self:
        """The lock beside the store at `path`. Does not wait.

        Raises:
            StoreError: `busy` if another driver holds it; `read-only`, `disk-full`, `input-output`.
        """
        # A POSIX lock, and flock only here: a laptop without either can still read any store.
        import fcntl

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside the file: closing a second descriptor of it would drop SQLite's own locks.
            descriptor = os.open(beside(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _explain(error, path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            words = os.pread(descriptor, 64, 0).split()
        except OSError as error:
            holder = b""
            with contextlib.suppress(OSError):
                holder = os.pread(descriptor, 10, 0).strip()
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise _explain(error, path) from error
            who = f" (process {int(holder)})" if holder.isdigit() else ""
            raise StoreError(
                "busy",
                f"{path}: another driver holds the store{who}",
                "wait for it, or give this search another --store",
            ) from error
        whole = len(words) == 2 and words[1].isdigit()
        return cls(descriptor, int(words[1]) if whole else 0)

    def acknowledge(self, rows: int) -> None:
        """Notes that the store has `rows` rows. Best effort: the rows are safe without it."""
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, f"{os.getpid():10d} {rows:20d}\n".encode(), 0)

    def release(self) -> None:
        """Gives the lock back."""
        os.close(self._descriptor)


def beside(path: Path) -> Path:
    """The lock's file for the store at `path`."""
    return path.with_name(path.name + ".lock")


def _explain(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreError("disk-full", f"{path}: {error.strerror}", "free some space")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        hint = "choose another --store, or allow writing to file and folder"
        return StoreError("read-only", f"{path}: {error.strerror}", hint)
    return StoreError("input-output", f"{path}: {error.strerror}", "check the path and the disk")
