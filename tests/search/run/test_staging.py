import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.record import provenance
from search.error import UsageError
from search.run import staging


def test_the_staging_folder_holds_the_four_packages_and_nothing_else() -> None:
    folder = staging.make()
    assert sorted(path.name for path in folder.iterdir()) == sorted(provenance.PACKAGES)
    assert not list(folder.rglob("__pycache__"))
    assert (folder / "search" / "run" / "staging.py").read_text() == (
        provenance.root() / "search" / "run" / "staging.py"
    ).read_text()


def test_the_staging_folder_is_small_and_private() -> None:
    folder = staging.make()
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    # Sources alone: any data that slipped in would be far beyond this.
    assert sum(sizes) < 3_000_000
    assert folder.stat().st_mode & 0o077 == 0


def test_the_staging_folder_has_the_digest_of_our_sources() -> None:
    assert provenance.digest_of(staging.make()) == provenance.source_digest()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left, kept, other = (
        tmp_path / name for name in (f"gw-{dead.pid}-a", f"gw-{os.getpid()}-b", "gw-x-c")
    )
    for folder in (left, kept, other):
        (folder / "ray").mkdir(parents=True)
        staging._remove_if_orphaned(folder)
    assert [folder.exists() for folder in (left, kept, other)] == [False, True, True]


def test_small_corpora_go_along_and_large_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "JSB_Chorales.npz").write_bytes(b"x" * 2**20)
    (tmp_path / "music" / "Nottingham.npz").write_bytes(b"x")
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
    assert not (staging.make(["memorization"]) / "data").exists()
    sent = staging.make(["memorization", "jsb"]) / "data"
    assert [path.name for path in sent.rglob("*.npz")] == ["JSB_Chorales.npz"]
    monkeypatch.setenv("GATEWRIGHT_SEND_MIB", "1")
    assert not (staging.make(["jsb", "nottingham"]) / "data").exists()
    assert (staging.make(["jsb"]) / "data").exists()
    monkeypatch.setenv("GATEWRIGHT_SEND_MIB", "all")
    with pytest.raises(UsageError, match="expected a number of MiB"):
        staging.make(["jsb"])
