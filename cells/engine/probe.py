"""A cheap look at a new cell before anything is spent on training it."""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from cells.cell import Cell
from cells.engine.initial import draw
from cells.engine.learner import Model
from cells.engine.parameter import parameters
from cells.engine.reference import tensors, unroll
from cells.engine.seed import generator
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

    A pure function of `cell` and `seed`.
    """
    step = width_step(cell)
    model = Model(cell, -(-WIDTH // step) * step, 1, "symbols", SYMBOLS, window=STEPS)
    weights = tensors(draw(model, 1.0, seed), "float32")
    trained = {
        one.name: weights[one.name].requires_grad_() for one in parameters(model) if one.trained
    }
    symbols = generator("probe", seed).integers(0, SYMBOLS, (2, STEPS, LANES))
    inputs, targets = torch.tensor(symbols[0]), torch.tensor(symbols[1])
    embedded = functional.embedding(inputs, weights["embedding"])
    starts = [torch.zeros(LANES, model.width)] * len(cell.updates)
    outputs, _ = unroll(cell, weights, embedded, starts)
    for index, output in enumerate(outputs.unbind(0)):
        if not _is_finite(output):
            return f"the output of a fresh model is not finite at step {index}"
    logits = functional.linear(outputs, weights["readout.weight"], weights["readout.bias"])
    losses = functional.cross_entropy(
        logits.flatten(0, 1), targets.flatten(), reduction="none"
    ).view(STEPS, LANES)
    if not _is_finite(losses):
        return "the loss of a fresh model is not finite"
    gradients = dict(
        zip(
            trained,
            torch.autograd.grad(
                losses.sum(),
                list(trained.values()),
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            ),
            strict=True,
        )
    )
    for name, gradient in gradients.items():
        if not _is_finite(gradient):
            return f"the gradient of a fresh model is not finite at {name}"
    if not any(bool(g.any()) for name, g in gradients.items() if not name.startswith("readout.")):
        return "no gradient reaches a parameter below the readout"
    if path_exists(cell, LAG):
        (back,) = torch.autograd.grad(
            losses[-1].sum(), embedded, allow_unused=True, materialize_grads=True
        )
        if not bool(back[: STEPS - LAG].any()):
            return f"no gradient reaches back {LAG} steps or more"
    return None


def path_exists(cell: Cell, lag: int) -> bool:
    """Whether the graph leads from x to the output `lag` steps later."""
    reached = {0}
    for _ in range(lag):
        seen = _descendants(cell, reached)
        reached = {1 + index for index, node in enumerate(cell.updates) if node in seen}
    return cell.output in _descendants(cell, reached)


def _descendants(cell: Cell, sources: set[int]) -> set[int]:
    found = set(sources)
    for index, node in enumerate(cell.nodes):
        if not found.isdisjoint(node.args):
            found.add(index)
    return found


def _is_finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())
