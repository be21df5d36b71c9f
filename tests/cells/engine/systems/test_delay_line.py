"""The delay line: what it sees, and that it is a causal convolution."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.systems.delay_line import DelayLine

LINES = [(3, (1,)), (3, (1, 2)), (2, (1, 2, 4)), (8, (1,))]


def drawn(taps: int, dilations: tuple[int, ...]) -> tuple[DelayLine, Tensor]:
    made = DelayLine(4, 5, 3, taps=taps, dilations=dilations, dtype="float64")
    inputs = torch.randint(5, (20, 2), generator=torch.Generator().manual_seed(1))
    return made, made.read(inputs).detach().requires_grad_()


@pytest.mark.parametrize(("taps", "dilations"), LINES)
def test_the_gradient_ends_exactly_with_the_receptive_field(
    taps: int, dilations: tuple[int, ...]
) -> None:
    made, values = drawn(taps, dilations)
    (slope,) = torch.autograd.grad(made.predict(values)[-1].square().sum(), values)
    seen = [bool(one.any()) for one in slope.flip(0)]
    assert seen == [lag < made.field for lag in range(len(values))]


@pytest.mark.parametrize(("taps", "dilations"), LINES)
def test_it_equals_causal_convolutions(taps: int, dilations: tuple[int, ...]) -> None:
    made, values = drawn(taps, dilations)
    layer = values.permute(1, 2, 0)  # [B, H, T]
    for number, dilation in enumerate(dilations):
        kernel = made.weights[f"layer{number}.weight"].flip(0).permute(1, 2, 0)
        padded = functional.pad(layer, ((taps - 1) * dilation, 0))
        bias = made.weights[f"layer{number}.bias"]
        layer = torch.tanh(functional.conv1d(padded, kernel, bias, dilation=dilation))
    expected = functional.linear(layer.permute(2, 0, 1), made.weights["readout.weight"])
    torch.testing.assert_close(made.predict(values), expected, rtol=0, atol=1e-12)


def test_fields_of_stacked_lines_add_up() -> None:
    assert DelayLine(2, 2, 2).field == 8
    assert DelayLine(2, 2, 2, taps=3, dilations=(1, 3, 9)).field == 27
