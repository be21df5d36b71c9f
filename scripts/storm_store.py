"""What happens to a store's files, many times: `python scripts/storm_store.py [CASES] [--seed N]`.

Deletes, moves, replaces, overwrites, cuts and flips the files of a store while it is written and after
its writer was killed, and prints a line for each kind: cases, who noticed, with which code, and how many
were silent. Ends with an error if one was.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.results import store_faults


def main() -> int:
    parser = argparse.ArgumentParser(description="Faults of a store's files.")
    parser.add_argument("cases", nargs="?", type=int, default=380)
    parser.add_argument("--seed", type=int, default=13)
    typed = parser.parse_args()
    kinds = [*store_faults.RUNNING, *store_faults.STOPPED]
    draw = random.Random(typed.seed)  # noqa: S311
    began = time.monotonic()
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    silent = 0
    for number in range(typed.cases):
        kind = kinds[number % len(kinds)]
        with tempfile.TemporaryDirectory(prefix="gatewright-") as folder:
            case = store_faults.run(kind, Path(folder), draw)
        counts[kind][f"{case.by}: {case.code}" if case.by else "whole"] += 1
        if case.silent:
            silent += 1
            counts[kind]["SILENT"] += 1
    for kind, came in counts.items():
        what = ", ".join(f"{name} {count}" for name, count in sorted(came.items()))
        print(f"{kind:32} {sum(came.values()) - came['SILENT']:4}  {what}")
    spent = time.monotonic() - began
    print(f"seed {typed.seed}: {typed.cases} cases, {silent} silent, {spent:.0f} s")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
