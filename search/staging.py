"""The folder that Ray ships to its workers: our four packages and nothing else.

Ray puts the driver's current directory on its workers' path, so a stray `tasks.py` there would be
what workers import; a `working_dir` with just our packages prevents that.
"""

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Final

PACKAGES: Final = ("cells", "tasks", "results", "search")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def root() -> Path:
    """The folder that holds the four packages as this process imported them."""
    return Path(__file__).resolve().parent.parent


def make() -> Path:
    """A fresh private folder with copies of exactly the four packages; removed at exit."""
    folder = Path(tempfile.mkdtemp(prefix="gatewright-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for package in PACKAGES:
        shutil.copytree(root() / package, folder / package, ignore=_IGNORED)
    return folder
