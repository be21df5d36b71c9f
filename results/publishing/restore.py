"""A published folder becomes a store again, which a search goes on with."""

import contextlib
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from results.error import StoreError
from results.publishing.publication import fill
from results.record.file.connection import connect
from results.record.file.lock import Lock, beside
from results.record.store import Store

COMMANDS: Final = ("search", "reproduce", "tune")
"""Commands that begin a study and go on with it."""

_ELSEWHERE: Final = ("--store", "--address")
"""Options whose values hold on the machine that recorded them alone."""


def restore(folder: Path, path: Path) -> None:
    """Writes the record that was published in `folder` as a store to `path`, which must be free.

    The store has every row of the published one, and beside it the lock with the witness of how many
    there are. Under its name there is nothing or all of it, whenever this ends.

    Raises:
        StoreError: `taken` if there is a file of that name, or one that would belong to it; `busy`; as
            `publication.load`; if the store cannot be written.
    """
    path = path.absolute()
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
        if name.exists() or name.is_symlink():
            raise StoreError("taken", f"{name}: there is such a file", "give another name")
    part = path.with_name(f".{path.name}.part")
    locked = beside(
        path
    ).exists()  # by a store that is gone; taking the lock shows that none is there
    lock = Lock.acquire(path)
    try:
        _discard(part)  # left by a call that was killed
        with Store(connect(part, part.as_uri()), part, None) as store:
            fill(store, folder)
            rows = store.rows
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(path)
        lock.acknowledge(rows)
    except BaseException:
        _discard(part)
        if not locked:
            beside(path).unlink(missing_ok=True)
        raise
    finally:
        lock.release()


def resume_commands(store: Store, path: Path) -> list[list[str]]:
    """The commands that go on with the studies of a store at `path`, as words, each once.

    They are those that the record names, with another store. Of a study that none is named for, or
    none that begins one, there is no command.
    """
    commands: list[list[str]] = []
    for row in store.studies():
        starts = store.provenance(row.id)
        command = next((starts[epoch].get("command", "") for epoch in sorted(starts)[::-1]), "")
        words = _again(command, path)
        if words and words not in commands:
            commands.append(words)
    return commands


def _again(command: str, path: Path) -> list[str]:
    """The words of a recorded command, which may come from anybody, with this store."""
    words: Sequence[str] = ()
    with contextlib.suppress(ValueError):
        words = shlex.split(command)
    if len(words) < 3 or words[0] != "gatewright" or words[1] not in COMMANDS:
        return []
    if not all(word.isprintable() for word in words):
        return []
    kept: list[str] = []
    given = iter(words)
    for word in given:
        if word in _ELSEWHERE:
            next(given, "")
        elif word.partition("=")[0] not in (*_ELSEWHERE, "--resume", "--json"):
            kept.append(word)
    return [*kept, "--store", str(path), "--resume"]


def _discard(part: Path) -> None:
    for name in (part, part.with_name(part.name + "-journal")):
        name.unlink(missing_ok=True)
