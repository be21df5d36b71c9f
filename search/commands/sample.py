"""`gatewright sample`: what a trained model writes when it reads its own output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from search.commands.tasks import MidiOption, WavOption, check_sound
from search.console import DONE, Json, show
from search.error import UsageError

if TYPE_CHECKING:
    from cells.engine.files.model_file import Trained

SYMBOLS, FRAMES = 200, 64
"""Steps of a sequence that does not end before, unless `--steps` says otherwise."""


def sample(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model file from `gatewright train --save`.")
    ],
    count: Annotated[int, typer.Option(help="Number of sequences.", min=1, max=1_000)] = 3,
    steps: Annotated[
        int | None,
        typer.Option(
            help=f"Of the longest one; else {SYMBOLS} symbols or {FRAMES} frames.",
            min=1,
            max=100_000,
        ),
    ] = None,
    temperature: Annotated[
        float,
        typer.Option(
            help="1 samples from the model's own distribution; 0 takes the most likely symbol.",
            min=0.0,
        ),
    ] = 1.0,
    threshold: Annotated[
        float,
        typer.Option(help="Music: drop notes less likely than this.", min=0.0, max=1.0),
    ] = 0.0,
    prefix: Annotated[
        str, typer.Option(help="Text that the model reads first and every sequence starts with.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the draws.")] = 0,
    midi: MidiOption = None,
    wav: WavOption = None,
    json: Json = False,
) -> int:
    """Draw sequences from a trained model, its own output fed back."""
    import numpy as np

    from cells.engine.chance import generator
    from cells.engine.generate import generate
    from cells.engine.stop import EndSymbol
    from search.error import SearchError
    from search.resolve import label
    from search.resolve import trained as read

    check_sound(midi, wav)
    trained = read(model)
    symbolic = trained.model.kind == "symbols"
    if prefix and not symbolic:
        raise UsageError("--prefix: text, but this model plays music")
    if (midi or wav) and symbolic:
        raise UsageError("--midi, --wav: this model writes text")
    if symbolic:
        read = np.repeat(np.array(_start(trained, prefix))[:, None], count, axis=1)
    else:
        read = np.zeros((1, count, trained.model.size), np.uint8)
    try:
        generated = generate(
            trained.model,
            trained.weights,
            read,
            generator("sample", seed),
            most=steps or (SYMBOLS if symbolic else FRAMES),
            temperature=temperature,
            threshold=threshold,
            stop=None if trained.boundary is None else EndSymbol(trained.boundary),
        )
    except ValueError as error:
        raise SearchError("model.output", f"{model}: {error}", "lower --temperature") from None
    lanes = [generated.lane(lane) for lane in range(count)]
    document: dict[str, Any] = {
        "model": str(model),
        "cell": label(trained.model.cell),
        "task": trained.task,
        "scale": trained.scale,
        "seed": seed,
        "temperature": temperature,
        "threshold": threshold,
        "ended": generated.ended.tolist(),
    }
    if symbolic:
        texts = [_text(trained, prefix, lane.tolist()) for lane in lanes]
        document["samples"] = texts
    else:
        from tasks.corpora import derive, pianoroll, sound

        document["samples"] = [
            [(frame.nonzero()[0] + derive.MIDI_LOW).tolist() for frame in lane] for lane in lanes
        ]
        if midi or wav:
            rolls = [lane.astype(np.uint8) for lane in lanes]
            document["seconds"] = sound.write(rolls, trained.task, midi, wav)
        texts = [" | ".join(pianoroll.notes(frame) for frame in lane) for lane in lanes]
    show(document, json, lambda: print("\n".join(texts)))
    return DONE


def _start(trained: "Trained", prefix: str) -> list[int]:
    """The symbols that the model reads first: the end of the sequence before, then `prefix`."""
    number = {word: symbol for symbol, word in enumerate(trained.vocabulary)}
    words = list(prefix) if _is_by_character(trained) else prefix.split()
    for word in words:
        if word not in number:
            known = " ".join(map(repr, trained.vocabulary[:50]))
            raise UsageError(f"--prefix: {word!r} is no symbol of this model", f"known are {known}")
    before = [] if trained.boundary is None else [trained.boundary]
    start = [*before, *(number[word] for word in words)]
    if not start:
        raise UsageError(
            f"{trained.task} has no symbol between its sequences, so that they can begin anywhere",
            f"add --prefix, such as one that `gatewright tasks sample {trained.task}` shows",
        )
    return start


def _text(trained: "Trained", prefix: str, symbols: Sequence[int]) -> str:
    """The text of `prefix` and what follows it, without the symbol that ends a sequence."""
    if symbols and symbols[-1] == trained.boundary:
        symbols = symbols[:-1]
    words = [trained.vocabulary[symbol] for symbol in symbols]
    return (
        prefix + "".join(words)
        if _is_by_character(trained)
        else " ".join([*prefix.split(), *words])
    )


def _is_by_character(trained: "Trained") -> bool:
    return all(len(word) == 1 for word in trained.vocabulary)
