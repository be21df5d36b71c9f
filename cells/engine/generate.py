"""Drawing sequences from a trained model: each step is drawn from its prediction and read as the next.

Runs on the reference, one step at a time: whatever trained a model, this draws from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cells.engine.learner import Model, Weights
from cells.engine.reference import tensors, unroll
from cells.engine.stop import Steps, Stop

Array = NDArray[np.float64]
Inputs = NDArray[np.int64] | NDArray[np.uint8] | NDArray[np.float32]
States = list[list[Tensor]]


@dataclass(frozen=True, slots=True)
class Generated:
    """Sequences of B lanes.

    Attributes:
        steps: symbols `[T, B]` int64, or rolls `[T, B, F]` uint8; T is the longest length. After
            its end a lane holds zeros.
        lengths: steps of each lane, the one that ended it included, `[B]`.
        ended: False where a lane was cut at the limit, `[B]`. Count these: a limit that is met
            often makes another law of the model's.
    """

    steps: Steps
    lengths: NDArray[np.int64]
    ended: NDArray[np.bool_]

    def lane(self, index: int) -> Steps:
        """The sequence of one lane, `[length]` or `[length, F]`."""
        return self.steps[: self.lengths[index], index]


@torch.no_grad()
def predict(model: Model, weights: Weights, inputs: Inputs) -> Array:
    """The chances of what follows each step, when the model reads `inputs` from the zero state.

    Args:
        model: what was trained; its dropout is left out.
        weights: of `Run` or of a model file.
        inputs: symbols `[T, B]` or rolls `[T, B, F]`.

    Returns:
        `[T, B, V]`, which sum to 1, or of each note of its own `[T, B, F]`.
    """
    logits, _ = _read(model, tensors(weights), inputs, _rest(model, inputs.shape[1]))
    if model.kind == "symbols":
        return torch.softmax(logits, -1).numpy()
    return torch.sigmoid(logits).numpy()


@torch.no_grad()
def generate(
    model: Model,
    weights: Weights,
    prefix: Inputs,
    generator: np.random.Generator,
    *,
    most: int,
    temperature: float = 1.0,
    threshold: float = 0.0,
    stop: Stop | None = None,
) -> Generated:
    """Sequences that go on after `prefix`, every step drawn and fed back.

    A symbol is drawn from the softmax of logits / temperature, a note of a roll by a coin of its own
    with the chance sigmoid(logit / temperature). At temperature 0 the most likely symbol is taken,
    and every note that is more likely than not. A function of its arguments: the same state of the
    generator gives the same sequences.

    Args:
        model: what was trained; its dropout is left out.
        weights: of `Run` or of a model file.
        prefix: what the model reads first, from the zero state: symbols `[P, B]` or rolls
            `[P, B, F]`, P at least 1, as the sequences of its training begin. Not part of the result.
        generator: of all draws.
        most: steps of the longest sequence, at least 1.
        temperature: 1 is the model's own law; lower is safer, higher is wilder.
        threshold: rolls only: a unit with a smaller chance stays 0. That leaves out the many notes
            of which each is most unlikely, and the stop unit wherever it is as unlikely.
        stop: when a sequence ends; None if never before `most`.

    Raises:
        ValueError: the prefix is empty, `most` is below 1, the temperature is negative, or the
            model's predictions stopped being finite.
    """
    if len(prefix) < 1 or most < 1 or not temperature >= 0:
        raise ValueError("a prefix, at least one step and a temperature of 0 or more are needed")
    lanes, loaded = prefix.shape[1], tensors(weights)
    steps: Steps
    if model.kind == "symbols":
        steps = np.zeros((most, lanes), np.int64)
    else:
        steps = np.zeros((most, lanes, model.size), np.uint8)
    lengths, ended = np.full(lanes, most), np.zeros(lanes, np.bool_)
    read, states = prefix, _rest(model, lanes)
    for step in range(most):
        logits, states = _read(model, loaded, read, states)
        last = logits[-1].numpy()
        if not np.isfinite(last[~ended]).all():
            raise ValueError(f"the model's prediction of step {step + 1} is not finite")
        # A lane that has ended goes on reading zeros, of which nothing is kept.
        last[ended] = 0.0
        if model.kind == "symbols":
            drawn = _symbols(last, temperature, generator)
            steps[step] = np.where(ended, 0, drawn)
        else:
            notes = _notes(last, temperature, threshold, generator)
            steps[step] = notes & ~ended[:, None]
        if stop is not None:
            fresh = stop(steps[: step + 1]) & ~ended
            lengths[fresh] = step + 1
            ended |= fresh
            if ended.all():
                break
        read = steps[step : step + 1]
    return Generated(steps[: lengths.max()], lengths, ended)


def _rest(model: Model, lanes: int) -> States:
    zeros = torch.zeros((lanes, model.width), dtype=torch.float64)
    return [[zeros] * len(model.cell.updates) for _ in range(model.layers)]


def _read(
    model: Model, weights: Mapping[str, Tensor], inputs: Inputs, states: States
) -> tuple[Tensor, States]:
    """Logits after each step, `[T, B, V or F]`, and the states after the last one."""
    given = torch.tensor(inputs)
    if model.kind == "symbols":
        values = functional.embedding(given, weights["embedding"])
    else:
        values = functional.linear(
            given.to(torch.float64), weights["input.weight"], weights["input.bias"]
        )
    ends: States = []
    for layer, start in enumerate(states):
        values, end = unroll(model.cell, weights, values, start, layer)
        ends.append(end)
    return functional.linear(values, weights["readout.weight"], weights["readout.bias"]), ends


def _symbols(
    logits: Array, temperature: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """One symbol a lane, `[B]`, by the inverse of the cumulated chances."""
    if temperature == 0:
        return logits.argmax(-1)
    scaled = (logits - logits.max(-1, keepdims=True)) / temperature
    rungs = np.exp(scaled).cumsum(-1)
    threshold = generator.random((len(logits), 1)) * rungs[:, -1:]
    return (rungs <= threshold).sum(-1)


def _notes(
    logits: Array, temperature: float, threshold: float, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """The units of a roll that are 1, `[B, F]`."""
    if temperature == 0:
        return logits > 0
    chances = np.exp(-np.logaddexp(0.0, -logits / temperature))
    return (generator.random(logits.shape) < chances) & (chances >= threshold)
