import os
import subprocess
import sys
from pathlib import Path

from results.record import provenance
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
