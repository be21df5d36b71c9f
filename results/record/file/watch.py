"""What becomes of a store's files while they are written: deleted, moved, replaced, written by others.

SQLite keeps the file that it opened, whatever its name leads to by now. A driver that does not look
would write for days into a file that nobody will see again. Looking costs three calls of `os.stat`.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from results.error import StoreError
from results.record.file.lock import Lock, beside

_LOG: Final = "-wal"


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody else did to the files of an open store.

    Attributes:
        error: `lost` or `overwritten`.
        kept: the file that was opened, and its log, still hold what was recorded.
    """

    error: StoreError
    kept: bool


Seen = tuple[int, int, int, int]
"""Of a file: device, inode, size, and when it was last written, in nanoseconds."""


def log_of(path: Path) -> Path:
    """The write-ahead log of the store at `path`."""
    return path.with_name(path.name + _LOG)


class Watch:
    """Compares the names of an open store with the files that were opened under them."""

    def __init__(self, path: Path, lock: Lock) -> None:
        self._path = path
        self._files = (str(path), str(log_of(path)))
        self._lock = str(beside(path))
        self._locked = lock.identity
        self._seen = self._look()
        self._handle = _handle(path)

    def note(self) -> Change | None:
        """Notes how our own writing left the files; returns what others did to their names."""
        before, self._seen = self._seen, self._look()
        change = self._compare(before, self._seen, written=False)
        if change is not None:
            self._seen = before
        return change

    def change(self) -> Change | None:
        """What others did since `note`, or None."""
        return self._compare(self._seen, self._look(), written=True)

    def close(self) -> None:
        """Gives up what it holds."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _look(self) -> tuple[Seen | None, Seen | None, Seen | None]:
        file, log = (_seen(name) for name in self._files)
        return file, log, _seen(self._lock)

    def _compare(
        self,
        before: tuple[Seen | None, ...],
        now: tuple[Seen | None, ...],
        *,
        written: bool,
    ) -> Change | None:
        for name, old, new in zip(("", _LOG), before[:2], now[:2], strict=True):
            if new is None or old is None or new[:2] != old[:2]:
                return self._lost(name, new)
        if written:
            for name, old, new in zip(("", _LOG), before[:2], now[:2], strict=True):
                if old != new:
                    return self._overwritten(name)
        if now[2] is None or now[2][:2] != self._locked:
            hint = "leave the lock to the search; run the same command again to go on"
            return self._was_lost(
                "its .lock was deleted or replaced while it was written", hint, kept=True
            )
        return None

    def _lost(self, name: str, new: Seen | None) -> Change:
        what = f"its {name}" if name else "it"
        became = "deleted or moved" if new is None else "replaced by another file"
        message, hint = f"{what} was {became} while it was written", "leave the file to the search"
        if name:
            hint = "leave it to the search; run the same command again to go on"
            return self._was_lost(message, hint, kept=True)
        place = self._place()
        if place:
            message += f"; the file that was opened is now {place}"
            hint = "move it back, without a -wal of another time, and run the same command again"
        return self._was_lost(message, hint, kept=bool(place) or self._handle is None)

    def _overwritten(self, name: str) -> Change:
        what = f"its {name}" if name else "it"
        hint = "restore a copy; gatewright verify says what is left of this one"
        message = f"{self._path}: another program wrote into {what}"
        return Change(StoreError("overwritten", message, hint), kept=False)

    def _was_lost(self, message: str, hint: str, *, kept: bool) -> Change:
        return Change(StoreError("lost", f"{self._path}: {message}", hint), kept)

    def _place(self) -> str:
        """Where the opened file is now, or "" if it is nowhere, or the system does not say."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                place = Path(f"/proc/self/fd/{self._handle}").readlink()
                if os.fstat(self._handle).st_nlink and place.exists():
                    return str(place)
        return ""


def _handle(path: Path) -> int | None:
    """A handle by which the file is known wherever it is moved to, where the system has such."""
    # One that cannot read: closing any other would drop SQLite's locks on the file.
    flag = getattr(os, "O_PATH", None)
    with contextlib.suppress(OSError):
        return None if flag is None else os.open(path, flag | os.O_CLOEXEC)
    return None


def _seen(name: str) -> Seen | None:
    try:
        status = os.stat(name)  # noqa: PTH116 - a Path takes twice as long
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
