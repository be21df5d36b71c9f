#!/usr/bin/env python3
"""Train ten zoo cells on the diagnostic tasks and write what they reach, by length, to `docs/tasks.csv`.

Each cell at 15,000 parameters, at the scale `quick`, with AdamW at a constant rate and two seeds, in
the portable executor. Takes some minutes on one core; `document_tasks.py` makes the page of it.
"""

import csv
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import zoo
from cells.engine.executor import make
from cells.engine.learner import Model
from cells.engine.training import determinism
from cells.engine.training.trainer import train
from cells.seed import derive
from cells.training.budget import Budget
from cells.training.point import updates_to
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tasks import breakdown, registry
from tasks.sequences import SequenceTask

PAGE_DATA: Final = Path(__file__).resolve().parent.parent / "docs" / "tasks.csv"
CELLS: Final = (
    *("lstm_b", "lstm", "lstm_i", "lstm_f", "lstm_o"),
    *("janet", "gru", "mgu", "elman", "mingru"),
)
TASKS: Final = {
    **dict.fromkeys(("parity", "cycle", "s3", "a5", "selective-copy", "compression"), 600),
    **dict.fromkeys(("recall", "noisy-recall"), 2000),
}
"""With the updates of a training."""
RATE: Final = 1e-2
SEEDS: Final = 2
PARAMETERS: Final = 15_000
SCALE: Final = "quick"
EXECUTOR: Final = "portable"
HEAD: Final = (
    *("task", "cell", "rate", "seed", "width", "ending", "updates", "updates_to_90"),
    *("valid_accuracy", "length", "test_accuracy", "cpu_seconds"),
)


def rows(name: str, cell: str, seed: int) -> Iterator[tuple[object, ...]]:
    """One training: a row for each length of the test split, or a single one of length 0."""
    task = registry.load(name, SCALE)
    if not isinstance(task, SequenceTask):
        raise TypeError(f"{name} is no task of separate sequences")
    began = time.process_time()
    run = train(
        zoo.load(cell),
        task,
        Setting(learning_rate=RATE, optimizer="adamw"),
        Schedule.of("ptb", epochs=TASKS[name], constant=TASKS[name]),
        Budget(parameters=PARAMETERS, updates=TASKS[name]),
        derive(name, "measure_tasks", seed),
        executor=EXECUTOR,
    )
    spent = time.process_time() - began
    parts: dict[int, float | None] = {0: run.test_accuracy}
    if "length" in task.divided_by and run.weights is not None:
        facts = task.facts
        model = Model(zoo.load(cell), run.width, 1, "symbols", facts.size, window=facts.window)
        learner = make(EXECUTOR, model, run.weights, dtype="float32", seed=0, device="cpu")
        measured = breakdown.by("length", learner, task)
        parts = {length: part.accuracy for length, part in measured.items()}
    for length, accuracy in parts.items():
        yield (
            *(name, cell, RATE, seed, run.width, run.ending, run.updates),
            updates_to(0.9, run.curve),
            *(_rounded(run.valid_accuracy), length, _rounded(accuracy), round(spent, 2)),
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def main() -> None:
    determinism.prepare(EXECUTOR)
    with PAGE_DATA.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEAD)
        for name in TASKS:
            for cell in CELLS:
                for seed in range(SEEDS):
                    writer.writerows(rows(name, cell, seed))
                    file.flush()


if __name__ == "__main__":
    main()
