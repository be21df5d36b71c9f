"""`gatewright reproduce`: train what a family of claims compares, and judge the claims."""

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.study.price import price
from search.commands.study.search import (
    Address,
    DeadlineFactor,
    DryRun,
    MemoryShare,
    NoGuards,
    Resume,
    Reuse,
    StoreFile,
    Workers,
    check_place,
    conduct,
    guard_words,
    guards_of,
    option_words,
)
from search.console import DONE, WRONG, Executor, Json, note, show, table

if TYPE_CHECKING:
    from results.claims.findings import Measured, Run
    from results.claims.verdict import Verdict


def reproduce(
    findings: Annotated[
        str,
        typer.Argument(
            metavar="FINDINGS",
            help="founding (the second edition), or of the first edition gates, forget-bias,"
            " paper-tables, greff, dropout, size, or all of these six.",
        ),
    ],
    scale: Annotated[
        str, typer.Option("--scale", help="smoke (seconds) or laptop (hours).")
    ] = "laptop",
    part: Annotated[
        list[str] | None,
        typer.Option("--part", help="Only this part of the run. Repeatable."),
    ] = None,
    workers: Workers = None,
    address: Address = None,
    store: StoreFile = None,
    resume: Resume = False,
    reuse: Reuse = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number in every study. Repeatable."),
    ] = None,
    executor: Executor = None,
    deadline_factor: DeadlineFactor = None,
    memory_share: MemoryShare = None,
    no_guards: NoGuards = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Train all cells that the claims name with equal budgets, and give each claim a verdict."""
    from results.claims.findings import FOUNDING, measure, run_of, verdicts
    from results.record.store import Store
    from search import findings as runs

    plans = runs.studies(findings, scale, set_ or [], part or [])
    path = store if store is not None else Path("runs") / f"{findings}-{scale}.sqlite"
    if dry_run:
        return price(plans, path, executor, json)
    check_place(path, resume, workers, address, reuse)
    words = ["gatewright", "reproduce", findings, "--scale", scale]
    words += [word for name in part or [] for word in ("--part", name)]
    words += option_words(workers, address, path, executor, set_ or [], reuse)
    words += guard_words(deadline_factor, memory_share, no_guards)
    guards = guards_of(deadline_factor, memory_share, no_guards)
    command = shlex.join(words)
    studies: list[str] = []
    for number, plan in enumerate(plans, 1):
        if not json:
            note(f"part {number} of {len(plans)}: {plan.name}, {len(plan.baselines)} cells")
        summary = conduct(plan, command, workers, address, path, json, executor, reuse, guards)
        studies.append(summary.study_id)
    with Store.read(path) as record:
        measured = measure(record, studies)
        run = run_of(record, studies[0]) if findings == FOUNDING else None
    failed = sum(len(measurement.failed) for measurement in measured)
    if run is not None:
        return _second_edition(run, measured, failed, path, json)
    judged = verdicts(runs.families(findings), measured)
    document: dict[str, Any] = {
        "store": str(path),
        "findings": findings,
        "scale": scale,
        "measured": [_recorded(measurement) for measurement in measured],
        "verdicts": {
            name: [dataclasses.asdict(verdict) for verdict in told] for name, told in judged.items()
        },
        "failed": failed,
    }
    show(document, json, lambda: _render(judged, failed, path))
    return WRONG if failed else DONE


def _second_edition(
    run: "Run", measured: "Sequence[Measured]", failed: int, path: Path, json: bool
) -> int:
    """Shows the verdicts of the second edition, which every part of the run in the store counts for."""
    from results.claims.conclusion import kind_of, part_label, sentences
    from results.claims.evidence import Evidence
    from results.report.founding_report import judged_of

    judged = judged_of(run, Evidence(run))
    document: dict[str, Any] = {
        "store": str(path),
        "findings": run.findings,
        "scale": run.scale,
        "conclusion": sentences(judged),
        "measured": [_recorded(measurement) for measurement in measured],
        "verdicts": {
            family.name: [dataclasses.asdict(ruling) for ruling in rulings]
            for family, rulings in judged
        },
        "failed": failed,
    }

    def render() -> None:
        table(
            ("claims", "part", "claim", "verdict", "why"),
            [
                (family.file, part_label(family.part), ruling.claim.id, ruling.word, ruling.reason)
                for family, rulings in judged
                for ruling in rulings
                if kind_of(ruling)
            ],
        )
        for sentence in sentences(judged):
            print(sentence)
        if failed:
            print(f"{failed} confirming trainings did not end well; they are left out and counted")
        print(f"record  {path}")

    show(document, json, render)
    return WRONG if failed else DONE


def _recorded(measurement: "Measured") -> dict[str, Any]:
    return {**dataclasses.asdict(measurement), "metric": measurement.metric.name}


def _render(judged: "dict[str, tuple[Verdict, ...]]", failed: int, path: Path) -> None:
    for name, told in judged.items():
        table(
            ("claim", "verdict", "effect, 95 % interval", "why"),
            [
                (
                    verdict.claim.id,
                    verdict.word,
                    "-" if verdict.pooled is None else verdict.pooled.text(2),
                    verdict.reason,
                )
                for verdict in told
            ],
            title=f"{name}: effects in units of the smallest meaningful difference",
        )
    if failed:
        print(f"{failed} confirming trainings did not end well; they are left out and counted")
    print(f"record  {path}")
