"""Shows that the memorization screen tells cells with memory from cells without.

Trains each cell on the screen of a study under settings drawn from the study's space, and prints the
share that passes. Exit 1 unless `lstm`, `gru` and `mut1` pass under most settings and `feedforward`,
which has no state, under none.
"""

import argparse
import sys

from cells import identify, to_text, zoo
from cells.seed import study_seed
from cells.training.setting import Setting
from results.record.outcome import Ending, Outcome
from results.record.study import Study
from results.record.trial import Trial
from search import configuration
from search.run import evaluate
from search.settings import sampler
from tasks import registry

WITH_MEMORY = ("lstm", "gru", "mut1")
WITHOUT = ("feedforward",)


def share(study: Study, name: str, settings: int) -> tuple[float, list[float]]:
    """Share of settings under which the cell `name` passes, and its accuracies."""
    cell, cell_id = identify(zoo.load(name))
    screen = study.screen
    facts = registry.load(screen.task, screen.scale).facts
    tried: dict[Setting, float | None] = {}
    accuracies: list[float] = []
    for number in range(settings):
        drawn = study_seed(study.seed, name, f"check_screen/{number}")
        setting = sampler.propose(study.sampler, tuple(tried.items()), drawn, study.space)
        if setting is None:
            break
        trial = Trial(
            cell=to_text(cell),
            cell_id=cell_id,
            task=facts.name,
            task_version=facts.version,
            task_digest=facts.digest,
            scale=facts.scale,
            setting=setting,
            schedule=screen.schedule,
            budget=screen.budget,
            seed=drawn,
            stop_at=screen.pass_mark,
        )
        outcome = Outcome.from_json(evaluate.evaluate(trial.to_json()))
        good = outcome.ending is Ending.OK and outcome.valid_accuracy is not None
        tried[setting] = outcome.valid_accuracy if good else 0.0
        accuracies.append(tried[setting] or 0.0)
    passed = sum(accuracy >= screen.pass_mark for accuracy in accuracies)
    return passed / len(accuracies), accuracies


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--study", default="quick", help="whose screen and settings (default: quick)"
    )
    parser.add_argument("--settings", type=int, default=8, help="settings a cell (default: 8)")
    arguments = parser.parse_args()
    study = configuration.load(arguments.study)
    evaluate.prepare_process()
    good = True
    for name in (*WITH_MEMORY, *WITHOUT):
        passed, accuracies = share(study, name, arguments.settings)
        good &= passed > 0.5 if name in WITH_MEMORY else passed == 0
        listed = " ".join(f"{accuracy:.2f}" for accuracy in sorted(accuracies, reverse=True))
        print(f"{name:12} passes under {passed:4.0%} of settings; accuracies {listed}", flush=True)
    print(
        "the screen works"
        if good
        else "the screen does NOT tell cells with memory from those without"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
