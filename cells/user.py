"""Who runs this and where their cache is, also where the system knows neither name nor home.

A container that is started under a bare number has no entry in the table of users, and often no HOME.
"""

import getpass
import os
import tempfile
from pathlib import Path


def user_name() -> str:
    """The name of the user, else the number as text."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # which of them depends on Python's version
        return str(os.getuid())


def cache_folder() -> Path:
    """`gatewright` below `XDG_CACHE_HOME` or `~/.cache`; without a home, a folder of this user's own
    number below the temporary one. It may not exist yet.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    # Of a relative path the specification says that it is to be ignored.
    if Path(base).is_absolute():
        return Path(base) / "gatewright"
    try:
        return Path.home() / ".cache" / "gatewright"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / f"gatewright-{os.getuid()}"
