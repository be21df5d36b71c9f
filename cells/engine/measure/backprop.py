"""One layer over a window with its gradients, in NumPy: small, plain, and without loading torch.

It does what `cells.engine.reference.unroll` and autograd do, for looks at a cell that are too short
to pay for more. Denormals count as zero, as in every executor.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell, Linear, Node
from cells.expression import Expression, compiled, scaled, variable
from cells.op import POINTWISE

Array = NDArray[np.floating]


def _sigmoid(a: Array) -> Array:
    small = np.exp(-np.abs(a))
    return np.where(a < 0, small, 1) / (1 + small)


def _erf(a: Array) -> Array:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(a)).astype(a.dtype)


def _choose(condition: NDArray[np.bool_], a: float, b: float, like: Array) -> Array:
    return np.where(condition, a, b).astype(like.dtype)


ELEMENTARY: Final[dict[str, Callable[..., Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "negate": np.negative,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    "|": np.logical_or,
    "is_nan": np.isnan,
    "where": np.where,
    "choose": _choose,
    "abs": np.abs,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "exp": np.exp,
    "expm1": np.expm1,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "erf": _erf,
    "sin": np.sin,
    "cos": np.cos,
}
"""The elementary functions of `cells.expression`, for arrays."""

VALUES: Final[dict[str, Callable[..., Array]]] = {
    row.name: compiled(row.value, row.variables, ELEMENTARY.__getitem__) for row in POINTWISE
}
"""Every activation and arithmetic operator of `cells.op`, on arrays of any shape."""


def _pulled(slope: Expression) -> Callable[[Array, Array, Sequence[Array]], Array]:
    """From the gradient of the result, the result and the arguments to the gradient of an argument."""
    product = scaled(variable("g"), slope)
    if product.function == "variable":
        return lambda g, y, args: g
    pull = compiled(product, ("g", *slope.variables()), ELEMENTARY.__getitem__)
    spots = [("y", "a", "b").index(name) for name in slope.variables()]

    def run(g: Array, y: Array, args: Sequence[Array]) -> Array:
        values = (y, *args)
        return pull(g, *[values[spot] for spot in spots])

    return run


SLOPES: Final = {row.name: [_pulled(slope) for slope in row.slopes] for row in POINTWISE}
"""For each argument of each operator the gradient, from that of the result, the result, the arguments."""


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
        self._weights = {
            name: array for name, array in weights.items() if name.startswith("layer0.")
        }
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
        if node.op in VALUES:
            return VALUES[node.op](*args)
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
        gradients = {name: np.zeros_like(array) for name, array in self._weights.items()}
        gradients |= {
            self._weight(index): np.zeros_like(matrix) for index, matrix in self._matrices.items()
        }
        inputs = np.zeros_like(self._inputs)
        later: list[Array | None] = [None] * len(cell.updates)
        with np.errstate(all="ignore"):
            for step in range(len(self._steps) - 1, -1, -1):
                slopes: list[Array | None] = [None] * len(cell.nodes)
                _add(slopes, cell.output, outer[step])
                for index, gradient in zip(cell.updates, later, strict=True):
                    if gradient is not None:
                        _add(slopes, index, gradient)
                self._step_back(self._steps[step], slopes, gradients)
                first, *later = slopes[: 1 + len(cell.updates)]
                if first is not None:
                    inputs[step] = first
            for index in self._matrices:
                name = self._weight(index)
                gradients[name] = _of_matrix(cell.nodes[index], gradients[name])
        return inputs, {name: flushed(array) for name, array in gradients.items()}

    @staticmethod
    def _weight(index: int) -> str:
        return f"layer0.node{index}.weight"

    def _step_back(
        self, values: list[Array], slopes: list[Array | None], gradients: dict[str, Array]
    ) -> None:
        """From the gradients of the step's results to those of x, states and parameters."""
        for index in range(len(values) - 1, len(self._cell.updates), -1):
            gradient, node = slopes[index], self._cell.nodes[index]
            if gradient is None:
                continue
            args = [values[arg] for arg in node.args]
            if node.op == "linear":
                _add(slopes, node.args[0], self._linear_back(index, gradient, args[0], gradients))
            elif node.op in SLOPES:
                for arg, pulled in zip(node.args, SLOPES[node.op], strict=True):
                    _add(slopes, arg, pulled(gradient, values[index], args))
            elif node.op == "vector":
                gradients[f"layer0.node{index}"] += gradient.sum(0)
            elif node.op == "scalar":
                gradients[f"layer0.node{index}"] += gradient.sum()

    def _linear_back(
        self, index: int, gradient: Array, operand: Array, gradients: dict[str, Array]
    ) -> Array:
        name, weight = self._weight(index), self._matrices[index]
        bias = f"layer0.node{index}.bias"
        if bias in gradients:
            gradients[bias] += gradient.sum(0)
        if weight.ndim == 1:
            gradients[name] += (gradient * operand).sum(0)
            return gradient * weight
        gradients[name] += gradient.T @ operand
        return gradient @ weight


def _add(slopes: list[Array | None], index: int, gradient: Array) -> None:
    own = slopes[index]
    slopes[index] = flushed(gradient if own is None else own + gradient)
