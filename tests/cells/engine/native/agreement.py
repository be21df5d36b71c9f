"""The same windows through the reference and the native learner, and how far they are apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from random import Random
from typing import Any, Literal, NamedTuple

import numpy as np

from cells import CellError, Mutant, canonical, mutate, zoo
from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.initial import draw
from cells.engine.learner import Learner, Model, Score, Weights
from cells.engine.native.learner import NativeLearner
from cells.engine.reference import ReferenceLearner
from cells.sample import sample

Dtype = Literal["float32", "float64"]


@dataclass(frozen=True)
class Shape:
    """What is run: sizes, kind of data, and how many windows."""

    steps: int = 5
    lanes: int = 3
    width: int = 8
    layers: int = 1
    kind: Literal["symbols", "roll"] = "symbols"
    size: int = 7
    dropout: float = 0.0
    windows: int = 3


class Ran(NamedTuple):
    """What one window did: its score, and what it added to the weights."""

    score: Score
    change: Weights
    after: Weights


def model_of(cell: Cell, shape: Shape) -> Model:
    return Model(cell, shape.width, shape.layers, shape.kind, shape.size, shape.dropout)


def weights_of(model: Model, seed: int, spread: float = 0.1) -> Weights:
    """Drawn, and moved a little, so that nothing is zero."""
    source = np.random.default_rng([seed, 1])
    drawn = draw(model, 1.0, seed)
    return {name: w + source.normal(0, spread, w.shape) for name, w in drawn.items()}


def batches(shape: Shape, seed: int) -> list[Batch]:
    """Windows with unscored steps, each resetting some lanes."""
    source, found = np.random.default_rng([seed, 2]), list[Batch]()
    for _ in range(shape.windows):
        mask = source.random((shape.steps, shape.lanes)) < 0.8
        mask[-1, -1] = True
        reset = source.random(shape.lanes) < 0.3
        if shape.kind == "symbols":
            inputs, targets = source.integers(0, shape.size, (2, shape.steps, shape.lanes))
        else:
            notes = source.random((2, shape.steps, shape.lanes, shape.size)) < 0.3
            inputs, targets = notes.astype(np.float32)
        found.append(Batch(inputs, targets, mask, reset))
    return found


def ran(learner: Learner, windows: Sequence[Batch], then: Iterable[Weights | None]) -> list[Ran]:
    """Trains on every window but the second, which is only scored. Changes have length 0.1 at most.

    `then` are the weights to go on with after each window, None for its own.
    """
    found: list[Ran] = []
    for index, (window, weights) in enumerate(zip(windows, then, strict=True)):
        before = learner.weights()
        score = learner.evaluate(window) if index == 1 else learner.train(window, 0.1, 1.0)
        after = learner.weights()
        change: Weights = {name: after[name] - before[name] for name in after}
        found.append(Ran(score, change, after))
        if weights is not None:
            learner.load(weights)
    return found


def distance(one: Sequence[Ran], other: Sequence[Ran]) -> float:
    """The largest relative difference of losses, norms and changes of weights.

    Changes are relative to the largest one of their parameter, or a thousandth of the largest of all.
    A window that is not finite must not be in the other either, and must leave the weights alone.
    """
    worst = 0.0
    for (score, change, _), (again, changed, _) in zip(one, other, strict=True):
        if _finite(score) != _finite(again):
            return inf
        if not _finite(score):
            assert not any(array.any() for array in changed.values())
            continue
        pairs = [(score.loss, again.loss, 1.0), (score.norm or 0.0, again.norm or 0.0, 1e-3)]
        gaps = [abs(a - b) / max(floor, abs(a)) for a, b, floor in pairs]
        if (score.correct, score.wrong) != (again.correct, again.wrong):
            gaps.append(1e-6)
        assert score.scored == again.scored
        top = max(float(np.abs(array).max()) for array in change.values())
        for name, array in change.items():
            if top:
                size = float(np.abs(array).max()) + 1e-3 * top
                gaps.append(float(np.abs(array - changed[name]).max()) / size)
        worst = max(worst, *gaps) if not any(np.isnan(gaps)) else inf
    return worst


def _finite(score: Score) -> bool:
    return isfinite(score.loss) and (score.norm is None or isfinite(score.norm))


def compare(
    cell: Cell, shape: Shape, seed: int = 0, dtype: Dtype = "float64"
) -> tuple[float, float]:
    """How far the native learner is from the reference, and the reference from itself.

    The second number is the distance after a change of the weights by a few times the rounding of the
    dtype: what no implementation can be asked to fall below.
    """
    model, windows = model_of(cell, shape), batches(shape, seed)
    weights = weights_of(model, seed)
    keep = [None] * shape.windows
    reference = ran(ReferenceLearner(model, weights, dtype=dtype, seed=seed), windows, keep)
    ends = [one.after for one in reference]
    native = NativeLearner(model, weights, dtype=dtype, seed=seed, poison=True)
    found = distance(reference, ran(native, windows, ends))
    source = np.random.default_rng([seed, 3])
    unit = 4 * float(np.finfo(dtype).eps)

    def shaken(given: Weights) -> Weights:
        return {n: w * (1 + unit * source.normal(0, 1, w.shape)) for n, w in given.items()}

    again = ReferenceLearner(model, shaken(weights), dtype=dtype, seed=seed)
    moved = ran(again, windows, [shaken(end) for end in ends])
    return found, distance(reference, moved)


def random_case(seed: int) -> tuple[Cell, Shape] | None:
    """A random cell of all operators, or a mutant of the zoo, and an odd shape."""
    source = Random(seed)  # noqa: S311 - no secret
    if seed % 2:
        cell = sample(
            source, source.randint(4, 30), source.choice([None, 1, 2, 3]), extended=seed % 8 > 1
        )
    else:
        cell = zoo.load(source.choice(zoo.names()))
        for _ in range(source.randint(1, 4)):
            mutant = mutate(cell, source, source.choice(["edits", "sweep"]))
            cell = mutant.cell if isinstance(mutant, Mutant) else cell
    if seed % 3:
        try:
            cell = canonical(cell)
        except CellError:
            return None
    choose: Any = source.choice
    return cell, Shape(
        steps=choose([1, 2, 5, 11, 35]),
        lanes=choose([1, 3, 7, 20]),
        width=choose([1, 8, 15, 33]),
        layers=choose([1, 1, 2, 4]),
        kind=choose(["symbols", "symbols", "roll"]),
        size=choose([3, 7, 60]),
        dropout=choose([0.0, 0.0, 0.3]),
    )
