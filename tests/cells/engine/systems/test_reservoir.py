"""The echo state network: its radius, its fading memory, what stays frozen, and its readout."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cells import canonical, zoo
from cells.engine.reference import unroll
from cells.engine.systems.reservoir import (
    Reservoir,
    RidgeReadout,
    features,
    memory_capacity,
    spectral_radius,
)


def noise(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=source, dtype=torch.float64)


@pytest.mark.parametrize("radius", [0.5, 0.9, 1.3])
@pytest.mark.parametrize("links", [None, 10])
def test_the_spectral_radius_is_the_one_asked_for(radius: float, links: int | None) -> None:
    U = Reservoir(80, 3, radius=radius, links=links).U
    assert spectral_radius(U) == pytest.approx(radius, abs=1e-6)
    # By powers of the matrix, Gelfand's formula: another road to the same number.
    scaled, logarithm, estimate = U.clone(), 0.0, 0.0
    for power in range(1, 15):
        scaled = scaled @ scaled
        norm = torch.linalg.matrix_norm(scaled).item()
        scaled, logarithm = scaled / norm, 2 * logarithm + np.log(norm)
        estimate = np.exp(logarithm / 2**power)
    assert estimate == pytest.approx(radius, rel=1e-3)


def test_a_sparse_reservoir_has_as_many_links_as_asked_for() -> None:
    U = Reservoir(60, 2, links=7).U
    assert (U != 0).sum(1).tolist() == [7] * 60
    assert Reservoir(60, 2, links=None).U.all()


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_states_forget_their_start_under_the_same_input(leak: float) -> None:
    made = Reservoir(60, 2, leak=leak)
    inputs = noise(400, 1, 2)
    first, second = (made.unroll(inputs, noise(1, 60, seed=seed)) for seed in (1, 2))
    gaps = (first - second).norm(dim=-1)[:, 0]
    assert gaps[0] > 1
    assert gaps[-1] < 1e-9


def test_a_chaotic_reservoir_does_not_forget_its_start() -> None:
    made = Reservoir(60, 2, radius=3.0, scale=0.1)
    inputs = noise(400, 1, 2)
    first, second = (made.unroll(inputs, noise(1, 60, seed=seed)) for seed in (1, 2))
    assert (first - second)[-1].norm() > 1


def test_it_is_the_frozen_cell_of_the_zoo() -> None:
    cell, width = canonical(zoo.load("esn")), 12
    made = Reservoir(width, width, leak=0.3, links=None)
    nodes = [index for index, node in enumerate(cell.nodes) if node.op == "linear"]
    weights: dict[str, Tensor] = {}
    for index in nodes:
        reads_input = cell.nodes[index].args == (0,)
        weights[f"layer0.node{index}.weight"] = made.W if reads_input else made.U
        if reads_input:
            weights[f"layer0.node{index}.bias"] = made.b
    inputs, start = noise(9, 2, width), noise(2, width, seed=1)
    expected, _ = unroll(cell, weights, inputs, [start])
    torch.testing.assert_close(made.unroll(inputs, start), expected, rtol=0, atol=1e-12)


def test_the_readout_is_the_least_squares_solution_and_the_reservoir_stays_as_drawn() -> None:
    made = Reservoir(20, 2)
    before = [one.clone() for one in (made.W, made.U, made.b)]
    inputs, targets = noise(300, 1, 2), noise(300, 3, seed=1)
    read = features(inputs, made.unroll(inputs, made.zeros(1)))[:, 0]
    beta = 0.01
    readout = RidgeReadout(23, 3, beta)
    for part in (slice(0, 100), slice(100, 300)):
        readout.add(read[part], targets[part])
    # The same minimum as plain least squares with one more row for each penalty.
    rows = torch.cat([read, (beta * 300) ** 0.5 * torch.eye(23, dtype=torch.float64)])
    wanted = torch.cat([targets, torch.zeros((23, 3), dtype=torch.float64)])
    expected = torch.linalg.lstsq(rows, wanted).solution.T
    torch.testing.assert_close(readout.solve(), expected, rtol=0, atol=1e-9)
    for old, new in zip(before, (made.W, made.U, made.b), strict=True):
        assert torch.equal(old, new)
        assert not new.requires_grad


@pytest.mark.parametrize("radius", [0.5, 0.95])
def test_linear_memory_capacity_is_below_the_number_of_units(radius: float) -> None:
    width, steps = 15, 4000
    made = Reservoir(width, 1, radius=radius, links=None, scale=0.1)
    found = memory_capacity(made, 60, steps)
    assert found[0] > 0.99
    assert found[-1] < 0.05
    # Each lag of pure chance takes width / steps of correlation.
    assert 2 < sum(found) < width + 61 * width / steps


def test_the_memory_is_longer_at_the_larger_radius() -> None:
    sums = [
        sum(memory_capacity(Reservoir(15, 1, radius=r, links=None, scale=0.1), 60, 2000))
        for r in (0.3, 0.95)
    ]
    assert sums[1] > 1.5 * sums[0]


def test_a_leak_or_links_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="leak 0"):
        Reservoir(5, 1, leak=0, links=None)
    with pytest.raises(ValueError, match="6 links for each of 5 units"):
        Reservoir(5, 1, links=6)
