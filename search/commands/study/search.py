"""`gatewright search`: run, resume or only price a study."""

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cells.error import GatewrightError
from search.console import DONE, Executor, Json, hours, note, show, table, typed
from search.error import StoppedError, UsageError

if TYPE_CHECKING:
    from results.leaderboard.board import Board
    from results.record.store import Store
    from results.record.study import Study
    from search.run.cost import Cost
    from search.run.driver import Summary
    from tasks.task import Facts

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="smoke, quick, laptop, paper, or a .toml file of your own."
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", help="Ray workers; 0 runs in this process without Ray.", min=0, max=4096
    ),
]
Address = Annotated[str | None, typer.Option("--address", help="A running Ray cluster to join.")]
StoreFile = Annotated[Path | None, typer.Option("--store", help="SQLite file of the record.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a store that has begun.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print trials and core-hours, and run nothing.")
]


def search(
    study: StudyArgument,
    workers: Workers = None,
    address: Address = None,
    store: StoreFile = None,
    resume: Resume = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number, e.g. --set proposals=20. Repeatable."),
    ] = None,
    executor: Executor = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Run or resume an architecture search, with live progress."""
    from results.leaderboard import board as leaderboard
    from results.record.store import Store
    from search import configuration

    plan = configuration.load(study, set_ or [])
    if dry_run:
        return price([plan], json)
    path = store if store is not None else Path("runs") / f"{plan.name}.sqlite"
    check_place(path, resume, workers, address)
    words = ["gatewright", "search", study]
    words += option_words(workers, address, path, executor, set_ or [])
    summary = conduct(plan, shlex.join(words), workers, address, path, json, executor)
    with Store.read(path) as record:
        board = leaderboard.build(record, summary.study_id)
    document: dict[str, Any] = {
        "store": str(path),
        "study": plan.name,
        **dataclasses.asdict(summary),
        "screened": board.screened,
        "passed": board.passed,
        "rejections": board.rejections,
        "finished": sum(not row.baseline for row in board.rows),
    }
    show(document, json, lambda: _render(document, board))
    return DONE


def option_words(
    workers: int | None,
    address: str | None,
    path: Path,
    executor: str | None,
    overrides: Sequence[str],
) -> list[str]:
    """The options that repeat a run, as words of a command line."""
    words = ["--workers", str(workers)] if workers is not None else []
    words += ["--address", address] if address is not None else []
    words += ["--store", str(path)]
    words += ["--executor", executor] if executor is not None else []
    for override in overrides:
        words += ["--set", override]
    return words


def tasks_of(study: "Study") -> list[tuple[str, str]]:
    """Names and scales of the screen and of all tasks of a study."""
    screen = study.screen
    return [(screen.task, screen.scale), *((task.name, task.scale) for task in study.tasks)]


def check_place(path: Path, resume: bool, workers: int | None, address: str | None) -> None:
    """Raises UsageError unless `--store`, `--resume`, `--workers` and `--address` fit together."""
    if workers is not None and address is not None:
        raise UsageError(
            "--workers and --address exclude each other", "a joined cluster brings its own workers"
        )
    if resume and not path.exists():
        raise UsageError(
            f"{path}: no such file, so there is nothing to resume", "leave out --resume"
        )
    if path.is_dir():
        raise UsageError(f"{path}: a folder, expected a file", f"--store {path / 'search.sqlite'}")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path}: a device, expected a file")
    above = next((folder for folder in path.absolute().parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise UsageError(f"{path}: {above} is a file, expected a folder")
    if path.exists() and not resume and _begun(path):
        raise UsageError(
            f"{path}: a search has begun here",
            "add --resume to go on with it, or give another --store",
        )


def _begun(path: Path) -> bool:
    """Whether the store holds a study; not if a driver was stopped before it could enter one.

    Raises:
        StoreError: the file is no store, or cannot be read.
    """
    from results.record.store import Store

    if not path.stat().st_size:
        return False
    with Store.read(path) as record:
        return bool(record.studies())


def executor_of(wanted: str | None, record: "Store | None" = None, study_id: str = "") -> str:
    """The executor asked for, or the one that a study began with, or the best on this machine.

    Raises:
        UsageError: no executor has this name, or this machine cannot run it.
    """
    from cells.engine import executor

    begun = (
        record.select(
            "SELECT executor FROM ask JOIN trial ON key = trial_key WHERE study_id = ? LIMIT 1",
            study_id,
        )
        if record
        else []
    )
    chosen = wanted or (str(begun[0][0]) if begun else executor.best())
    if chosen not in executor.EXECUTORS:
        known = ", ".join(executor.EXECUTORS)
        raise UsageError(f"--executor {chosen}: expected one of {known}")
    reason = executor.hindrance(chosen)
    if reason is not None:
        raise UsageError(
            f"the {chosen} executor cannot run here: {reason.message}",
            f"{reason.hint}, or use --executor reference, which is many times slower",
        )
    return chosen


def conduct(
    plan: "Study",
    command: str,
    workers: int | None,
    address: str | None,
    path: Path,
    quiet: bool,
    executor: str | None = None,
) -> "Summary":
    """Runs or resumes a study with progress, in process, on Ray workers of our own, or on a cluster.

    Args:
        plan: what to run; what the store holds of it goes on under its stored description.
        command: the command line that runs it, for the record; `--resume` appended goes on with it.
        workers: Ray workers; 0 or None with no `address` runs in this process.
        address: of a running Ray cluster.
        path: of the store.
        quiet: show no progress.
        executor: of every trial; None for the one that the study began with, else the best here.

    Raises:
        StoppedError: interrupted; the message holds the command that goes on.
    """
    from cells.engine.executor import describe
    from results.record import provenance
    from results.record.store import Store
    from search.display import SearchDisplay
    from search.run import driver, evaluate, resume
    from search.run.clock import Monotonic
    from search.run.pool import LocalPool, Pool
    from search.strategies import registry as strategies
    from tasks import registry

    if not quiet:
        note(
            f"{plan.name}: {_counted(plan.proposals, 'new cell')} on {_counted(len(plan.tasks), 'task')},"
            f" recorded in {path}"
            if plan.proposals
            else f"{plan.name}: recorded in {path}"
        )
    facts = {(name, scale): registry.load(name, scale).facts for name, scale in tasks_of(plan)}
    fresh = not path.exists()
    start = typed(command + (" --json" if quiet else ""))
    again = f"{start} --resume"
    try:
        with Store.create_or_open(path) as record:
            plan = resume.recorded_study(plan, record)
            resume.check_engine(record, plan.id)
            if not quiet and not fresh and plan.id not in {row.id for row in record.studies()}:
                note(f"{path} does not hold this study yet; it is begun beside the others")
            chosen = executor_of(executor, record, plan.id)
            pool: Pool
            if address is None and (workers is None or workers == 0):
                evaluate.prepare_process(chosen)
                pool = LocalPool(evaluate.evaluate)
            else:
                from search.run.ray_pool import RayPool

                if not quiet:
                    note("starting Ray" if address is None else f"joining Ray at {address}")
                pool = RayPool(workers, address, evaluate.evaluate)
            try:
                turned = {
                    str(cause): int(count)
                    for cause, count in record.select(
                        "SELECT cause, count(*) FROM rejection WHERE study_id = ? GROUP BY cause",
                        plan.id,
                    )
                }
                display = SearchDisplay(plan, facts.values(), pool.slots, turned, quiet=quiet)
                with display:
                    summary = driver.run(
                        plan,
                        record,
                        pool,
                        strategies.make(plan, facts, chosen),
                        display,
                        Monotonic(),
                        facts.values(),
                        provenance.collect() | describe(chosen) | {"command": command},
                    )
            finally:
                pool.close()
    except KeyboardInterrupt:  # outside of the driver, which takes signals itself
        raise StoppedError(
            "nothing is lost; to go on:", again if path.exists() else start
        ) from None
    except GatewrightError as error:
        if path.exists() and error.resumable:
            error.add_note(again)
        raise
    if summary.interrupted:
        recorded = _counted(summary.asks, "ask")
        raise StoppedError(f"{recorded} recorded, nothing is lost; to go on:", again)
    return summary


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _render(document: dict[str, Any], board: "Board") -> None:
    from results.label import label

    endings = ", ".join(f"{count:,} {ending}" for ending, count in document["endings"].items())
    past = f" and {document['recorded']:,} from the record" if document["recorded"] else ""
    print(
        f"{document['study']}: {document['ran']:,} trials run{past} in {document['seconds']:,.0f} s"
        f" ({endings})"
    )
    print(
        f"{board.screened:,} new cells screened, {board.passed:,} passed,"
        f" {document['finished']:,} trained on every task"
    )
    rows: list[tuple[object, ...]] = []
    for task in board.tasks:
        best = document["best"].get(task.name)
        if best is not None:
            rows.append(
                (task.name, task.metric, best["value"], label(best["cell_id"]), task.reference)
            )
    table(("task", "metric", "best", "cell", f"{board.yardstick}'s best"), rows)
    store = shlex.quote(document["store"])
    print(f"digest  {document['digest']}")
    print(f"record  {document['store']}")
    print(f"next    {typed(f'gatewright leaderboard {store}')}")
    print(f"        {typed(f'gatewright report {store}')}")


def price(plans: "Sequence[Study]", json: bool) -> int:
    """Prints trials and time of studies that are run one after another, and runs nothing."""
    from cells.engine.training import determinism
    from search.run.cost import measure

    chosen = executor_of(None)
    determinism.prepare(chosen)
    cost = measure(chosen)
    documents = [_priced(plan, cost) for plan in plans]
    total = {
        key: sum(one[key] for one in documents) for key in ("trials", "most_trials", "core_hours")
    }
    document = documents[0] if len(documents) == 1 else {"parts": documents, **total}

    def render() -> None:
        for plan, one in zip(plans, documents, strict=True):
            _print_price(plan, one)
        if len(plans) > 1:
            print(
                f"together about {total['trials']:,.0f} trials and {hours(total['core_hours'], 'core-')}"
            )

    show(document, json, render)
    return DONE


def _priced(plan: "Study", cost: "Cost") -> dict[str, Any]:
    from search.run.estimate import estimate
    from tasks import registry
    from tasks.task import TaskError

    facts: dict[tuple[str, str], Facts] = {}
    absent: list[str] = []
    for name, scale in tasks_of(plan):
        try:
            facts[name, scale] = registry.load(name, scale).facts
        except TaskError as error:
            absent.append(f"{name} ({error.code})")
    priced = estimate(plan, facts, cost)
    return {
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


def _print_price(plan: "Study", priced: Mapping[str, Any]) -> None:
    print(
        f"study {plan.name} ({plan.strategy}): {plan.proposals:,} proposals, seed {plan.seed}, lag {plan.lag}. Nothing is run."
    )
    table(
        ("role", "task", "scale", "trials", "at most", "updates each", "core-hours"),
        [
            (
                str(one["role"]),
                one["task"],
                one["scale"],
                round(one["expected"], 1),
                one["most"],
                one["updates"],
                one["core_hours"],
            )
            for one in priced["loads"]
            if one["most"]
        ],
    )
    print(
        f"about {priced['trials']:,.0f} trials and {hours(priced['core_hours'], 'core-')}:"
        f" {hours(priced['hours'])} on {plan.slots} cores"
    )
    print(
        f"at most {priced['most_trials']:,} trials and {hours(priced['most_core_hours'], 'core-')}"
    )
    assumed = (
        f"{priced['pass_screen']:.0%} of new cells pass the screen and {priced['pass_stage']:.0%} of the rest each task; "
        if plan.proposals
        else ""
    )
    print(f"assumed: {assumed}seconds an update are measured on this machine now")
    if priced["absent"]:
        print(
            f"not on this machine, priced from the study's own numbers: {', '.join(priced['absent'])}"
        )
