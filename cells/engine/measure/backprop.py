"""One layer over a window with its gradients, in NumPy: small, plain, and without loading torch.

It does what `cells.engine.reference.unroll` and autograd do, for looks at a cell that are too short
to pay for more. Denormals count as zero, as in every executor.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell, Linear, Node
from cells.op import DIVISION_GUARD

Array = NDArray[np.floating]


def _sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.where(a < 0, small, 1) / (1 + small)


def _softplus(a: Array) -> Array:
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def _guard(b: Array) -> Array:
    sign = np.where(b < 0, -DIVISION_GUARD, DIVISION_GUARD).astype(b.dtype)
    return np.where(np.abs(b) <= DIVISION_GUARD, sign, b)


def _second_is_larger(a: Array, b: Array) -> NDArray[np.bool_]:
    return (b > a) | np.isnan(b)


def _second_is_smaller(a: Array, b: Array) -> NDArray[np.bool_]:
    return (b < a) | np.isnan(b)


def _silu_slope(a: Array) -> Array:
    s = _sigmoid(a)
    return s * (1 + a * (1 - s))


_VALUE: Final[dict[str, Callable[[Array], Array]]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "relu": lambda a: np.where(a < 0, 0, a),
    "exp": np.exp,
    "logsigmoid": lambda a: -_softplus(-a),
    "softplus": _softplus,
    "silu": lambda a: a * _sigmoid(a),
    "sqrt": lambda a: np.where(a <= 0, 0, np.sqrt(np.where(a <= 0, 1, a))),
    "sin": np.sin,
    "cos": np.cos,
}
_VALUE_OF_TWO: Final[dict[str, Callable[[Array, Array], Array]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": lambda a, b: a / _guard(b),
    "max": lambda a, b: np.where(_second_is_larger(a, b), b, a),
    "min": lambda a, b: np.where(_second_is_smaller(a, b), b, a),
}

# From the gradient g of the result y to that of each argument, by the derivatives of `cells.op`.
_SLOPE: Final[dict[str, Callable[[Array, Array, Array], Array]]] = {
    "tanh": lambda g, y, a: g * (1 - y * y),
    "sigmoid": lambda g, y, a: g * (1 - y) * y,
    "relu": lambda g, y, a: np.where(a <= 0, 0, g),
    "exp": lambda g, y, a: g * y,
    "logsigmoid": lambda g, y, a: g * _sigmoid(-a),
    "softplus": lambda g, y, a: g * _sigmoid(a),
    "silu": lambda g, y, a: g * _silu_slope(a),
    "sqrt": lambda g, y, a: np.where(a <= 0, 0, g / (2 * np.where(a <= 0, 1, y))),
    "sin": lambda g, y, a: g * np.cos(a),
    "cos": lambda g, y, a: -g * np.sin(a),
}
_SLOPES_OF_TWO: Final[dict[str, Callable[[Array, Array, Array, Array], tuple[Array, Array]]]] = {
    "+": lambda g, y, a, b: (g, g),
    "-": lambda g, y, a, b: (g, -g),
    "*": lambda g, y, a, b: (g * b, g * a),
    "/": lambda g, y, a, b: (
        g / _guard(b),
        np.where(np.abs(b) <= DIVISION_GUARD, 0, -g * (y / _guard(b))),
    ),
    "max": lambda g, y, a, b: _split(g, _second_is_larger(a, b)),
    "min": lambda g, y, a, b: _split(g, _second_is_smaller(a, b)),
}


def _split(g: Array, second: NDArray[np.bool_]) -> tuple[Array, Array]:
    return np.where(second, 0, g), np.where(second, g, 0)


def flushed(values: Array) -> Array:
    """`values` with zero in the place of denormals."""
    return np.where(np.abs(values) < np.finfo(values.dtype).tiny, 0, values)


def _matrix(node: Node, weight: Array) -> Array:
    """The whole matrix `[out, in]` of a `linear` node with this parameter; diagonals stay `[H]`."""
    kind = cast("Linear", node.parameter).kind
    if kind == "antisymmetric":
        return weight - weight.T
    if kind == "block":
        count, size, _ = weight.shape
        whole = np.zeros((count, size, count, size), weight.dtype)
        whole[np.arange(count), :, np.arange(count)] = weight
        return whole.reshape(count * size, count * size)
    return weight


def _of_matrix(node: Node, gradient: Array) -> Array:
    """The gradient of the parameter from that of the whole matrix."""
    linear = cast("Linear", node.parameter)
    if linear.kind == "antisymmetric":
        return gradient - gradient.T
    if linear.kind == "block":
        size = len(gradient) // linear.blocks
        split = gradient.reshape(linear.blocks, size, linear.blocks, size)
        blocks = np.arange(linear.blocks)
        return split[blocks, :, blocks]
    return gradient


class Unrolled:
    """One layer run over a window from states of zero.

    Args:
        cell: the cell.
        weights: parameters of layer 0 by the names of `cells.engine.training.parameter`.
        inputs: x, `[T, B, H]`.

    Attributes:
        outputs: `[T, B, H]`.
    """

    def __init__(self, cell: Cell, weights: Mapping[str, Array], inputs: Array) -> None:
        self._cell, self._inputs = cell, inputs
        self._weights = {name: one for name, one in weights.items() if name.startswith("layer0.")}
        self._matrices = {
            index: _matrix(node, weights[self._weight(index)])
            for index, node in enumerate(cell.nodes)
            if node.op == "linear"
        }
        self._steps: list[list[Array]] = []
        states = [np.zeros_like(inputs[0])] * len(cell.updates)
        with np.errstate(all="ignore"):
            for x in inputs:
                self._steps.append(values := self._step(x, states))
                states = [values[index] for index in cell.updates]
        self.outputs = np.stack([values[cell.output] for values in self._steps])

    def _step(self, x: Array, states: Sequence[Array]) -> list[Array]:
        values = [x, *states]
        for index, node in list(enumerate(self._cell.nodes))[len(values) :]:
            values.append(flushed(self._value(index, node, values)))
        return values

    def _value(self, index: int, node: Node, values: Sequence[Array]) -> Array:
        shape, dtype = self._inputs.shape[1:], self._inputs.dtype
        if node.op == "constant":
            return np.full(shape, cast("float", node.parameter), dtype)
        if node.op in {"vector", "scalar"}:
            return np.broadcast_to(self._weights[f"layer0.node{index}"], shape)
        args = [values[arg] for arg in node.args]
        if node.op in _VALUE:
            return _VALUE[node.op](args[0])
        if node.op in _VALUE_OF_TWO:
            return _VALUE_OF_TWO[node.op](args[0], args[1])
        weight = self._matrices[index]
        result = args[0] * weight if weight.ndim == 1 else args[0] @ weight.T
        bias = self._weights.get(f"layer0.node{index}.bias")
        return result if bias is None else result + bias

    def gradients(self, outer: Array) -> tuple[Array, dict[str, Array]]:
        """Gradients of x `[T, B, H]` and of the parameters, from those of the outputs `[T, B, H]`.

        Where no gradient comes to a value it is not followed, so that zero times infinity spoils
        nothing there.
        """
        cell = self._cell
        found = {name: np.zeros_like(array) for name, array in self._weights.items()}
        found |= {self._weight(index): np.zeros_like(one) for index, one in self._matrices.items()}
        inputs = np.zeros_like(self._inputs)
        later: list[Array | None] = [None] * len(cell.updates)
        with np.errstate(all="ignore"):
            for step in range(len(self._steps) - 1, -1, -1):
                slopes: list[Array | None] = [None] * len(cell.nodes)
                _add(slopes, cell.output, outer[step])
                for index, gradient in zip(cell.updates, later, strict=True):
                    if gradient is not None:
                        _add(slopes, index, gradient)
                self._step_back(self._steps[step], slopes, found)
                first, *later = slopes[: 1 + len(cell.updates)]
                if first is not None:
                    inputs[step] = first
            for index in self._matrices:
                name = self._weight(index)
                found[name] = _of_matrix(cell.nodes[index], found[name])
        return inputs, {name: flushed(array) for name, array in found.items()}

    @staticmethod
    def _weight(index: int) -> str:
        return f"layer0.node{index}.weight"

    def _step_back(
        self, values: list[Array], slopes: list[Array | None], found: dict[str, Array]
    ) -> None:
        """From the gradients of the step's results to those of x, states and parameters."""
        for index in range(len(values) - 1, len(self._cell.updates), -1):
            gradient, node = slopes[index], self._cell.nodes[index]
            if gradient is None:
                continue
            args = [values[arg] for arg in node.args]
            if node.op == "linear":
                _add(slopes, node.args[0], self._linear_back(index, gradient, args[0], found))
            elif node.op in _SLOPE:
                _add(slopes, node.args[0], _SLOPE[node.op](gradient, values[index], args[0]))
            elif node.op in _SLOPES_OF_TWO:
                both = _SLOPES_OF_TWO[node.op](gradient, values[index], args[0], args[1])
                for arg, slope in zip(node.args, both, strict=True):
                    _add(slopes, arg, slope)
            elif node.op == "vector":
                found[f"layer0.node{index}"] += gradient.sum(0)
            elif node.op == "scalar":
                found[f"layer0.node{index}"] += gradient.sum()

    def _linear_back(
        self, index: int, gradient: Array, operand: Array, found: dict[str, Array]
    ) -> Array:
        name, weight = self._weight(index), self._matrices[index]
        bias = f"layer0.node{index}.bias"
        if bias in found:
            found[bias] += gradient.sum(0)
        if weight.ndim == 1:
            found[name] += (gradient * operand).sum(0)
            return gradient * weight
        found[name] += gradient.T @ operand
        return gradient @ weight


def _add(slopes: list[Array | None], index: int, gradient: Array) -> None:
    own = slopes[index]
    slopes[index] = flushed(gradient if own is None else own + gradient)
