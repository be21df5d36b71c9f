"""Runs a study on a Ray cluster of a head and further raylets on this machine, and in process.

usage: python scripts/cluster_search.py [STUDY] [--nodes 2]
       python scripts/cluster_search.py --faults data,digest,compiler,sources [--nodes 1]

The raylets are real: each has its own object store, worker pool, node id and environment. Prints both
digests and where the trials ran; exits with 1 if the digests differ.

With `--faults` one more raylet a fault joins: without the corpus, with other files of its names, without
a compiler, or with other sources. The study is a roster of lstm, mut1 and gru on generated text, which a
copy of the sources knows as Penn Treebank by character. Every node with a fault must be named in one
line, no trial may run there, and digest and best cell must be those of the run in process.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from results.record.provenance import PACKAGES  # noqa: E402
from results.record.store import Store  # noqa: E402
from search.run import staging  # noqa: E402
from search.run.cluster import start  # noqa: E402

COMMAND = "import sys; from search.cli import main; sys.exit(main())"
FAULTS = ("data", "digest", "compiler", "sources")
_STORE_BYTES = 80 * 1024 * 1024
_TEXT = {"train": 5000, "valid": 700, "test": 700}
"""Characters of the generated text."""

ROSTER = """
name = "roster"
strategy = "roster"
seed = 1
slots = 2
lag = 8
proposals = 0
baselines = ["lstm", "mut1", "gru"]
baseline_settings = 4

[space]
init_scales = [0.7, 1.0, 1.4]
learning_rates = [0.5, 1.0, 2.0]
clips = [1.0, 5.0]
layers = [1]

[screen]
scale = "smoke"
budget = { parameters = 300, updates = 5 }

[[tasks]]
name = "ptb-char"
scale = "smoke"
settings = 4
budget = { parameters = 3000, updates = 60 }
schedule = { name = "search", epochs = 4 }

[confirm]
cells = 0
seeds = 3
"""


class Cluster:
    """A head and raylets on loopback; `join` adds one with an environment of its own."""

    def __init__(self, cpus: int = 0, **variables: str) -> None:
        from ray.cluster_utils import Cluster as Raylets

        # Ray makes its temporary folder only for a head that it is the first to start; and it notes the
        # address in the one below RAY_TMPDIR, which nobody has made on a fresh machine.
        folder = staging.scratch() / "ray"
        folder.mkdir(exist_ok=True)
        os.environ["RAY_TMPDIR"] = str(folder.parent)
        self._common: dict[str, Any] = {
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "node_ip_address": "127.0.0.1",
        }
        self._raylets = Raylets(
            initialize_head=True,
            head_node_args={
                **self._common,
                "num_cpus": cpus,
                "temp_dir": str(folder),
                "env_vars": variables,
            },
        )
        self.address = str(self._raylets.address)

    def join(self, **variables: str) -> str:
        """Adds a raylet of one CPU; returns its node id."""
        node = self._raylets.add_node(num_cpus=1, env_vars=variables, **self._common)
        self._raylets.wait_for_nodes()
        return str(node.node_id)

    def close(self) -> None:
        """Ends all of it."""
        self._raylets.shutdown()


def command(root: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of Gatewright, from the sources below `root`."""
    return subprocess.run(
        [sys.executable, "-P", "-c", COMMAND, *words],
        env=os.environ | {"PYTHONPATH": str(root)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def search(root: Path, study: str, store: Path, *where: str, **variables: str) -> dict[str, object]:
    """What `gatewright search --json` printed."""
    words = ("search", study, "--store", str(store), "--json", *where)
    done = command(root, *words, **variables)
    if done.returncode:
        raise SystemExit(
            f"gatewright {' '.join(words)} ended with {done.returncode}:\n{done.stderr}"
        )
    return json.loads(done.stdout)


def make_sources(folder: Path) -> tuple[Path, Path]:
    """A copy of the sources that knows a generated text as its corpus, and the folder of the text."""
    root, data = folder / "sources", folder / "text"
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "published")
        shutil.copytree(ROOT / package, root / package, ignore=ignored)
    table = root / "tasks" / "corpora" / "digest.toml"
    told = table.read_text(encoding="utf-8")
    (data / "ptb").mkdir(parents=True)
    letters = random.Random(5)  # noqa: S311
    for split, count in _TEXT.items():
        text, last = "", "e"
        for _ in range(count):
            # A letter depends on the one before, so that there is something to learn.
            last = "etaoins_\n"[(ord(last) * 3 + letters.choice((0, 0, 0, 1, 2))) % 9]
            text += f"{last} "
        name = f"ptb/ptb.char.{split}.txt"
        (data / name).write_text(text, encoding="ascii")
        digest = hashlib.sha256(text.encode()).hexdigest()
        pattern = rf'(path = "{re.escape(name)}"\n)bytes = \d+\nsha256 = "\w+"'
        told = re.sub(pattern, rf'\1bytes = {len(text)}\nsha256 = "{digest}"', told)
    table.write_text(told, encoding="utf-8")
    return root, data


def variables_of(fault: str, folder: Path, root: Path, data: Path) -> dict[str, str]:
    """The environment of a raylet that has a fault."""
    place = folder / f"without-{fault}"
    place.mkdir()
    if fault == "data":
        return {"GATEWRIGHT_DATA": str(place)}
    if fault == "digest":
        shutil.copytree(data, place, dirs_exist_ok=True)
        path = place / "ptb" / "ptb.char.valid.txt"
        path.write_text("x " + path.read_text(encoding="ascii")[2:], encoding="ascii")
        return {"GATEWRIGHT_DATA": str(place)}
    if fault == "compiler":
        return {"CC": str(place / "cc")}
    other = place / "other"
    shutil.copytree(root, other)
    with (other / "search" / "error.py").open("a", encoding="utf-8") as file:
        file.write("# another version\n")
    lines = (f"import sys; sys.path.insert(0, {str(other)!r})", *(f"import {p}" for p in PACKAGES))
    (place / "sitecustomize.py").write_text("\n".join(lines), encoding="utf-8")
    return {"PYTHONPATH": str(place)}


def best_of(document: dict[str, object]) -> object:
    """Cell and value of the best of each task."""
    return document["best"]


def with_faults(faults: Sequence[str], nodes: int) -> list[str]:
    """Runs the roster beside nodes with faults; returns what was not as it must be."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="cluster-") as name:
        folder = Path(name)
        root, data = make_sources(folder)
        study = folder / "roster.toml"
        study.write_text(ROSTER, encoding="utf-8")
        variables = {"GATEWRIGHT_DATA": str(data), "GATEWRIGHT_SEND_MIB": "0"}
        alone = search(root, str(study), folder / "alone.sqlite", "--workers", "0", **variables)
        print(f"in process     {alone['digest']}  best {json.dumps(best_of(alone))}")
        bad: dict[str, str] = {}
        cluster = Cluster()
        try:
            for fault in faults:
                bad[fault] = cluster.join(**variables_of(fault, folder, root, data))
            store = folder / "cluster.sqlite"
            where = ("--address", cluster.address)
            words = ("search", str(study), "--store", str(store), *where)
            done = command(root, *words, **variables)
            if done.returncode != 1 or "pool.unfit" not in done.stderr:
                wrong.append(f"without a good node it ended with {done.returncode}: {done.stderr}")
            print("without a good node it stops:")
            print("\n".join(f"  {line}" for line in done.stderr.splitlines()[-4:]))
            for _ in range(nodes):
                cluster.join()
            joined = search(root, str(study), store, *where, "--resume", **variables)
            print(f"on the cluster {joined['digest']}  best {json.dumps(best_of(joined))}")
            # What is sent along mends a missing corpus.
            sent = search(
                root,
                str(study),
                folder / "sent.sqlite",
                *where,
                **variables | {"GATEWRIGHT_SEND_MIB": "1"},
            )
        finally:
            cluster.close()
        for run, document in (("the cluster", joined), ("the cluster that is sent its data", sent)):
            if (document["digest"], best_of(document)) != (alone["digest"], best_of(alone)):
                wrong.append(f"{run} gave another digest or best cell than the run in process")
            if set(document["endings"]) != {"ok"}:  # pyright: ignore[reportArgumentType]
                wrong.append(f"{run} gave outcomes that are not ok: {document['endings']}")
        for store, expected in (
            ("cluster.sqlite", set(faults)),
            ("sent.sqlite", set(faults) - {"data", "digest"}),
        ):
            with Store.read(folder / store) as record:
                rows = record.select(
                    "SELECT detail FROM event WHERE kind = 'set_aside'"
                    " AND epoch = (SELECT max(number) FROM epoch)"
                )
            lines = [str(detail) for (detail,) in rows]
            for fault, node in bad.items():
                told = [line for line in lines if node[:8] in line]
                if len(told) != (fault in expected):
                    wrong.append(f"{store}: node without {fault} named in {len(told)} lines")
                if store == "cluster.sqlite":
                    print("\n".join(told))
    return wrong


def healthy(study: str, nodes: int) -> list[str]:
    """Runs a study on a cluster and in process; returns what was not as it must be."""
    began = time.monotonic()
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as folder:
        try:
            for _ in range(nodes):
                cluster.join()
            print(
                f"cluster at {cluster.address}: a head without CPUs and {nodes} raylets"
                f" of one CPU, up after {time.monotonic() - began:.1f} s"
            )
            store = Path(folder) / "cluster.sqlite"
            joined = search(ROOT, study, store, "--address", cluster.address)
        finally:
            cluster.close()
        with Store.read(store) as opened:
            slots = opened.select("SELECT slot, count(*) FROM attempt GROUP BY slot ORDER BY slot")
        used = ", ".join(f"slot {slot}: {count}" for slot, count in slots)
        print(f"on the cluster {joined['digest']}  {joined['seconds']:.1f} s  attempts: {used}")
        alone = search(ROOT, study, Path(folder) / "alone.sqlite", "--workers", "0")
        print(f"in process     {alone['digest']}  {alone['seconds']:.1f} s")
    wrong = [] if joined["digest"] == alone["digest"] else ["another history on the cluster"]
    return wrong if len(slots) == nodes else [*wrong, "a raylet without work"]


def main() -> int:
    parser = argparse.ArgumentParser(description="A study on several raylets and in process.")
    parser.add_argument("study", nargs="?", default="smoke")
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--faults", default="", help=f"some of {','.join(FAULTS)}")
    options = parser.parse_args()
    faults = [fault for fault in options.faults.split(",") if fault]
    if not set(faults) <= set(FAULTS):
        parser.error(f"--faults {options.faults}: expected some of {','.join(FAULTS)}")
    os.environ.update(start.environment(local=True))
    os.environ.pop("GATEWRIGHT_DATA", None)
    if faults:
        wrong = with_faults(faults, options.nodes or 1)
    else:
        wrong = healthy(options.study, options.nodes or 2)
    print("\n".join(f"WRONG: {what}" for what in wrong) or "same history")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
