"""The folder that Ray ships to its workers: our four packages, small corpora, and nothing else.

Ray puts the driver's current directory on its workers' path, so a stray `tasks.py` there would be
what workers import; a `working_dir` with just our packages prevents that.
"""

import atexit
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from results.record.provenance import PACKAGES, root
from search.error import UsageError
from tasks.corpora import corpus

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.md", "published")
_PREFIX = "gw-"
_SAFE: Final = re.compile(r"[A-Za-z0-9._/+-]{1,24}")
"""Folders below which Ray works: short, and of letters that every shell and encoding leaves alone."""


@cache
def scratch() -> Path:
    """One private folder a process, removed at exit.

    What killed processes of the same user left behind is removed on the way.
    """
    # Ray's sockets lie below, their paths may have 107 bytes, and it puts them into command lines.
    parent = Path(tempfile.gettempdir())
    if not _SAFE.fullmatch(str(parent)) and Path("/tmp").is_dir():  # noqa: S108  mkdtemp makes it safe
        parent = Path("/tmp")  # noqa: S108
    for left in parent.glob(f"{_PREFIX}*-*"):
        _remove_if_orphaned(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def make(tasks: Iterable[str] = ()) -> Path:
    """A fresh folder with copies of exactly the four packages; removed at exit.

    Args:
        tasks: whose corpora are to go along in `data`, if they are `limit` bytes or less together.
            Where they are larger, none goes, and every node must have them.
    """
    folder = Path(tempfile.mkdtemp(prefix="sources-", dir=scratch()))
    for package in PACKAGES:
        shutil.copytree(root() / package, folder / package, ignore=_IGNORED)
    files = _corpora(tasks)
    if sum(path.stat().st_size for path in files.values()) <= limit():
        for name, path in files.items():
            target = folder / "data" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    return folder


def limit() -> int:
    """Bytes of corpora that are sent to workers: 64 MiB, or what GATEWRIGHT_SEND_MIB says.

    Raises:
        UsageError: that is no number of 0 or more.
    """
    text = os.environ.get("GATEWRIGHT_SEND_MIB", "64")
    if not text.isdigit():
        raise UsageError(
            f"GATEWRIGHT_SEND_MIB is {text!r}, expected a number of MiB", "0 sends no corpora"
        )
    return int(text) * 2**20


def sent() -> Path | None:
    """In a worker, the folder of the corpora that were sent along with its sources."""
    folder = root() / "data"
    return folder if folder.is_dir() else None


def _corpora(tasks: Iterable[str]) -> dict[str, Path]:
    """The files here of the corpora of these tasks, by their path below a data folder."""
    wanted = set(tasks)
    files: dict[str, Path] = {}
    for told in corpus.table().values():
        if wanted.isdisjoint(told.tasks):
            continue
        for file in told.files:
            paths = [folder / file.path for folder in corpus.folders()]
            present = next((path for path in paths if path.is_file()), None)
            if present is not None:
                files[file.path] = present
    return files


def _remove_if_orphaned(folder: Path) -> None:
    owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
    if not owner.isdigit() or folder.is_symlink() or folder.stat().st_uid != os.getuid():
        return
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return
