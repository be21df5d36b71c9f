"""The script for SLURM, with a stand-in for SLURM that starts its tasks here."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from results.record.provenance import root
from results.record.store import Store
from scripts.check_manifests import FOLDER
from tests.faults.machines import free_port
from tests.search.command import start

NODES = "2"

# Starts every task here, with the number of its node; a signal to it reaches them, as srun's does.
SRUN = """#!/usr/bin/env bash
first=1 tasks=1
while [[ $1 == --* ]]; do
    case $1 in
        --ntasks=*) tasks=${1#*=} ;;
        --nodelist=*) first=0 ;;
        --nodes=* | --exclude=*) ;;
        *) echo "srun: unknown option $1" >&2; exit 2 ;;
    esac
    shift
done
started=()
for ((task = 0; task < tasks; task++)); do
    SLURM_NODEID=$((first + task)) "$@" &
    started+=($!)
done
trap 'kill "${started[@]}"' TERM INT
wait "${started[@]}"
wait "${started[@]}"
"""

SCONTROL = """#!/usr/bin/env bash
[ "$1 $2" = "show hostnames" ] || exit 2
for ((node = 0; node < NODES; node++)); do echo "node$node"; done
"""


@pytest.mark.slow
def test_the_script_runs_a_search_on_all_nodes_and_goes_on_when_it_is_submitted_again(
    tmp_path: Path,
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (programs / name).write_text(text.replace("NODES", NODES), encoding="utf-8")
        (programs / name).chmod(0o755)
    store = tmp_path / "runs" / "smoke.sqlite"
    variables = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_SUBMIT_DIR": str(root()),
        "SLURM_JOB_NODELIST": f"node[0-{int(NODES) - 1}]",
        "SLURM_CPUS_PER_TASK": "1",
        "GATEWRIGHT_IP": "127.0.0.1",
        "GATEWRIGHT_PORT": str(free_port("127.0.0.1")),
    }
    words = ["bash", str(FOLDER / "slurm.sh"), "smoke", str(store)]

    def submit(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*words, *more],
            env=os.environ | variables | {"PYTHONPATH": str(root())},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    done = submit("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout[done.stdout.index("\n{") :].partition("\n}")[0] + "\n}")
    with Store.read(store) as record:
        slots = {slot for (slot,) in record.select("SELECT DISTINCT slot FROM attempt")}
        events = [tuple(row) for row in record.select("SELECT kind, detail FROM event")]
    assert "joined" in {kind for kind, _ in events} or len(slots) == int(NODES), events
    again = submit("--json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f'"digest": "{document["digest"]}"' in again.stdout
    alone = start(tmp_path, "search", "smoke", "--workers", "0", "--store", "a.sqlite", "--json")
    assert json.loads(alone.communicate()[0])["digest"] == document["digest"]
    mark = f"/tmp/ray-{os.getpid()}-"  # noqa: S108
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark in _read(path)]
    assert not left, "processes of Ray are left"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:  # it has ended
        return ""
