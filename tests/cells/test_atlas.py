"""The atlas: its page says what its script finds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lines(page: Path, sizes: int) -> list[str]:
    """The first lines of the table."""
    found = [
        line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    return found[2 : 2 + sizes]


def test_the_page_says_of_the_smallest_cells_what_the_script_finds(tmp_path: Path):
    script = ROOT / "scripts" / "document_atlas.py"
    sizes = ("--exhaustive", "2", "--largest", "3", "--sample", "20")
    command = [sys.executable, str(script), *sizes, "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = lines(tmp_path / "atlas.md", 3)
    assert made[:2] == lines(ROOT / "docs" / "atlas.md", 2)
    # Both were written down one by one, and counted without that.
    assert all(" | all | " in line for line in made[:2])
    assert " | 11,900 | 20 | " in made[2]
    assert (tmp_path / "atlas.svg").read_text(encoding="utf-8").startswith("<?xml")
