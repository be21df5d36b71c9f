"""The same windows through the reference and the native learner, and how far they are apart."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import inf, isfinite
from random import Random
from typing import Any, Literal, NamedTuple

import numpy as np

from cells import CellError, Mutant, canonical, mutate, zoo
from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.learner import Learner, Model, Score, Weights
from cells.engine.native.learner import NativeLearner
from cells.engine.reference import ReferenceLearner
from cells.engine.training.initial import draw
from cells.sampling import sample

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
) -> tuple[float, Callable[[], float]]:
    """How far the native learner is from the reference, and the reference from itself when asked.

    The second number is the distance after a change of the weights by a few times the rounding of the
    dtype: what no implementation can be asked to fall below. It costs as much as the rest.
    """
    model, windows = model_of(cell, shape), batches(shape, seed)
    weights = weights_of(model, seed)
    keep = [None] * shape.windows
    reference = ran(ReferenceLearner(model, weights, dtype=dtype, seed=seed), windows, keep)
    ends = [one.after for one in reference]
    native = NativeLearner(model, weights, dtype=dtype, seed=seed, poison=True)
    found = distance(reference, ran(native, windows, ends))
    unit = 4 * float(np.finfo(dtype).eps)

    def own() -> float:
        source = np.random.default_rng([seed, 3])

        def shaken(given: Weights) -> Weights:
            return {n: w * (1 + unit * source.normal(0, 1, w.shape)) for n, w in given.items()}

        again = ReferenceLearner(model, shaken(weights), dtype=dtype, seed=seed)
        return distance(reference, ran(again, windows, [shaken(end) for end in ends]))

    return found, own


class Gradient(NamedTuple):
    """The score of a window, and its gradient times `RATE` by the names of the parameters."""

    score: Score
    change: Weights


RATE = 1e6
"""So large that the weights themselves are lost in the changes, and rounding in these with them."""


def gradient(learner: Learner, windows: Sequence[Batch]) -> Gradient:
    """That of the last window, unclipped, with the states that the others leave."""
    for window in windows[:-1]:
        learner.evaluate(window)
    before = learner.weights()
    score = learner.train(windows[-1], RATE, inf)
    after = learner.weights()
    return Gradient(score, {name: before[name] - after[name] for name in after})


def gap(one: Gradient, other: Gradient) -> float:
    """The largest relative difference of loss, norm and gradients; infinite if one is not finite.

    Gradients are relative to the largest one of their parameter, or a thousandth of the largest of all.
    """
    if not (_finite(one.score) and _finite(other.score)):
        return inf
    pairs = [(one.score.loss, other.score.loss), (one.score.norm or 0.0, other.score.norm or 0.0)]
    gaps = [abs(a - b) / max(abs(a), 1e-30) for a, b in pairs]
    top = max(float(np.abs(array).max()) for array in one.change.values())
    for name, array in one.change.items():
        size = float(np.abs(array).max()) + 1e-3 * top
        if size:
            gaps.append(float(np.abs(array - other.change[name]).max()) / size)
    return inf if any(np.isnan(gaps)) else max(gaps)


class Calm(NamedTuple):
    """A window in which rounding hardly matters, and how far native gradients are off in it."""

    gap: float
    shape: Shape
    scale: float


def calm(cell: Cell, shape: Shape, seed: int, dtype: Dtype) -> Calm | None:
    """How far the native gradients are from the float64 reference's where rounding hardly matters.

    Chaos needs large weights or many steps. So the window is one or two steps long, after one that
    only moves the states; the weights are made smaller, and drawn again for fewer units, at last for
    one. It ends where the reference hardly moves when its weights are shaken by a few times the
    rounding of `dtype`, three times, and when it computes in `dtype` itself: there any difference
    beyond rounding is an error of somebody's. The native executor has no part in the choice.

    Returns:
        None if no such window is found.
    """
    source = np.random.default_rng([seed, 3])
    small = replace(shape, lanes=min(shape.lanes, 2), width=min(shape.width, 3))
    smallest = replace(shape, lanes=1, width=1, layers=1)
    sizes = (shape, *[small] * 2, *[smallest] * 6)
    for (draw_number, size), windows, steps in product(enumerate(sizes), (2, 1), (2, 1)):
        short = replace(size, steps=steps, windows=windows)
        model, data = model_of(cell, short), batches(short, seed)
        drawn = weights_of(model, seed + 1000 * draw_number)
        for scale in (1.0, 0.1, 0.01) if draw_number else (1.0, 0.3, 0.1, 0.03, 0.01, 0.001):
            weights: Weights = {name: (w * scale).astype(dtype) for name, w in drawn.items()}
            wanted = gradient(ReferenceLearner(model, weights, dtype="float64"), data)
            if not _finite(wanted.score):
                continue
            if all(_is_calm(model, weights, data, wanted, dtype, source) for _ in range(3)):
                native = NativeLearner(model, weights, dtype=dtype, poison=True)
                return Calm(gap(wanted, gradient(native, data)), short, scale)
    return None


def _is_calm(
    model: Model,
    weights: Weights,
    windows: Sequence[Batch],
    wanted: Gradient,
    dtype: Dtype,
    source: np.random.Generator,
) -> bool:
    """Whether one shaking moves the reference, and rounding moves it from there, hardly at all."""
    unit, allowed = 4 * float(np.finfo(dtype).eps), {"float64": 1e-12, "float32": 2e-6}[dtype]
    shaken: Weights = {
        name: (w * (1 + unit * source.normal(0, 1, w.shape))).astype(dtype)
        for name, w in weights.items()
    }
    moved = gradient(ReferenceLearner(model, shaken, dtype="float64"), windows)
    if gap(wanted, moved) > allowed:
        return False
    own = gradient(ReferenceLearner(model, shaken, dtype=dtype), windows)
    return gap(moved, own) <= allowed


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
