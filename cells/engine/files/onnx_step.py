"""One step of a cell as an ONNX model, for runtimes without Python. Needs the package `onnx`."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from cells.cell import Cell, Linear
from cells.engine.learner import Weights
from cells.export.torch_module import alive, names
from cells.expression import compiled
from cells.op import OPS
from cells.text.printer import state_names

OPSET: Final = 18
IR: Final = 9
"""Versions that runtimes of 2023 and later read."""

_ELEMENTARY: Final = {
    "+": "Add",
    "-": "Sub",
    "*": "Mul",
    "/": "Div",
    "negate": "Neg",
    "<": "Less",
    "<=": "LessOrEqual",
    ">": "Greater",
    "|": "Or",
    "is_nan": "IsNaN",
    "where": "Where",
    "abs": "Abs",
    "maximum": "Max",
    "minimum": "Min",
    "exp": "Exp",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "erf": "Erf",
    "sin": "Sin",
    "cos": "Cos",
}


def step(cell: Cell, layers: int = 1, weights: Weights | None = None) -> bytes:
    """The model file: from x and the old states to `output` and the new states.

    Inputs are `x` and `layers.0.h` for each layer and state, all `[B, H]`; outputs are `output` and
    `layers.0.h_next`. Parameters have the names of the exported module, such as `layers.0.W_r`.

    Args:
        cell: a valid cell.
        layers: each reads the output of the one below.
        weights: parameters by those names, which the file then holds; without them they are inputs
            of the model, and every width will do.
    """
    graph = _Graph(next(iter(weights.values())).dtype if weights else np.float32)
    width = _width(cell, weights) if weights else "H"
    value = graph.input("x", ("B", width))
    ends: list[tuple[str, str]] = []
    for layer in range(layers):
        prefix = f"layers.{layer}."
        for name, shape in _shapes(cell, width).items():
            if weights:
                graph.holds.append(numpy_helper.from_array(weights[prefix + name], prefix + name))
            else:
                graph.input(prefix + name, shape)
        value, updates = _layer(graph, cell, value, prefix, ("B", width))
        states = (f"{prefix}{state}_next" for state in state_names(cell))
        ends += zip(states, updates, strict=True)
    for name, tensor in (("output", value), *ends):
        graph.nodes.append(helper.make_node("Identity", [tensor], [name]))
        graph.outputs.append(helper.make_tensor_value_info(name, graph.kind, ("B", width)))
    model = helper.make_model(
        helper.make_graph(graph.nodes, cell.name, graph.inputs, graph.outputs, graph.holds),
        producer_name="gatewright",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
    )
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


class _Graph:
    """The parts of a model while it is written."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.kind = TensorProto.FLOAT if self.dtype == np.float32 else TensorProto.DOUBLE
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.holds: list[Any] = []

    def input(self, name: str, shape: tuple[str | int, ...]) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, self.kind, shape))
        return name

    def number(self, value: float) -> str:
        return self._held(np.array(value, self.dtype))

    def shape(self, *sizes: int) -> str:
        return self._held(np.array(sizes, np.int64))

    def do(self, op: str, *arguments: str, **attributes: Any) -> str:
        name = f"value{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(arguments), [name], **attributes))
        return name

    def _held(self, array: Any) -> str:
        name = f"number{len(self.holds)}"
        self.holds.append(numpy_helper.from_array(array, name))
        return name


def _shapes(cell: Cell, width: str | int) -> dict[str, tuple[str | int, ...]]:
    """The shape of each parameter of a layer."""
    own, shapes = names(cell), dict[str, tuple[str | int, ...]]()
    for index, node in enumerate(cell.nodes):
        if name := own.get(f"node{index}"):
            shapes[name] = (width,) if node.op == "vector" else (1,)
        if name := own.get(f"node{index}.bias"):
            shapes[name] = (width,)
        if name := own.get(f"node{index}.weight"):
            linear = cast("Linear", node.parameter)
            if linear.kind == "diagonal":
                shapes[name] = (width,)
            elif linear.kind == "block":
                count = linear.blocks
                size = width // count if isinstance(width, int) else f"{width}_{count}"
                shapes[name] = (count, size, size)
            else:
                shapes[name] = (width, width)
    return shapes


def _width(cell: Cell, weights: Weights) -> int | str:
    """The width of the states, from any parameter that tells it; scalars fit all."""
    for name, shape in _shapes(cell, 0).items():
        actual = weights[f"layers.0.{name}"].shape
        if len(shape) == 3:
            return int(actual[0] * actual[1])
        if shape != (1,):
            return int(actual[0])
    return "H"


def _layer(
    graph: _Graph, cell: Cell, x: str, prefix: str, shape: tuple[str | int, ...]
) -> tuple[str, list[str]]:
    """Output and new states of one layer."""
    own, living, count = names(cell), alive(cell), len(cell.updates)
    values = [x, *(graph.input(prefix + state, shape) for state in state_names(cell))]
    moving = [True] * (count + 1)  # whether a value depends on x or a state, and so is [B, H]

    def whole(index: int) -> str:
        return values[index] if moving[index] else graph.do("Expand", values[index], like)

    like = graph.do("Shape", x)
    for index, (op, args, parameter) in enumerate(cell.nodes):
        if index <= count:
            continue
        moving.append(any(moving[arg] for arg in args) or op == "linear")
        if not living[index]:
            values.append("")
        elif op == "constant":
            values.append(graph.number(cast("float", parameter)))
        elif op in ("vector", "scalar"):
            values.append(prefix + own[f"node{index}"])
        elif op == "linear":
            weight = prefix + own[f"node{index}.weight"]
            bias = own.get(f"node{index}.bias")
            linear = cast("Linear", parameter)
            values.append(
                _linear(graph, linear, whole(args[0]), weight, prefix + bias if bias else "")
            )
        else:
            values.append(_operation(graph, op, [values[arg] for arg in args]))
    return whole(cell.output), [whole(update) for update in cell.updates]


def _linear(graph: _Graph, linear: Linear, a: str, weight: str, bias: str) -> str:
    if linear.kind == "diagonal":
        product = graph.do("Mul", a, weight)
    elif linear.kind == "block":
        apart = graph.do("Reshape", a, graph.shape(0, linear.blocks, -1))
        product = graph.do("Einsum", apart, weight, equation="bki,koi->bko")
        product = graph.do("Reshape", product, graph.shape(0, -1))
    else:
        if linear.kind == "antisymmetric":
            weight = graph.do("Sub", weight, graph.do("Transpose", weight))
        return graph.do("Gemm", *filter(None, (a, weight, bias)), transB=1)
    return graph.do("Add", product, bias) if bias else product


def _operation(graph: _Graph, op: str, arguments: list[str]) -> str:
    """The nodes of one operator, as its row says it."""

    def choose(condition: str, a: str, b: str, like: str) -> str:
        del like
        return graph.do("Where", condition, a, b)

    def log1p(a: str) -> str:
        return graph.do("Log", graph.do("Add", a, graph.number(1)))

    def expm1(a: str) -> str:
        return graph.do("Sub", graph.do("Exp", a), graph.number(1))

    own = {"choose": choose, "log1p": log1p, "expm1": expm1}

    def lookup(name: str) -> Callable[..., str]:
        return own.get(name) or partial(graph.do, _ELEMENTARY.get(name, name))

    row = OPS[op]
    run = compiled(row.onnx or row.value, row.variables, lookup, graph.number)
    return cast("str", run(*arguments))
