"""The one training loop of the systems: Adam on a loss that is drawn anew for each update."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.nn import functional

Watcher = Callable[[int, float], None]
"""Called after each update with the number of updates done and the loss before the last one."""


class DivergedError(Exception):
    """A loss or the norm of its gradient is not finite; says at which update, counted from 1."""

    def __init__(self, update: int) -> None:
        super().__init__(f"the loss or its gradient is not finite at update {update}")
        self.update = update


def descend(
    weights: Iterable[Tensor],
    loss: Callable[[int], Tensor],
    updates: int,
    *,
    rate: float = 0.005,
    clip: float = 1.0,
    watch: Watcher | None = None,
) -> None:
    """Trains `weights` in place: those that require a gradient, by Adam with norm clipping.

    The rate falls linearly from `rate` to zero. Nothing is drawn here, so the result is a function
    of the first weights and of `loss`.

    Args:
        weights: leaves; frozen ones are left alone.
        loss: the scalar loss of an update, by its number from 0.
        updates: how many.
        rate: of Adam, at the first update.
        clip: largest norm of the whole gradient.
        watch: told of every update.

    Raises:
        DivergedError: a loss or a norm stopped being finite.

    Source: Kingma, Ba 2015, algorithm 1; clipping: Pascanu, Mikolov, Bengio 2013, algorithm 1.
    """
    trained = [weight for weight in weights if weight.requires_grad]
    adam = torch.optim.Adam(trained, lr=rate)
    for update in range(updates):
        for group in adam.param_groups:
            group["lr"] = rate * (1 - update / updates)
        adam.zero_grad()
        value = loss(update)
        torch.autograd.backward(value)
        norm = torch.nn.utils.clip_grad_norm_(trained, clip)
        if not math.isfinite(value.item() + norm.item()):
            raise DivergedError(update + 1)
        adam.step()
        if watch is not None:
            watch(update + 1, value.item())


def label_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean negative log-likelihood in nats of a symbol of `targets` `[T, B]`; -1 is not scored.

    Args:
        logits: `[T, B, V]`.
        targets: int64.
    """
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)
