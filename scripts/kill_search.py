"""Kills a real search with SIGKILL at random moments, resumes it, and compares with a quiet run.

usage: python scripts/kill_search.py [STUDY] [--kills 10] [--workers 0] [--seed 1]

Each start is killed after a random number of further trials plus a random part of one, so that every
kill meets work. Prints what was injected and found; exits with 1 if anything differs.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from results.error import StoreError  # noqa: E402
from results.record.store import Store  # noqa: E402

COMMAND = "import sys; from search.cli import main; sys.exit(main())"


def start(study: str, store: Path, workers: int) -> subprocess.Popen[str]:
    words = ["search", study, "--store", str(store), "--workers", str(workers), "--json"]
    if store.exists():
        words.append("--resume")
    return subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND, *words],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> dict[str, object]:
    output, _ = process.communicate()
    if process.returncode != 0:
        sys.exit(f"the search ended with status {process.returncode}")
    return json.loads(output)


def outcomes(store: Path) -> int:
    """Trials with an outcome so far; 0 while there is no store yet."""
    try:
        with Store.read(store) as opened:
            return int(opened.select("SELECT count(*) FROM outcome")[0][0])
    except StoreError:
        return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill and resume a search.")
    parser.add_argument("study", nargs="?", default="smoke")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    moments = random.Random(options.seed)  # noqa: S311
    with tempfile.TemporaryDirectory() as folder:
        quiet, store = Path(folder) / "quiet.sqlite", Path(folder) / "killed.sqlite"
        expected = finish(start(options.study, quiet, 0))
        total = outcomes(quiet)
        print(f"undisturbed: {expected['digest']}, {total} trials", flush=True)
        most = max(1, total // (options.kills + 2))
        pace = float(str(expected["seconds"])) / total
        hits: list[int] = []
        for _ in range(options.kills):
            process = start(options.study, store, options.workers)
            aim = outcomes(store) + moments.randint(1, most)
            while outcomes(store) < aim and process.poll() is None:
                time.sleep(min(0.01, pace / 4))
            time.sleep(moments.uniform(0.0, pace))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if process.returncode == -signal.SIGKILL and outcomes(store) < total:
                hits.append(outcomes(store))
        resumed = finish(start(options.study, store, options.workers))
        with Store.read(store) as opened:
            count = "SELECT count(*) FROM"
            attempts = int(opened.select(f"{count} attempt")[0][0])
            mismatches = int(opened.select(f"{count} event WHERE kind = 'mismatch'")[0][0])
            intact = opened.select("PRAGMA integrity_check")[0][0] == "ok"
        print(f"seed {options.seed}: {options.kills} kills, {len(hits)} of them in mid-run")
        print(f"trials recorded after each: {hits}")
        print(f"trials expected {total}, found {outcomes(store)}, mismatched {mismatches}")
        print(f"attempts beyond the first {attempts - total}; file intact: {intact}")
        print(f"resumed:     {resumed['digest']}")
    same = resumed["digest"] == expected["digest"] and mismatches == 0 and intact
    print("same history" if same else "DIFFERENT HISTORY")
    return 0 if same and len(hits) == options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
