"""What each optimizer does to the trained numbers, in torch: the reference of the native runtime's rules."""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from cells.training.optimizer import Adam, AdamW, Optimizer, Sgd


class Update:
    """The update rule of an optimizer with the running averages that it keeps.

    Args:
        optimizer: which, with its hyperparameters.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer: Final = optimizer
        self._moments: list[tuple[Tensor, Tensor]] = []
        self._count = 0

    @torch.no_grad()
    def apply(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], rate: float, shrink: float
    ) -> None:
        """Moves `weights` in place.

        Args:
            weights: the same at every call.
            gradients: of each of them.
            rate: learning rate of this update.
            shrink: factor by which the gradients are clipped, at most 1.
        """
        optimizer = self._optimizer
        if isinstance(optimizer, Sgd):
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.sub_(gradient, alpha=rate * shrink)
            return
        if not self._count:
            self._moments = [
                (torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights
            ]
        self._count += 1
        for weight, gradient, moments in zip(weights, gradients, self._moments, strict=True):
            _adam(optimizer, self._count, weight, gradient * shrink, moments, rate)


def _adam(
    own: Adam | AdamW,
    count: int,
    weight: Tensor,
    gradient: Tensor,
    moments: tuple[Tensor, Tensor],
    rate: float,
) -> None:
    """See `optimizer.Adam` and `optimizer.AdamW`."""
    mean, square = moments
    if isinstance(own, AdamW):
        weight.mul_(1.0 - rate * own.weight_decay)
    else:
        gradient = gradient + own.weight_decay * weight
    mean.mul_(own.beta1).add_(gradient, alpha=1.0 - own.beta1)
    square.mul_(own.beta2).add_(gradient * gradient, alpha=1.0 - own.beta2)
    root = square.sqrt() / math.sqrt(1.0 - own.beta2**count) + own.eps
    weight.sub_(mean / root, alpha=rate / (1.0 - own.beta1**count))
