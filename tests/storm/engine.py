"""Faults of trainings and of the engine: random cells, and deaths while a model is written.

Run as a program, `python engine.py FILE`, it trains two tiny models in turn and saves each over the last.
"""

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from cells import CellError, to_text
from cells.engine.files.model_file import ModelFileError, Trained, load, save
from cells.engine.learner import Model
from cells.engine.native.learner import NativeLearner
from cells.engine.training.trainer import train
from cells.identity.arbitrary import SOURCES
from cells.identity.canonical import canonical
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.provenance import root
from tests.cells.engine.files.test_model_file import trained
from tests.cells.engine.made import Echo, lstm
from tests.cells.engine.native.agreement import Shape, batches, model_of, weights_of
from tests.storm.fault import Tally, Task

SEEDS = (3, 4)


def compiles(task: Task) -> Tally:
    """A cell within the limits compiles and runs a window, or is refused in words."""
    tally, sources, refused, shape = Tally(), list(SOURCES.values()), 0, Shape()
    for number in range(task.count):
        seed = task.draw.randrange(2**31)
        with task.run(tally):
            cell = sources[number % len(sources)](task.draw)
            try:
                model = model_of(canonical(cell), shape)
                learner = NativeLearner(model, weights_of(model, seed), seed=seed, poison=True)
            except CellError:
                refused += 1
                continue
            for window in batches(shape, seed):
                score = learner.train(window, 0.1, 1.0)
                before = learner.weights()
                if not np.isfinite(score.loss):
                    learner.train(window, 0.1, 1.0)
                    assert all(
                        np.array_equal(array, before[name])
                        for name, array in learner.weights().items()
                    ), f"a window that burst moved weights: {to_text(cell)!r}"
    tally.note = f"{refused} refused in words"
    return tally


def saves(task: Task) -> Tally:
    """A trainer that is killed while it trains and saves leaves a whole model, and the same bits."""
    tally = Tally()
    expected = {digest(made(seed)) for seed in SEEDS}
    path = task.folder / "model.safetensors"
    for _ in range(task.count):
        with task.run(tally):
            child = subprocess.Popen(
                [sys.executable, __file__, str(path)],
                env=os.environ | {"PYTHONPATH": str(root())},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            assert child.stdout is not None
            line = child.stdout.readline()
            time.sleep(task.draw.uniform(0.0, 0.2))
            child.kill()
            _, errors = child.communicate()
            assert line, errors.decode()
            try:
                found = digest(load(path))
            except ModelFileError:
                tally.lost += 1
                raise
            if found not in expected:
                tally.silent += 1
    return tally


def damaged(task: Task) -> Tally:
    """A model file with a byte changed, or cut, is refused in words or is still a whole model."""
    tally, refused = Tally(), 0
    path = task.folder / "model.safetensors"
    save(path, trained())
    whole = path.read_bytes()
    for _ in range(task.count):
        spoilt = bytearray(whole)
        if task.draw.randrange(4):
            # Half of the file are numbers, whose change no reader can see.
            spoilt[task.draw.randrange(len(whole) // 2)] = task.draw.randrange(256)
        else:
            del spoilt[task.draw.randrange(len(whole)) :]
        path.write_bytes(spoilt)
        with task.run(tally):
            try:
                found = load(path)
            except ModelFileError as error:
                refused += 1
                if not str(error).isprintable():
                    raise
            else:
                arrays = found.weights.values()
                assert len(spoilt) == len(whole), "a file that was cut was accepted"
                assert sum(array.nbytes for array in arrays) <= len(whole)
    tally.note = f"{refused} refused, {tally.runs - refused} still a model"
    return tally


def made(seed: int) -> Trained:
    """A model after a tiny training."""
    cell = canonical(lstm())
    run = train(cell, Echo(), Setting(0.5), Schedule(epochs=1), Budget(parameters=5000), seed)
    assert run.weights is not None
    assert run.width is not None
    model = Model(cell, run.width, 1, "symbols", 5, 0.0, 12)
    return replace(trained(), model=model, weights=run.weights, vocabulary=tuple("abcde"))


def digest(model: Trained) -> str:
    """Hash over the weights."""
    hashed = hashlib.sha256()
    for name in sorted(model.weights):
        hashed.update(name.encode() + np.ascontiguousarray(model.weights[name]).tobytes())
    return hashed.hexdigest()


def main(path: str) -> None:
    number = 0
    while True:
        save(Path(path), made(SEEDS[number % len(SEEDS)]))
        os.write(1, f"{number}\n".encode())
        number += 1


if __name__ == "__main__":
    main(sys.argv[1])
