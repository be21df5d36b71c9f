"""The page of the core space says what the space is, and its example runs."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_tables_and_pictures_of_the_page_are_current():
    command = [sys.executable, str(ROOT / "scripts" / "document_space.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_page_runs():
    page = (ROOT / "docs" / "space.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.S)
    example = doctest.DocTestParser().get_doctest(block, {}, "space.md", None, 0)
    assert len(example.examples) == 8
    assert doctest.DocTestRunner(verbose=False).run(example).failed == 0
