"""What happens to the files of a store: what the tests and `scripts/storm` do to it.

Each case writes part of a history, lets something happen to the files, goes on, and says who noticed:
the writer within a transaction, or whoever opens the file next. A case that nobody notices, and after
which fewer rows are read than were acknowledged, or others, is `silent`.
"""

import os
import random
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from results.error import StoreError
from results.record.ask import Ask
from results.record.file.lock import beside
from results.record.file.watch import log_of
from results.record.outcome import Outcome
from results.record.store import Store
from results.record.study import Confirm, Study
from tests.results import faults, synthetic

Step = tuple[Ask, Outcome | None]


@dataclass(frozen=True, slots=True)
class Case:
    """What came of a case.

    Attributes:
        kind: what happened to the files.
        by: who noticed, `writer` or `reader`; "" if nobody did.
        code: of the error; "" if nobody noticed.
        silent: rows are missing or changed and nobody noticed.
    """

    kind: str
    by: str
    code: str
    silent: bool


@cache
def study() -> Study:
    """A small study."""
    return replace(synthetic.study("files"), proposals=6, confirm=Confirm(1, 1))


@cache
def steps() -> list[Step]:
    """Its history."""
    return synthetic.history(study())


def enter(store: Store, some: list[Step]) -> None:
    """Writes asks and outcomes."""
    for ask, outcome in some:
        store.add_ask(study().id, ask)
        store.add_attempt(study().id, ask.index, 1, "slot-0")
        if outcome is not None:
            store.add_outcome(study().id, ask.index, outcome)


def another(path: Path, draw: random.Random) -> Path:
    """A closed store of another search."""
    store, _ = synthetic.write(path, replace(study(), name="another", seed=draw.randrange(1000)))
    store.close()
    beside(path).unlink()
    return path


def flip(path: Path, draw: random.Random) -> None:
    """Flips one bit, in place."""
    content = path.read_bytes()
    at = draw.randrange(len(content))
    with path.open("r+b") as file:
        file.seek(at)
        file.write(bytes([content[at] ^ 1 << draw.randrange(8)]))


def truncate(path: Path, draw: random.Random) -> None:
    """Cuts the tail off, in place."""
    os.truncate(path, draw.randrange(path.stat().st_size))


def _deleted(path: Path, draw: random.Random) -> None:
    for name in (path, log_of(path), path.with_name(path.name + "-shm"), beside(path)):
        if name == path or draw.randrange(2):
            name.unlink()


def _moved(path: Path, draw: random.Random) -> None:
    path.rename(path.with_name("moved.gate"))


def _folder(path: Path, draw: random.Random) -> None:
    path.parent.rename(path.parent.with_name(path.parent.name + "-moved"))


def _replaced(path: Path, draw: random.Random) -> None:
    another(path.with_name("other.gate"), draw).replace(path)


def _copied_over(path: Path, draw: random.Random) -> None:
    shutil.copyfile(another(path.with_name("other.gate"), draw), path)


def _older(path: Path, draw: random.Random) -> None:
    """An older copy of the very store is copied over it."""
    shutil.copyfile(path.with_name("backup.gate"), path)


def _log_deleted(path: Path, draw: random.Random) -> None:
    log_of(path).unlink()


def _lock_deleted(path: Path, draw: random.Random) -> None:
    beside(path).unlink()


RUNNING: dict[str, Callable[[Path, random.Random], None]] = {
    "deleted": _deleted,
    "moved": _moved,
    "folder moved": _folder,
    "replaced": _replaced,
    "copied over": _copied_over,
    "older copy over": _older,
    "log deleted": _log_deleted,
    "lock deleted": _lock_deleted,
    "file flipped": flip,
    "log flipped": lambda path, draw: flip(log_of(path), draw),
    "file cut": truncate,
    "log cut": lambda path, draw: truncate(log_of(path), draw),
}
"""While a writer has the store open."""


def _put_in_place(path: Path, draw: random.Random) -> None:
    """The store is moved away without its log, and another one put in its place."""
    path.rename(path.with_name("moved.gate"))
    another(path.with_name("other.gate"), draw).rename(path)


def _alone(path: Path, draw: random.Random) -> None:
    """The file alone is carried away, as a copy is that knows nothing of logs."""
    log_of(path).unlink()
    beside(path).unlink()


STOPPED: dict[str, Callable[[Path, random.Random], None]] = {
    "stopped: log deleted": _log_deleted,
    "stopped: log flipped": lambda path, draw: flip(log_of(path), draw),
    "stopped: log cut": lambda path, draw: truncate(log_of(path), draw),
    "stopped: file flipped": flip,
    "stopped: file cut": truncate,
    "stopped: another in its place": _put_in_place,
    "stopped: file alone": _alone,
}
"""After a writer was killed."""


def run(kind: str, folder: Path, draw: random.Random) -> Case:
    """One case of that kind in an empty folder."""
    path = folder / "store" / "run.gate"
    path.parent.mkdir()
    if kind in RUNNING:
        return _running(kind, path, draw)
    acknowledged = killed(path, draw)
    STOPPED[kind](path, draw)
    code, log = read(path)
    # The writer may have written one row more than it could acknowledge.
    same = [(ask, outcome) for ask, outcome in log[: len(acknowledged)]] == acknowledged
    return Case(kind, "reader" if code else "", code, not code and not same)


def _running(kind: str, path: Path, draw: random.Random) -> Case:
    before = draw.randrange(1, len(steps()) - 1)
    store = Store.create_or_open(path)
    try:
        store.begin(study(), {})
        enter(store, steps()[: before // 2])
        store._checkpoint("PASSIVE")  # pyright: ignore[reportPrivateUsage]
        shutil.copyfile(path, path.with_name("backup.gate"))
        enter(store, steps()[before // 2 : before])
        expected = len(store.log(study().id))
        RUNNING[kind](path, draw)
        try:
            store.add_event(study().id, "resumed", "one transaction")
        except StoreError as error:
            return Case(kind, "writer", error.code, silent=False)
    finally:
        store.close()
    code, log = read(path)
    return Case(kind, "reader" if code else "", code, not code and len(log) < expected)


def killed(path: Path, draw: random.Random) -> list[Step]:
    """What a writer acknowledged before it was killed."""
    child = faults.start(path, "run", 0.0)
    assert child.stdout is not None
    asked: set[int] = set()
    for _ in range(draw.randrange(4, 40)):
        line = child.stdout.readline().decode()
        if line.startswith("O"):
            asked.add(int(line[2:]))
    child.send_signal(signal.SIGKILL)
    for line in child.stdout.read().decode().splitlines():
        if line.startswith("O"):
            asked.add(int(line[2:]))
    child.communicate()
    return synthetic.history(faults.long_study())[: max(asked, default=-1) + 1]


def read(path: Path) -> tuple[str, list[Step]]:
    """The code of the error that reading ends with, or "" and the history."""
    try:
        with Store.read(path) as store:
            (row,) = store.studies() or [None]
            return "", store.log(row.id) if row is not None else []
    except StoreError as error:
        return error.code, []
