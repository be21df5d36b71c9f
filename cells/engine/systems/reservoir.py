"""The echo state network: a reservoir that is drawn and never trained, and a readout by least squares."""

from typing import cast

import torch
from torch import Tensor

from cells.seed import training_seed


class Reservoir:
    """h' = (1 - a) h + a tanh(W x + U h + b), with W, U and b frozen; U has a set spectral radius.

    All arithmetic is in float64: least squares squares the condition of the states.

    Args:
        width: H.
        inputs: F.
        radius: the largest absolute eigenvalue of U. Below 1 it is neither necessary nor sufficient
            for states that forget their start, but usually does.
        links: nonzero weights a unit has from others; None for a dense U.
        leak: a, in (0, 1].
        scale: W is uniform on +- this, b on +- a tenth of it.
        seed: of all weights.

    Raises:
        ValueError: the leak or the number of links is out of range, or U has no eigenvalue but 0.

    Source: Jaeger 2001, section 3; Jaeger, Haas 2004; leak: Jaeger et al. 2007, equation 4.
    """

    def __init__(
        self,
        width: int,
        inputs: int,
        *,
        radius: float = 0.9,
        links: int | None = 10,
        leak: float = 1.0,
        scale: float = 1.0,
        seed: int = 0,
    ) -> None:
        if not 0 < leak <= 1:
            raise ValueError(f"leak {leak}: expected more than 0 and at most 1")
        if links is not None and not 1 <= links <= width:
            raise ValueError(f"{links} links for each of {width} units: expected 1 to {width}")
        self.leak = leak
        source = torch.Generator().manual_seed(training_seed("reservoir", seed))

        def uniform(*shape: int) -> Tensor:
            return 2 * torch.rand(shape, generator=source, dtype=torch.float64) - 1

        self.W, self.b = scale * uniform(width, inputs), 0.1 * scale * uniform(width)
        drawn = uniform(width, width)
        if links is not None:
            # The links of a unit are the places of its smallest draws: all sets are equally likely.
            chances = torch.rand((width, width), generator=source, dtype=torch.float64)
            absent = chances.argsort(1).argsort(1) >= links
            drawn = drawn.masked_fill(absent, 0.0)
        own = spectral_radius(drawn)
        if own == 0:
            raise ValueError("the drawn recurrent weights have no eigenvalue but 0")
        self.U = drawn * (radius / own)

    def zeros(self, lanes: int) -> Tensor:
        """The state `[B, H]` before a sequence begins."""
        return torch.zeros((lanes, len(self.b)), dtype=torch.float64)

    def unroll(self, inputs: Tensor, h: Tensor) -> Tensor:
        """The state after every step, `[T, B, H]`, from inputs `[T, B, F]` and a state `[B, H]`."""
        driven = inputs @ self.W.T + self.b
        states: list[Tensor] = []
        for drive in driven:
            h = (1 - self.leak) * h + self.leak * torch.tanh(drive + h @ self.U.T)
            states.append(h)
        return torch.stack(states)


def spectral_radius(matrix: Tensor) -> float:
    """The largest absolute eigenvalue of a square matrix."""
    values = cast("Tensor", torch.linalg.eigvals(matrix))
    return values.abs().max().item()


class RidgeReadout:
    """y = R s with R = Y S^T (S S^T + beta I)^-1, for s = [1; x; h], from sums over any windows.

    Args:
        inputs: length of s.
        outputs: length of y.
        penalty: beta, for each step that was added.

    Source: Hoerl, Kennard 1970; Lukosevicius 2012, equation 9.
    """

    def __init__(self, inputs: int, outputs: int, penalty: float = 1e-6) -> None:
        self.penalty = penalty
        self.steps = 0
        self._squares = torch.zeros((inputs, inputs), dtype=torch.float64)
        self._products = torch.zeros((outputs, inputs), dtype=torch.float64)

    def add(self, features: Tensor, targets: Tensor) -> None:
        """Counts in steps: features `[N, inputs]`, targets `[N, outputs]`."""
        self._squares += features.T @ features
        self._products += targets.T @ features
        self.steps += len(features)

    def solve(self) -> Tensor:
        """R, `[outputs, inputs]`."""
        ridge = (
            self.penalty * max(self.steps, 1) * torch.eye(len(self._squares), dtype=torch.float64)
        )
        factor = cast("Tensor", torch.linalg.cholesky(self._squares + ridge))
        return torch.cholesky_solve(self._products.T, factor).T


def features(inputs: Tensor, states: Tensor) -> Tensor:
    """What a readout reads, [1; x; h], `[..., 1 + F + H]`."""
    return torch.cat([torch.ones_like(inputs[..., :1]), inputs, states], -1)


def memory_capacity(
    reservoir: Reservoir, longest: int, steps: int, *, washout: int = 100, seed: int = 0
) -> list[float]:
    """How well an input of independent uniform numbers can be read off the state k steps later.

    Returns:
        For each lag k from 0 to `longest` the squared correlation of the input with its best linear
        reconstruction from h, measured on the `steps` that it was fitted on. Their sum over all
        lags is at most H (and a little more on few steps).

    Source: Jaeger 2001, Short term memory in echo state networks, definition 2 and proposition 2.
    """
    source = torch.Generator().manual_seed(training_seed("memory capacity", seed))
    start = washout + longest
    count = start + steps
    inputs = 2 * torch.rand((count, 1, 1), generator=source, dtype=torch.float64) - 1
    with torch.no_grad():
        states = reservoir.unroll(inputs, reservoir.zeros(1))[start:, 0]
    states = states - states.mean(0)
    # With an orthonormal basis of the states the squared correlation is the squared projection.
    left, sizes, _ = cast("list[Tensor]", torch.linalg.svd(states, full_matrices=False))
    basis = left[:, sizes > 1e-9 * sizes[0]]
    squares: list[float] = []
    for lag in range(longest + 1):
        wanted = inputs[start - lag : count - lag, 0, 0]
        wanted = wanted - wanted.mean()
        squares.append(((basis.T @ wanted).square().sum() / wanted.square().sum()).item())
    return squares
