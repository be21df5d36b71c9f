"""Findings: the record of a findings run, judged claim by claim.

A run is one store with one study a part. Only confirmed trainings count: the selected setting of each
cell on fresh seeds, measured on the test split. A seed that did not end well counts as a failure and
is reported; it has no value that could enter a mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from results import leaderboard
from results.ask import Role
from results.claim import Family
from results.label import label
from results.outcome import Ending
from results.store import Store
from results.study import Study
from results.verdict import Verdict, judge

PARTS: Final[Mapping[str, str]] = {
    "": "",
    "vanilla": "",
    "words": "",
    "dropout": "dropout:",
    "large": "large:",
}
"""Parts of a findings run by the end of their study's name, and what their arms begin with."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one arm gave on one task.

    Attributes:
        arm, task: which.
        metric: `accuracy` or `loss`.
        values: test metric of each seed that ended well, in order.
        failed: endings of the seeds that did not.
        width, parameters: of the model.
        setting: the selected one, by name.
    """

    arm: str
    task: str
    metric: str
    values: tuple[float, ...]
    failed: tuple[str, ...]
    width: int | None
    parameters: int | None
    setting: Mapping[str, float]

    @property
    def oriented(self) -> tuple[float, ...]:
        """The values such that higher is better."""
        return self.values if self.metric == "accuracy" else tuple(-one for one in self.values)


def part_of(study: Study) -> str:
    """The part of a findings run that a study is: the last word of its name, if it is one."""
    word = study.name.rpartition("-")[2]
    return word if word in PARTS else ""


def measure(store: Store, study_ids: Sequence[str]) -> tuple[Measured, ...]:
    """The confirmed trainings of the studies, by arm and task, in the order they were first asked."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    seen: set[str] = set()
    for study_id in study_ids:
        study = store.study(study_id)
        prefix = PARTS[part_of(study)]
        columns = {task.name: task for task in leaderboard.build(store, study_id).tasks}
        for ask, outcome in store.log(study_id):
            if ask.role != Role.CONFIRM or ask.trial is None or outcome is None:
                continue
            trial = ask.trial
            if trial.key in seen:  # parts may share a cell and a task: the very same training
                continue
            seen.add(trial.key)
            metric = columns[trial.task].metric
            entry = found.setdefault(
                (prefix + label(trial.cell_id), trial.task),
                {"metric": metric, "values": [], "failed": [], "width": None, "parameters": None},
            )
            entry["setting"] = asdict(trial.setting)
            value = leaderboard.metric_of(metric, outcome, "test")
            if outcome.ending == Ending.OK and value is not None:
                entry["values"].append(value)
                entry |= {"width": outcome.width, "parameters": outcome.parameters}
            else:
                entry["failed"].append(str(outcome.ending))
    return tuple(
        Measured(
            arm=arm,
            task=task,
            metric=entry["metric"],
            values=tuple(entry["values"]),
            failed=tuple(entry["failed"]),
            width=entry["width"],
            parameters=entry["parameters"],
            setting=entry["setting"],
        )
        for (arm, task), entry in found.items()
    )


def verdicts(
    families: Sequence[Family], measured: Sequence[Measured]
) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts by family."""
    values = {(one.arm, one.task): one.oriented for one in measured if one.values}
    return {family.name: judge(family, values) for family in families}
