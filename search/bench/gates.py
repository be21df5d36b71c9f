"""The gates of an LSTM or GRU, found in the graph of a cell: what a library needs as its weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell
from cells.engine.learner import Weights


@dataclass(frozen=True, slots=True)
class Gate:
    """The sums `x W_x^T + h W_h^T` of one gate, float32.

    Attributes:
        x, h: weights `[H, H]` as `[out, in]`.
        bias: of the sum `[H]`.
        inner_bias: of the recurrent product `[H]`; it counts apart where a reset comes after it.
    """

    x: NDArray[np.float32]
    h: NDArray[np.float32]
    bias: NDArray[np.float32]
    inner_bias: NDArray[np.float32]

    @property
    def width(self) -> int:
        """H."""
        return self.x.shape[0]


def lstm_gates(cell: Cell, weights: Weights) -> dict[str, Gate]:
    """Input gate `i`, forget gate `f`, update `u` and output gate `o` of the zoo's LSTM."""
    squashed, output = _split(cell, cell.output, "tanh")
    nodes = {"o": output}
    for product in cell.nodes[cell.nodes[squashed].args[0]].args:
        if any(cell.nodes[argument].op == "state" for argument in cell.nodes[product].args):
            nodes["f"] = _split(cell, product, "state")[1]
        else:
            nodes["u"], nodes["i"] = _split(cell, product, "tanh")
    return {name: _gate(cell, weights, node) for name, node in nodes.items()}


def gru_gates(cell: Cell, weights: Weights) -> dict[str, Gate]:
    """Reset gate `r`, keeping gate `z` and candidate `n` of the zoo's GRUs."""
    kept = next(
        product
        for product in cell.nodes[cell.output].args
        if any(cell.nodes[argument].op == "state" for argument in cell.nodes[product].args)
    )
    keep = _split(cell, kept, "state")[1]
    ops = [node.op for node in cell.nodes]
    reset = next(index for index, op in enumerate(ops) if op == "sigmoid" and index != keep)
    nodes = {"r": reset, "z": keep, "n": ops.index("tanh")}
    return {name: _gate(cell, weights, node) for name, node in nodes.items()}


def _split(cell: Cell, node: int, op: str) -> tuple[int, int]:
    """The arguments of `node`, that which `op` computes first."""
    a, b = cell.nodes[node].args
    return (a, b) if cell.nodes[a].op == op else (b, a)


def _gate(cell: Cell, weights: Weights, activation: int) -> Gate:
    """What the activation is taken of: a sum of a linear of x and one of the state, reset or not."""
    matrices: dict[str, NDArray[np.float32]] = {}
    zeros = np.zeros(len(weights["readout.weight"][0]), np.float32)
    biases = {"outer": zeros, "inner": zeros}
    for term in cell.nodes[cell.nodes[activation].args[0]].args:
        plain = cell.nodes[term].op == "linear"
        linear = term if plain else _split(cell, term, "linear")[0]
        name = f"layer0.node{linear}"
        matrices["x" if cell.nodes[linear].args == (0,) else "h"] = _float32(
            weights[f"{name}.weight"]
        )
        if f"{name}.bias" in weights:
            side = "outer" if plain else "inner"
            biases[side] = biases[side] + _float32(weights[f"{name}.bias"])
    return Gate(matrices["x"], matrices["h"], biases["outer"], biases["inner"])


def _float32(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return values.astype(np.float32)
