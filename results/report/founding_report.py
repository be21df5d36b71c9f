"""The report of a second-edition run as one HTML file: three sentences first, then what stands behind them.

Opens offline, runs no script, prints on A4, and is the same bytes each time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.figure import Figure

from results.claims import paper_table
from results.claims.claim import Family
from results.claims.conclusion import kind_of, part_label, sentences
from results.claims.decision import WORDS
from results.claims.evidence import Evidence
from results.claims.findings import Measured, Run, measured, run_of
from results.claims.rules import Ruling, judge
from results.record.store import Store
from results.report import founding_figure as figures
from results.report.origin import failures, origin
from results.report.page import POLICY, environment, interval, markup, number, p_values
from results.report.panel import to_svg
from results.statistics.interval import student
from results.statistics.sensitivity import Selection, selections

LADDER: Final = ("gates", "forget-bias", "cells")
"""The files of claims that the ladder shows at every rung."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """The claims of a file at every part of the run where they were judged.

    Attributes:
        title, source, file: of the file.
        families: by part, in the order of the file.
        rulings: by part.
    """

    title: str
    source: str
    file: str
    families: Mapping[str, Family]
    rulings: Mapping[str, Sequence[Ruling]]


Judged = Sequence[tuple[Family, Sequence[Ruling]]]


def judged_of(run: Run, evidence: Evidence) -> Judged:
    """Every family of a run with its rulings."""
    return [(family, judge(family, evidence)) for family in run.families]


def findings_run(store: Store) -> Run:
    """The findings run that a store's newest study is a part of.

    Raises:
        StoreError: if the store cannot be read.
        ValueError: if its newest study is part of no findings run.
    """
    run = run_of(store, store.studies()[-1].id)
    if run is None:
        raise ValueError(f"{store.path} holds no findings run")
    return run


def render(store: Store, run: Run) -> str:
    """The report of a second-edition run as far as it has come, as the text of one HTML file.

    Args:
        store: that holds it.
        run: what to report.

    Raises:
        StoreError: if the store cannot be read.
    """
    evidence = Evidence(run)
    judged = judged_of(run, evidence)
    confirmed = measured(run.trainings)
    smallest = {
        one.task: one.smallest
        for family, _ in judged
        for claim in family.claims
        for one in claim.comparisons
        if one.reported is None
    }
    return (
        environment(
            {
                "interval": interval,
                "number": number,
                "p_values": p_values,
                "part": part_label,
                "kind": kind_of,
            }
        )
        .get_template("founding.html")
        .render(
            policy=POLICY,
            run=run,
            dates=_dates(store, run),
            conclusion=sentences(judged),
            headline=headline(run, judged, confirmed),
            caveats=caveats(run, judged),
            counts=counts(judged),
            words=WORDS,
            files=files(judged),
            effects={
                (family.name, claim.id): evidence.pooled(claim)
                for family, _ in judged
                for claim in family.claims
            },
            ladder=_svg(figures.ladder(rungs(judged), run.tasks), "ladder"),
            distance=_svg(figures.bias_by_distance(evidence), "distance"),
            budget=_svg(figures.bias_by_budget(evidence), "budget"),
            settings=_svg(figures.bias_by_settings(evidence), "settings"),
            end=_svg(figures.bias_at_the_end(evidence), "end"),
            stalled=[row for row in evidence.stalled(smallest) if row.share > 0],
            orders=orders(confirmed),
            standings=standings(confirmed, selections(run.trainings, run.tasks, smallest)),
            failures=failures(run.trainings),
            **origin(store, run),
        )
    )


def headline(run: Run, judged: Judged, confirmed: Sequence[Measured]) -> list[str]:
    """What was trained and how the claims came out, a sentence each."""
    done = [training for training in run.trainings if training.outcome]
    cells = {training.trial.cell_id for training in run.trainings}
    seconds = sum(training.outcome.cost.cpu_seconds for training in done if training.outcome)
    cost = f"{seconds / 3600:.1f} core-hours" if seconds > 360 else f"{seconds:.0f} core-seconds"
    came = counts(judged)
    total = sum(came.values())
    words = ", ".join(f"{count} {word}" for word, count in came.items() if count)
    seeds = sorted({len(result.values) for result in confirmed})
    said = " to ".join(dict.fromkeys(map(str, (seeds[0], seeds[-1])))) if seeds else "no"
    return [
        f"{total} verdicts: {words}." if total else "No claim can be judged yet.",
        f"{len(done):,} trainings of {len(cells)} cells in {len(run.studies)} parts at scale"
        f" {run.scale}, each cell confirmed on {said} fresh seeds, in {cost}.",
    ]


def counts(judged: Judged) -> dict[str, int]:
    """Verdicts by word, of all claims that were run."""
    came = Counter(ruling.word for _, rulings in judged for ruling in rulings if kind_of(ruling))
    return {word: came[word] for word in WORDS}


def caveats(run: Run, judged: Judged) -> list[str]:
    """What the verdicts do not show, a sentence each."""
    rulings = [ruling for _, family in judged for ruling in family]
    untold = sum(not kind_of(ruling) for ruling in rulings)
    weak = sum(ruling.underpowered for ruling in rulings if kind_of(ruling))
    missing = sum(training.outcome is None for training in run.trainings)
    said: list[str] = []
    if run.scale == "smoke":
        said.append(
            "At scale smoke nothing is learned: the verdicts only show that the parts work."
        )
    if untold:
        said.append(
            f"{untold} of the {len(rulings)} verdicts need trainings that this record does not hold."
            " Nothing is said about them."
        )
    for part, (few, planned) in interim(judged).items():
        said.append(
            f"At {part} some verdicts rest on fewer seeds than planned, {few} of {planned}: they are"
            " interim, and are judged again when the rest is there."
        )
    if missing:
        said.append(f"The run is not finished: {missing} trainings have no outcome.")
    if weak:
        said.append(
            f"{weak} verdicts are marked underpowered: if the source's own numbers were true, the"
            " planned seeds would replicate them with a chance below 0.8."
        )
    said += [
        "Intervals are over seeds, given the selected setting; the interval that also carries the draw"
        " of settings stands beside each.",
        "Budgets are this run's, not the paper's: signs and orders can be compared, absolute numbers"
        " cannot.",
    ]
    return said


def interim(judged: Judged) -> dict[str, tuple[int, int]]:
    """Parts that have fewer seeds than planned: the fewest behind a verdict, and how many are planned."""
    found: dict[str, tuple[int, int]] = {}
    for family, rulings in judged:
        counts = [
            decision.estimate.count
            for ruling in rulings
            if ruling.claim.measure.kind != "best-of"
            for decision in ruling.decisions
            if decision.estimate
        ]
        if family.seeds and counts and min(counts) < family.seeds:
            label = part_label(family.part) if family.part else "this budget"
            few = min(found.get(label, (family.seeds, 0))[0], *counts)
            found[label] = few, family.seeds
    return found


def files(judged: Judged) -> list[FilePart]:
    """The families gathered by file."""
    gathered: dict[str, list[tuple[Family, Sequence[Ruling]]]] = {}
    for family, rulings in judged:
        gathered.setdefault(family.file, []).append((family, rulings))
    return [
        FilePart(
            title=group[0][0].title,
            source=group[0][0].source,
            file=file,
            families={family.part: family for family, _ in group},
            rulings={family.part: rulings for family, rulings in group},
        )
        for file, group in gathered.items()
    ]


def orders(confirmed: Sequence[Measured]) -> list[dict[str, Any]]:
    """The order of our cells against the printed one, by part of the ladder, with and without extremes."""
    rows: list[dict[str, Any]] = []
    for table in paper_table.tables():
        for index, column in enumerate(table.columns):
            for part in figures.RUNGS:
                means = {
                    column.part + result.arm.removeprefix(f"{part}:"): student(result.values).centre
                    for result in confirmed
                    if result.task == column.task
                    and result.arm.startswith(f"{part}:")
                    and result.metric == table.metric
                    and result.values
                }
                if len(means) > 2:
                    told = paper_table.order(table, index, means)
                    rows.append(
                        {"column": column.name, "task": column.task, "part": part, "order": told}
                    )
    return rows


def standings(
    confirmed: Sequence[Measured], tried: Sequence[Selection]
) -> dict[str, list[dict[str, Any]]]:
    """Every arm on fresh seeds, by task, in the order of the run, and how many of its settings learned."""
    settings = {(selection.arm, selection.task): selection for selection in tried}
    tables: dict[str, list[dict[str, Any]]] = {}
    for result in confirmed:
        row = {
            "measured": result,
            "mean": student(result.values) if result.values else None,
            "selection": settings.get((result.arm, result.task)),
        }
        tables.setdefault(result.task, []).append(row)
    return tables


def rungs(judged: Judged) -> dict[str, list[Any]]:
    """The decisions that the ladder shows, by rung."""
    shown: dict[str, list[Any]] = {}
    for rung in figures.RUNGS:
        decisions = [
            decision
            for family, rulings in judged
            if family.file in LADDER and family.part == rung
            for ruling in rulings
            if ruling.claim.measure.kind == "final"
            for decision in ruling.decisions
        ]
        if any(decision.estimate for decision in decisions):
            shown[rung] = decisions
    return shown


def _dates(store: Store, run: Run) -> tuple[str, str] | None:
    """The days of the first and the last outcome; None before the first."""
    days = sorted(
        row["at"][:10]
        for row in store.select("SELECT study_id, at FROM outcome")
        if row["study_id"] in run.studies
    )
    return (days[0], days[-1]) if days else None


def _svg(figure: Figure | None, name: str) -> str:
    return markup(to_svg(figure, name)) if figure is not None else ""
