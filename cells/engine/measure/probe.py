"""A cheap look at a new cell before anything is spent on training it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell
from cells.engine.chance import generator
from cells.engine.learner import Model
from cells.engine.measure.backprop import Array, Unrolled, flushed
from cells.engine.training.initial import draw
from cells.engine.training.parameter import parameters
from cells.size import width_step

WIDTH: Final = 16
SYMBOLS: Final = 6
STEPS: Final = 12
LANES: Final = 8
"""At width 8 and 4 lanes a sound relu cell had all units off for one seed in 300."""
LAG: Final = 5


def probe(cell: Cell, seed: int) -> str | None:
    """None if `cell` can be trained, else one line that says what is wrong.

    On one window of random symbols through a small fresh model in float32: outputs, loss and gradient
    are finite; some trained parameter has a gradient; and the loss of the last step has a gradient at
    a symbol read at least `LAG` steps earlier. The last is not asked of a cell whose graph has no
    path that long: what such a cell lacks is for the memorization screen to show.

    A pure function of `cell` and `seed`, and the same for every executor.
    """
    step = width_step(cell)
    model = Model(cell, -(-WIDTH // step) * step, 1, "symbols", SYMBOLS, window=STEPS)
    weights = {name: array.astype(np.float32) for name, array in draw(model, 1.0, seed).items()}
    inputs, targets = generator("probe", seed).integers(0, SYMBOLS, (2, STEPS, LANES))
    run = Unrolled(cell, weights, weights["embedding"][inputs])
    for index, output in enumerate(run.outputs):
        if not np.isfinite(output).all():
            return f"the output of a fresh model is not finite at step {index}"
    with np.errstate(all="ignore"):
        losses, errors = _cross_entropy(
            run.outputs @ weights["readout.weight"].T + weights["readout.bias"], targets
        )
        if not np.isfinite(losses).all():
            return "the loss of a fresh model is not finite"
        outer = flushed(errors @ weights["readout.weight"])
        back, gradients = run.gradients(outer)
        gradients["embedding"] = np.zeros_like(weights["embedding"])
        np.add.at(gradients["embedding"], inputs, back)
        gradients["readout.weight"] = np.einsum("tbv,tbh->vh", errors, run.outputs)
        gradients["readout.bias"] = errors.sum((0, 1))
    trained = [parameter.name for parameter in parameters(model) if parameter.trained]
    for name in trained:
        if not np.isfinite(gradients[name]).all():
            return f"the gradient of a fresh model is not finite at {name}"
    if not any(gradients[name].any() for name in trained if not name.startswith("readout.")):
        return "no gradient reaches a parameter below the readout"
    if path_exists(cell, LAG):
        outer[:-1] = 0
        if not run.gradients(outer)[0][: STEPS - LAG].any():
            return f"no gradient reaches back {LAG} steps or more"
    return None


def _cross_entropy(logits: Array, targets: NDArray[np.int64]) -> tuple[Array, Array]:
    """Losses `[T, B]`, and the gradients `[T, B, V]` of their sum by the logits."""
    logits = logits - logits.max(-1, keepdims=True)
    total = np.exp(logits).sum(-1, keepdims=True)
    errors = np.exp(logits) / total
    chosen = targets[..., None]
    losses = np.log(total) - np.take_along_axis(logits, chosen, -1)
    np.put_along_axis(errors, chosen, np.take_along_axis(errors, chosen, -1) - 1, -1)
    return losses[..., 0], flushed(errors)


def path_exists(cell: Cell, lag: int) -> bool:
    """Whether the graph leads from x to the output `lag` steps later."""
    reached = {0}
    for _ in range(lag):
        seen = _descendants(cell, reached)
        reached = {1 + index for index, node in enumerate(cell.updates) if node in seen}
    return cell.output in _descendants(cell, reached)


def _descendants(cell: Cell, sources: set[int]) -> set[int]:
    descendants = set(sources)
    for index, node in enumerate(cell.nodes):
        if not descendants.isdisjoint(node.args):
            descendants.add(index)
    return descendants
