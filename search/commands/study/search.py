"""`gatewright search`: run, resume or only price a study."""

import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cells.error import GatewrightError
from results.label import baseline_id, label
from search.commands.study.price import price
from search.console import DONE, Executor, Json, note, show, table, typed
from search.error import StoppedError, UsageError

if TYPE_CHECKING:
    from results.leaderboard.board import Board
    from results.record.study import Study
    from search.display import SearchDisplay
    from search.run.driver import Summary
    from search.run.guards.guard import Guards
    from tasks.task import Facts

StudyArgument = Annotated[
    str,
    typer.Argument(metavar="STUDY", help="smoke, quick, laptop, paper, or your own .toml file."),
]

Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", help="Ray workers; 0 runs in this process without Ray.", min=0, max=4096
    ),
]
Address = Annotated[str | None, typer.Option("--address", help="A running Ray cluster to join.")]
StoreFile = Annotated[Path | None, typer.Option("--store", help="SQLite file of the record.")]
Reuse = Annotated[
    Path | None,
    typer.Option(
        "--reuse",
        metavar="RECORD",
        help="Take over what another record has of the same trials, except refusals and losses"
        " that were its machines' doing.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue a store that has been started.")]
DeadlineFactor = Annotated[
    float | None,
    typer.Option(
        "--deadline-factor",
        min=1.0,
        help="A trial may take so many times the processor time that it is expected to cost, and at"
        " least a minute (20 by default).",
    ),
]
MemoryShare = Annotated[
    float | None,
    typer.Option(
        "--memory-share",
        min=0.01,
        max=1.0,
        help="Share of a machine's memory that its trials may take together (0.8 by default).",
    ),
]
NoGuards = Annotated[
    bool,
    typer.Option("--no-guards", help="Let trials take any time and memory that their budget does."),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print the number of trials and core-hours without running anything."
    ),
]


def search(
    study: StudyArgument,
    workers: Workers = None,
    address: Address = None,
    store: StoreFile = None,
    resume: Resume = False,
    reuse: Reuse = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a number, e.g. --set proposals=20. Repeatable."),
    ] = None,
    executor: Executor = None,
    deadline_factor: DeadlineFactor = None,
    memory_share: MemoryShare = None,
    no_guards: NoGuards = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> int:
    """Run or resume an architecture search, with live progress."""
    from results.leaderboard import board as leaderboard
    from results.record.store import Store
    from search import configuration

    plan = configuration.load(study, set_ or [])
    path = store if store is not None else Path("runs") / f"{plan.name}.sqlite"
    if dry_run:
        return price([plan], path, executor, json)
    check_place(path, resume, workers, address, reuse)
    words = ["gatewright", "search", study]
    words += option_words(workers, address, path, executor, set_ or [], reuse)
    words += guard_words(deadline_factor, memory_share, no_guards)
    guards = guards_of(deadline_factor, memory_share, no_guards)
    command = shlex.join(words)
    summary = conduct(plan, command, workers, address, path, json, executor, reuse, guards)
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
        "compared": beside_yardstick(board),
    }
    show(document, json, lambda: _render(document, board))
    return DONE


def option_words(
    workers: int | None,
    address: str | None,
    path: Path,
    executor: str | None,
    overrides: Sequence[str],
    reuse: Path | None = None,
) -> list[str]:
    """The options that repeat a run, as words of a command line."""
    words = ["--workers", str(workers)] if workers is not None else []
    words += ["--address", address] if address is not None else []
    words += ["--store", str(path)]
    words += ["--executor", executor] if executor is not None else []
    words += ["--reuse", str(reuse)] if reuse is not None else []
    for override in overrides:
        words += ["--set", override]
    return words


def guard_words(factor: float | None, share: float | None, no_guards: bool) -> list[str]:
    """The options of guards that repeat a run, as words of a command line."""
    words = ["--deadline-factor", f"{factor:g}"] if factor is not None else []
    words += ["--memory-share", f"{share:g}"] if share is not None else []
    return words + (["--no-guards"] if no_guards else [])


def guards_of(factor: float | None, share: float | None, no_guards: bool) -> "Guards | None":
    """The guards that these options ask for. Raises UsageError if they exclude each other."""
    from search.run.guards.guard import FACTOR, SHARE, Guards

    if no_guards and (factor is not None or share is not None):
        raise UsageError(
            "--no-guards excludes --deadline-factor and --memory-share", "leave out one of them"
        )
    if no_guards:
        return None
    return Guards(FACTOR if factor is None else factor, SHARE if share is None else share)


def check_place(
    path: Path,
    resume: bool,
    workers: int | None,
    address: str | None,
    reuse: Path | None = None,
) -> None:
    """Raises UsageError unless these options of a command fit together."""
    if reuse is not None and not reuse.exists():
        raise UsageError(f"--reuse {reuse}: no such file or folder")
    if reuse is not None and path.exists() and reuse.exists() and path.samefile(reuse):
        raise UsageError(f"--reuse {reuse}: the same as --store", "give a new --store")
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
    with Store.read(path, whole=False) as record:
        return bool(record.studies())


class _Terminal:
    """Shows a run on the terminal. A `search.run.session.Watcher`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet

    def note(self, message: str) -> None:
        """One line, unless quiet."""
        if not self._quiet:
            note(message)

    def observe(
        self, study: "Study", facts: "Iterable[Facts]", slots: int, turned: Mapping[str, int]
    ) -> "SearchDisplay":
        """The live display."""
        from search.display import SearchDisplay

        return SearchDisplay(study, facts, slots, turned, quiet=self._quiet)


def conduct(
    plan: "Study",
    command: str,
    workers: int | None,
    address: str | None,
    path: Path,
    quiet: bool,
    executor: str | None = None,
    reuse: Path | None = None,
    guards: "Guards | None" = None,
) -> "Summary":
    """As `search.run.session.conduct`, with progress; an error says how to go on after it.

    Args:
        plan: what to run; what the store holds of it goes on under its stored description.
        command: the command line that runs it, for the record; `--resume` appended goes on with it.
        workers: Ray workers; 0 or None with no `address` runs in this process.
        address: of a running Ray cluster.
        path: of the store.
        quiet: show no progress.
        executor: of every trial; None for the one that the study began with, else the best here.
        reuse: another record, whose outcomes are taken over.
        guards: how long trials may take, and how much memory; None for no guards.

    Raises:
        StoppedError: interrupted; with the command that goes on.
    """
    from search.run import session

    terminal = _Terminal(quiet)
    new = f"{_counted(plan.proposals, 'new cell')} on {_counted(len(plan.tasks), 'task')}, "
    terminal.note(f"{plan.name}: {new if plan.proposals else ''}recorded in {path}")
    start = typed(command + (" --json" if quiet else ""))
    again = f"{start} --resume"
    try:
        return session.conduct(
            plan,
            path,
            workers=workers,
            address=address,
            executor=executor,
            command=command,
            watcher=terminal,
            reuse=reuse,
            guards=guards,
        )
    except StoppedError as stop:
        resume = again if path.exists() else start
        raise StoppedError(f"{stop.message}; to go on:", resume) from None
    except GatewrightError as error:
        if path.exists() and error.resumable:
            error.add_note(again)
        raise


def beside_yardstick(board: "Board") -> list[dict[str, Any]]:
    """The best cell of selection on each task and the yardstick, both measured alike.

    Where both have fresh seeds, `value` and `reference` are their means on the test split; else both
    are the best of their settings on the validation split. `measured` says which.
    """
    rows = (*board.rows, *board.stopped)
    yardstick = baseline_id(board.study.baselines[-1])
    entries: list[dict[str, Any]] = []
    for place, task in enumerate(board.tasks):
        known = {
            row.cell_id: selected.value
            for row in rows
            if (selected := row.selected[place]) is not None and selected.value is not None
        }
        if not known:
            continue
        best = min(known, key=lambda cell: (-task.metric.oriented(known[cell]), cell))
        fresh = {row.cell_id: found for row in rows if (found := row.confirmed[place]) is not None}
        value, reference, measured = known[best], known.get(yardstick), "selection, validation"
        if best in fresh and yardstick in fresh:
            value, reference = fresh[best].centre, fresh[yardstick].centre
            seeds = min(fresh[best].count, fresh[yardstick].count)
            measured = f"{seeds} fresh seed{'' if seeds == 1 else 's'}, test"
        entries.append(
            {
                "task": task.name,
                "metric": task.metric.name,
                "metric_label": task.metric.label,
                "cell_id": best,
                "value": value,
                "reference": reference,
                "measured": measured,
            }
        )
    return entries


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _render(document: dict[str, Any], board: "Board") -> None:
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
    table(
        ("task", "metric", "cell", "its result", board.yardstick, "measured by"),
        [
            (
                best["task"],
                best["metric_label"],
                label(best["cell_id"]),
                best["value"],
                best["reference"],
                best["measured"],
            )
            for best in document["compared"]
        ],
        title="the best of selection on each task, beside the yardstick",
    )
    store = shlex.quote(document["store"])
    print(f"digest  {document['digest']}")
    print(f"record  {document['store']}")
    print(f"next    {typed(f'gatewright leaderboard {store}')}")
    print(f"        {typed(f'gatewright report {store}')}")
