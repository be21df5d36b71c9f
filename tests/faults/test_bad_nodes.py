"""Nodes that lack something beside a good one: they are named, and the winner is that of the good one."""

import subprocess
import sys

import pytest

from results.record.provenance import root


# Slow: each case starts three raylets and four searches. What a slot lacks is tested without Ray in
# tests/search/run/test_handshake.py.
@pytest.mark.slow
@pytest.mark.parametrize("faults", ["data", "compiler", "digest,sources"])
def test_bad_nodes_change_neither_the_winner_nor_the_digest(faults: str) -> None:
    script = root() / "scripts" / "cluster_search.py"
    done = subprocess.run(
        [sys.executable, str(script), "--faults", faults],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("same history\n")
    assert done.stdout.count("\nnode ") == len(faults.split(","))
    assert "then go on with:" in done.stdout
