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
        acknowledged: rows that the last writer had acknowledged, 0 if unknown; None if there was no
            lock before this one.
        identity: device and inode of the lock's file.
    """

    def __init__(self, path: Path, descriptor: int, acknowledged: int | None) -> None:
        self._path = path
        self._descriptor = descriptor
        self.acknowledged = acknowledged
        status = os.fstat(descriptor)
        self.identity = status.st_dev, status.st_ino

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
            there = beside(path).exists()
            # Beside the file: closing a second descriptor of it would drop SQLite's own locks.
            descriptor = os.open(beside(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _explain(error, path) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            acknowledged = _acknowledged(os.pread(descriptor, 64, 0)) if there else None
            lock = cls(path, descriptor, acknowledged)
            status = beside(path).stat()
            if (status.st_dev, status.st_ino) != lock.identity:
                raise BlockingIOError(errno.EWOULDBLOCK, "deleted by its holder just now")
        except OSError as error:
            holder = b""
            with contextlib.suppress(OSError):
                holder = os.pread(descriptor, 10, 0).strip()
            os.close(descriptor)
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT):
                raise _explain(error, path) from error
            who = f" (process {int(holder)})" if holder.isdigit() else ""
            raise StoreError(
                "busy",
                f"{path}: another driver holds the store{who}",
                "wait for it, or give this search another --store",
            ) from error
        return lock

    def acknowledge(self, rows: int) -> None:
        """Notes that the store has `rows` rows. Best effort: the rows are safe without it."""
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, f"{os.getpid():10d} {rows:20d}\n".encode(), 0)

    def release(self) -> None:
        """Gives the lock back."""
        os.close(self._descriptor)

    def discard(self) -> None:
        """Gives the lock back as if it had never been taken: without a file where there was none."""
        if self.acknowledged is None:
            beside(self._path).unlink(missing_ok=True)
        self.release()


def witness(path: Path) -> int | None:
    """Rows that a writer of the store at `path` has acknowledged, 0 if unknown; None without a lock."""
    try:
        descriptor = os.open(beside(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _acknowledged(os.pread(descriptor, 64, 0))
    except OSError:
        return 0
    finally:
        os.close(descriptor)


def _acknowledged(content: bytes) -> int:
    words = content.split()
    return int(words[1]) if len(words) == 2 and words[1].isdigit() else 0


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
