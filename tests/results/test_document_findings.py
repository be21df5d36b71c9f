"""The findings in the README and on the page of the first edition are those of the published records."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize("name", ["document_findings.py", "document_first_edition.py"])
def test_what_the_pages_say_is_what_the_published_records_say(name: str) -> None:
    script = ROOT / "scripts" / name
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
