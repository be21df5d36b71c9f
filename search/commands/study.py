"""`gatewright search`: run, resume or only price a study."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.console import DONE, Json, StoppedError, UsageError, note, show, table

if TYPE_CHECKING:
    from results.study import Study
    from search.driver import Summary
    from tasks.task import Facts

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="smoke, quick, laptop, paper, or a .toml file of your own."
    ),
]


def search(
    study: StudyArgument,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", help="Ray workers; 0 runs in this process without Ray.", min=0, max=4096
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="A running Ray cluster to join.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option("--store", help="SQLite file of the record.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a store that has begun.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number, e.g. --set proposals=20. Repeatable."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print trials and core-hours, and run nothing.")
    ] = False,
    json: Json = False,
) -> int:
    """Run an architecture search, with live progress; it can be stopped and resumed at any moment."""
    from search import configuration

    plan = configuration.load(study, set_ or [])
    if dry_run:
        return _price(plan, json)
    path = store if store is not None else Path("runs") / f"{plan.name}.sqlite"
    check_place(path, resume, workers, address)
    words = ["gatewright", "search", study]
    words += ["--workers", str(workers)] if workers is not None else []
    words += ["--address", address] if address is not None else []
    words += ["--store", str(path)]
    for override in set_ or []:
        words += ["--set", override]
    summary = conduct(plan, shlex.join(words), workers, address, path, json)
    document: dict[str, Any] = {
        "store": str(path),
        "study": plan.name,
        **dataclasses.asdict(summary),
    }
    show(document, json, lambda: _render(document))
    return DONE


def tasks_of(study: "Study") -> list[tuple[str, str]]:
    """Names and scales of the screen and of all tasks of a study."""
    screen = study.screen
    return [(screen.task, screen.scale), *((task.name, task.scale) for task in study.tasks)]


def check_place(path: Path, resume: bool, workers: int | None, address: str | None) -> None:
    """Raises UsageError unless `--store`, `--resume`, `--workers` and `--address` fit together."""
    if workers is not None and address is not None:
        raise UsageError(
            "--workers and --address exclude each other: a joined cluster brings its own workers"
        )
    if path.exists() and not resume:
        raise UsageError(f"{path} exists; add --resume to go on with it, or name another --store")
    if resume and not path.exists():
        raise UsageError(f"{path} does not exist, so there is nothing to resume")


def conduct(
    plan: "Study", command: str, workers: int | None, address: str | None, path: Path, quiet: bool
) -> "Summary":
    """Runs or resumes a study with progress, in process, on Ray workers of our own, or on a cluster.

    Args:
        plan: what to run.
        command: the command line that runs it, for the record; `--resume` appended goes on with it.
        workers: Ray workers; 0 or None with no `address` runs in this process.
        address: of a running Ray cluster.
        path: of the store.
        quiet: show no progress.

    Raises:
        StoppedError: interrupted; the message holds the command that goes on.
    """
    from results import provenance
    from results.store import Store
    from search import driver, evaluate, strategies
    from search.clock import Monotonic
    from search.display import SearchDisplay
    from search.pool import LocalPool, Pool
    from tasks import registry

    facts = {(name, scale): registry.load(name, scale).facts for name, scale in tasks_of(plan)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with Store.create_or_open(path) as record:
        pool: Pool
        if address is None and (workers is None or workers == 0):
            evaluate.prepare_process()
            pool = LocalPool(evaluate.evaluate)
        else:
            from search.ray_pool import RayPool

            if not quiet:
                note("starting Ray" if address is None else f"joining Ray at {address}")
            pool = RayPool(workers, address, evaluate.evaluate)
        try:
            with SearchDisplay(plan, facts.values(), pool.slots, quiet=quiet) as display:
                strategy = strategies.make(plan, facts)
                summary = driver.run(
                    plan,
                    record,
                    pool,
                    strategy,
                    display,
                    Monotonic(),
                    facts.values(),
                    provenance.collect() | {"command": command},
                )
        finally:
            pool.close()
    if summary.interrupted:
        raise StoppedError(
            f"interrupted after {summary.asks} asks; nothing is lost. To go on:\n"
            f"  {command} --resume"
        )
    return summary


def _render(document: dict[str, Any]) -> None:
    endings = ", ".join(f"{count} {ending}" for ending, count in document["endings"].items())
    print(
        f"{document['study']}: {document['asks']} asks, {document['ran']} trials run now and"
        f" {document['recorded']} from the record in {document['seconds']:.0f} s ({endings})"
    )
    print(f"digest {document['digest']}")
    print(f"store {document['store']}")
    print(
        f"next: gatewright leaderboard {document['store']}   gatewright report {document['store']}"
    )


def _price(plan: "Study", json: bool) -> int:
    from cells.engine import determinism
    from search.cost import measure
    from search.estimate import estimate
    from tasks import registry
    from tasks.task import TaskError

    determinism.prepare()
    facts: dict[tuple[str, str], Facts] = {}
    absent: list[str] = []
    for name, scale in tasks_of(plan):
        try:
            facts[name, scale] = registry.load(name, scale).facts
        except TaskError as error:
            absent.append(f"{name} ({error.code})")
    cost = measure()
    priced = estimate(plan, facts, cost)
    document: dict[str, Any] = {
        "study": plan.name,
        "id": plan.id,
        "loads": [
            {**dataclasses.asdict(load), "core_hours": load.expected * load.seconds / 3600}
            for load in priced.loads
        ],
        "trials": priced.trials,
        "most_trials": priced.most_trials,
        "updates": priced.updates,
        "core_hours": priced.core_hours,
        "most_core_hours": priced.most_core_hours,
        "hours": priced.hours,
        "pass_screen": priced.pass_screen,
        "pass_stage": priced.pass_stage,
        "absent": absent,
    }

    def render() -> None:
        print(
            f"study {plan.name} ({plan.strategy}): {plan.proposals:,} proposals, seed {plan.seed}, lag {plan.lag}. Nothing is run."
        )
        table(
            ("role", "task", "scale", "trials", "at most", "updates each", "core-hours"),
            [
                (
                    str(one.role),
                    one.task,
                    one.scale,
                    round(one.expected, 1),
                    one.most,
                    one.updates,
                    one.expected * one.seconds / 3600,
                )
                for one in priced.loads
            ],
        )
        print(
            f"about {priced.trials:,.0f} trials and {priced.core_hours:,.2f} core-hours: {priced.hours:,.2f} hours on {plan.slots} cores"
        )
        print(f"at most {priced.most_trials:,} trials and {priced.most_core_hours:,.2f} core-hours")
        print(
            f"assumed: {priced.pass_screen:.0%} of new cells pass the screen and {priced.pass_stage:.0%} of the rest each task;"
            " seconds an update are measured on this machine now"
        )
        if absent:
            print(f"not on this machine, priced from the study's own numbers: {', '.join(absent)}")

    show(document, json, render)
    return DONE
