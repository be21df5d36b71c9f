"""Says how musical a trained progressions model is: the share of steps that are chords of the grammar.

A step counts where the notes below the melody are bass and inner voices of one harmony, or nothing
sounds. Beside what the model plays on its own output stand the music of the task, the model's next
step after true music, the same from the exact law of each note, and notes by their frequency alone.
Exit 1 unless the model plays chords at least five times as often as notes by their frequency.

usage: gatewright train gru progressions --scale quick --epochs 60 --save music.safetensors
       python scripts/check_music.py music.safetensors
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cells.engine.chance import generator
from cells.engine.files import model_file
from cells.engine.generate import generate, predict
from tasks.generated import chorale, progressions

PIECES = 400


def ideal(law: progressions.Law, pieces: progressions.Pieces) -> NDArray[np.float64]:
    """The exact chance of each note at each step, given all steps before it, `[N, 88]`."""
    grammar = chorale.grammar(law.bars, law.half)
    basses, inners, tops = chorale.bass(), chorale.inner(), chorale.top()
    chances = np.zeros(pieces.roll.shape)
    before: tuple[int, int, int, int] | None = None  # harmony, voicing, note, direction
    for at, state in enumerate(pieces.states.tolist()):
        bar, step, harmony, voicing, note, direction = state
        if harmony < 0:  # the silence that ends a phrase is certain
            before = None
            continue
        if before is None:
            after, melody = grammar.opening, grammar.first
            voicings = np.full((chorale.HARMONIES, chorale.VOICINGS), 1 / chorale.VOICINGS)
        else:
            after = grammar.harmony[bar, step][before[0]]
            melody = grammar.melody[step][:, before[2], before[3]]
            voicings = np.tile(grammar.voicing[before[1]], (chorale.HARMONIES, 1))
            voicings[before[0]] = np.eye(chorale.VOICINGS)[before[1]]
        chances[at] = after @ basses + after @ melody @ tops
        chances[at] += np.einsum("h,hv,hvk->k", after, voicings, inners)
        before = (harmony, voicing, note, direction)
    return chances


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path, help="a file of `gatewright train --save`")
    trained = model_file.load(parser.parse_args().model)
    task = progressions.load("progressions", trained.scale)
    pieces = progressions.drawn(task.law, trained.scale, "test")
    rolls = task.rolls("test", len(pieces.offsets) - 1)
    source = generator("check_music", 0)

    def share(roll: NDArray[np.uint8] | NDArray[np.bool_]) -> float:
        return float(chorale.is_chord(roll).mean())

    def coins(chances: NDArray[np.float64]) -> NDArray[np.bool_]:
        return source.random(chances.shape) < chances

    silence = np.zeros((1, chorale.NOTES), np.uint8)
    forced = [
        predict(trained.model, trained.weights, np.concatenate([silence, roll[:-1]])[:, None])[:, 0]
        for roll in rolls
    ]
    alone = np.tile(pieces.roll.mean(axis=0), (10_000, 1))
    rows = {
        "the task": share(pieces.roll),
        "the model's next step after true music": share(coins(np.concatenate(forced))),
        "the same from the exact law of each note": share(coins(ideal(task.law, pieces))),
        "each note by its frequency": share(coins(alone)),
    }
    steps = round(len(pieces.roll) / len(rolls))
    for temperature in (1.0, 0.5):
        start = np.zeros((1, PIECES, chorale.NOTES), np.uint8)
        played = generate(
            trained.model,
            trained.weights,
            start,
            source,
            most=steps,
            temperature=temperature,
        )
        name = f"the model on its own output, {PIECES} x {steps} steps, temperature {temperature:g}"
        rows[name] = share(played.steps.astype(np.uint8).reshape(-1, chorale.NOTES))
    for name, value in rows.items():
        print(f"{value:6.1%}  {name}")
    return 0 if rows[name] >= 5 * rows["each note by its frequency"] else 1


if __name__ == "__main__":
    sys.exit(main())
