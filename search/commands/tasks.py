"""`gatewright tasks`: what can be learned, and what is known about it."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from search.console import DONE, Json, check_output, show, table
from search.error import UsageError

app = typer.Typer(help="Look at tasks: their floors, baselines and examples.", no_args_is_help=True)

TaskArgument = Annotated[
    str, typer.Argument(metavar="TASK", help="Name of a task, see `gatewright tasks ls`.")
]
ScaleOption = Annotated[
    str,
    typer.Option(
        "--scale", help="smoke, quick, laptop, workstation, paper, or another of `tasks ls`."
    ),
]


MidiOption = Annotated[Path | None, typer.Option("--midi", help="Music: write it as a MIDI file.")]
WavOption = Annotated[Path | None, typer.Option("--wav", help="Music: write it as a WAV file.")]


def check_sound(midi: Path | None, wav: Path | None) -> None:
    """Raises UsageError if one of the files cannot be made."""
    for option, path in (("--midi", midi), ("--wav", wav)):
        if path is not None:
            check_output(path, option)


@app.command()
def ls(json: Json = False) -> int:
    """List the tasks and the scales each one has."""
    from tasks import registry

    rows = [{"name": name, "scales": registry.scales_of(name)} for name in registry.names()]
    show(
        {"tasks": rows},
        json,
        lambda: table(
            ("task", "scales"), [(row["name"], ", ".join(row["scales"])) for row in rows]
        ),
    )
    return DONE


@app.command(name="show")
def show_task(task: TaskArgument, scale: ScaleOption = "laptop", json: Json = False) -> int:
    """Show a task's facts: version, digest, sizes, floors, baselines."""
    from tasks import registry

    facts = registry.load(task, scale).facts

    def render() -> None:
        print(f"{facts.name} version {facts.version} at scale {facts.scale} ({facts.family})")
        print(f"digest {facts.digest}")
        what = "symbols" if facts.kind == "symbols" else "notes a step"
        print(
            f"{facts.size} {what}; {facts.updates} windows of {facts.window} x {facts.batch} an epoch"
        )
        print(f"judged by {facts.metric.label}; loss in {facts.unit}")
        for name, text in facts.notes.items():
            print(f"{name}: {text}")
        if facts.floors:
            print()
            table(
                ("known level", "loss", "accuracy", "loss at least", "loss at most"),
                [
                    (floor.name, floor.loss, floor.accuracy, floor.lower, floor.upper)
                    for floor in facts.floors
                ],
            )
        if facts.baselines:
            print()
            table(
                ("baseline", "metric", "value", "split", "comparable", "source"),
                [
                    (b.name, b.metric, b.value, b.split, "yes" if b.comparable else "no", b.source)
                    for b in facts.baselines
                ],
            )

    document = {**asdict(facts), "metric": facts.metric.name, "notes": dict(facts.notes)}
    show(document, json, render)
    return DONE


@app.command()
def sample(
    task: TaskArgument,
    scale: ScaleOption = "laptop",
    split: Annotated[str, typer.Option(help="train, valid or test.")] = "train",
    count: Annotated[int, typer.Option(help="Number of examples.", min=1, max=10_000)] = 5,
    midi: MidiOption = None,
    wav: WavOption = None,
    json: Json = False,
) -> int:
    """Print examples of a task, or make those of a music task to be heard."""
    from tasks import registry
    from tasks.corpora import sound

    if split not in ("train", "valid", "test"):
        raise UsageError(f"--split {split}: expected train, valid or test")
    check_sound(midi, wav)
    loaded = registry.load(task, scale)
    examples: list[str] = loaded.sample(split, count)
    document: dict[str, Any] = {"task": task, "scale": scale, "split": split, "examples": examples}
    if midi or wav:
        if not isinstance(loaded, sound.Audible):
            raise UsageError(f"--midi, --wav: {task} is no music")
        document["seconds"] = sound.write(loaded.rolls(split, count), task, midi, wav)
    show(document, json, lambda: print("\n".join(examples)))
    return DONE
