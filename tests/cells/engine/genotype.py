"""The recurrent cells of ENAS and DARTS, from their genotypes.

Source: Pham et al. 2018; Liu et al. 2019; quark0/darts, rnn/genotypes.py and rnn/model.py.
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Final

import numpy as np

from tests.cells.engine.recurrence import Array, Recurrence, relu, sigm, tanh


def identity(a: Array) -> Array:
    return a


FUNCTIONS: Final = {"tanh": tanh, "relu": relu, "sigmoid": sigm, "identity": identity}


def found(genotype: Sequence[tuple[str, int]], concat: Sequence[int]) -> Recurrence:
    """The cell of a genotype: C gates, H new values; node 0 reads x and h, no biases.

    Args:
        genotype: the activation of a node and the node that it reads, from node 1 on.
        concat: the nodes whose mean is the output.
    """

    def step(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
        gate = sigm(p.Cx @ x + p.Ch @ h)
        nodes: list[Array] = [h + gate * (tanh(p.Hx @ x + p.Hh @ h) - h)]
        for node, (function, source) in enumerate(genotype, 1):
            s = nodes[source]
            c, new = getattr(p, f"C{node}") @ s, getattr(p, f"H{node}") @ s
            nodes.append(s + sigm(c) * (FUNCTIONS[function](new) - s))
        return (sum((nodes[node] for node in concat), np.zeros(())) / len(concat),)

    own = " ".join(f"C{node} H{node}" for node in range(1, 1 + len(genotype)))
    letters = f"Cx Ch Hx Hh {own}"
    # Wider than by default, since seven nodes in a row damp what is small.
    return Recurrence(letters, step, ranges=dict.fromkeys(letters.split(), (-1.4, 1.4)))


ENAS: Final = found(
    [
        *[("tanh", 0), ("tanh", 1), ("relu", 1), ("tanh", 3), ("tanh", 3), ("relu", 3)],
        *[("relu", 4), ("relu", 7), ("relu", 8), ("relu", 8), ("relu", 8)],
    ],
    [2, 5, 6, 9, 10, 11],
)
DARTS_V1: Final = found(
    [
        *[("relu", 0), ("relu", 1), ("tanh", 2), ("relu", 3)],
        *[("relu", 4), ("identity", 1), ("relu", 5), ("relu", 1)],
    ],
    range(1, 9),
)
DARTS_V2: Final = found(
    [
        *[("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1)],
        *[("tanh", 2), ("sigmoid", 5), ("tanh", 3), ("relu", 5)],
    ],
    range(1, 9),
)
