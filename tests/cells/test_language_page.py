"""The pages of the language and the zoo, and the fuzzer: commands that a change must not break."""

import re
import subprocess
import sys
from pathlib import Path

from cells import parse, to_text

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_tables_of_the_language_page_are_current():
    done = run("document_language.py", "--check")
    assert done.returncode == 0, done.stderr


def test_the_tables_of_the_zoo_page_are_current():
    done = run("document_zoo.py", "--check")
    assert done.returncode == 0, done.stderr


def test_the_cell_that_the_page_shows_is_in_printed_form():
    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    found = re.search(r"```\n(# .*?)```", page, re.S)
    assert found is not None
    assert to_text(parse(found[1])) == found[1]


def test_two_thousand_spoilt_texts_are_cells_or_cell_errors():
    done = run("fuzz_cells.py", "--count", "2000", "--seed", "1", "--slowest", "60")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2000 texts")
    assert "0 bugs" in done.stdout
