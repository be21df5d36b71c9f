"""The recipe of the container, without what takes minutes: scripts/run_containerfile.py runs its steps."""

import json
from pathlib import Path

from results.record.provenance import PACKAGES, root
from scripts.run_containerfile import FILE, copy, steps


def test_every_step_is_known_and_what_is_copied_is_there(tmp_path: Path) -> None:
    told = steps(FILE.read_text(encoding="utf-8"))
    names = [name for name, _ in told]
    assert names[0] == "FROM"
    assert names[-1] == "CMD"
    assert set(names) == {"FROM", "RUN", "WORKDIR", "COPY", "ENV", "CMD"}
    assert json.loads(told[-1][1])[0] == "gatewright"
    for name, argument in told:
        if name == "COPY":
            *sources, target = argument.split()
            copy(sources, tmp_path / target)
    for package in PACKAGES:
        assert (tmp_path / package / "__init__.py").is_file()
    for file in ("gatewright.py", "pyproject.toml", "requirements.lock", "scripts/environment"):
        assert (tmp_path / file).read_bytes() == (root() / file).read_bytes()
