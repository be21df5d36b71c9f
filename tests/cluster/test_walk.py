"""A newcomer who has only docs/cluster.md gets a study done on two machines."""

import subprocess
import sys

import pytest

from results.record.provenance import root
from scripts import cluster_walk
from tests.faults import machines


def test_the_walk_finds_its_three_blocks_on_the_page() -> None:
    told = cluster_walk.blocks()
    assert "ray start --head --block" in told["on the head"]
    assert "ray start --address=10.91.7.1:6379 --block" in told["on every other machine"]
    assert "gatewright search quick --address 10.91.7.1:6379" in told["on the head, to search"]


@pytest.mark.slow
def test_what_the_page_says_runs_a_study_on_two_machines_and_gives_the_digest_of_one() -> None:
    if not machines.has_namespaces():
        pytest.skip("network namespaces cannot be made here: that takes root")
    done = subprocess.run(
        [sys.executable, str(root() / "scripts" / "cluster_walk.py"), "--study", "smoke"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("the page works\n")
