"""How a cell behaves: what its Jacobian does to the state, how far gradients reach, where gates sit.

Everything is measured in seconds on small models of one layer, and is a function of cell, data and seed
(trainings: on one machine class and executor). The values are those of `cells.measure.dynamics`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.chance import generator
from cells.engine.executor import make
from cells.engine.learner import Learner, Model, Weights
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.engine.training.trainer import Source
from cells.identity.canonical import canonical
from cells.identity.naming import named
from cells.measure.dynamics import BINS, Dynamics, Gate, Memory, Saturation, Spectrum, Stability
from cells.seed import training_seed
from cells.size import width_step
from cells.training.setting import Setting

WIDTH: Final = 32
SYMBOLS: Final = 16
"""Inputs at initialisation are embeddings of random symbols, as in a training that begins."""
SCALE: Final = 1.0
SEEDS: Final = 3
LANES: Final = 8
STEP: Final = 10
LAGS: Final = 100

USUAL: Final = Setting(learning_rate=1.0, init_scale=1.0, clip=5.0)
UPDATES: Final = 400
SHORT: Final = 60
BOUND: Final = 2.0


def measure(
    cell: Cell, source: Source, task: str, settings: Sequence[Setting], executor: str, seed: int = 0
) -> Dynamics:
    """All of it.

    Args:
        cell: any valid cell; its canonical form is measured.
        source: symbols to train on; its windows should be short.
        task: what `source` is called.
        settings: random settings of the search space, for `stability`.
        executor: what runs the trainings.
        seed: of all draws.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    form = named(cell)
    return Dynamics(
        seed,
        executor,
        task,
        spectrum(form, seed),
        memory(form, seed),
        saturation(form, source, executor, seed),
        stability(form, source, settings, executor, seed),
    )


def spectrum(cell: Cell, seed: int = 0, width: int = WIDTH) -> Spectrum | None:
    """Singular values of ds_t/ds_{t-1} at `STEP` of `SEEDS` fresh models; None without states."""
    cell, width = _sized(cell, width)
    size = len(cell.updates) * width
    if not size:
        return None
    rows: list[tuple[float, ...]] = []
    for number in range(SEEDS):
        weights, inputs, _ = _fresh(cell, width, seed, number, STEP, 1)
        zeros = [torch.zeros(1, width, dtype=torch.float64) for _ in cell.updates]
        _, states = unroll(cell, weights, inputs[:-1], zeros)
        # One lane for each row of the Jacobian: lanes do not meet, so one backward gives all rows.
        old = [state.detach().expand(size, width).clone().requires_grad_() for state in states]
        _, new = unroll(cell, weights, inputs[-1:].expand(1, size, width), old)
        chosen = torch.cat(new, 1).diagonal().sum()
        slopes = torch.autograd.grad(chosen, old, allow_unused=True, materialize_grads=True)
        jacobian = np.nan_to_num(torch.cat(slopes, 1).numpy())
        values: NDArray[np.float64] = np.linalg.svd(jacobian, compute_uv=False)
        rows.append(tuple(map(float, values)))
    return Spectrum(width, STEP, tuple(rows))


def memory(cell: Cell, seed: int = 0, width: int = WIDTH, lags: int = LAGS) -> Memory | None:
    """Norm of the gradient of the last step's loss at the states of earlier steps; None without states.

    The loss is the cross entropy of a random symbol. Lanes whose gradient at lag 1 is zero or not
    finite are left out.

    Source: Hochreiter 1991; Bengio, Simard, Frasconi 1994; Pascanu, Mikolov, Bengio 2013.
    """
    cell, width = _sized(cell, width)
    if not cell.updates:
        return None
    norms: list[NDArray[np.float64]] = []
    for number in range(SEEDS):
        weights, inputs, targets = _fresh(cell, width, seed, number, STEP + lags, LANES)
        states = [torch.zeros(LANES, width, dtype=torch.float64) for _ in cell.updates]
        _, states = unroll(cell, weights, inputs[: STEP - 1], states)
        states = [state.clone().requires_grad_() for state in states]
        trail: list[Tensor] = []
        output = inputs[-1]
        for step in range(STEP - 1, STEP + lags):
            if step >= STEP:
                # A state may be the tensor of another or x itself: a view has a gradient of its own.
                states = [state.view_as(state) for state in states]
                states = [
                    state if state.requires_grad else state.requires_grad_() for state in states
                ]
                trail += states
            outputs, states = unroll(cell, weights, inputs[step : step + 1], states)
            output = outputs[-1]
        logits = functional.linear(output, weights["readout.weight"], weights["readout.bias"])
        loss = functional.cross_entropy(logits, targets, reduction="sum")
        gradients = torch.autograd.grad(loss, trail, allow_unused=True, materialize_grads=True)
        stacked = torch.stack(gradients).view(lags, len(cell.updates), LANES, width)
        norms.append(stacked.square().sum((1, 3)).sqrt().flip(0).numpy())
    table = np.concatenate(norms, 1)
    start = table[0]
    kept = np.isfinite(start) & (start > 0)
    if not kept.any():
        zeros = (0.0,) * lags
        return Memory(width, 0, zeros, zeros, zeros, 0.0)
    ratios = np.nan_to_num(table[:, kept] / start[kept])
    low, median, high = np.quantile(ratios, (0.25, 0.5, 0.75), axis=1)
    return Memory(
        width,
        int(kept.sum()),
        tuple(median.tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        float(np.median(start[kept])),
    )


def saturation(
    cell: Cell,
    source: Source,
    executor: str,
    seed: int = 0,
    *,
    width: int = WIDTH,
    updates: int = UPDATES,
    setting: Setting = USUAL,
) -> Saturation:
    """Where the values of every sigmoid lie before and after a short training."""
    names = {index: name for index, name in enumerate(cell.names) if name}
    cell, width = _sized(cell, width)
    gates = [index for index, node in enumerate(cell.nodes) if node.op == "sigmoid"]
    model = _model(cell, source, width)
    learner = _learner(model, setting, executor, training_seed("saturation", seed))
    batches = list(islice(source.batches("valid"), 4))
    before = [_gate_values(cell, learner.weights(), index, batches) for index in gates]
    losses = list(_train(learner, _batches(source, updates), setting))
    learner.forget()
    scores = [learner.evaluate(batch) for batch in batches]
    after = [_gate_values(cell, learner.weights(), index, batches) for index in gates]
    found: list[Gate] = []
    for index, old, new in zip(gates, before, after, strict=True):
        bars, _ = np.histogram(new, BINS, (0.0, 1.0))
        low, high = _share(new < 0.1), _share(new > 0.9)
        name = names.get(index, f"sigmoid {len(found) + 1}")
        shares = (bars / max(new.size, 1)).tolist()
        found.append(Gate(name, low, high, tuple(shares), _share((old < 0.1) | (old > 0.9))))
    scored = sum(score.scored for score in scores)
    return Saturation(
        width, len(losses), sum(score.correct for score in scores) / scored, tuple(found)
    )


def stability(
    cell: Cell,
    source: Source,
    settings: Sequence[Setting],
    executor: str,
    seed: int = 0,
    *,
    width: int = WIDTH // 2,
    updates: int = SHORT,
    bound: float = BOUND,
) -> Stability:
    """How many of `settings` do not survive a short training of one layer.

    A finite loss counts as blown up when its mean over the last sixth of the updates is above `bound`
    times log V. A clipped cell with bounded activations rarely stops being finite.
    """
    cell, width = _sized(cell, width)
    model = _model(cell, source, width)
    batches = _batches(source, updates)
    diverged = blown = 0
    for number, setting in enumerate(settings):
        learner = _learner(model, setting, executor, training_seed("stability", seed, number))
        losses = list(_train(learner, batches, setting))
        last = losses[-max(1, updates // 6) :]
        if len(losses) < updates:
            diverged += 1
        elif sum(last) / len(last) > bound * math.log(source.facts.size):
            blown += 1
    return Stability(width, len(settings), updates, diverged, blown, bound)


def _share(chosen: NDArray[np.bool_]) -> float:
    """Share of true ones; 0 of none."""
    return float(chosen.sum()) / max(chosen.size, 1)


def _sized(cell: Cell, width: int) -> tuple[Cell, int]:
    """The canonical form, and the nearest width from `width` upwards that it can have."""
    form = canonical(cell)
    step = width_step(form)
    return form, -(-width // step) * step


def _fresh(
    cell: Cell, width: int, seed: int, number: int, steps: int, lanes: int
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Parameters, inputs `[T, B, H]` and targets `[B]` in float64."""
    model = Model(cell, width, 1, "symbols", SYMBOLS)
    weights = tensors(draw(model, SCALE, training_seed("dynamics", seed, number)))
    source = generator("dynamics symbols", seed, number)
    symbols = torch.tensor(source.integers(0, SYMBOLS, (steps, lanes)))
    targets = torch.tensor(source.integers(0, SYMBOLS, lanes))
    return weights, functional.embedding(symbols, weights["embedding"]), targets


def _model(cell: Cell, source: Source, width: int) -> Model:
    facts = source.facts
    return Model(cell, width, 1, facts.kind, facts.size, window=facts.window)


def _learner(model: Model, setting: Setting, executor: str, seed: int) -> Learner:
    weights = draw(model, setting.init_scale, seed)
    return make(executor, model, weights, dtype="float32", seed=seed, optimizer=setting.rule)


def _batches(source: Source, updates: int) -> list[Batch]:
    """The first windows of a training."""
    batches = (batch for epoch in count() for batch in source.batches("train", epoch))
    return list(islice(batches, updates))


def _train(learner: Learner, batches: Iterable[Batch], setting: Setting) -> Iterator[float]:
    """Mean loss of each update, in nats a scored step; ends early where the training diverges."""
    for batch in batches:
        score = learner.train(batch, setting.learning_rate, setting.clip)
        if score.norm is None or not math.isfinite(score.loss + score.norm):
            return
        yield score.loss / max(score.scored, 1)


def _gate_values(
    cell: Cell, weights: Weights, index: int, batches: Sequence[Batch]
) -> NDArray[np.float64]:
    """What a node gives on windows of one length from zero states, finite values only."""
    ready = tensors(weights)
    shown = replace(cell, output=index)
    # Windows side by side, as lanes: steps are what costs time here.
    symbols = np.concatenate([batch.inputs for batch in batches], axis=1)
    embedded = functional.embedding(torch.tensor(symbols), ready["embedding"])
    zeros = [embedded.new_zeros(symbols.shape[1], embedded.shape[2]) for _ in cell.updates]
    values, _ = unroll(shown, ready, embedded, zeros)
    flat = values.numpy().ravel()
    return flat[np.isfinite(flat)]
