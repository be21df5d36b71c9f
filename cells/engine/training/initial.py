"""Drawing the first weights of a model: the laws of `cells.initial`, as numbers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cells.engine.chance import generator
from cells.engine.learner import Model, Weights
from cells.engine.training import exact
from cells.engine.training.parameter import Parameter, parameters
from cells.initial import Initial

Array = NDArray[np.float64]

_SHARED = frozenset({"chrono", "uniform_gate"})


def draw(model: Model, init_scale: float, seed: int, *, portable: bool = False) -> Weights:
    """All parameters of `model` by name (see `cells.engine.training.parameter`), float64.

    Each parameter has a generator of its own, derived from `seed` and its name, so that one more
    parameter never moves the others. `chrono` and `uniform_gate` derive it from the layer instead,
    so that all gates of one layer share a draw. The default law is uniform on
    [-init_scale, init_scale] / sqrt(H); biases of input map and readout start at 0.

    With `portable` no bit depends on the CPU or on BLAS: logarithms, powers of e, orthogonal matrices
    and spectral radii are those of `exact`, which are the others' up to rounding.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3; Tallec, Ollivier 2018 for `chrono`; Gu
    et al. 2020 for `uniform_gate`; Orvieto et al. 2023 for `ring` and `log`.
    """
    rules = _PORTABLE if portable else _FAST
    return {
        parameter.name: _fill(parameter, model, init_scale, seed, rules)
        for parameter in parameters(model)
    }


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the laws compute with: `bound` is the logarithm of one number."""

    bound: Callable[[float], float]
    square: Callable[[float], float]
    log: Callable[[Array], Array]
    exp: Callable[[Array], Array]
    orthogonal: Callable[[Array], Array]
    radius: Callable[[Array], float]


def _by_qr(values: Array) -> Array:
    # Fixing the signs of R makes Q uniform over the group (Mezzadri 2007).
    q, r = np.linalg.qr(values)
    return q * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]


def _by_eigenvalues(values: Array) -> float:
    return float(np.abs(np.linalg.eigvals(values)).max())


def _exact_bound(number: float) -> float:
    return float(exact.log(np.array([number]))[0])


_FAST: Final = _Rules(math.log, lambda number: number**2, np.log, np.exp, _by_qr, _by_eigenvalues)
_PORTABLE: Final = _Rules(
    _exact_bound,
    lambda number: number * number,
    exact.log,
    exact.exp,
    exact.orthogonal,
    exact.spectral_radius,
)


def _fill(parameter: Parameter, model: Model, init_scale: float, seed: int, rules: _Rules) -> Array:
    law = parameter.initial.law
    stream = f"layer{parameter.layer}.{law}" if law in _SHARED else parameter.name
    # A diagonal is a stack of H blocks of one number each, for the laws of square matrices.
    shape = (*parameter.shape, 1, 1) if parameter.form == "diagonal" else parameter.shape
    values = _drawn(
        parameter.initial, shape, model, init_scale, generator("initial", seed, stream), rules
    )
    if parameter.initial.negative:
        values = -values
    if parameter.diagonal:
        values = values + parameter.diagonal * np.eye(shape[-1])
    return np.ascontiguousarray(values.reshape(parameter.shape))


def _drawn(
    initial: Initial,
    shape: tuple[int, ...],
    model: Model,
    init_scale: float,
    source: np.random.Generator,
    rules: _Rules,
) -> Array:
    numbers = initial.numbers

    def log(values: Array) -> Array:
        """The logarithm; a drawn 0 counts as the smallest number."""
        return rules.log(np.maximum(values, np.finfo(np.float64).tiny))

    match initial.law:
        case "default":
            bound = init_scale / math.sqrt(model.width)
            return source.uniform(-bound, bound, shape)
        case "value":
            return np.full(shape, numbers[0])
        case "uniform":
            return source.uniform(numbers[0], numbers[1], shape)
        case "loguniform":
            low, high = rules.bound(numbers[0]), rules.bound(numbers[1])
            return rules.exp(source.uniform(low, high, shape))
        case "log":
            return log(source.uniform(numbers[0], numbers[1], shape))
        case "ring":
            square = source.uniform(rules.square(numbers[0]), rules.square(numbers[1]), shape)
            return log(-0.5 * log(square))
        case "normal":
            return numbers[0] * source.standard_normal(shape)
        case "chrono":
            longest = numbers[0] if numbers else model.window
            return rules.log(source.uniform(1.0, max(longest - 1.0, 1.0), shape))
        case "uniform_gate":
            least = min(1.0 / model.width, 0.5)
            gate = source.uniform(least, 1.0 - least, shape)
            return rules.log(gate / (1.0 - gate))
        case "identity":
            value = numbers[0] if numbers else 1.0
            return np.broadcast_to(value * np.eye(shape[-1]), shape)
        case "orthogonal":
            return rules.orthogonal(source.standard_normal(shape))
        case "spectral":
            values = source.standard_normal(shape)
            return values * (numbers[0] / rules.radius(values))
        case _:
            raise ValueError(f"unknown law {initial.law!r}")
