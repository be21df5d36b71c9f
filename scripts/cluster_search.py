"""Runs a study on a Ray cluster of a head and further raylets on this machine, and in process.

usage: python scripts/cluster_search.py [STUDY] [--nodes 2]

The raylets are real: each has its own object store, worker pool and node id. Prints both digests
and where the trials ran; exits with 1 if the digests differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from results.record.store import Store  # noqa: E402
from search.run import ray_pool, staging  # noqa: E402

COMMAND = "import sys; from search.cli import main; sys.exit(main())"
_STORE_BYTES = 80 * 1024 * 1024


def search(study: str, store: Path, *where: str) -> dict[str, object]:
    """What `gatewright search --json` printed."""
    words = ["search", study, "--store", str(store), "--json", *where]
    done = subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description="A study on several raylets and in process.")
    parser.add_argument("study", nargs="?", default="smoke")
    parser.add_argument("--nodes", type=int, default=2)
    options = parser.parse_args()
    os.environ.update(ray_pool.environment(local=True))
    from ray.cluster_utils import Cluster

    began = time.monotonic()
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "node_ip_address": "127.0.0.1",
            "temp_dir": str(staging.scratch() / "ray"),
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            for _ in range(options.nodes):
                cluster.add_node(
                    num_cpus=1,
                    object_store_memory=_STORE_BYTES,
                    node_ip_address="127.0.0.1",
                    include_dashboard=False,
                )
            cluster.wait_for_nodes()
            print(
                f"cluster at {cluster.address}: a head without CPUs and {options.nodes} raylets"
                f" of one CPU, up after {time.monotonic() - began:.1f} s"
            )
            store = Path(folder) / "cluster.sqlite"
            joined = search(options.study, store, "--address", str(cluster.address))
        finally:
            cluster.shutdown()
        with Store.read(store) as opened:
            slots = opened.select("SELECT slot, count(*) FROM attempt GROUP BY slot ORDER BY slot")
        used = ", ".join(f"slot {slot}: {count}" for slot, count in slots)
        print(f"on the cluster {joined['digest']}  {joined['seconds']:.1f} s  attempts: {used}")
        alone = search(options.study, Path(folder) / "alone.sqlite", "--workers", "0")
        print(f"in process     {alone['digest']}  {alone['seconds']:.1f} s")
    same = joined["digest"] == alone["digest"] and len(slots) == options.nodes
    print("same history" if same else "DIFFERENT HISTORY, or a raylet without work")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
