"""Drawing the first weights of a model: the laws of `cells.initial`, as numbers."""

import math

import numpy as np
from numpy.typing import NDArray

from cells.engine.chance import generator
from cells.engine.learner import Model, Weights
from cells.engine.training.parameter import Parameter, parameters
from cells.initial import Initial

Array = NDArray[np.float64]

_SHARED = frozenset({"chrono", "uniform_gate"})


def draw(model: Model, scale: float, seed: int) -> Weights:
    """All parameters of `model` by name (see `cells.engine.training.parameter`), float64.

    Each parameter has a generator of its own, derived from `seed` and its name, so that one more
    parameter never moves the others. `chrono` and `uniform_gate` derive it from the layer instead,
    so that all gates of one layer share a draw. The default law is uniform on
    [-scale, scale] / sqrt(H); biases of input map and readout start at 0.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3; Tallec, Ollivier 2018 for `chrono`; Gu
    et al. 2020 for `uniform_gate`; Orvieto et al. 2023 for `ring` and `log`.
    """
    return {one.name: _fill(one, model, scale, seed) for one in parameters(model)}


def _fill(one: Parameter, model: Model, scale: float, seed: int) -> Array:
    law = one.initial.law
    stream = f"layer{one.layer}.{law}" if law in _SHARED else one.name
    # A diagonal is a stack of H blocks of one number each, for the laws of square matrices.
    shape = (*one.shape, 1, 1) if one.form == "diagonal" else one.shape
    values = _drawn(one.initial, shape, model, scale, generator("initial", seed, stream))
    if one.initial.negative:
        values = -values
    if one.diagonal:
        values = values + one.diagonal * np.eye(shape[-1])
    return np.ascontiguousarray(values.reshape(one.shape))


def _log(values: Array) -> Array:
    """The logarithm; a drawn 0 counts as the smallest number."""
    return np.log(np.maximum(values, np.finfo(np.float64).tiny))


def _drawn(
    initial: Initial,
    shape: tuple[int, ...],
    model: Model,
    scale: float,
    source: np.random.Generator,
) -> Array:
    numbers = initial.numbers
    match initial.law:
        case "default":
            bound = scale / math.sqrt(model.width)
            return source.uniform(-bound, bound, shape)
        case "value":
            return np.full(shape, numbers[0])
        case "uniform":
            return source.uniform(numbers[0], numbers[1], shape)
        case "loguniform":
            return np.exp(source.uniform(math.log(numbers[0]), math.log(numbers[1]), shape))
        case "log":
            return _log(source.uniform(numbers[0], numbers[1], shape))
        case "ring":
            square = source.uniform(numbers[0] ** 2, numbers[1] ** 2, shape)
            return _log(-0.5 * _log(square))
        case "normal":
            return numbers[0] * source.standard_normal(shape)
        case "chrono":
            longest = numbers[0] if numbers else model.window
            return np.log(source.uniform(1.0, max(longest - 1.0, 1.0), shape))
        case "uniform_gate":
            least = min(1.0 / model.width, 0.5)
            gate = source.uniform(least, 1.0 - least, shape)
            return np.log(gate / (1.0 - gate))
        case "identity":
            one = numbers[0] if numbers else 1.0
            return np.broadcast_to(one * np.eye(shape[-1]), shape)
        case "orthogonal":
            # Fixing the signs of R makes Q uniform over the group (Mezzadri 2007).
            q, r = np.linalg.qr(source.standard_normal(shape))
            signs = np.sign(np.diagonal(r, axis1=-2, axis2=-1))
            return q * signs[..., None, :]
        case "spectral":
            values = source.standard_normal(shape)
            return values * (numbers[0] / float(np.abs(np.linalg.eigvals(values)).max()))
        case _:
            raise ValueError(f"unknown law {initial.law!r}")
