"""What users train small recurrent cells with today: the peers that the engine is measured against.

All train the model of `cells.engine.learner` (embedding, one layer, readout with bias) by its rule:
loss summed over the window and divided by the lanes, norm clipping, plain SGD, state carried from
window to window without gradient. They start from the weights of the engine's model.
"""

import importlib
import itertools
import os
import statistics
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cells.cell import Cell, Linear
from cells.engine.batch import Batch
from cells.engine.learner import Learner, Weights
from cells.engine.pointwise import FUNCTIONS
from cells.engine.reference import linear_map, tensors, unroll
from search.bench.alternate import alternate
from search.bench.gates import Gate
from search.bench.window import CLIP, RATE

State = Tensor | tuple[Tensor, ...]
Array = NDArray[np.float32]


class Core(Protocol):
    """The recurrent layer of a peer."""

    def __call__(self, values: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Outputs `[T, B, H]` of inputs `[T, B, H]`, and the state after the last step."""
        ...


class OurTrainer:
    """One of the engine's own learners, on the batches that the peers get."""

    def __init__(self, learner: Learner, batches: Sequence[Batch]) -> None:
        self._learner = learner
        self._batches = itertools.cycle(batches)

    def __call__(self) -> float:
        """One training step; the loss before it, over B."""
        batch = next(self._batches)
        return self._learner.train(batch, RATE, CLIP).loss / batch.lanes


class TorchTrainer:
    """`nn.Embedding`, a recurrent layer and `nn.Linear`, trained with torch's own clip and SGD.

    Args:
        core: the recurrent layer, an `nn.Module`.
        state: what it starts from.
        weights: of the engine's model; embedding and readout are taken from it.
        batches: what is read, again and again.
        sgd, clip: options of `torch.optim.SGD` and `clip_grad_norm_`, see `fastest_options`.
        compiled: whether forward pass and loss go through `torch.compile`, backward with them.
    """

    def __init__(
        self,
        core: nn.Module,
        state: State,
        weights: Weights,
        batches: Sequence[Batch],
        sgd: dict[str, bool],
        clip: dict[str, bool],
        *,
        compiled: bool = False,
    ) -> None:
        size, width = weights["embedding"].shape
        self._embedding, self._readout = nn.Embedding(size, width), nn.Linear(width, size)
        start = tensors(weights, "float32")
        with torch.no_grad():
            self._embedding.weight.copy_(start["embedding"])
            self._readout.weight.copy_(start["readout.weight"])
            self._readout.bias.copy_(start["readout.bias"])
        self._core, self._state = core, state
        modules = (self._embedding, core, self._readout)
        self._parameters = [parameter for module in modules for parameter in module.parameters()]
        self._optimiser = torch.optim.SGD(self._parameters, RATE, **sgd)
        self._clip = clip
        self._lanes = batches[0].lanes
        self._batches = itertools.cycle(
            [(torch.tensor(batch.inputs), torch.tensor(batch.targets)) for batch in batches]
        )
        self._window: Callable[[Tensor, Tensor, State], tuple[Tensor, State]] = self._forward
        if compiled:
            self._window = torch.compile(self._forward, fullgraph=True, dynamic=False)

    def _forward(self, inputs: Tensor, targets: Tensor, state: State) -> tuple[Tensor, State]:
        values, state = self._core(self._embedding(inputs), state)
        logits = self._readout(values).flatten(0, 1)
        loss = functional.cross_entropy(logits, targets.flatten(), reduction="sum")
        return loss / self._lanes, state

    def __call__(self) -> float:
        """One training step; the loss before it, over B."""
        inputs, targets = next(self._batches)
        self._optimiser.zero_grad(set_to_none=True)
        loss, state = self._window(inputs, targets, self._state)
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, CLIP, **self._clip)
        self._optimiser.step()
        if isinstance(state, tuple):
            self._state = tuple(array.detach() for array in state)
        else:
            self._state = state.detach()
        return loss.item()


def fastest_options(width: int) -> tuple[dict[str, bool], dict[str, bool]]:
    """The fastest ways of torch's SGD and norm clipping for six parameters like those of `nn.LSTM`."""
    shapes = ((40, width), (4 * width, width), (4 * width, width), (4 * width,), (40, width), (40,))
    fastest: list[dict[str, bool]] = []
    for step, choices in (
        ("sgd", ({"foreach": False}, {"foreach": True}, {"fused": True})),
        ("clip", ({"foreach": False}, {"foreach": True})),
    ):
        works: dict[str, Callable[[], object]] = {}
        for number, options in enumerate(choices):
            leaves = [torch.zeros(shape, requires_grad=True) for shape in shapes]
            for leaf in leaves:
                leaf.grad = torch.zeros_like(leaf)
            works[str(number)] = (
                torch.optim.SGD(leaves, RATE, **options).step
                if step == "sgd"
                else _clipping(leaves, options)
            )
        times = alternate(works, turns=7, steps=10)
        best = min(times, key=lambda number: statistics.median(times[number]))
        fastest.append(dict(choices[int(best)]))
    return fastest[0], fastest[1]


def _clipping(leaves: list[Tensor], options: dict[str, bool]) -> Callable[[], object]:
    return lambda: nn.utils.clip_grad_norm_(leaves, CLIP, **options)


def vendor_lstm(gates: dict[str, Gate]) -> nn.Module:
    """`nn.LSTM` with the weights of `gates`, its second bias 0."""
    ordered = [gates[name] for name in ("i", "f", "u", "o")]
    return _vendor(nn.LSTM(ordered[0].width, ordered[0].width), ordered)


def vendor_gru(gates: dict[str, Gate]) -> nn.Module:
    """`nn.GRU` with the weights of `gates`. It resets after the product."""
    ordered = [gates[name] for name in ("r", "z", "n")]
    return _vendor(nn.GRU(ordered[0].width, ordered[0].width), ordered)


def _vendor(module: nn.LSTM | nn.GRU, gates: Sequence[Gate]) -> nn.Module:
    with torch.no_grad():
        for name, parts in (
            ("weight_ih_l0", [gate.x for gate in gates]),
            ("weight_hh_l0", [gate.h for gate in gates]),
            ("bias_ih_l0", [gate.bias for gate in gates]),
            ("bias_hh_l0", [gate.inner_bias for gate in gates]),
        ):
            module.get_parameter(name).copy_(torch.tensor(np.concatenate(parts)))
    return module


class EightLinears(nn.Module):
    """An LSTM as most people write a cell of their own: a Python loop, an operation a node."""

    def __init__(self, gates: dict[str, Gate]) -> None:
        super().__init__()
        ordered = [gates[name] for name in ("i", "f", "u", "o")]
        self.x = nn.ModuleList(_linear(gate.x, gate.bias) for gate in ordered)
        self.h = nn.ModuleList(_linear(gate.h, None) for gate in ordered)

    def forward(
        self, values: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs and last state, see `Core`."""
        h, c = state
        outputs: list[Tensor] = []
        for x in values:
            i, f, u, o = [a(x) + b(h) for a, b in zip(self.x, self.h, strict=True)]
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class FusedGates(nn.Module):
    """An LSTM by a careful user: a Python loop, one product a step, input product out of the loop."""

    def __init__(self, gates: dict[str, Gate]) -> None:
        super().__init__()
        ordered = [gates[name] for name in ("i", "f", "u", "o")]
        self.x = _linear(
            np.concatenate([gate.x for gate in ordered]),
            np.concatenate([gate.bias for gate in ordered]),
        )
        self.h = _linear(np.concatenate([gate.h for gate in ordered]), None)

    def forward(
        self, values: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Outputs and last state, see `Core`."""
        h, c = state
        outputs: list[Tensor] = []
        for x in self.x(values).unbind(0):
            i, f, u, o = (x + self.h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(u)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class GraphLoop(nn.Module):
    """Any cell as a Python loop, an operation a node.

    Args:
        cell: the cell.
        weights: of the engine's model.
        hoisted: whether nodes that read x alone are computed for all steps at once, as the reference
            executor does. Else the loop runs all nodes, as people write it.
    """

    def __init__(self, cell: Cell, weights: Weights, *, hoisted: bool) -> None:
        super().__init__()
        own = {name: array for name, array in weights.items() if name.startswith("layer0.")}
        self._cell, self._names, self._hoisted = cell, tuple(own), hoisted
        self.own = nn.ParameterList(tensors(own, "float32").values())
        for name, array in zip(self._names, self.own, strict=True):
            node = cell.nodes[int(name.split(".")[1].removeprefix("node"))]
            frozen = isinstance(node.parameter, Linear) and node.parameter.kind == "frozen"
            array.requires_grad_(not frozen)

    def forward(
        self, values: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Outputs and last state, see `Core`."""
        weights = dict(zip(self._names, self.own, strict=True))
        if self._hoisted:
            outputs, last = unroll(self._cell, weights, values, state)
            return outputs, tuple(last)
        return self._plain(weights, values, state)

    def _plain(
        self, weights: dict[str, Tensor], inputs: Tensor, state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        cell, width = self._cell, inputs.shape[-1]
        values = [inputs[0]] * len(cell.nodes)
        steps: list[tuple[int, Callable[..., Tensor], tuple[int, ...]]] = []
        for index, node in enumerate(cell.nodes):
            name = f"layer0.node{index}"
            if node.op == "constant":
                values[index] = inputs.new_tensor(node.parameter).expand(width)
            elif node.op in {"vector", "scalar"}:
                values[index] = weights[name].expand(width)
            elif node.op == "linear":
                steps.append((index, linear_map(node, name, weights), node.args))
            elif node.op not in {"input", "state"}:
                steps.append((index, FUNCTIONS[node.op], node.args))
        outputs: list[Tensor] = []
        for x in inputs:
            values[: 1 + len(state)] = x, *state
            for index, function, arguments in steps:
                values[index] = function(*[values[argument] for argument in arguments])
            state = tuple(values[index].expand_as(x) for index in cell.updates)
            outputs.append(values[cell.output].expand_as(x))
        return torch.stack(outputs), state


def _linear(weight: Array, bias: Array | None) -> nn.Linear:
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        module.weight.copy_(torch.tensor(weight))
        if bias is not None:
            module.bias.copy_(torch.tensor(bias))
    return module


def jax_lstm(
    gates: dict[str, Gate], weights: Weights, batches: Sequence[Batch]
) -> Callable[[], float]:
    """An LSTM in JAX: the whole step in one `jit`, `lax.scan` over time, the input product hoisted.

    Raises:
        ImportError: jax is not installed.
    """
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")
    ordered = [gates[name] for name in ("i", "f", "u", "o")]
    steps, lanes = batches[0].steps, batches[0].lanes
    width = ordered[0].width
    parameters: Any = {
        "embedding": jnp.asarray(weights["embedding"], jnp.float32),
        "x": jnp.asarray(np.concatenate([gate.x for gate in ordered]).T),
        "h": jnp.asarray(np.concatenate([gate.h for gate in ordered]).T),
        "bias": jnp.asarray(np.concatenate([gate.bias for gate in ordered])),
        "readout": jnp.asarray(weights["readout.weight"].T, jnp.float32),
        "readout_bias": jnp.asarray(weights["readout.bias"], jnp.float32),
    }

    def loss(p: Any, state: Any, inputs: Any, targets: Any) -> Any:
        values = p["embedding"][inputs].reshape(steps * lanes, width)
        before = (values @ p["x"] + p["bias"]).reshape(steps, lanes, 4 * width)

        def step(state: Any, x: Any) -> Any:
            h, c = state
            i, f, u, o = jnp.split(x + h @ p["h"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        state, outputs = jax.lax.scan(step, state, before)
        logits = outputs.reshape(steps * lanes, width) @ p["readout"] + p["readout_bias"]
        chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), targets.reshape(-1, 1), 1)
        return -chosen.sum() / lanes, state

    def update(p: Any, state: Any, inputs: Any, targets: Any) -> Any:
        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(p, state, inputs, targets)
        norm = jnp.sqrt(sum((array * array).sum() for array in jax.tree.leaves(gradient)))
        rate = RATE * jnp.minimum(1.0, CLIP / norm)

        def stepped(weight: Any, slope: Any) -> Any:
            return weight - rate * slope

        return jax.tree.map(stepped, p, gradient), state, value

    run: Any = jax.jit(update, donate_argnums=(0, 1))
    zeros: Any = [jnp.zeros((lanes, width)) for _ in range(2)]
    held: Any = [parameters, tuple(zeros)]
    windows = itertools.cycle(
        [(jnp.asarray(batch.inputs), jnp.asarray(batch.targets)) for batch in batches]
    )

    def trainer() -> float:
        inputs, targets = next(windows)
        held[0], held[1], value = run(held[0], held[1], inputs, targets)
        return float(value)

    return trainer
