"""Findings: the record of a findings run, judged claim by claim.

A run is one store with one study a part. Only confirmed trainings count: the selected setting of each
cell on fresh seeds, measured on the test split. A seed that did not end well counts as a failure and
is reported; it has no value that could enter a mean.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

from cells.training.metric import Held, Metric
from results.claims import claim
from results.claims.claim import Family
from results.claims.verdict import Verdict, judge
from results.label import label
from results.leaderboard import task_column
from results.leaderboard.task_column import TaskColumn, metric_of
from results.record.ask import Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.study import FindingsPart, Study
from results.record.trial import Trial

ALL: Final = "all"
"""Every family of the first edition in one run, so that cells which several families name are trained once."""

FOUNDING: Final = "founding"
"""Every family of the second edition in one run."""

PARTS: Final[Mapping[str, str]] = {
    "": "",
    "vanilla": "",
    "words": "",
    "dropout": "dropout:",
    "large": "large:",
}
"""Parts of a first-edition run, and what their arms begin with; those of the second begin with the part."""

FIRST: Final[Mapping[str, FindingsPart]] = {
    "-".join(word for word in (run, scale, part) if word): FindingsPart(run, scale, part)
    for run in ("all", "dropout", "forget-bias", "gates", "greff", "paper-tables", "size")
    for scale in ("smoke", "laptop")
    for part in PARTS
}
"""The rosters that the first version made for findings runs, by name: their records do not say so."""


@dataclass(frozen=True, slots=True)
class Training:
    """One training of a findings run that has an outcome, or has still to have one.

    Attributes:
        arm: the cell as claims name it.
        role: selection or confirmation.
        trial, outcome: what was asked and what came.
        metric: of its task.
    """

    arm: str
    role: Role
    trial: Trial
    outcome: Outcome | None
    metric: Metric

    def value(self, split: Held) -> float | None:
        """The metric of its task on a split, or None if it did not end well."""
        return self.outcome and metric_of(self.metric, self.outcome, split)


@dataclass(frozen=True, slots=True)
class Run:
    """A findings run as it stands in a store.

    Attributes:
        findings: a family of claims, or `all`.
        scale: of the run.
        studies: one a part, by id.
        tasks: by name, in order; of a task at several scales that of the first.
        trainings: every training once, in the order it was first asked for.
        columns: by name and scale; what is known of a task differs from scale to scale.
    """

    findings: str
    scale: str
    studies: Mapping[str, Study]
    tasks: Mapping[str, TaskColumn]
    trainings: tuple[Training, ...]
    columns: Mapping[tuple[str, str], TaskColumn]

    @property
    def names(self) -> dict[str, str]:
        """What each study is called, by id, see `titles`."""
        return titles(self.studies)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of claims that the run is about."""
        return families_of(self.findings)


def run_of(store: Store, study_id: str) -> Run | None:
    """The findings run that a study is a part of, or None if it is no such study."""
    known = {row.id: _whole(row.study) for row in store.studies()}
    whole = known.get(study_id)
    if whole is None:
        return None
    parts = [study_id for study_id, part in known.items() if part == whole]
    with store.snapshot():
        columns = _columns(store, parts)
        tasks = _first(columns)
        studies = {study_id: store.study(study_id) for study_id in parts}
        trained = trainings(store, parts, tasks)
        return Run(whole.findings, whole.scale, studies, tasks, trained, columns)


def runs(store: Store) -> dict[FindingsPart, list[str]]:
    """Ids of the studies of every findings run in a store, oldest first."""
    ids: dict[FindingsPart, list[str]] = {}
    for row in store.select("SELECT id FROM study ORDER BY rowid"):
        whole = _whole(store.study(row["id"]))
        if whole is not None:
            ids.setdefault(whole, []).append(row["id"])
    return ids


def titles(studies: Mapping[str, Study]) -> dict[str, str]:
    """What each study is called, by id; with its id where a part was begun anew."""
    counts = Counter(study.name for study in studies.values())
    return {
        study_id: study.name if counts[study.name] == 1 else f"{study.name} ({study_id})"
        for study_id, study in studies.items()
    }


def families_of(findings: str) -> tuple[Family, ...]:
    """The families of claims of a findings run: a single one, or all of an edition."""
    if findings == FOUNDING:
        return tuple(claim.load(name, 2) for name in claim.names(2))
    return tuple(map(claim.load, claim.names() if findings == ALL else (findings,)))


def confirmed_values(store: Store, study_ids: Sequence[str]) -> dict[tuple[str, str], list[float]]:
    """Test values of the confirmed trainings by arm and task, such that higher is better.

    The same as those of `measure`, read without curves and settings.
    """
    prefixes = {study_id: prefix_of(store.study(study_id)) for study_id in study_ids}
    tasks = _tasks(store, study_ids)
    values: dict[tuple[str, str], list[float]] = {}
    seen: set[str] = set()
    for study_id in study_ids:
        for row in store.select(
            "SELECT ask.trial_key, ask.role, trial.cell_id, trial.task, outcome.ending,"
            " outcome.test_loss, outcome.test_accuracy FROM ask JOIN trial ON key = ask.trial_key"
            " LEFT JOIN outcome ON outcome.trial_key = key WHERE ask.study_id = ?"
            " ORDER BY ask.number",
            study_id,
        ):
            known = row["trial_key"] in seen
            seen.add(row["trial_key"])
            if known or row["role"] != Role.CONFIRM or row["ending"] != Ending.OK:
                continue
            metric = tasks[row["task"]].metric
            value = metric.value(row[metric.column("test")])
            if value is not None:
                arm = prefixes[study_id] + label(row["cell_id"]), row["task"]
                values.setdefault(arm, []).append(metric.oriented(value))
    return values


def findings_part(study: Study) -> FindingsPart | None:
    """What a study is of a findings run; None if `gatewright reproduce` did not make it."""
    if study.findings is not None:
        known = (*claim.names(), ALL, FOUNDING)
        return study.findings if study.findings.findings in known else None
    first = study.edition == 1 and study.strategy == "roster"
    return FIRST.get(study.name) if first else None


def _whole(study: Study) -> FindingsPart | None:
    """The run that a study is a part of."""
    recorded = findings_part(study)
    return None if recorded is None else replace(recorded, part="")


def _columns(store: Store, study_ids: Sequence[str]) -> dict[tuple[str, str], TaskColumn]:
    """What is known of each task at each scale that the studies have it at."""
    columns: dict[tuple[str, str], TaskColumn] = {}
    for study_id in study_ids:
        for plan in store.study(study_id).tasks:
            if (plan.name, plan.scale) not in columns:
                columns[plan.name, plan.scale] = task_column.column(
                    store, study_id, plan.name, plan.scale
                )
    return columns


def _first(columns: Mapping[tuple[str, str], TaskColumn]) -> dict[str, TaskColumn]:
    """By name, at the first scale."""
    tasks: dict[str, TaskColumn] = {}
    for (name, _), column in columns.items():
        tasks.setdefault(name, column)
    return tasks


def _tasks(store: Store, study_ids: Sequence[str]) -> dict[str, TaskColumn]:
    return _first(_columns(store, study_ids))


@dataclass(frozen=True, slots=True)
class Measured:
    """What one arm gave on one task.

    Attributes:
        arm, task: which.
        metric: of the task.
        values: test metric of each seed that ended well, in order.
        failed: endings of the seeds that did not.
        width, parameters: of the model.
        setting: the selected one, by name.
    """

    arm: str
    task: str
    metric: Metric
    values: tuple[float, ...]
    failed: tuple[str, ...]
    width: int | None
    parameters: int | None
    setting: Mapping[str, float]

    @property
    def oriented(self) -> tuple[float, ...]:
        """The values such that higher is better."""
        return tuple(self.metric.oriented(value) for value in self.values)


def part_of(study: Study) -> str:
    """The part of a findings run that a study is; "" for the main one of the first edition."""
    recorded = findings_part(study)
    if recorded is None:
        return ""
    return recorded.part if recorded.findings == FOUNDING or recorded.part in PARTS else ""


def prefix_of(study: Study) -> str:
    """What the arms of a study's part of a findings run begin with."""
    recorded, part = findings_part(study), part_of(study)
    return f"{part}:" if recorded is not None and recorded.findings == FOUNDING else PARTS[part]


def trainings(
    store: Store, study_ids: Sequence[str], tasks: Mapping[str, TaskColumn]
) -> tuple[Training, ...]:
    """All trainings of the studies, each once, in the order they were first asked for."""
    by_key: dict[str, Training] = {}
    for study_id in study_ids:
        prefix = prefix_of(store.study(study_id))
        for ask, outcome in store.log(study_id):
            trial = ask.trial
            # Parts may share a cell and a task: the very same training.
            if trial is not None and trial.key not in by_key:
                arm, metric = prefix + label(trial.cell_id), tasks[trial.task].metric
                by_key[trial.key] = Training(arm, ask.role, trial, outcome, metric)
    return tuple(by_key.values())


def measure(store: Store, study_ids: Sequence[str]) -> tuple[Measured, ...]:
    """The confirmed trainings of the studies, by arm and task, in the order they were first asked."""
    return measured(trainings(store, study_ids, _tasks(store, study_ids)))


def measured(trained: Sequence[Training]) -> tuple[Measured, ...]:
    """The confirmed ones of these trainings, by arm and task, in the order they were first asked."""
    groups: dict[tuple[str, str], list[Training]] = {}
    for training in trained:
        if training.role is Role.CONFIRM and training.outcome is not None:
            groups.setdefault((training.arm, training.trial.task), []).append(training)
    return tuple(_measured(arm, task, group) for (arm, task), group in groups.items())


def _measured(arm: str, task: str, group: Sequence[Training]) -> Measured:
    values = [training.value("test") for training in group]
    well = [
        training.outcome
        for training in group
        if training.outcome and training.outcome.ending is Ending.OK
    ]
    return Measured(
        arm=arm,
        task=task,
        metric=group[0].metric,
        values=tuple(value for value in values if value is not None),
        failed=tuple(
            str(training.outcome.ending)
            for training, value in zip(group, values, strict=True)
            if training.outcome and value is None
        ),
        width=well[-1].width if well else None,
        parameters=well[-1].parameters if well else None,
        setting=asdict(group[0].trial.setting),
    )


def verdicts(
    families: Sequence[Family], measured: Sequence[Measured]
) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts by family."""
    values = {(result.arm, result.task): result.oriented for result in measured if result.values}
    return {family.name: judge(family, values) for family in families}
