"""Who runs this and where their cache is, on machines that know neither."""

import getpass
import os
import pwd
import tempfile
from pathlib import Path

import pytest

from cells import user
from cells.engine.native import build
from cells.engine.native.compiler import NativeError
from tasks.corpora import corpus


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number without an entry in the table of users, as in a container, and no HOME."""

    def unknown(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)


@pytest.mark.usefixtures("nobody")
def test_a_user_without_a_name_or_a_home_has_a_number_and_a_cache() -> None:
    with pytest.raises((KeyError, OSError)):
        getpass.getuser()
    with pytest.raises(RuntimeError):
        Path.home()
    assert user.user_name() == str(os.getuid())
    assert user.cache_folder() == Path(tempfile.gettempdir()) / f"gatewright-{os.getuid()}"
    assert corpus.destination().is_absolute()


@pytest.mark.usefixtures("nobody")
def test_a_user_without_a_home_compiles_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for _ in range(2):
        try:
            build.load("float32", build.cache_folder())
        except NativeError as error:
            pytest.skip(str(error))
    (made,) = (tmp_path / f"gatewright-{os.getuid()}" / "native").glob("*.so")
    assert made.stat().st_uid == os.getuid()


def test_a_relative_cache_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    assert user.cache_folder() == tmp_path / ".cache" / "gatewright"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a b (c) & é"))
    assert user.cache_folder() == tmp_path / "a b (c) & é" / "gatewright"
