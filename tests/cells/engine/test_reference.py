"""The reference against torch's own modules, against finite differences, and against its contract."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cells.cell import Cell
from cells.engine.learner import Model
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from tests.cells.engine.made import elman, gru_after, lstm

STEPS, LANES, WIDTH = 7, 3, 5


def drawn(cell: Cell, layers: int = 1, width: int = WIDTH) -> dict[str, Tensor]:
    weights = tensors(draw(Model(cell, width, layers, "symbols", 4), 1.0, 1))
    for weight in weights.values():
        # Biases too, which start at 0.
        weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)))
        weight.requires_grad_()
    return weights


def linears(cell: Cell, argument: int) -> list[int]:
    """Indices of the linear nodes that read node `argument`, in order."""
    return [i for i, n in enumerate(cell.nodes) if n.op == "linear" and n.args == (argument,)]


def vendor(module: nn.RNNBase, cell: Cell, weights: dict[str, Tensor], layers: int) -> None:
    """Copies our weights into torch's stacked ones; our single bias goes to the input side."""
    with torch.no_grad():
        for layer in range(layers):
            for side, argument in (("ih", 0), ("hh", 1)):
                nodes = [f"layer{layer}.node{index}" for index in linears(cell, argument)]
                biases = [
                    weights.get(f"{node}.bias", torch.zeros(WIDTH, dtype=torch.float64))
                    for node in nodes
                ]
                matrices = [weights[f"{node}.weight"] for node in nodes]
                getattr(module, f"weight_{side}_l{layer}").copy_(torch.cat(matrices))
                getattr(module, f"bias_{side}_l{layer}").copy_(torch.cat(biases))


@pytest.mark.parametrize(
    ("cell", "make"),
    [
        (elman(), nn.RNN),
        (elman("relu"), partial(nn.RNN, nonlinearity="relu")),
        (lstm(), nn.LSTM),
        (gru_after(), nn.GRU),
    ],
    ids=["tanh", "relu", "lstm", "gru_after"],
)
def test_two_layers_over_two_windows_equal_those_of_torch(
    cell: Cell, make: Callable[..., nn.RNNBase]
) -> None:
    layers = 2
    module = make(WIDTH, WIDTH, layers, dtype=torch.float64)
    weights = drawn(cell, layers)
    vendor(module, cell, weights, layers)
    source = torch.Generator().manual_seed(3)
    shape = (2, 2 * STEPS, LANES, WIDTH)
    inputs, slopes = torch.randn(shape, dtype=torch.float64, generator=source).unbind(0)
    inputs.requires_grad_()

    states = [[torch.zeros(LANES, WIDTH, dtype=torch.float64)] * len(cell.updates)] * layers
    carried, produced, expected = None, list[Tensor](), list[Tensor]()
    for window in range(2):  # the second one starts from the states that the first one left
        values = inputs[window * STEPS : (window + 1) * STEPS]
        output, carried = module(values, carried)
        expected.append(output)
        states = list(states)
        for layer in range(layers):
            values, states[layer] = unroll(cell, weights, values, states[layer], layer)
        produced.append(values)
    ours, theirs = torch.cat(produced), torch.cat(expected)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)
    finals = carried if isinstance(carried, tuple) else (carried,)
    for state, final in enumerate(finals):
        stacked = torch.stack([states[layer][state] for layer in range(layers)])
        torch.testing.assert_close(stacked, final, rtol=0, atol=1e-9)

    names = [name for name in weights if name.startswith("layer")]
    leaves = [inputs, *[weights[name] for name in names]]
    of_inputs, *of_weights = torch.autograd.grad((ours * slopes).sum(), leaves)
    found = dict(zip(names, of_weights, strict=True))
    parameters = dict(module.named_parameters())
    wanted = torch.autograd.grad((theirs * slopes).sum(), [inputs, *parameters.values()])
    torch.testing.assert_close(of_inputs, wanted[0], rtol=0, atol=1e-9)
    for (name, _), gradient in zip(parameters.items(), wanted[1:], strict=True):
        what, side, layer = name.split("_")
        blocks = gradient.chunk(len(linears(cell, 0)))
        for block, index in zip(blocks, linears(cell, 0 if side == "ih" else 1), strict=True):
            ours_name = f"layer{layer[1:]}.node{index}.{what}"
            if ours_name in found:
                torch.testing.assert_close(found[ours_name], block, rtol=0, atol=1e-9)


def test_float32_weights_stay_close_to_float64() -> None:
    cell = lstm()
    weights = draw(Model(cell, 64, 1, "symbols", 4), 1.0, 0)
    inputs = np.random.default_rng(0).standard_normal((35, 20, 64))
    outputs = list[Tensor]()
    dtypes: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    for dtype in dtypes:
        cast = torch.tensor(inputs, dtype=getattr(torch, dtype))
        start = [torch.zeros(20, 64, dtype=cast.dtype)] * 2
        outputs.append(unroll(cell, tensors(weights, dtype), cast, start)[0].double())
    assert (outputs[0] - outputs[1]).abs().max() < 1e-5
