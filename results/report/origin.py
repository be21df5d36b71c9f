"""Where a findings run comes from: what its pages say of costs, seeds, data, machines and endings."""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from results.claims.findings import Run, Training, part_of
from results.leaderboard.board import SELECTION
from results.record import history
from results.record.ask import Role
from results.record.outcome import Ending
from results.record.store import Store


def origin(store: Store, run: Run) -> dict[str, Any]:
    """What `parts/provenance.html` and the opening of a page show of a run.

    Args:
        store: that holds it.
        run: what is reported.

    Raises:
        StoreError: if the store cannot be read.
    """
    with store.snapshot():
        provenance = {
            f"{name}, start {epoch}": _without_place(entries)
            for study_id, name in run.names.items()
            for epoch, entries in store.provenance(study_id).items()
        }
        digests = {study_id: history.digest(store, study_id) for study_id in run.studies}
        root = store.root
        versions = store.select(
            "SELECT name, scale, version, digest FROM task ORDER BY name, scale"
        )
        recorded = store.select("SELECT study_id, kind, detail FROM event ORDER BY id")
        events = [row for row in recorded if row["study_id"] in run.studies]
    return {
        "endings": Counter(
            str(training.outcome.ending) for training in run.trainings if training.outcome
        ),
        "missing": sum(training.outcome is None for training in run.trainings),
        "advice": {str(ending): ending.advice for ending in Ending},
        "costs": _costs(run),
        "provenance": provenance,
        "digests": digests,
        "root": root,
        "versions": [row for row in versions if row["name"] in run.tasks],
        "mismatches": [row for row in events if row["kind"] == "mismatch"],
        "events": Counter(row["kind"] for row in events),
        "commands": sorted(
            {record["command"] for record in provenance.values() if "command" in record}
        ),
        "seeds": _seeds(run.trainings),
        "parts": {study_id: part_of(study) for study_id, study in run.studies.items()},
        "descriptions": {
            run.names[study_id]: json.dumps(json.loads(study.to_json()), indent=2, sort_keys=True)
            for study_id, study in run.studies.items()
        },
    }


def failures(trainings: Sequence[Training]) -> dict[str, dict[str, dict[str, int]]]:
    """Trainings by arm, role (`selection`, `confirmation`) and ending."""
    counts: dict[str, dict[str, dict[str, int]]] = {
        training.arm: {"selection": {}, "confirmation": {}} for training in trainings
    }
    for training in trainings:
        if training.outcome is not None and (
            training.role in SELECTION or training.role is Role.CONFIRM
        ):
            row = counts[training.arm][
                "selection" if training.role in SELECTION else "confirmation"
            ]
            ending = str(training.outcome.ending)
            row[ending] = row.get(ending, 0) + 1
    return counts


def _costs(run: Run) -> list[tuple[str, int, float, int]]:
    """By task: trainings, core-seconds and updates of all that has an outcome."""
    costs: list[tuple[str, int, float, int]] = []
    for name in run.tasks:
        done = [
            training.outcome
            for training in run.trainings
            if training.outcome and training.trial.task == name
        ]
        seconds = sum(outcome.cost.cpu_seconds for outcome in done)
        costs.append((name, len(done), seconds, sum(outcome.updates for outcome in done)))
    return costs


def _seeds(trainings: Sequence[Training]) -> dict[str, list[int]]:
    """By task the seeds of the confirmations; all cells of a part share them."""
    by_task: dict[str, dict[int, None]] = {}
    for training in trainings:
        if training.role is Role.CONFIRM:
            by_task.setdefault(training.trial.task, {})[training.trial.seed] = None
    return {task: list(seeds) for task, seeds in by_task.items()}


def _without_place(entries: Mapping[str, str]) -> dict[str, str]:
    """What was recorded at a start, with the command's store named without its folder."""
    kept: dict[str, Any] = dict(entries)
    try:
        words = shlex.split(kept.get("command", ""))
    except ValueError:  # not a command line: shown as it was recorded
        return kept
    for index, word in enumerate(words[1:], 1):
        if words[index - 1] == "--store":
            words[index] = word.replace("\\", "/").rpartition("/")[2]
    if words:
        kept["command"] = shlex.join(words)
    return kept
