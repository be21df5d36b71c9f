"""Time and memory of every view of the dashboard over a store: `measure_dashboard.py STORE`.

Starts `gatewright dashboard`, asks for each page several times, and prints the seconds that the answer
took and the processor time that the server spent on it (medians), then the server's peak memory.
The first line is the opening: from the start of the process to its first page. Linux only.

usage: python scripts/make_store.py --cells 20000 --trials 250000 --out big.sqlite
       python scripts/measure_dashboard.py big.sqlite
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results.dashboard.views import STORE_VIEWS, STUDY_VIEWS

ROOT = Path(__file__).resolve().parent.parent
TURNS = 3
PROGRAM = "import search.cli; search.cli.main()"


class Server:
    """A dashboard in a process of its own."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, "-c", PROGRAM, "dashboard", str(store), "--port", "0", "--json"]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.url = json.loads("".join(iter(self._process.stdout.readline, "}\n")) + "}")["url"]

    def get(self, path: str) -> tuple[bytes, float, float]:
        """The answer, the seconds that it took, and the server's processor time."""
        before, begun = self._spent(), time.monotonic()
        with urllib.request.urlopen(self.url + path) as answer:  # noqa: S310 - our own server
            text = answer.read()
        return text, time.monotonic() - begun, self._spent() - before

    def peak(self) -> float:
        """Most memory that it had, in MB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()

    def _spent(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(store: Path) -> None:
    """Prints the table."""
    begun = time.monotonic()
    server = Server(store)
    try:
        text, seconds, spent = server.get("")
        print(f"{'view':<18}{'seconds':>9}{'processor':>11}{'KiB':>7}")
        opened = time.monotonic() - begun
        print(f"{'opening':<18}{opened:>9.2f}{spent:>11.2f}{len(text) / 1024:>7.0f}")
        while b"Reading the store" in text:
            time.sleep(0.2)
            text = server.get("")[0]
        print(f"{'all read after':<18}{time.monotonic() - begun:>9.2f}")
        study = json.loads(server.get("api/studies")[0])["studies"][-1]["id"]
        best = json.loads(server.get(f"api/studies/{study}/leaderboard")[0])["rows"][0]["cell_id"]
        for view in (*STUDY_VIEWS, *STORE_VIEWS):
            path = view.name if view in STORE_VIEWS else f"studies/{study}/{view.name}".rstrip("/")
            path += f"/{best}" if view.named else ""
            answers = [server.get(path) for _ in range(TURNS)]
            seconds = statistics.median(answer[1] for answer in answers)
            spent = statistics.median(answer[2] for answer in answers)
            size = len(answers[0][0]) / 1024
            print(f"{view.name or 'overview':<18}{seconds:>9.2f}{spent:>11.2f}{size:>7.0f}")
        print(f"peak memory {server.peak():.0f} MB")
    finally:
        server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Time and memory of every view of the dashboard over a store."
    )
    parser.add_argument("store", type=Path)
    measure(parser.parse_args().store)
