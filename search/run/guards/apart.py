"""A trial in a process of its own: for one that may take its process down with it.

A search without workers runs trials in its own process, where a cell that crashes or hangs ends the
search. A trial that has not come to its end once is therefore run here the next time. The parent hands
over text and takes text; the child ends with its parent.
"""

import json
import os
import subprocess
import sys
import threading
from importlib import import_module
from typing import Final

from results.record.provenance import root
from search.error import SlotError
from search.run.guards import limits
from search.run.guards.limits import Limits
from search.run.pool import Arrival, Fault, Job, fault_of

EVALUATE: Final = "search.run.evaluate:evaluate"
"""What runs a trial, as module and function."""

_CHILD: Final = "import sys; sys.path.insert(0, sys.argv[1]); from search.run.guards.apart import main; main(sys.argv[2])"


class Apart:
    """Runs one job at a time, each in a new process.

    Args:
        evaluate: what runs a trial there: module and function.
    """

    def __init__(self, evaluate: str = EVALUATE) -> None:
        self._command = [sys.executable, "-c", _CHILD, str(root()), evaluate]

    def __call__(self, job: Job, slot: int = 0, node: str = "") -> Arrival:
        """What came of a job, however it ended; whatever ends this call ends the process too.

        Raises:
            SlotError: this machine cannot run it.
        """
        with subprocess.Popen(  # noqa: S603 - our own interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the search, which then ends this process
        ) as process:
            late = threading.Event()

            def end() -> None:
                late.set()
                process.kill()

            alarm = threading.Timer(job.seconds or 0.0, end)
            alarm.daemon = True
            try:
                assert process.stdin is not None  # noqa: S101
                assert process.stdout is not None  # noqa: S101
                asked = json.dumps([job.trial, job.limits.to_json()]) + "\n"
                if job.seconds is not None:
                    alarm.start()
                try:
                    process.stdin.write(asked.encode())
                    process.stdin.flush()
                    said = process.stdout.read()
                except BrokenPipeError:
                    said = b""
            finally:
                alarm.cancel()
                process.kill()
        if not said:
            if late.is_set():
                detail = f"no outcome after {job.seconds:g} s"
                return Arrival(job, slot, node, fault=Fault.OVERDUE, detail=detail)
            return Arrival(job, slot, node, fault=Fault.DIED, detail=_ended(process.returncode))
        outcome, *lack = json.loads(said)
        if not lack:
            return Arrival(job, slot, node, outcome=outcome)
        code, what, remedy = lack
        fault = fault_of(code)
        if fault is Fault.UNFIT:
            raise SlotError("slot.unfit", what, remedy)
        return Arrival(job, slot, node, fault=fault, detail=what)


def main(evaluate: str) -> None:
    """The child: reads a line, runs the trial, writes what came of it."""
    module, _, name = evaluate.partition(":")
    answer = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    trial, bounds = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    said = limits.evaluated(getattr(import_module(module), name), trial, Limits.from_json(bounds))
    os.write(answer, json.dumps(said).encode())
    os._exit(0)


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _ended(code: int) -> str:
    return (
        f"its process was ended by signal {-code}"
        if code < 0
        else f"its process ended with exit code {code}"
    )
