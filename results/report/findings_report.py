"""The report of a findings run as one HTML file: verdicts first, then what stands behind them.

Opens offline, runs no script, and is the same bytes each time. All numbers come from the record;
importances, which need Optuna, are given.
"""

import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from results.claims.claim import Family
from results.claims.contrast import ablations, sweeps
from results.claims.findings import Measured, Run, Training, measured, part_of, verdicts
from results.claims.paper_table import Agreement, Column, PaperTable, agreement, tables
from results.claims.verdict import Verdict, comparison, summary
from results.leaderboard.board import SELECTION
from results.leaderboard.task_column import TaskColumn
from results.record import history
from results.record.ask import Role
from results.record.outcome import Ending
from results.record.store import Store
from results.report import findings_figure as figures
from results.report.checklist import answers
from results.report.findings_figure import Drop
from results.report.page import POLICY, environment, interval, markup, number, p_values
from results.report.panel import to_svg
from results.statistics.effect import difference, holm
from results.statistics.interval import Interval, student
from results.statistics.sensitivity import (
    Importance,
    Paired,
    Selection,
    failed_values,
    memoryless,
    paired,
    selections,
)


@dataclass(frozen=True, slots=True)
class FamilyPart:
    """A family of claims on the page: verdicts, a forest plot each, and the curves of its arms."""

    family: Family
    verdicts: tuple[Verdict, ...]
    forests: Mapping[str, str]
    curves: str
    best_of: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One arm on one task.

    Attributes:
        measured: on fresh seeds.
        mean: test metric with Student's 95 % interval; None if no seed ended well.
        distance: of the mean from the optimum, 0 at the optimum; None if that is not known.
        margin: of the mean over the level without memory, above 0 is better; None if not known.
        tied: cannot be told from the best mean of the task: the intervals overlap.
        selection: its settings; None if there are none.
    """

    measured: Measured
    mean: Interval | None
    distance: float | None
    margin: float | None
    tied: bool
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A column of the paper beside ours.

    Attributes:
        column, place: of the paper's table.
        ours: mean and interval by our arm; empty if nothing was run.
        agreement: of the two orders; None if nothing was run.
    """

    column: Column
    place: int
    ours: Mapping[str, Interval]
    agreement: Agreement | None


def render(store: Store, run: Run, importances: Sequence[Importance] = ()) -> str:
    """The report of a findings run as far as it has come, as the text of one HTML file.

    Args:
        store: that holds it.
        run: what to report.
        importances: of hyperparameters, if they were computed.

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
        versions = store.select(
            "SELECT name, scale, version, digest FROM task ORDER BY name, scale"
        )
        recorded = store.select("SELECT study_id, kind, detail FROM event ORDER BY id")
        events = [row for row in recorded if row["study_id"] in run.studies]
    confirmed = measured(run.trainings)
    tried = selections(run.trainings, run.tasks)
    failed = failed_values(tried)
    judged = verdicts(run.families, confirmed)
    arms = list(dict.fromkeys(one.arm for one in run.trainings))
    return (
        environment(
            {
                "interval": interval,
                "number": number,
                "p_values": p_values,
                "summary": summary,
                "comparison": comparison,
            }
        )
        .get_template("findings.html")
        .render(
            policy=POLICY,
            run=run,
            headline=headline(run, judged, confirmed),
            caveats=caveats(run, judged, confirmed),
            families=[
                _family(run, family, judged[family.name], tried, failed) for family in run.families
            ],
            endings=Counter(str(one.outcome.ending) for one in run.trainings if one.outcome),
            missing=sum(one.outcome is None for one in run.trainings),
            advice={str(ending): ending.advice for ending in Ending},
            tables=[(table, compare(table, confirmed)) for table in tables()],
            standings={name: standings(task, confirmed, tried) for name, task in run.tasks.items()},
            memoryless={name: memoryless(task, "test") for name, task in run.tasks.items()},
            learning={name: memoryless(task) for name, task in run.tasks.items()},
            drops={
                base: svg
                for base in ablations()
                if (
                    svg := _svg(figures.drops(run.tasks, ablated(base, confirmed)), f"drops-{base}")
                )
            },
            sweep=_svg(
                figures.sweep(run.tasks, list(sweeps()["lstm"]), swept(run, confirmed)), "sweep"
            ),
            shares=_svg(figures.shares(run.tasks, tried), "shares"),
            importance=_svg(figures.importance(run.tasks, importances), "importance"),
            importances=importances,
            pairs=pairs(run, tried, failed),
            failures=failures(run.trainings, arms),
            answers=answers(run, confirmed, list(provenance.values())),
            costs=_costs(run),
            provenance=provenance,
            digests=digests,
            versions=[row for row in versions if row["name"] in run.tasks],
            mismatches=[row for row in events if row["kind"] == "mismatch"],
            events=Counter(row["kind"] for row in events),
            commands=sorted({one["command"] for one in provenance.values() if "command" in one}),
            seeds=_seeds(run.trainings),
            parts={one: part_of(study) for one, study in run.studies.items()},
            descriptions={
                run.names[one]: json.dumps(json.loads(study.to_json()), indent=2, sort_keys=True)
                for one, study in run.studies.items()
            },
        )
    )


def headline(
    run: Run, judged: Mapping[str, Sequence[Verdict]], confirmed: Sequence[Measured]
) -> list[str]:
    """What was trained and how the claims came out, one sentence each."""
    words = Counter(one.word for told in judged.values() for one in told)
    done = [one for one in run.trainings if one.outcome]
    cells = {one.trial.cell_id for one in run.trainings}
    seconds = sum(one.outcome.cost.cpu_seconds for one in done if one.outcome)
    counts = [len(one.values) for one in confirmed]
    seeds = " to ".join(dict.fromkeys(map(str, (min(counts), max(counts))))) if counts else "no"
    cost = f"{seconds / 3600:.1f} core-hours" if seconds > 3600 else f"{seconds:.0f} core-seconds"
    said = [
        f"{sum(words.values())} claims: {words['replicated']} replicated,"
        f" {words['contradicted']} contradicted, {words['undecided']} undecided.",
        f"{len(done):,} trainings of {len(cells)} cells on {', '.join(run.tasks)}"
        f" at scale {run.scale}, each cell confirmed on {seeds} fresh seeds, in {cost}.",
    ]
    orders = [
        f"{beside.column.part}{beside.column.task} {beside.agreement.agree} of {beside.agreement.told}"
        for table in tables()
        for beside in compare(table, confirmed)
        if beside.agreement and beside.agreement.told
    ]
    if orders:
        said.append(
            "Of the pairs of cells that can be told apart here, in the order of the paper's tables:"
            f" {', '.join(orders)}."
        )
    return said


def caveats(
    run: Run, judged: Mapping[str, Sequence[Verdict]], confirmed: Sequence[Measured]
) -> list[str]:
    """What the verdicts do not show, one sentence each."""
    said: list[str] = []
    told = [one for family in judged.values() for one in family]
    untold = sum(all(found.effect is None for found in one.findings) for one in told)
    if untold:
        said.append(
            f"{untold} of the {len(told)} claims need cells or tasks that this record does not hold:"
            " nothing is said about them."
        )
    if run.scale == "smoke":
        said.append(
            "At scale smoke nothing is learned: the verdicts only show that the parts work."
        )
    missing = sum(one.outcome is None for one in run.trainings)
    if missing:
        said.append(f"The run is not finished: {missing} trainings have no outcome.")
    lost = sum(len(one.failed) for one in confirmed)
    if lost:
        said.append(
            f"{lost} confirming trainings did not end well. They are counted below and in no mean, so"
            " means of cells that fail often are too good."
        )
    few = [len(one.values) for one in confirmed]
    if few and min(few) < 5:
        said.append(f"Some means rest on {min(few)} seeds only; mind the power.")
    said.append(
        "Budgets are this run's, not the paper's: orders and signs can be compared, absolute numbers"
        " cannot."
    )
    return said


def standings(
    task: TaskColumn, confirmed: Sequence[Measured], tried: Sequence[Selection]
) -> list[Standing]:
    """Every arm on a task, in the order of the run: nothing is ranked."""
    found = [one for one in confirmed if one.task == task.name]
    means = {one.arm: student(one.values) for one in found if one.values}
    metric = task.metric
    best = max(means.values(), key=lambda mean: metric.oriented(mean.centre), default=None)
    level = memoryless(task, "test")
    settings = {one.arm: one for one in tried if one.task == task.name}
    return [
        Standing(
            measured=one,
            mean=mean,
            distance=task.distance(mean.centre) if mean else None,
            margin=metric.oriented(mean.centre - level[1]) if mean and level else None,
            tied=bool(mean and best and mean.overlaps(best)),
            selection=settings.get(one.arm),
        )
        for one in found
        for mean in [means.get(one.arm)]
    ]


def compare(table: PaperTable, confirmed: Sequence[Measured]) -> list[Compared]:
    """The columns of a printed table beside ours."""
    found: list[Compared] = []
    for place, column in enumerate(table.columns):
        wanted = {column.part + row.arm for row in table.rows}
        ours = {
            one.arm: student(one.values)
            for one in confirmed
            if one.task == column.task
            and one.metric == table.metric
            and one.values
            and one.arm in wanted
        }
        found.append(Compared(column, place, ours, agreement(table, place, ours) if ours else None))
    return found


def ablated(base: str, confirmed: Sequence[Measured]) -> list[Drop]:
    """What each part of a cell is worth by task: the whole minus the cell without it."""
    values = {(one.arm, one.task): one for one in confirmed if one.values}
    return [
        Drop(task, gate, arm, difference(whole.oriented, values[arm, task].oriented, 1.0))
        for (name, task), whole in values.items()
        if name == base
        for gate, arm in ablations()[base].items()
        if (arm, task) in values
    ]


def swept(run: Run, confirmed: Sequence[Measured]) -> dict[tuple[str, str], dict[str, Interval]]:
    """By cell and task the test metric of each bias, where at least two were run."""
    values = {(one.arm, one.task): student(one.values) for one in confirmed if one.values}
    found = {
        (cell, task): {
            bias: values[arm, task] for bias, arm in arms.items() if (arm, task) in values
        }
        for cell, arms in sweeps().items()
        for task in run.tasks
    }
    return {place: row for place, row in found.items() if len(row) > 1}


def pairs(
    run: Run, tried: Sequence[Selection], failed: Mapping[str, float]
) -> list[tuple[Paired, float | None]]:
    """Every pair of arms that a claim names, setting by setting, with p after Holm over all of them."""
    known = {(one.arm, one.task): one for one in tried}
    named = {
        (one.better, one.worse, one.task): None
        for family in run.families
        for claim in family.claims
        for one in claim.comparisons
        if (one.better, one.task) in known and (one.worse, one.task) in known
    }
    found = [
        paired(known[better, task], known[worse, task], failed[task])
        for better, worse, task in named
    ]
    tested = [one.p for one in found if one.p is not None]
    adjusted = iter(holm(tested))
    return [(one, None if one.p is None else next(adjusted)) for one in found]


def failures(
    trainings: Sequence[Training], arms: Sequence[str]
) -> dict[str, dict[str, dict[str, int]]]:
    """Trainings by arm, role (`selection`, `confirmation`) and ending."""
    found: dict[str, dict[str, dict[str, int]]] = {
        arm: {"selection": {}, "confirmation": {}} for arm in arms
    }
    for one in trainings:
        if one.outcome is not None and (one.role in SELECTION or one.role is Role.CONFIRM):
            row = found[one.arm]["selection" if one.role in SELECTION else "confirmation"]
            ending = str(one.outcome.ending)
            row[ending] = row.get(ending, 0) + 1
    return found


def _family(
    run: Run,
    family: Family,
    told: Sequence[Verdict],
    tried: Sequence[Selection],
    failed: Mapping[str, float],
) -> FamilyPart:
    return FamilyPart(
        family=family,
        verdicts=tuple(told),
        forests={
            one.claim.id: _svg(
                figures.forest(one, run.tasks), f"forest-{family.name}-{one.claim.id}"
            )
            for one in told
            if any(found.effect for found in one.findings)
        },
        curves=_svg(
            figures.learning_curves(run.tasks, family.arms, run.trainings), f"curves-{family.name}"
        ),
        best_of=_svg(figures.best_of(run.tasks, family.arms, tried, failed), f"best-{family.name}"),
    )


def _svg(figure: Figure | None, name: str) -> str:
    return markup(to_svg(figure, name)) if figure is not None else ""


def _costs(run: Run) -> list[tuple[str, int, float, int]]:
    """By task: trainings, core-seconds and updates of all that has an outcome."""
    found: list[tuple[str, int, float, int]] = []
    for name in run.tasks:
        done = [one.outcome for one in run.trainings if one.outcome and one.trial.task == name]
        seconds = sum(one.cost.cpu_seconds for one in done)
        found.append((name, len(done), seconds, sum(one.updates for one in done)))
    return found


def _seeds(trainings: Sequence[Training]) -> dict[str, list[int]]:
    """By task the seeds of the confirmations; all cells of a part share them."""
    found: dict[str, dict[int, None]] = {}
    for one in trainings:
        if one.role is Role.CONFIRM:
            found.setdefault(one.trial.task, {})[one.trial.seed] = None
    return {task: list(seeds) for task, seeds in found.items()}


def _without_place(entries: Mapping[str, str]) -> dict[str, str]:
    """What was recorded at a start, with the command's store named without its folder."""
    found: dict[str, Any] = dict(entries)
    try:
        words = shlex.split(found.get("command", ""))
    except ValueError:  # not a command line: shown as it was recorded
        return found
    for place, word in enumerate(words[1:], 1):
        if words[place - 1] == "--store":
            words[place] = word.replace("\\", "/").rpartition("/")[2]
    if words:
        found["command"] = shlex.join(words)
    return found
