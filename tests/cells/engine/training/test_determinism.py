"""Same arguments, same bits: in one process, in another, and with other memory around."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from cells.engine.training.run import Run
from cells.engine.training.trainer import train
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tests.cells.engine.made import Chords, Echo, lstm

ROOT = Path(__file__).parents[4]

SCRIPT = """
from cells.engine.training.determinism import prepare
found = prepare()
assert found["threads"] == "1" and found["deterministic"] == "True", found
from tests.cells.engine.training.test_determinism import digests
import numpy as np, torch
junk = [np.ones(n) for n in range(1, 3000, 7)]
junk += [torch.ones(n)[1:] for n in range(2, 3000, 11)]
print(*digests())
"""


def digest(run: Run) -> str:
    """Hash over the curve, all measured numbers and the bytes of the weights."""
    total = hashlib.sha256(
        repr((run.ending, run.curve, run.valid_loss, run.test_loss, run.test_accuracy)).encode()
    )
    for name, array in (run.weights or {}).items():
        total.update(name.encode() + array.tobytes())
    return total.hexdigest()


def one(seed: int = 3) -> Run:
    setting = Setting(0.5, layers=2, dropout=0.2)
    return train(lstm(), Echo(), setting, Schedule(epochs=2), Budget(parameters=20_000), seed)


def digests() -> tuple[str, str]:
    """Of a training on symbols and of one on a piano roll."""
    music = train(lstm(), Chords(), Setting(), Schedule(epochs=2), Budget(parameters=9_000), 1)
    return digest(one()), digest(music)


def test_a_training_repeats_in_one_process_among_other_allocations() -> None:
    first = one()
    litter = [np.ones(size) for size in range(1, 2000, 13)]
    second = one()
    assert len(litter) == 154
    assert first == second
    assert digest(first) == digest(second)
    assert digest(one(4)) != digest(first)


def test_a_training_repeats_in_another_process() -> None:
    # Only what a process needs: the answer must not hang on the environment.
    kept = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [*digests()]
