"""Faults against the store for as long as you like: `python scripts/kill_storm.py [KILLS] [TEARS]`.

Kills a writer with SIGKILL at random moments, tears and flips copies of a store, and prints what
came of it; ends with an error at the first loss. The seed is printed first.
"""

import random
import secrets
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.results import faults, synthetic


def main(kills: int = 100, tears: int = 2000) -> None:
    seed = secrets.randbelow(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)  # noqa: S311
    with tempfile.TemporaryDirectory(prefix="gatewright-") as name:
        folder = Path(name)
        began = time.monotonic()
        rows = rounds = 0
        acknowledged: set[str] = set()
        for kill in range(kills):
            path = folder / f"{rounds}.gate"
            faults.kill_once(path, draw, acknowledged)
            length = faults.check_prefix(path, acknowledged)
            if length == len(synthetic.history(faults.long_study())) or kill == kills - 1:
                rows += len(acknowledged)
                rounds += 1
                acknowledged.clear()
        spent = time.monotonic() - began
        print(f"{kills} kills of the writer, {rows} acknowledged rows: 0 lost, {spent:.1f} s")
        whole = folder / "whole.gate"
        synthetic.write(whole)[0].close()
        content = whole.read_bytes()
        began = time.monotonic()
        named = sum(faults.tear_once(content, folder / "torn.gate", draw) for _ in range(tears))
        spent = time.monotonic() - began
        print(
            f"{tears} torn or flipped copies: {named} named as damaged, {tears - named} complete,"
            f" 0 silently less, {spent:.1f} s"
        )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
