"""Says where a trained model is right: its accuracy on test by distance, and by the task's other labels.

For the tasks from `reber` to `subsequence`. Beside the accuracy stand the known levels of the task.
Exit 1 unless the model is better, by three standard errors, than the best level below the optimum that
holds for the test split.

usage: gatewright train lstm_b agreement --save agreement.safetensors
       python scripts/check_distance.py agreement.safetensors
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from cells.engine import executor
from cells.engine.files import model_file
from tasks import breakdown, registry
from tasks.breakdown import Part
from tasks.generated.reber import Continual
from tasks.sequences import SequenceTask

ROWS = 12
"""Of one table, at most; neighbouring values are taken together where there are more."""


def together(parts: Iterable[Part]) -> Part:
    """The mean over all steps of `parts`."""
    measured = list(parts)
    scored = sum(part.scored for part in measured)
    return Part(
        sum(part.accuracy * part.scored for part in measured) / scored,
        sum(part.loss * part.scored for part in measured) / scored,
        scored,
    )


def rows(parts: dict[int, Part]) -> Iterator[tuple[str, Part]]:
    """The parts in order, as many neighbours together as leave at most `ROWS` of them."""
    values, several = list(parts), -(-len(parts) // ROWS)
    for at in range(0, len(values), several):
        group = values[at : at + several]
        name = f"{group[0]}" if len(group) == 1 else f"{group[0]} to {group[-1]}"
        yield name, together(parts[value] for value in group)


def show(name: str, part: Part) -> None:
    print(f"{name:>30}  {part.accuracy:8.4f}  {part.loss:8.4f}  {part.scored:6}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a file of `gatewright train --save`")
    trained = model_file.load(parser.parse_args().model)
    task = registry.load(trained.task, trained.scale)
    if not isinstance(task, SequenceTask | Continual):
        print(f"{trained.task} has no labels, see the tasks of memory in tasks/README.md")
        return 2
    learner = executor.make(
        executor.best(), trained.model, trained.weights, dtype="float32", seed=0, device="cpu"
    )
    print(f"{'':>30}  accuracy      loss  scored")
    whole = Part(0.0, 0.0, 0)
    for label in task.divided_by:
        print(label)
        parts = breakdown.by(label, learner, task)
        whole = together(parts.values())
        for name, part in rows(parts):
            show(name, part)
    show("the test split", whole)
    known = {floor.name: floor.accuracy or 0.0 for floor in task.facts.floors}
    # what holds for the test split alone stands under a name of its own
    levels = {name: known.get(f"{name}, in test", known[name]) for name in known}
    below = max(levels[name] for name in levels if name != "optimum")
    for name, level in levels.items():
        if not name.endswith(", in test"):
            print(f"{name:>30}  {level:8.4f}")
    error = (below * (1 - below) / whole.scored) ** 0.5
    return 0 if whole.accuracy > below + 3 * error else 1


if __name__ == "__main__":
    sys.exit(main())
