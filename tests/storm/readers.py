"""The commands that read a store, given a store that lost its tail: an exit code and a message, always."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from results.record.file.watch import log_of
from tests.results import store_faults
from tests.search.command import start
from tests.storm.fault import Tally, Task

COMMANDS: Final[dict[str, Callable[[Path], tuple[str, ...]]]] = {
    "report": lambda store: ("report", str(store), "--out", str(store.with_name("r.html"))),
    "leaderboard": lambda store: ("leaderboard", str(store)),
    "export": lambda store: ("export", str(store), "--out", str(store.with_name("tables"))),
    "publish": lambda store: ("publish", str(store), "--out", str(store.with_name("published"))),
    "verify": lambda store: ("verify", str(store)),
    "dashboard": lambda store: ("dashboard", str(store), "--port", "0"),
}
"""Every command that opens a record to read it."""

DAMAGES: Final[dict[str, Callable[[Path, random.Random], None]]] = {
    "log deleted": lambda store, _: log_of(store).unlink(),
    "log cut": lambda store, _: _cut(log_of(store)),
    "file alone": lambda store, draw: store_faults.STOPPED["stopped: file alone"](store, draw),
}
"""What takes the newest rows from a store that a killed search left behind."""

PATIENCE: Final = 120.0
"""Seconds that a command may take on a busy machine."""


def _cut(log: Path) -> None:
    content = log.read_bytes()
    log.write_bytes(content[: len(content) // 3])


def judge(command: str, store: Path) -> str:
    """What is wrong with how a command treats a store that lost its tail; "" if nothing is."""
    process = start(store.parent, *COMMANDS[command](store))
    try:
        _, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:  # a dashboard runs until it is stopped
        process.kill()
        process.communicate()
        return f"{command} still runs"
    words = ("damaged:", "incomplete:", "not-a-store:")
    if process.returncode == 0:
        return f"{command} ended with 0"
    if "Traceback" in errors or not any(word in errors for word in words):
        return f"{command} ended with {process.returncode} and said {errors[:200]!r}"
    return ""


def readers(task: Task) -> Tally:
    """Each command that reads, on each kind of store that lost its tail."""
    tally = Tally()
    made = task.folder / "made"
    made.mkdir()
    whole = store_faults.killed(made / "run.gate", task.draw)
    cases = [(command, damage) for damage in DAMAGES for command in COMMANDS]
    for number in range(task.count):
        command, damage = cases[number % len(cases)]
        folder = shutil.copytree(made, task.folder / str(number))
        store = folder / "run.gate"
        DAMAGES[damage](store, task.draw)
        with task.run(tally, f"{command}, {damage}"):
            problem = judge(command, store)
            tally.silent += "ended with 0" in problem or "still runs" in problem
            assert not problem, problem
    # What is refused must be the damage and not the store.
    process = start(made, *COMMANDS["export"](made / "run.gate"))
    _, errors = process.communicate(timeout=PATIENCE)
    if process.returncode:
        tally.fail(f"the whole store was refused: {errors[:200]}")
    tally.note = f"of {len(COMMANDS)} commands; {len(whole)} asks in the store"
    return tally
