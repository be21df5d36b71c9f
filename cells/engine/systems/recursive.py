"""Recursive networks: a cell at every node of a tree reads a label and the states of the children.

The plain cell of Socher and the two Tree-LSTMs of Tai. Nodes of equal height are one batch.
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cells.engine.executor import Dtype
from cells.engine.reference import DTYPES
from cells.seed import training_seed

Kind = Literal["plain", "child-sum", "n-ary"]

Node = Callable[[Mapping[str, Tensor], Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""States h and c `[n, H]` from weights, labels' vectors `[n, H]`, and children's h, c `[n, K, H]`."""


def plain(weights: Mapping[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The plain cell: h = tanh(W x + sum_k U_k h_k + b), and zeros for c.

    Source: Socher et al. 2011, equation 2; Pollack 1990.
    """
    grown = torch.tanh(_gates(weights, "W", x) + _each(weights["U"], h))
    return grown, torch.zeros_like(grown)


def child_sum(
    weights: Mapping[str, Tensor], x: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """The Child-Sum Tree-LSTM, for children without order.

    Source: Tai, Socher, Manning 2015, equations 2 to 8.
    """
    gates = _gates(weights, "W", x) + functional.linear(h.sum(1), weights["U"])
    i, o, u = gates.chunk(3, -1)
    # [n, 1, H] of the node and [n, K, H] of its children.
    f = torch.sigmoid(_gates(weights, "W_f", x)[:, None] + functional.linear(h, weights["U_f"]))
    return _memory(i, o, u, f, c)


def n_ary(weights: Mapping[str, Tensor], x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """The N-ary Tree-LSTM, whose children each have their place; f_k reads all of them.

    Source: Tai, Socher, Manning 2015, equations 9 to 14.
    """
    i, o, u = (_gates(weights, "W", x) + _each(weights["U"], h)).chunk(3, -1)
    # U_f holds U_{f,kl} as [l, k H, H]: from child l to the gate of child k.
    f = _each(weights["U_f"], h).reshape(h.shape)
    return _memory(i, o, u, torch.sigmoid(_gates(weights, "W_f", x)[:, None] + f), c)


def _gates(weights: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    return functional.linear(x, weights[name], weights[name.replace("W", "b")])


def _each(matrices: Tensor, h: Tensor) -> Tensor:
    """Sum over k of U_k h_k: `[K, out, H]` and `[n, K, H]` to `[n, out]`."""
    return torch.einsum("koh,nkh->no", matrices, h)


def _memory(i: Tensor, o: Tensor, u: Tensor, f: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    kept = torch.sigmoid(i) * torch.tanh(u) + (f * c).sum(1)
    return torch.sigmoid(o) * torch.tanh(kept), kept


NODES: Mapping[Kind, Node] = {"plain": plain, "child-sum": child_sum, "n-ary": n_ary}


class RecursiveNetwork:
    """An embedding of labels, one cell for all nodes, and a readout at the roots.

    Args:
        kind: of the cell.
        width: H.
        labels: different labels of nodes, leaves and inner ones alike.
        classes: what a root is told apart into.
        arity: K, children of a node at most.
        forget: bias of every f_k at first.
        seed: of the first weights: uniform on +-1 / sqrt(H), biases 0.
        dtype: of all arithmetic.
    """

    def __init__(
        self,
        kind: Kind,
        width: int,
        labels: int,
        classes: int,
        *,
        arity: int = 2,
        forget: float = 1.0,
        seed: int = 0,
        dtype: Dtype = "float32",
    ) -> None:
        H = width
        self.node = NODES[kind]
        self.width, self.arity = width, arity
        gates = H if kind == "plain" else 3 * H
        shapes: dict[str, tuple[int, ...]] = {"embedding": (labels, H), "W": (gates, H)}
        shapes["U"] = (gates, H) if kind == "child-sum" else (arity, gates, H)
        if kind != "plain":
            shapes["W_f"] = (H, H)
            shapes["U_f"] = (H, H) if kind == "child-sum" else (arity, arity * H, H)
        shapes["readout.weight"] = (classes, H)
        self.weights: dict[str, Tensor] = {}
        for name, shape in shapes.items():
            source = torch.Generator().manual_seed(training_seed("recursive", seed, name))
            drawn = torch.rand(shape, generator=source, dtype=torch.float64)
            self.weights[name] = (2 * drawn - 1) / H**0.5
        self.weights["b"] = torch.zeros(gates, dtype=torch.float64)
        if kind != "plain":
            self.weights["b_f"] = torch.full((H,), forget, dtype=torch.float64)
        self.weights["readout.bias"] = torch.zeros(classes, dtype=torch.float64)
        for name, weight in self.weights.items():
            self.weights[name] = weight.to(DTYPES[dtype]).requires_grad_()

    def states(self, labels: NDArray[np.int64], children: NDArray[np.int64]) -> Tensor:
        """The state h of every node, `[N, H]`, height by height.

        Args:
            labels: `[N]`.
            children: nodes by number, `[N, K]`, -1 where there is none. A child stands before
                its parent.
        """
        heights = node_heights(children)
        # Nodes are kept in the order of their heights, after a row of zeros for absent children.
        order = np.argsort(heights, kind="stable")
        row = np.empty(len(order) + 1, np.int64)
        row[order], row[-1] = np.arange(1, len(order) + 1), 0
        embedded = functional.embedding(torch.tensor(labels[order]), self.weights["embedding"])
        below = torch.tensor(row[children[order]])
        h = c = embedded.new_zeros((1, self.width))
        counts: list[int] = np.bincount(heights).tolist()
        levels = zip(torch.split(embedded, counts), torch.split(below, counts), strict=True)
        for x, own in levels:
            fresh = self.node(self.weights, x, h[own], c[own])
            h, c = torch.cat([h, fresh[0]]), torch.cat([c, fresh[1]])
        return h[torch.tensor(row[:-1])]

    def predict(
        self,
        labels: NDArray[np.int64],
        children: NDArray[np.int64],
        roots: NDArray[np.int64],
    ) -> Tensor:
        """Logits of the class of each root, `[B, classes]`; see `states`."""
        h = self.states(labels, children)[torch.tensor(roots)]
        return functional.linear(h, self.weights["readout.weight"], self.weights["readout.bias"])


def node_heights(children: NDArray[np.int64]) -> NDArray[np.int64]:
    """Steps from each node down to its deepest leaf, `[N]`.

    Raises:
        ValueError: a child does not stand before its parent.
    """
    late = children >= np.arange(len(children))[:, None]
    if late.any():
        raise ValueError(f"node {late.any(1).argmax()} stands before one of its children")
    heights = np.zeros(len(children), np.int64)
    for node, own in enumerate(children):
        present = own[own >= 0]
        if present.size:
            heights[node] = 1 + heights[present].max()
    return heights
