"""The findings in the README are those of the published record."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_verdicts_in_the_readme_are_those_of_the_published_record() -> None:
    script = ROOT / "scripts" / "document_findings.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
