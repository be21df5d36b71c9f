"""The folder that Ray ships to its workers: our four packages and nothing else.

Ray puts the driver's current directory on its workers' path, so a stray `tasks.py` there would be
what workers import; a `working_dir` with just our packages prevents that.
"""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from results.record.provenance import PACKAGES, root

_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*", "*.md", "published")
_PREFIX = "gw-"


@cache
def scratch() -> Path:
    """One private folder a process, removed at exit.

    What killed processes of the same user left behind is removed on the way.
    """
    # Ray's sockets lie below, and their paths may have 107 bytes.
    parent = Path(tempfile.gettempdir())
    if len(str(parent)) > 24 and Path("/tmp").is_dir():  # noqa: S108  mkdtemp makes it safe
        parent = Path("/tmp")  # noqa: S108
    for left in parent.glob(f"{_PREFIX}*-*"):
        _remove_if_orphaned(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def make() -> Path:
    """A fresh folder with copies of exactly the four packages; removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="sources-", dir=scratch()))
    for package in PACKAGES:
        shutil.copytree(root() / package, folder / package, ignore=_IGNORED)
    return folder


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
