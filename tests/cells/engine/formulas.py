"""What every operator and every pointwise kernel computes, written a second time: data of tests.

`VALUES` says each operator another way than its row does. `KERNELS` says each kernel of the C runtime
in NumPy, for numbers wider than those that are judged.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from cells.op import DIVISION_GUARD


def step(a: Tensor) -> Tensor:
    return (a > 0).to(a.dtype)


def guarded(b: Tensor) -> Tensor:
    return torch.where(b < 0, b.clamp(max=-DIVISION_GUARD), b.clamp(min=DIVISION_GUARD))


VALUES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": lambda a, b: 1 - 2 / (torch.exp(2 * a) + 1),
    "sigmoid": lambda a, b: 1 / (1 + torch.exp(-a)),
    "relu": lambda a, b: a * step(a),
    "exp": lambda a, b: math.e**a,
    "logsigmoid": lambda a, b: -torch.log(1 + torch.exp(-a)),
    "softplus": lambda a, b: torch.log(1 + torch.exp(a)),
    "silu": lambda a, b: a / (1 + torch.exp(-a)),
    "sqrt": lambda a, b: (a * step(a)) ** 0.5,
    "sin": lambda a, b: torch.cos(a - math.pi / 2),
    "cos": lambda a, b: torch.sin(a + math.pi / 2),
    "abs": lambda a, b: (a * a) ** 0.5,
    "softsign": lambda a, b: torch.sign(a) * (1 - 1 / (1 + torch.sign(a) * a)),
    "gelu": lambda a, b: a - a * torch.special.erfc(a / 2**0.5) / 2,
    "leaky_relu": lambda a, b: a * step(a) + a * (1 - step(a)) / 100,
    "elu": lambda a, b: a * step(a) + (math.e ** (a * (1 - step(a))) - 1),
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / guarded(b),
    "max": lambda a, b: a * (1 - step(b - a)) + b * step(b - a),
    "min": lambda a, b: a * (1 - step(a - b)) + b * step(a - b),
}

Wide = np.ndarray


def sigmoid(a: Wide) -> Wide:
    return 1 / (1 + np.exp(-a))


def erf(a: Wide) -> Wide:
    """erf(a / sqrt(2))."""
    return np.vectorize(math.erf, otypes=[np.float64])(a / np.sqrt(a.dtype.type(2)))


def limit(b: Wide) -> float:
    """The guard as the type that is compared with `b` rounds it."""
    return float(np.float32(DIVISION_GUARD)) if b.dtype == np.float64 else DIVISION_GUARD


def guard(b: Wide) -> Wide:
    return np.where(np.abs(b) <= limit(b), np.where(b < 0, -limit(b), limit(b)), b)


def second_is_larger(b: Wide, c: Wide) -> Wide:
    return (c > b) | np.isnan(c)


def second_is_smaller(b: Wide, c: Wide) -> Wide:
    return (c < b) | np.isnan(c)


def d_silu(a: Wide, b: Wide) -> Wide:
    s = sigmoid(b)
    return a * (s * (1 + b * (1 - s)))


def d_divide_b(a: Wide, b: Wide, c: Wide) -> Wide:
    return np.where(np.abs(b) <= limit(b), 0, -a * c / guard(b))


KERNELS: dict[str, Callable[..., Wide]] = {
    "copy": lambda a: a,
    "negate": lambda a: -a,
    "one_minus": lambda a: 1 - a,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / guard(b),
    "maximum": lambda a, b: np.where(second_is_larger(a, b), b, a),
    "minimum": lambda a, b: np.where(second_is_smaller(a, b), b, a),
    "multiply_add": lambda a, b, c: a * b + c,
    "multiply_subtract": lambda a, b, c: c - a * b,
    "blend": lambda a, b, c: a * b + (1 - a) * c,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda a: np.where(a < 0, 0, a),
    "exp": np.exp,
    "logsigmoid": lambda a: -np.where(a < 0, -a, 0) - np.log1p(np.exp(-np.abs(a))),
    "softplus": lambda a: np.where(a > 0, a, 0) + np.log1p(np.exp(-np.abs(a))),
    "silu": lambda a: a * sigmoid(a),
    "square_root": lambda a: np.where(a <= 0, 0, np.sqrt(a)),
    "sin": np.sin,
    "cos": np.cos,
    "d_tanh": lambda a, b: a * (1 - b * b),
    "d_sigmoid": lambda a, b: a * (b * (1 - b)),
    "d_relu": lambda a, b: np.where(b <= 0, 0, a),
    "d_logsigmoid": lambda a, b: -a * np.expm1(b),
    "d_softplus": lambda a, b: -a * np.expm1(-b),
    "d_silu": d_silu,
    "d_square_root": lambda a, b: np.where(b <= 0, 0, a * 0.5 / b),
    "d_sin": lambda a, b: a * np.cos(b),
    "d_cos": lambda a, b: -a * np.sin(b),
    "d_divide_a": lambda a, b: a / guard(b),
    "d_divide_b": d_divide_b,
    "d_maximum_a": lambda a, b, c: np.where(second_is_larger(b, c), 0, a),
    "d_maximum_b": lambda a, b, c: np.where(second_is_larger(b, c), a, 0),
    "d_minimum_a": lambda a, b, c: np.where(second_is_smaller(b, c), 0, a),
    "d_minimum_b": lambda a, b, c: np.where(second_is_smaller(b, c), a, 0),
    "abs": np.abs,
    "d_abs": lambda a, b: np.where(b > 0, a, np.where(b < 0, -a, 0)),
    "softsign": lambda a: a / (1 + np.abs(a)),
    "d_softsign": lambda a, b: a / (1 + np.abs(b)) ** 2,
    "gelu": lambda a: a * (1 + erf(a)) / 2,
    "d_gelu": lambda a, b: a * ((1 + erf(b)) / 2 + b * np.exp(-b * b / 2) / np.sqrt(2 * np.pi)),
    "leaky_relu": lambda a: np.where(a > 0, a, a / 100),
    "d_leaky_relu": lambda a, b: np.where(b > 0, a, a / 100),
    "elu": lambda a: np.where(a > 0, a, np.expm1(a)),
    "d_elu": lambda a, b: np.where(b > 0, a, a * np.exp(b)),
}
TRANSCENDENTAL = {
    *("elu", "d_elu"),
    *("gelu", "d_gelu"),
    *("tanh", "sigmoid", "exp", "logsigmoid", "softplus", "silu"),
    *("sin", "cos", "d_logsigmoid", "d_softplus", "d_sin", "d_cos"),
}
# Slopes that are flushed to zero, so that an infinite gradient times them is no number.
FLUSHED = {"d_silu", "d_gelu", "d_elu"}
# What the parts of a difference add up to, where the result may be much smaller than they are.
MAGNITUDES: dict[str, Callable[..., Wide]] = {
    "multiply_add": lambda a, b, c: abs(a * b) + abs(c),
    "multiply_subtract": lambda a, b, c: abs(a * b) + abs(c),
    "blend": lambda a, b, c: abs(a * b) + abs((1 - a) * c),
    "d_tanh": lambda a, b: abs(a) * (1 + b * b),
    "d_silu": lambda a, b: abs(a) * (1 + abs(b)),
    "gelu": lambda a: abs(a),
    "d_gelu": lambda a, b: abs(a),
    # A sigmoid that is flushed to zero may have been multiplied by a large number.
    "silu": lambda a: abs(a * sigmoid(a)) + abs(a) * 1e-30,
}
