"""The report of a findings run as one HTML file: verdicts first, then what stands behind them.

Opens offline, runs no script, and is the same bytes each time. All numbers come from the record;
importances, which need Optuna, are given.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from results.claims.claim import Family
from results.claims.contrast import ablations, sweeps
from results.claims.findings import Measured, Run, measured, verdicts
from results.claims.paper_table import Agreement, Column, PaperTable, agreement, tables
from results.claims.verdict import Verdict, comparison, summary
from results.leaderboard.task_column import TaskColumn
from results.record.store import Store
from results.report import findings_figure as figures
from results.report.checklist import answers
from results.report.findings_figure import Drop
from results.report.origin import failures, origin
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
    behind = origin(store, run)
    confirmed = measured(run.trainings)
    tried = selections(run.trainings, run.tasks)
    failed = failed_values(tried)
    judged = verdicts(run.families, confirmed)
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
            failures=failures(run.trainings),
            answers=answers(run, confirmed, list(behind["provenance"].values())),
            **behind,
        )
    )


def headline(
    run: Run, judged: Mapping[str, Sequence[Verdict]], confirmed: Sequence[Measured]
) -> list[str]:
    """What was trained and how the claims came out, one sentence each."""
    words = Counter(verdict.word for told in judged.values() for verdict in told)
    done = [training for training in run.trainings if training.outcome]
    cells = {training.trial.cell_id for training in run.trainings}
    seconds = sum(training.outcome.cost.cpu_seconds for training in done if training.outcome)
    counts = [len(result.values) for result in confirmed]
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
    told = [verdict for family in judged.values() for verdict in family]
    untold = sum(all(finding.effect is None for finding in verdict.findings) for verdict in told)
    if untold:
        said.append(
            f"{untold} of the {len(told)} claims need cells or tasks that this record does not hold:"
            " nothing is said about them."
        )
    if run.scale == "smoke":
        said.append(
            "At scale smoke nothing is learned: the verdicts only show that the parts work."
        )
    missing = sum(training.outcome is None for training in run.trainings)
    if missing:
        said.append(f"The run is not finished: {missing} trainings have no outcome.")
    lost = sum(len(result.failed) for result in confirmed)
    if lost:
        said.append(
            f"{lost} confirming trainings did not end well. They are counted below and in no mean, so"
            " means of cells that fail often are too good."
        )
    few = [len(result.values) for result in confirmed]
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
    rows = [result for result in confirmed if result.task == task.name]
    means = {result.arm: student(result.values) for result in rows if result.values}
    metric = task.metric
    best = max(means.values(), key=lambda mean: metric.oriented(mean.centre), default=None)
    level = memoryless(task, "test")
    settings = {selection.arm: selection for selection in tried if selection.task == task.name}
    return [
        Standing(
            measured=result,
            mean=mean,
            distance=task.distance(mean.centre) if mean else None,
            margin=metric.oriented(mean.centre - level[1]) if mean and level else None,
            tied=bool(mean and best and mean.overlaps(best)),
            selection=settings.get(result.arm),
        )
        for result in rows
        for mean in [means.get(result.arm)]
    ]


def compare(table: PaperTable, confirmed: Sequence[Measured]) -> list[Compared]:
    """The columns of a printed table beside ours."""
    tables: list[Compared] = []
    for index, column in enumerate(table.columns):
        wanted = {column.part + row.arm for row in table.rows}
        ours = {
            result.arm: student(result.values)
            for result in confirmed
            if result.task == column.task
            and result.metric == table.metric
            and result.values
            and result.arm in wanted
        }
        tables.append(
            Compared(column, index, ours, agreement(table, index, ours) if ours else None)
        )
    return tables


def ablated(base: str, confirmed: Sequence[Measured]) -> list[Drop]:
    """What each part of a cell is worth by task: the whole minus the cell without it."""
    values = {(result.arm, result.task): result for result in confirmed if result.values}
    return [
        Drop(task, gate, arm, difference(whole.oriented, values[arm, task].oriented, 1.0))
        for (name, task), whole in values.items()
        if name == base
        for gate, arm in ablations()[base].items()
        if (arm, task) in values
    ]


def swept(run: Run, confirmed: Sequence[Measured]) -> dict[tuple[str, str], dict[str, Interval]]:
    """By cell and task the test metric of each bias, where at least two were run."""
    values = {
        (result.arm, result.task): student(result.values) for result in confirmed if result.values
    }
    rows = {
        (cell, task): {
            bias: values[arm, task] for bias, arm in arms.items() if (arm, task) in values
        }
        for cell, arms in sweeps().items()
        for task in run.tasks
    }
    return {pair: row for pair, row in rows.items() if len(row) > 1}


def pairs(
    run: Run, tried: Sequence[Selection], failed: Mapping[str, float]
) -> list[tuple[Paired, float | None]]:
    """Every pair of arms that a claim names, setting by setting, with p after Holm over all of them."""
    known = {(selection.arm, selection.task): selection for selection in tried}
    named = {
        (comparison.better, comparison.worse, comparison.task): None
        for family in run.families
        for claim in family.claims
        for comparison in claim.comparisons
        if (comparison.better, comparison.task) in known
        and (comparison.worse, comparison.task) in known
    }
    tests = [
        paired(known[better, task], known[worse, task], failed[task])
        for better, worse, task in named
    ]
    tested = [test.p for test in tests if test.p is not None]
    adjusted = iter(holm(tested))
    return [(test, None if test.p is None else next(adjusted)) for test in tests]


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
            verdict.claim.id: _svg(
                figures.forest(verdict, run.tasks), f"forest-{family.name}-{verdict.claim.id}"
            )
            for verdict in told
            if any(finding.effect for finding in verdict.findings)
        },
        curves=_svg(
            figures.learning_curves(run.tasks, family.arms, run.trainings), f"curves-{family.name}"
        ),
        best_of=_svg(figures.best_of(run.tasks, family.arms, tried, failed), f"best-{family.name}"),
    )


def _svg(figure: Figure | None, name: str) -> str:
    return markup(to_svg(figure, name)) if figure is not None else ""
