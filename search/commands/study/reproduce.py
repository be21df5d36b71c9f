"""`gatewright reproduce`: train what a family of claims compares, and judge the claims."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.study.price import price
from search.commands.study.search import (
    Address,
    DryRun,
    Resume,
    StoreFile,
    Workers,
    check_place,
    conduct,
    option_words,
)
from search.console import DONE, WRONG, Executor, Json, note, show, table

if TYPE_CHECKING:
    from results.claims.verdict import Verdict


def reproduce(
    findings: Annotated[
        str,
        typer.Argument(
            metavar="FINDINGS",
            help="gates, forget-bias, paper-tables, greff, dropout, size, or all of them.",
        ),
    ],
    scale: Annotated[
        str, typer.Option("--scale", help="smoke (seconds) or laptop (hours).")
    ] = "laptop",
    workers: Workers = None,
    address: Address = None,
    store: StoreFile = None,
    resume: Resume = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number of every part. Repeatable."),
    ] = None,
    executor: Executor = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Train all cells that the claims name with equal budgets, and give each claim a verdict."""
    from results.claims.findings import measure, verdicts
    from results.record.store import Store
    from search import findings as runs

    plans = runs.studies(findings, scale, set_ or [])
    if dry_run:
        return price(plans, json)
    path = store if store is not None else Path("runs") / f"{findings}-{scale}.sqlite"
    check_place(path, resume, workers, address)
    words = ["gatewright", "reproduce", findings, "--scale", scale]
    words += option_words(workers, address, path, executor, set_ or [])
    studies: list[str] = []
    for number, plan in enumerate(plans, 1):
        if not json:
            note(f"part {number} of {len(plans)}: {plan.name}, {len(plan.baselines)} cells")
        summary = conduct(plan, shlex.join(words), workers, address, path, json, executor)
        studies.append(summary.study_id)
    with Store.read(path) as record:
        measured = measure(record, studies)
    found = verdicts(runs.families(findings), measured)
    failed = sum(len(one.failed) for one in measured)
    document: dict[str, Any] = {
        "store": str(path),
        "findings": findings,
        "scale": scale,
        "measured": [{**dataclasses.asdict(one), "metric": one.metric.name} for one in measured],
        "verdicts": {
            name: [dataclasses.asdict(one) for one in told] for name, told in found.items()
        },
        "failed": failed,
    }
    show(document, json, lambda: _render(found, failed, path))
    return WRONG if failed else DONE


def _render(found: "dict[str, tuple[Verdict, ...]]", failed: int, path: Path) -> None:
    for name, told in found.items():
        table(
            ("claim", "verdict", "effect, 95 % interval", "why"),
            [
                (
                    one.claim.id,
                    one.word,
                    "-" if one.pooled is None else one.pooled.text(2),
                    one.reason,
                )
                for one in told
            ],
            title=f"{name}: effects in units of the smallest difference worth the name",
        )
    if failed:
        print(f"{failed} confirming trainings did not end well; they are left out and counted")
    print(f"record  {path}")
