"""Where the numbers come from is told without loading what is named."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from results.error import StoreError
from results.record import provenance


def test_collecting_loads_neither_torch_nor_ray_and_fills_every_entry() -> None:
    program = (
        "import sys; from results.record.provenance import collect; found = collect();"
        "assert all(isinstance(v, str) and v for v in found.values()), found;"
        "print(sorted({'torch', 'ray', 'optuna', 'pandas', 'search'} & set(sys.modules)))"
    )
    root = provenance.root()
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"


def test_the_source_digest_is_of_the_sources_and_of_nothing_else(tmp_path: Path) -> None:
    for package in provenance.PACKAGES:
        shutil.copytree(provenance.root() / package, tmp_path / package)
    expected = provenance.source_digest()
    assert provenance.digest_of(tmp_path) == expected
    (tmp_path / "cells" / "notes.txt").write_text("no source", encoding="ascii")
    assert provenance.digest_of(tmp_path) == expected
    (tmp_path / "cells" / "extra.cell").write_text("a source", encoding="ascii")
    changed = provenance.digest_of(tmp_path)
    assert changed != expected
    (tmp_path / "cells" / "extra.cell").rename(tmp_path / "cells" / "other.cell")
    assert provenance.digest_of(tmp_path) not in (expected, changed)


def test_a_package_from_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = {name: provenance.root() for name in provenance.PACKAGES}
    monkeypatch.setattr(provenance, "package_roots", lambda: elsewhere | {"tasks": Path("/tmp")})  # noqa: S108
    with pytest.raises(StoreError, match=r"^mixed-sources: package tasks"):
        provenance.source_digest()


def test_a_stray_file_of_a_package_name_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("", encoding="ascii")
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(provenance.root())!r}];"
        "from results.record.provenance import source_digest; source_digest()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "mixed-sources: package tasks" in done.stderr
