"""Tests as the body of a fault: each test that passes is a run."""

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as Tree
from collections.abc import Sequence

from results.record.provenance import root
from tests.storm.fault import Body, Tally, Task


def checked(*nodes: str, only: str = "", short: str = "", needs: Sequence[str] = ()) -> Body:
    """A body that runs these tests; the slow ones too when all is asked for.

    Args:
        nodes: files or tests, relative to the root.
        only: an expression of pytest's `-k`.
        short: the same for a short storm, of tests that are run there although they are slow.
        needs: files without which there is nothing to run.
    """

    def body(task: Task) -> Tally:
        tally = Tally()
        missing = [name for name in needs if not (root() / name).exists()]
        if missing:
            tally.skipped = f"{', '.join(missing)} is not here"
            return tally
        report = task.folder / "report.xml"
        named = only if task.full else short or only
        chosen = ("-m", "slow or not slow" if task.full or short else "not slow")
        words = (*nodes, *chosen, *(("-k", named) if named else ()), f"--junitxml={report}")
        base = task.folder / "tests"
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--basetemp={base}"]
        began = time.monotonic()
        done = subprocess.run(
            [*command, *words],
            cwd=root(),
            env=os.environ | {"PYTHONPATH": str(root())},
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            tally.fail(f"pytest ended with {done.returncode}: {done.stdout[-300:]}{done.stderr}")
            return tally
        skipped = 0
        # The file is what pytest itself has just written.
        for case in Tree.parse(report).iter("testcase"):  # noqa: S314
            told = next((part for part in case if part.tag in ("failure", "error")), None)
            if any(part.tag == "skipped" for part in case):
                skipped += 1
                continue
            tally.runs += 1
            tally.worst = max(tally.worst, float(case.get("time", "0")))
            if told is not None:
                tally.fail(f"{case.get('name')}: {told.get('message', '')}")
        if done.returncode and not tally.wrong:
            tally.fail(
                f"pytest ended with {done.returncode} after {time.monotonic() - began:.0f} s"
            )
        if not tally.runs and skipped:
            tally.skipped = f"all {skipped} tests were skipped"
        tally.note = f"{skipped} skipped" if skipped else ""
        task.tick(tally.runs)
        return tally

    return body
