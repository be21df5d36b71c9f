"""Every number that a model owns: names, shapes, how each starts, and whether it is trained."""

from dataclasses import dataclass, replace
from typing import Literal, cast

from cells.cell import Cell, Linear
from cells.engine.learner import Model
from cells.initial import DEFAULT, ZERO, Initial

Form = Literal["table", "vector", "matrix", "blocks", "diagonal"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array of a model.

    Attributes:
        name: `embedding`, `input.weight`, `input.bias`, `layer0.node7.weight`, `layer0.node7.bias`,
            `layer0.node5` (a `vector` or `scalar` node), `readout.weight`, `readout.bias`. A node's
            number is its index in `Cell.nodes`. Weights are `[out, in]`: a step gives `W a + bias`.
        shape: tables [V, H], input [H, F], matrices [H, H], blocks [blocks, H/blocks, H/blocks],
            diagonals and vectors [H], scalars [1].
        form: what the law is asked to fill.
        initial: the law.
        trained: False for `frozen` nodes.
        layer: which layer, or None outside of the stack.
        diagonal: added to the diagonal of the matrix after the draw.
    """

    name: str
    shape: tuple[int, ...]
    form: Form
    initial: Initial = DEFAULT
    trained: bool = True
    layer: int | None = None
    diagonal: float = 0.0

    @property
    def size(self) -> int:
        """Numbers in it."""
        size = 1
        for length in self.shape:
            size *= length
        return size


def parameters(model: Model) -> tuple[Parameter, ...]:
    """All parameters of `model`, from the input to the readout.

    Raises:
        ValueError: if the width cannot be divided into a node's blocks.
    """
    width, size = model.width, model.size
    every: list[Parameter] = []
    if model.kind == "symbols":
        every.append(Parameter("embedding", (size, width), "table"))
    else:
        every.append(Parameter("input.weight", (width, size), "table"))
        every.append(Parameter("input.bias", (width,), "vector", ZERO))
    one_layer = _of_cell(model.cell, width)
    for layer in range(model.layers):
        every += [replace(own, name=f"layer{layer}.{own.name}", layer=layer) for own in one_layer]
    every.append(Parameter("readout.weight", (size, width), "table"))
    every.append(Parameter("readout.bias", (size,), "vector", ZERO))
    return tuple(every)


def _of_cell(cell: Cell, width: int) -> list[Parameter]:
    owned: list[Parameter] = []
    for index, node in enumerate(cell.nodes):
        name = f"node{index}"
        if node.op in {"vector", "scalar"}:
            shape = (width if node.op == "vector" else 1,)
            owned.append(Parameter(name, shape, "vector", cast("Initial", node.parameter)))
        elif node.op == "linear":
            linear = cast("Linear", node.parameter)
            trained = linear.kind != "frozen"
            shape, form = _matrix(linear, width)
            owned.append(
                Parameter(
                    f"{name}.weight",
                    shape,
                    form,
                    linear.init,
                    trained,
                    diagonal=linear.diagonal,
                )
            )
            if linear.bias is not None:
                owned.append(Parameter(f"{name}.bias", (width,), "vector", linear.bias, trained))
    return owned


def _matrix(linear: Linear, width: int) -> tuple[tuple[int, ...], Form]:
    if linear.kind == "diagonal":
        return (width,), "diagonal"
    if linear.kind == "block":
        if width % linear.blocks:
            raise ValueError(f"width {width} cannot be divided into {linear.blocks} blocks")
        block = width // linear.blocks
        return (linear.blocks, block, block), "blocks"
    return (width, width), "matrix"
