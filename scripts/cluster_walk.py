"""Does what docs/cluster.md says under "Two machines by hand", word by word, on two machines.

usage: python scripts/cluster_walk.py [--study quick] [--cpus 1]

The machines are two network namespaces, each with a temporary folder and a home of its own, which takes root
on Linux. The commands are read from the page; only `./scripts/environment` is not run, since the packages of
this checkout serve both. Then the digest is compared with that of a run in process. Prints every command
with its last line; exits with 1 at the first that fails.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from results.record.store import Store  # noqa: E402
from tests.faults import machines  # noqa: E402
from tests.faults.listening import descendants  # noqa: E402

PAGE: Final = ROOT / "docs" / "cluster.md"
SHORT: Final = 200
"""Trials of a study in which not every slot needs to have had one."""
PATIENCE: Final = 120.0
"""Seconds that Ray may take to start on a machine."""


def blocks() -> dict[str, str]:
    """The shell blocks of the page, by the comment on their first line."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"```sh\n# (.+?)\n(.*?)```", text, re.DOTALL)
    return dict(found)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the walk.

    Attributes:
        network: its network namespace.
        folder: its home, with the checkout's commands on its path, and where its commands run.
        variables: of its environment.
    """

    network: str
    folder: Path
    variables: Mapping[str, str]

    def start(self, script: str, log: Path) -> subprocess.Popen[bytes]:
        """Runs a shell script there; what it prints goes to a file."""
        # A temporary folder that the other machine does not see, as Ray's sockets are in it.
        private = f"mount --bind {self.folder}/tmp /tmp && exec bash -e -c"  # noqa: S108
        words = ["ip", "netns", "exec", self.network, "unshare", "--mount", "bash", "-e", "-c"]
        with log.open("wb") as file:
            return subprocess.Popen(
                [*words, f'{private} "$1"', "bash", script],
                cwd=self.folder,
                env={**os.environ, **self.variables},
                stdout=file,
                stderr=subprocess.STDOUT,
            )


def make(network: str, folder: Path) -> Machine:
    """A machine with an empty home."""
    (folder / "tmp").mkdir(parents=True)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Machine(network, folder, {"HOME": str(folder), "PATH": path, "PYTHONPATH": str(ROOT)})


def walk(study: str, cpus: int, folder: Path) -> list[str]:
    """Follows the page; returns what was not as it must be."""
    told = blocks()
    # The machines share this one's processors; on real ones Ray counts their own.
    short = {"--block": f"--block --num-cpus={cpus}"}
    kept: list[subprocess.Popen[bytes]] = []
    with machines.network() as (names, addresses):
        head, other = (make(name, folder / name) for name in names)
        try:
            for machine, block in ((head, "on the head"), (other, "on every other machine")):
                script = _with(told[block], {**short, "10.91.7.1": addresses[0]})
                print(f"[{block}]\n{script}", flush=True)
                log = folder / f"{machine.network}.log"
                kept.append(machine.start(script, log))
                _await(kept[-1], log)
                print(f"    {machines.STARTED} on {machine.network}", flush=True)
                token = head.folder / ".ray" / "auth_token"
                if machine is head:
                    if token.stat().st_mode & 0o077:
                        return [f"the token is open to others: {oct(token.stat().st_mode)}"]
                    (other.folder / ".ray").mkdir()
                    (other.folder / ".ray" / "auth_token").write_bytes(token.read_bytes())
            block = "on the head, to search"
            script = _with(told[block], {"quick": study, "10.91.7.1": addresses[0]})
            print(f"[{block}]\n{script}", flush=True)
            log = folder / "search.log"
            began = time.monotonic()
            code = head.start(script, log).wait()
            text = log.read_text(encoding="utf-8", errors="replace")
            print("\n".join(f"    {line}" for line in text.splitlines()[-12:]))
            print(f"    exit code {code} after {time.monotonic() - began:.0f} s", flush=True)
            if code:
                return [f"the commands on the head ended with {code}"]
        finally:
            for process in kept:
                for pid in descendants(process.pid) if process.poll() is None else ():
                    with suppress(ProcessLookupError):
                        os.kill(pid, 9)
                process.wait()
    return _compare(study, head.folder / "runs", 2 * cpus)


def _compare(study: str, runs: Path, slots: int) -> list[str]:
    store = runs / f"{study}.sqlite"
    with Store.read(store) as record:
        used = record.select("SELECT slot, count(*) FROM attempt GROUP BY slot ORDER BY slot")
        events = record.select("SELECT kind, detail FROM event")
    print("\n".join(f"{kind}: {detail}" for kind, detail in events))
    print("trials by slot: " + ", ".join(f"{slot}: {count}" for slot, count in used))
    words = ["search", study, "--workers", "0", "--store", str(runs / "alone.sqlite"), "--json"]
    alone = subprocess.run(
        [sys.executable, "-m", "gatewright", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    digest = json.loads(alone.stdout)["digest"]
    told = re.search(
        r"^ *digest +(\w+)$", (runs.parents[1] / "search.log").read_text(), re.MULTILINE
    )
    print(f"digest of the run in process: {digest}")
    wrong: list[str] = []
    if told is None or told[1] != digest:
        wrong.append("another history on the cluster")
    # A first slot that has compiled the native runtime may end a short study before the others are up.
    if len(used) != slots and sum(count for _, count in used) > SHORT:
        wrong.append(f"{len(used)} slots worked, {slots} expected")
    if not (runs / f"{study}.html").is_file():
        wrong.append("no report")
    return wrong


def _with(script: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        script = script.replace(old, new)
    return script


def _await(process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE
    while machines.STARTED not in log.read_text(encoding="utf-8", errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"Ray did not start:\n{log.read_text()}")
        time.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(description="The walk of docs/cluster.md on two machines.")
    parser.add_argument("--study", default="quick")
    parser.add_argument("--cpus", type=int, default=1, help="of each machine")
    options = parser.parse_args()
    if not machines.has_namespaces():
        parser.error("network namespaces cannot be made here: that takes root on Linux")
    # Not below /tmp, which each machine has for itself.
    with tempfile.TemporaryDirectory(prefix="walk-", dir="/var/tmp") as name:
        wrong = walk(options.study, options.cpus, Path(name))
    print("\n".join(f"WRONG: {what}" for what in wrong) or "the page works")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
