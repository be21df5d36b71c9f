#!/usr/bin/env python3
"""Prints a digest of ids and trained bits of the zoo and of 300 sampled cells: equal before and after a change.

Usage: python scripts/check_replay.py [--sampled 300] [--executor native]
"""

import argparse
import hashlib
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells import Cell, CellError, identify, sample, to_text, zoo
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.trial import Trial
from search.run.evaluate import evaluate
from tasks import registry


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=300)
    parser.add_argument("--executor", default="native")
    arguments = parser.parse_args()
    start = time.perf_counter()
    cells: list[tuple[str, Cell]] = [(name, zoo.load(name)) for name in zoo.names()]
    for index in range(arguments.sampled):
        generator = Random(index)  # noqa: S311 - no secret is drawn
        cell = sample(generator, generator.randint(2, 25), extended=index % 2 == 1)
        cells.append((f"sample {index}", cell))
    facts = registry.load("memorization", "smoke").facts
    ids, bits = hashlib.sha256(), hashlib.sha256()
    trained = 0
    for name, cell in cells:
        try:
            form, cell_id = identify(cell)
        except CellError as error:
            ids.update(f"{name} {error.code}\n".encode())
            continue
        text = to_text(form)
        ids.update(f"{name} {cell_id}\n{text}\n".encode())
        trial = Trial(
            cell=text,
            cell_id=cell_id,
            task="memorization",
            task_version=facts.version,
            task_digest=facts.digest,
            scale="smoke",
            setting=Setting(layers=2, dropout=0.2),
            schedule=Schedule(epochs=2),
            budget=Budget(parameters=1500, updates=6),
            seed=7,
            executor=arguments.executor,
        )
        outcome = _without_cost(evaluate(trial.to_json()))
        bits.update(f"{trial.key} {outcome}\n".encode())
        trained += 1
    print(f"{len(cells)} cells, {trained} trained, {time.perf_counter() - start:.0f} s")
    print(f"ids   {ids.hexdigest()}")
    print(f"bits  {bits.hexdigest()}")
    return 0


def _without_cost(outcome: str) -> str:
    from results.record.outcome import Outcome

    return Outcome.from_json(outcome).facts_json()


if __name__ == "__main__":
    sys.exit(main())
