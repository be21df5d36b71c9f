"""`gatewright publish`, `restore` and `verify`: a record leaves this machine, and lives on elsewhere."""

import dataclasses
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.record.leaderboard import StoreArgument
from search.console import DONE, WRONG, Json, note, show, table, typed
from search.error import UsageError

if TYPE_CHECKING:
    from results.record.trial import Trial
    from search.verify import Verification


def publish(
    store: StoreArgument,
    out: Annotated[Path, typer.Option("--out", help="Folder of the published record.")],
    json: Json = False,
) -> int:
    """Write a record as compressed CSV tables with checksums, which every STORE can be.

    Into a folder that holds a part of it already, only what was added since is written.
    """
    from results.publishing import publication

    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out}: a file, expected a folder")
    with publication.open_record(store) as record:
        published = publication.publish(record, out)
        root = record.root
    manifest = published.manifest.to_json()
    for named in sorted(_places(manifest)):
        note(f"the record names {named}, a place on this machine, and is published as it is")
    size = sum(path.stat().st_size for path in published.files)
    document = {
        "folder": str(out),
        "bytes": size,
        "added": published.added,
        "root": root or None,
        **manifest,
    }

    def render() -> None:
        table(("table", "rows"), list(published.manifest.rows().items()))
        parts = len(published.manifest.parts)
        what = f"{published.added:,} new rows" if published.added else "nothing new"
        many = f" in {parts} parts" if parts > 1 else ""
        print(f"{out}: {what}, {size / 1024:,.0f} KiB{many}; check it with gatewright verify {out}")
        print(_root(root))

    show(document, json, render)
    return DONE


def restore(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A published record.")],
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="The file to write; it must not exist yet.")
    ],
    json: Json = False,
) -> int:
    """Turn a published record into a store again, which its search can go on with."""
    from results.publishing import restore as restoring
    from results.record.store import Store

    restoring.restore(folder, store)
    with Store.read(store) as record:
        studies, rows = record.studies(), record.rows
        commands = restoring.resume_commands(record, store)
    again = [typed(shlex.join(words)) for words in commands]
    document: dict[str, Any] = {
        "store": str(store),
        "bytes": store.stat().st_size,
        "rows": rows,
        "studies": [
            {"id": row.id, "name": row.study.name, "asked": row.asked, "answered": row.answered}
            for row in studies
        ],
        "resume": again,
    }

    def render() -> None:
        table(
            ("study", "asked", "answered"),
            [(row.study.name, row.asked, row.answered) for row in studies],
        )
        print(f"wrote {store} ({document['bytes'] / 1024:,.0f} KiB, {rows:,} rows)")
        print("to go on with it:" if again else "the record names no command that goes on with it")
        for command in again:
            print(f"  {command}")

    show(document, json, render)
    return DONE


def _places(manifest: dict[str, Any]) -> set[str]:
    """Absolute paths in the commands that made a record."""
    starts = [start for study in manifest["studies"] for start in study["starts"].values()]
    words = [word.strip("'\"") for start in starts for word in start.get("command", "").split()]
    return {word for word in words if Path(word).is_absolute()}


def verify(
    store: StoreArgument,
    sample: Annotated[int, typer.Option(help="Most trials to train again.", min=0)] = 5,
    seconds: Annotated[
        float,
        typer.Option(
            help="Most seconds that these trials may have taken when they were recorded.", min=0
        ),
    ] = 300.0,
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 0,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            help="Executor to train with; default: the recorded one, or the reference where that cannot run.",
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Check a record's sums and digests, train some of its trials again, and compare."""
    from search import verify as verification

    def told(number: int, count: int, trial: "Trial") -> None:
        if not json:
            note(f"trial {number} of {count}: {trial.task}, {trial.key}")

    verified = verification.verify(store, sample, seconds, seed, executor, told)
    compared, agreeing = verified.compared, verified.agreeing
    document: dict[str, Any] = {
        "record": str(store),
        "published": store.is_dir(),
        "studies": [
            {
                "id": row.id,
                "name": row.study.name,
                "asked": row.asked,
                "answered": row.answered,
                "digest": verified.digests[row.id],
            }
            for row in verified.studies
        ],
        "root": verified.root or None,
        "trials": verified.recorded,
        "able": verified.able,
        "not_able": dict(verified.reasons),
        "checked": [dataclasses.asdict(check) for check in verified.checks],
        "agreeing": agreeing,
        "differing": compared - agreeing,
        "not_judged": len(verified.checks) - compared,
    }

    def render() -> None:
        _print_record(store, verified)
        _print_checks(verified)
        print(f"{agreeing} of {compared} that can be judged agree with the record")
        if sample and not compared:
            print("nothing could be compared, so this proves nothing about the numbers")

    show(document, json, render)
    return DONE if agreeing == compared and (compared or not sample) else WRONG


def _print_record(store: Path, verified: "Verification") -> None:
    table(
        ("study", "asked", "answered", "digest"),
        [
            (row.study.name, row.asked, row.answered, verified.digests[row.id])
            for row in verified.studies
        ],
    )
    what = "the checksums of the folder and" if store.is_dir() else "the file and"
    rows = "every column of all rows" if verified.root else "all asks and outcomes"
    print(f"{what} the digests of {rows} are right")
    print(_root(verified.root))


def _root(digest: str) -> str:
    if not digest:
        return "root digest: none; this record is of before, other columns are not covered"
    return f"root digest {digest}"


def _print_checks(verified: "Verification") -> None:
    table(
        ("key", "cell", "task", "executor", "of", "recorded", "found", "apart", "allowed", ""),
        [
            (
                check.key[:12],
                check.cell,
                check.task,
                check.executor,
                check.metric,
                _exact(check.recorded, check.endings[0]),
                _exact(check.found, check.endings[1]),
                check.distance,
                check.allowed,
                check.verdict,
            )
            for check in verified.checks
        ],
    )
    unlike = dict.fromkeys(what for check in verified.checks for what in check.unlike)
    if unlike:
        print(
            "not the machine class of the record, so bits may differ: by as much as rounding explains,"
            " measured by trainings disturbed as little as that"
        )
        for what in unlike:
            print(f"  {what}")
    for reason, count in sorted(verified.reasons.items()):
        print(f"skipped {count:,} of {verified.recorded:,} trials: {reason}")


def _exact(value: float | None, ending: str) -> str:
    return ending if value is None else repr(value)
