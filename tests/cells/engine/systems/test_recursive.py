"""Recursive networks against their equations, against the sequential LSTM, and in what they can see."""

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cells.engine.systems.recursive import NODES, Kind, RecursiveNetwork, node_heights
from tasks.ancestors import tree

WIDTH = 4
KINDS: tuple[Kind, ...] = get_args(Kind)
LAW = tree.Law(most=7)


def network(kind: Kind, arity: int = 2, seed: int = 0) -> RecursiveNetwork:
    made = RecursiveNetwork(
        kind, WIDTH, len(LAW.labels), LAW.modulus, arity=arity, seed=seed, dtype="float64"
    )
    source = torch.Generator().manual_seed(seed)
    with torch.no_grad():  # biases too, which start at plain numbers
        for weight in made.weights.values():
            weight.add_(0.3 * torch.randn(weight.shape, generator=source, dtype=weight.dtype))
    return made


def forest(count: int = 6) -> tree.Forest:
    return tree.draw(LAW, np.random.default_rng(2), count)


def by_equations(
    kind: Kind, weights: dict[str, Tensor], x: Tensor, h: list[Tensor], c: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """One node as the papers write it: vectors, one product after the other, no batch."""
    W, b, U = weights["W"], weights["b"], weights["U"]
    children, zero = range(len(h)), torch.zeros(WIDTH, dtype=torch.float64)
    if kind == "plain":
        return torch.tanh(W @ x + sum((U[k] @ h[k] for k in children), zero) + b), zero
    own: list[Tensor] = []
    for gate in range(3):
        rows = slice(gate * WIDTH, (gate + 1) * WIDTH)
        below = zero
        for k in children:
            below = below + (U[rows] if kind == "child-sum" else U[k, rows]) @ h[k]
        own.append(W[rows] @ x + below + b[rows])
    i, o, u = torch.sigmoid(own[0]), torch.sigmoid(own[1]), torch.tanh(own[2])
    memory = i * u
    for k in children:
        if kind == "child-sum":
            below = weights["U_f"] @ h[k]
        else:
            rows = slice(k * WIDTH, (k + 1) * WIDTH)
            below = sum((weights["U_f"][j, rows] @ h[j] for j in children), zero)
        memory = memory + torch.sigmoid(weights["W_f"] @ x + below + weights["b_f"]) * c[k]
    return o * torch.tanh(memory), memory


@pytest.mark.parametrize("kind", KINDS)
def test_heights_in_one_batch_equal_the_equations_node_by_node(kind: Kind) -> None:
    made, trees = network(kind), forest()
    found = made.states(trees.labels, trees.children)
    zero = torch.zeros(WIDTH, dtype=torch.float64)
    known: list[tuple[Tensor, Tensor]] = []
    for label, own in zip(trees.labels, trees.children, strict=True):
        below = [known[child] if child >= 0 else (zero, zero) for child in own]
        x = made.weights["embedding"][int(label)]
        known.append(
            by_equations(kind, made.weights, x, [h for h, _ in below], [c for _, c in below])
        )
    expected = torch.stack([h for h, _ in known])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    leaves = list(made.weights.values())[:-2]
    slope = torch.randn(found.shape, generator=torch.Generator().manual_seed(5), dtype=found.dtype)
    for ours, theirs in zip(
        torch.autograd.grad((found * slope).sum(), leaves, allow_unused=True),
        torch.autograd.grad((expected * slope).sum(), leaves, allow_unused=True),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_child_sum_is_blind_to_the_order_of_children(kind: Kind) -> None:
    made, trees = network(kind), forest()
    turned = trees.children[:, ::-1]
    first = made.predict(trees.labels, trees.children, trees.roots)
    second = made.predict(trees.labels, turned, trees.roots)
    assert torch.equal(first, second) == (kind == "child-sum")


@pytest.mark.parametrize("kind", ["child-sum", "n-ary"])
def test_a_chain_is_the_sequential_lstm(kind: Kind) -> None:
    made = network(kind, arity=1)
    steps, weights = 6, made.weights
    labels = np.random.default_rng(0).integers(len(LAW.labels), size=steps)
    chain = np.arange(-1, steps - 1)[:, None]
    lstm = nn.LSTM(WIDTH, WIDTH, dtype=torch.float64)

    def ordered(gates: Tensor, f: Tensor) -> Tensor:
        i, o, u = gates.detach().chunk(3)
        return torch.cat([i, f.detach(), u, o])

    U, U_f = (weights[name].reshape(-1, WIDTH) for name in ("U", "U_f"))
    lstm.load_state_dict(
        {
            "weight_ih_l0": ordered(weights["W"], weights["W_f"]),
            "weight_hh_l0": ordered(U, U_f),
            "bias_ih_l0": ordered(weights["b"], weights["b_f"]),
            "bias_hh_l0": torch.zeros(4 * WIDTH),
        }
    )
    inputs = weights["embedding"][torch.tensor(labels)][:, None]
    expected: Tensor = lstm(inputs)[0][:, 0]
    torch.testing.assert_close(made.states(labels, chain), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_node_agree_with_differences(kind: Kind) -> None:
    made = network(kind)
    source = torch.Generator().manual_seed(1)
    names = [name for name in made.weights if name[0] in "WUb"]
    x, h, c = (
        torch.randn(shape, generator=source, dtype=torch.float64, requires_grad=True)
        for shape in ((3, WIDTH), (3, 2, WIDTH), (3, 2, WIDTH))
    )

    def node(*values: Tensor) -> tuple[Tensor, Tensor]:
        *weights, x, h, c = values
        return NODES[kind](dict(zip(names, weights, strict=True)), x, h, c)

    assert torch.autograd.gradcheck(node, (*[made.weights[name] for name in names], x, h, c))


def test_a_balanced_tree_is_as_high_as_the_logarithm_of_its_leaves() -> None:
    leaves = 16
    inner = [(2 * node, 2 * node + 1) for node in range(leaves - 1)]
    heights = node_heights(np.array([(-1, -1)] * leaves + inner))
    assert heights[-1] == 4
    assert heights[:leaves].max() == 0


def test_trees_side_by_side_do_not_see_each_other() -> None:
    made, trees = network("n-ary"), forest(3)
    together = made.predict(trees.labels, trees.children, trees.roots)
    bounds = [0, *(trees.roots + 1).tolist()]
    for place, (low, high) in enumerate(pairwise(bounds)):
        own = np.where(trees.children[low:high] < 0, -1, trees.children[low:high] - low)
        alone = made.predict(trees.labels[low:high], own, np.array([high - low - 1]))
        torch.testing.assert_close(alone[0], together[place], rtol=0, atol=1e-13)


def test_a_parent_before_its_child_is_refused() -> None:
    with pytest.raises(ValueError, match="node 1 stands before"):
        node_heights(np.array([[-1, -1], [0, 2], [-1, -1]]))


def test_every_gate_of_a_child_starts_with_bias_one() -> None:
    made = RecursiveNetwork("n-ary", WIDTH, 3, 2)
    assert made.weights["b_f"].tolist() == [1.0] * WIDTH
    assert not made.weights["b"].any()
    assert not torch.equal(
        made.weights["W"], RecursiveNetwork("n-ary", WIDTH, 3, 2, seed=1).weights["W"]
    )
