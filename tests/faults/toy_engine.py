"""An engine whose outcome is a pure function of the key, so that faults fill the time.

`GATEWRIGHT_TOY_MS` is the mean time of a trial; `GATEWRIGHT_TOY_LOG` a file that gets one line at the
start and one at the end of every execution. The trial's `scale` may name a misdeed.
"""

import hashlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from cells.training.point import Point
from results.record.outcome import Cost, Ending, Outcome
from results.record.trial import Trial
from search.error import SlotError
from search.run.guards import limits


def outcome(trial: Trial) -> Outcome:
    """What every execution of the trial must return."""
    hashed = hashlib.sha256(trial.key.encode()).digest()
    loss = int.from_bytes(hashed[:6], "big") / 2**48
    return Outcome(
        trial.key,
        Ending.OK if hashed[6] % 8 else Ending.DIVERGED,
        width=hashed[7],
        updates=100,
        valid_loss=loss,
        valid_accuracy=1.0 - loss,
        curve=(Point(100, 0.5, 2 * loss, loss, 1.0 - loss, 1.0, 0.25),),
    )


def outcome_of(text: str) -> Outcome:
    """What every execution of the trial of this text must return."""
    return outcome(Trial.from_json(text))


def evaluate(text: str) -> str:
    """The outcome as JSON, after sleeping for a time that the key decides."""
    trial = Trial.from_json(text)
    began = time.monotonic()
    note(f"begin {trial.key} {os.getpid()}")
    if trial.scale == "exit":
        os._exit(3)
    if trial.scale == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if trial.scale == "loop":
        while True:
            time.sleep(0.05)
    if trial.scale == "print":
        os.write(1, b"hello from a library\n")
        print("hello", flush=True)
    if trial.scale == "memory":
        # As the engine has it, without the wait until a share of a real machine is full.
        raise SlotError("slot.guard", f"more than {limits.current().bytes()} bytes")
    mean = float(os.environ.get("GATEWRIGHT_TOY_MS", "0"))
    share = hashlib.sha256(trial.key.encode()).digest()[8] / 128
    if mean:
        time.sleep(mean * share / 1000)
    note(f"end {trial.key} {os.getpid()}")
    cost = Cost(time.monotonic() - began, time.process_time(), 1)
    return replace(outcome(trial), cost=cost).to_json()


def note(line: str) -> None:
    """Appends a line to the log; one write, so that lines of several processes do not mix."""
    path = os.environ.get("GATEWRIGHT_TOY_LOG")
    if path:
        with Path(path).open("a") as file:
            file.write(line + "\n")
