"""What the tests of the command line share: running it, and a study that takes about a second."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from search.cli import run

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "import search.cli; search.cli.main()")

TINY = """
name = "tiny"
strategy = "paper"
seed = 3
slots = 1
lag = 4
proposals = 4
baseline_settings = 1
list_size = 2
reevaluate = 0.0

[space]
layers = [1]

[screen]
scale = "smoke"
pass_mark = 0.1
budget = { parameters = 300, updates = 5 }

[[tasks]]
name = "arithmetic"
scale = "smoke"
settings = 1
budget = { parameters = 600, updates = 5 }
schedule = { name = "search", epochs = 2 }

[confirm]
cells = 1
seeds = 1
"""


def tiny(folder: Path) -> str:
    """The path of a study file for a search of a dozen trainings."""
    path = folder / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return str(path)


def document(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    """The one JSON document that a command prints, after a look that nothing else was printed."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == code
    return json.loads(capsys.readouterr().out, parse_constant=refuse)


def refuse(constant: str) -> None:
    """Raises ValueError: NaN and infinities are not JSON."""
    raise ValueError(constant)


def start(
    folder: Path,
    *arguments: str,
    terminal: int | None = None,
    before: Sequence[str] = (),
    **environment: str,
) -> subprocess.Popen[str]:
    """The command line in a process of its own, in `folder`; on a terminal if it is given one.

    What stands `before` it is a program that starts it.
    """
    return subprocess.Popen(
        [*before, *PROGRAM, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE if terminal is None else terminal,
        stderr=subprocess.PIPE if terminal is None else terminal,
        text=True,
    )
