"""Machines as they are: what a shell, a notebook, a container or a locale hands to a command."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.search.command import ROOT, start, tiny

ODD = "a b (c) & é $x ' ; 日本"
"""A folder as people have them, with all that a shell would read as its own."""


def done(
    folder: Path, *arguments: str, program: tuple[str, ...] = (), **environment: str
) -> tuple[bytes, str]:
    """Standard output and standard error of a command that has to succeed without a traceback."""
    python = (*program, sys.executable)
    found = subprocess.run(
        [*python, "-c", "import search.cli; search.cli.main()", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        timeout=240,
    )
    errors = found.stderr.decode("utf-8", "replace")
    assert found.returncode == 0, errors
    assert "Traceback" not in errors
    return found.stdout, errors


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small search in a folder with an odd name, in process."""
    folder = tmp_path_factory.mktemp("record") / ODD
    folder.mkdir()
    done(folder, "search", tiny(folder), "--workers", "0", "--store", "run.gate")
    return folder / "run.gate"


@pytest.fixture(scope="module")
def report(record: Path) -> bytes:
    done(record.parent, "report", record.name, "--out", "usual.html")
    return (record.parent / "usual.html").read_bytes()


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_the_backend_of_a_notebook_changes_no_report(
    record: Path, report: bytes, backend: str
) -> None:
    done(record.parent, "report", record.name, "--out", "other.html", MPLBACKEND=backend)
    assert (record.parent / "other.html").read_bytes() == report


def test_the_matplotlibrc_of_a_user_changes_no_report(
    record: Path, report: bytes, tmp_path: Path
) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\nfont.size: 30\nlines.linewidth: 9\naxes.linewidth: 7\n"
        "backend: tkagg\nsavefig.bbox: tight\nsavefig.pad_inches: 2\nfigure.dpi: 31\n"
    )
    done(record.parent, "report", record.name, "--out", "other.html", MPLCONFIGDIR=str(tmp_path))
    assert (record.parent / "other.html").read_bytes() == report


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("words", [("draw", "gru"), ("export", "gru", "--to", "svg")])
def test_a_drawing_can_be_printed_in_any_encoding(
    tmp_path: Path, encoding: str, words: tuple[str, ...]
) -> None:
    usual = done(tmp_path, "cells", *words, PYTHONIOENCODING="utf-8")[0].decode()
    assert not usual.isascii()
    found = done(tmp_path, "cells", *words, PYTHONIOENCODING=encoding)[0].decode("ascii")
    assert html.unescape(found) == html.unescape(usual)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_document_is_the_same_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    words = ("cells", "draw", "gru", "--json")
    usual = done(tmp_path, *words, PYTHONIOENCODING="utf-8")[0]
    found = done(tmp_path, *words, PYTHONIOENCODING=encoding)[0]
    assert json.loads(found.decode("ascii")) == json.loads(usual.decode())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_cannot_be_printed_are_escaped(record: Path, encoding: str) -> None:
    name = os.fsdecode(b"run-\xff-\xe6\x97\xa5.gate")
    shutil.copy(record, record.parent / name)
    out = done(record.parent, "report", name, "--out", f"{name}.html", PYTHONIOENCODING=encoding)[0]
    escaped = "run-\\udcff-" + ("日" if encoding == "utf-8" else "\\u65e5")
    assert f"wrote {escaped}.gate.html" in out.decode(encoding)


def test_a_user_without_a_name_or_a_home_has_every_command(tmp_path: Path) -> None:
    program = ("unshare", "--user", "--map-user=54321", "--map-group=54321", "env", "-u", "HOME")
    probe = [*program, sys.executable, "-c", "import pwd, os; pwd.getpwuid(os.getuid())"]
    if (
        shutil.which("unshare") is None
        or b"uid not found" not in subprocess.run(probe, capture_output=True).stderr
    ):
        pytest.skip("no user without a name can be made here")
    out, _ = done(
        *(tmp_path, "search", tiny(tmp_path), "--workers", "0", "--store", "run.gate", "--json"),
        program=program,
        TMPDIR=str(tmp_path),
    )
    assert json.loads(out)["digest"]
    process = start(
        *(tmp_path, "dashboard", "run.gate", "--port", "0"), before=program, PYTHONUNBUFFERED="1"
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "http://localhost:" in process.stdout.readline()
        assert " 54321@" in process.stderr.readline()
    finally:
        process.kill()
        process.communicate()


def test_a_machine_that_does_not_reach_itself_is_told_of(tmp_path: Path) -> None:
    program = ("unshare", "--user", "--map-root-user", "--net")
    if shutil.which("unshare") is None or subprocess.run([*program, "true"]).returncode:
        pytest.skip("no network without loopback can be made here")
    process = start(
        *(tmp_path, "search", tiny(tmp_path), "--workers", "1", "--store", "run.gate"),
        before=program,
    )
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 1, errors
    assert "this machine does not reach itself at 127.0.0.1" in errors
    assert "ip link set lo up" in errors
    assert "Traceback" not in out + errors


@pytest.mark.slow
def test_a_search_on_ray_starts_from_odd_folders_and_without_docstrings(
    tmp_path: Path, record: Path
) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    # An environment whose python has that path; its packages are those of this one.
    made = [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages"]
    subprocess.run([*made, str(folder / "venv")], check=True)
    (packages,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (packages / "packages.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("-packages")), encoding="utf-8"
    )
    (folder / "sources").mkdir()
    for name in ("cells", "results", "search", "tasks"):
        ignored = shutil.ignore_patterns("__pycache__", "published")
        shutil.copytree(ROOT / name, folder / "sources" / name, ignore=ignored)
    found = subprocess.run(
        [
            *(str(folder / "venv" / "bin" / "python"), "-OO"),
            *("-c", "import search.cli; search.cli.main()"),
            *("search", tiny(folder), "--workers", "1", "--store", "run.gate", "--json"),
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "sources"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert found.returncode == 0, found.stderr
    again = done(record.parent, "search", "tiny.toml", "--store", "run.gate", "--resume", "--json")
    assert json.loads(found.stdout)["digest"] == json.loads(again[0])["digest"]


SLOW = """
import sys
from pathlib import Path
from ray._private import services
folder = Path(sys.argv[1])
raylet = folder / "raylet"
raylet.write_text(f'''#!/bin/sh
sleep 4
exec '{services.RAYLET_EXECUTABLE}' "$@"
''')
raylet.chmod(0o755)
services.RAYLET_EXECUTABLE = str(raylet)
import ray
from search.run.cluster import start
start.WAITED = 1.0
with start.variables_of_ray(True):
    start.start(1, None, folder, lambda line: print(line, flush=True))
ray.shutdown()
"""
"""A start of Ray whose raylet sleeps, with patience of 1 s."""


def test_a_slow_start_of_ray_says_what_it_waits_for_and_what_the_log_says(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", SLOW, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    assert re.search(
        r"^waiting for Ray to start for \d+ s; \w+\.(?:out|err): \S", found.stdout, re.M
    )
