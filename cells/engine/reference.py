"""The naive reference: every node of every step, one torch call each, gradients by autograd.

Slow and plain on purpose. Every faster path is compared with this page, outputs and gradients.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional

from cells.cell import Cell, Linear, Node
from cells.engine.batch import Batch
from cells.engine.learner import Model, Score, Weights
from cells.engine.pointwise import FUNCTIONS
from cells.engine.training.parameter import parameters
from cells.engine.training.update import Update
from cells.seed import training_seed
from cells.training.optimizer import SGD, Optimizer

DTYPES: Final = {"float32": torch.float32, "float64": torch.float64}


def _diagonal(a: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return a * weight if bias is None else a * weight + bias


def linear_map(node: Node, name: str, weights: Mapping[str, Tensor]) -> Callable[[Tensor], Tensor]:
    """What the `linear` node with the parameters `name` does to a tensor `[..., H]`."""
    kind = cast("Linear", node.parameter).kind
    weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
    if kind == "diagonal":
        return partial(_diagonal, weight=weight, bias=bias)
    if kind == "block":
        weight = cast("Tensor", torch.block_diag(*weight.unbind(0)))
    elif kind == "antisymmetric":
        weight = weight - weight.t()
    return partial(functional.linear, weight=weight, bias=bias)


def unroll(
    cell: Cell,
    weights: Mapping[str, Tensor],
    inputs: Tensor,
    states: Sequence[Tensor],
    layer: int = 0,
) -> tuple[Tensor, list[Tensor]]:
    """Runs one layer over a window: its output at every step, and the states after the last one.

    Differentiable in weights, inputs and states; the graph may have dead nodes and need not be in
    canonical form. Nodes that no state reaches are computed for all steps at once, which is the same
    sum in another order.

    Args:
        cell: the cell.
        weights: parameters by the names of `cells.engine.training.parameter`, e.g. `layer0.node7.weight`
            `[H, H]` as `[out, in]`; `tensors(draw(model, init_scale, seed))` makes them. Parameters of
            other layers are not looked at.
        inputs: `[T, B, H]`, what the cell calls x.
        states: S tensors `[B, H]` in the order of the cell's states, before the first step.
        layer: which layer's parameters to use.

    Returns:
        Outputs `[T, B, H]`, and S states `[B, H]`.
    """
    steps, lanes, width = inputs.shape
    first, count = 1 + len(cell.updates), len(cell.nodes)
    functions: dict[int, Callable[..., Tensor]] = {}
    # Before the loop `values` holds [H], or [T, B, H] for `timed` nodes; of `stepped` nodes nothing.
    values, timed, stepped = [inputs] * count, {0}, set(range(1, first))
    for index in range(first, count):
        node, name = cell.nodes[index], f"layer{layer}.node{index}"
        if node.op == "constant":
            values[index] = inputs.new_tensor(node.parameter).expand(width)
        elif node.op in {"vector", "scalar"}:
            values[index] = weights[name].expand(width)
        else:
            linear = node.op == "linear"
            function = linear_map(node, name, weights) if linear else FUNCTIONS[node.op]
            if not stepped.isdisjoint(node.args):
                stepped.add(index)
                functions[index] = function
            else:
                values[index] = function(*[values[argument] for argument in node.args])
                if not timed.isdisjoint(node.args):
                    timed.add(index)

    read = {argument for index in functions for argument in cell.nodes[index].args}
    read |= {*cell.updates, cell.output}
    # One unbind rather than T slices: the gradient of a slice is a window of zeros.
    series = {index: values[index].unbind(0) for index in timed & read}
    for index in {*cell.updates, cell.output} - timed - stepped:
        values[index] = values[index].expand(lanes, width)
    current = list(states)
    outputs: list[Tensor] = []
    for step in range(steps):
        for index, slices in series.items():
            values[index] = slices[step]
        values[1:first] = current
        for index, function in functions.items():
            values[index] = function(*[values[argument] for argument in cell.nodes[index].args])
        current = [values[index] for index in cell.updates]
        outputs.append(values[cell.output])
    return torch.stack(outputs), current


def tensors(
    weights: Weights, dtype: Literal["float32", "float64"] = "float64", device: str = "cpu"
) -> dict[str, Tensor]:
    """Copies of `weights` as torch tensors without gradients."""
    return {
        name: torch.tensor(array, dtype=DTYPES[dtype], device=device)
        for name, array in weights.items()
    }


class ReferenceLearner:
    """The `Learner` that runs a model by `unroll` and torch autograd.

    Dropout masks derive from `seed` and the number of the update, so a run that is taken up again
    with `updates` set repeats them.
    """

    def __init__(
        self,
        model: Model,
        weights: Weights,
        *,
        dtype: Literal["float32", "float64"] = "float32",
        seed: int = 0,
        device: str = "cpu",
        optimizer: Optimizer = SGD,
    ) -> None:
        self.model = model
        self.updates = 0
        self._optimizer = optimizer
        self._dtype: Literal["float32", "float64"] = dtype
        self._seed = seed
        self._device = device
        self._parameters = {parameter.name: parameter for parameter in parameters(model)}
        self._states: list[list[Tensor]] | None = None
        self._weights: dict[str, Tensor] = {}
        self.load(weights)

    def train(self, batch: Batch, learning_rate: float, clip: float) -> Score:
        """One update, see `Learner.train`.

        Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3; order of reduction, clipping and
        rate: choice D6.
        """
        source = torch.Generator().manual_seed(training_seed("dropout", self._seed, self.updates))
        self.updates += 1
        loss, score, states = self._window(batch, source)
        trained = [weight for weight in self._weights.values() if weight.requires_grad]
        # States after the last step get a gradient of zero instead of none, so that a value that
        # overflows in the last step spoils the norm (zero times infinity) as in any other step.
        ends = [state for layer in states for state in layer if state.requires_grad]
        gradients = torch.autograd.grad(
            [loss / batch.lanes, *ends],
            trained,
            [torch.ones_like(loss), *map(torch.zeros_like, ends)],
            allow_unused=True,
            materialize_grads=True,
        )
        norm = torch.nn.utils.get_total_norm(gradients).item()
        score = Score(score.loss, score.correct, score.scored, norm, score.wrong)
        if not (math.isfinite(score.loss) and math.isfinite(norm)):
            return score
        self._update.apply(
            trained, gradients, learning_rate, min(1.0, clip / norm) if norm else 0.0
        )
        self._states = [[state.detach() for state in layer] for layer in states]
        return score

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> Score:
        """Scores one window, see `Learner.evaluate`."""
        _, score, self._states = self._window(batch, None)
        return score

    def forget(self) -> None:
        """Sets the state of all lanes to zero."""
        self._states = None

    def weights(self) -> Weights:
        """Copies of all parameters, in the learner's dtype."""
        return {
            name: weight.detach().cpu().numpy().copy() for name, weight in self._weights.items()
        }

    def load(self, weights: Weights) -> None:
        """Replaces all parameters, see `Learner.load`."""
        for name in sorted(self._parameters.keys() ^ weights.keys()):
            raise ValueError(f"{'missing' if name in self._parameters else 'extra'} weight {name}")
        for name, parameter in self._parameters.items():
            if weights[name].shape != parameter.shape:
                raise ValueError(f"{name}: shape {weights[name].shape}, expected {parameter.shape}")
        loaded = tensors(weights, self._dtype, self._device)
        self._weights = {
            name: loaded[name].requires_grad_(parameter.trained)
            for name, parameter in self._parameters.items()
        }
        self._update = Update(self._optimizer)

    def _start(self, batch: Batch) -> list[list[Tensor]]:
        """The states before step 0: zero at first and where a lane begins a new sequence."""
        if self._states is None:
            count, shape = len(self.model.cell.updates), (batch.lanes, self.model.width)
            zeros = torch.zeros(shape, dtype=DTYPES[self._dtype], device=self._device)
            return [[zeros] * count for _ in range(self.model.layers)]
        if not batch.reset.any():
            return self._states
        reset = torch.tensor(batch.reset, device=self._device)[:, None]
        return [[state.masked_fill(reset, 0.0) for state in layer] for layer in self._states]

    def _window(
        self, batch: Batch, source: torch.Generator | None
    ) -> tuple[Tensor, Score, list[list[Tensor]]]:
        """Summed loss as a tensor, the score, and the states after the last step."""
        model, weights = self.model, self._weights
        inputs = torch.tensor(batch.inputs, device=self._device)
        if model.kind == "symbols":
            values = functional.embedding(inputs, weights["embedding"])
        else:
            values = functional.linear(
                inputs.to(DTYPES[self._dtype]), weights["input.weight"], weights["input.bias"]
            )
        ends: list[list[Tensor]] = []
        for layer, states in enumerate(self._start(batch)):
            values, end = unroll(model.cell, weights, self._drop(values, source), states, layer)
            ends.append(end)
        values = self._drop(values, source)
        mask = torch.tensor(batch.mask, device=self._device)
        targets = torch.tensor(batch.targets, device=self._device)
        values, targets = values[mask], targets[mask]
        logits = functional.linear(values, weights["readout.weight"], weights["readout.bias"])
        wrong = 0.0
        if model.kind == "symbols":
            loss = functional.cross_entropy(logits, targets, reduction="sum")
            correct = (logits.argmax(-1) == targets).sum().item()
        else:
            loss = functional.binary_cross_entropy_with_logits(
                logits, targets.to(logits.dtype), reduction="sum"
            )
            sounding, predicted = targets > 0, logits > 0
            correct = (sounding & predicted).sum().item()
            wrong = float((sounding ^ predicted).sum().item())
        score = Score(loss.item(), float(correct), len(targets), wrong=wrong)
        return loss, score, ends

    def _drop(self, values: Tensor, source: torch.Generator | None) -> Tensor:
        chance = self.model.dropout
        if source is None or not chance:
            return values
        # Drawn on the CPU in float32 whatever the learner uses, so that all of them drop alike.
        keep = torch.rand(values.shape, generator=source) >= chance
        return values * keep.to(values) / (1.0 - chance)
