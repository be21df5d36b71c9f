"""Deaths under a search: what comes of each, and after how many seconds.

usage: python scripts/measure_deaths.py [--runs 3] [--page]

Each run is a search of its own that has begun; "message" means that it ended with the command that goes on,
"recovery" that all trials open at the fault have their outcomes and the search goes on. Every run checks
that nothing recorded was lost. `--page` writes the table into docs/cluster.md. Partitions take network
namespaces and so root; where these cannot be made, that is said. Exits with 1 if a run ended otherwise.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.page import DOCS, renewed, table  # noqa: E402
from tests.faults import deaths, machines  # noqa: E402
from tests.faults.deaths import Death  # noqa: E402

FAULTS: Final[tuple[Callable[[Path], Death], ...]] = (
    partial(deaths.own, program="gcs_server", number=signal.SIGKILL),
    partial(deaths.own, program="raylet", number=signal.SIGKILL),
    partial(deaths.joined, victim="gcs_server"),
    partial(deaths.joined, victim="raylet"),
    partial(deaths.joined, victim="head"),
    partial(deaths.joined, victim="second"),
    partial(deaths.joined, victim="second", number=signal.SIGSTOP),
)
PARTITIONS: Final[tuple[Callable[[Path], Death], ...]] = (
    partial(deaths.partitioned, cut_off="second"),
    partial(deaths.partitioned, cut_off="head"),
)


def measure(fault: Callable[[Path], Death]) -> Death:
    """One run of one fault. Raises AssertionError if the search did what it must not do."""
    with tempfile.TemporaryDirectory(prefix="deaths-") as name:
        death = fault(Path(name))
    print(f"{death.fault}: {death.ending} after {death.seconds:.1f} s", flush=True)
    return death


def rows(told: list[Death]) -> list[tuple[str, int, str, str]]:
    """Fault, runs, what came of it and the range of seconds."""
    made: list[tuple[str, int, str, str]] = []
    for name in dict.fromkeys(death.fault for death in told):
        deaths_ = [death for death in told if death.fault == name]
        seconds = sorted(death.seconds for death in deaths_)
        span = f"{seconds[0]:.0f} to {seconds[-1]:.0f}" if seconds[1:] else f"{seconds[0]:.0f}"
        made.append((name, len(deaths_), deaths_[0].ending, span))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description="Deaths under a search, and their seconds.")
    parser.add_argument("--runs", type=int, default=3, help="of each fault")
    parser.add_argument("--page", action="store_true", help="write docs/cluster.md")
    options = parser.parse_args()
    faults = FAULTS
    if machines.has_namespaces():
        faults += PARTITIONS
    else:
        print("no partitions: network namespaces cannot be made here, which takes root")
    told: list[Death] = []
    wrong = 0
    for fault in faults:
        for _ in range(options.runs):
            try:
                told.append(measure(fault))
            except (AssertionError, RuntimeError) as error:  # RuntimeError: a machine did not start
                wrong += 1
                print(f"WRONG: {fault}: {error}", flush=True)
    made = table(("fault", "runs", "ending", "seconds"), rows(told))
    print(made)
    if options.page and not wrong:
        page = DOCS / "cluster.md"
        text = renewed(page.read_text(encoding="utf-8"), {"deaths": lambda: made}, page.name)
        page.write_text(text, encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
