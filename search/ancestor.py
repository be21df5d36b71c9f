"""The ancestors as working systems: each with a task that shows what it can, and its training.

Every training is a function of cell, updates and seed. What it reached stands beside levels that are
known exactly: the optimum, and the best without what the system is there for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from cells.cell import Cell
from cells.engine.seed import generator
from cells.engine.systems.descent import Watcher, descend
from cells.engine.systems.encoder_decoder import EncoderDecoder, Way, sequence_loss
from tasks import transduction
from tasks.task import Floor

LANES = 50
"""Sequences or trees of one update."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a training.

    Attributes:
        updates: of the weights.
        seed: of first weights, data and all else that is drawn.
        cell: the recurrent cell, for systems that take one; others ignore it.
        watch: told of every update.
    """

    updates: int
    seed: int
    cell: Cell | None = None
    watch: Watcher | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that was measured on data of its own.

    Attributes:
        name: what it is.
        value: what was reached.
        levels: known levels of the same number, by name.
    """

    name: str
    value: float
    levels: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class Attained:
    """What a training gave: the trained numbers of the system, and the measures."""

    parameters: int
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A system that can be trained.

    Attributes:
        title: what it is.
        source: who described it.
        task: what it learns.
        updates: how many it needs.
        train: does it.
        cell: the zoo's cell that it is made of unless told otherwise; None if it takes none.
    """

    title: str
    source: str
    task: str
    updates: int
    train: Callable[[Order], Attained]
    cell: str | None = None


def _size(weights: list[Tensor]) -> int:
    return sum(weight.numel() for weight in weights if weight.requires_grad)


def _accuracies(floors: tuple[Floor, ...]) -> dict[str, float]:
    return {floor.name: floor.accuracy for floor in floors if floor.accuracy is not None}


def _encoder_decoder(way: Way, order: Order) -> Attained:
    if order.cell is None:
        raise ValueError("an encoder-decoder is made of a cell")
    law = transduction.Law("reverse", symbols=8, longest=6)
    system = EncoderDecoder(order.cell, 64, law.symbols + 1, way, seed=order.seed)
    source = generator("transduction", "train", order.seed)

    def loss(_: int) -> Tensor:
        pairs = transduction.draw(law, source, LANES)
        targets = torch.tensor(pairs.targets)
        context = system.encode(torch.tensor(pairs.sources))
        return sequence_loss(system.predict(context, targets), targets)

    descend(system.weights(), loss, order.updates, watch=order.watch)
    fresh = generator("transduction", "test")
    exact: list[float] = []
    for length in range(law.shortest, law.longest + 1):
        pairs = transduction.draw(law, fresh, 1000, length)
        written = system.decode(torch.tensor(pairs.sources), 2 * law.longest)
        targets = torch.tensor(pairs.targets)
        # A lane that ends early or late has no end symbol where the target has it.
        faults = (_ended(written, len(targets), system.end) != targets).any(0)
        exact.append(1.0 - faults.double().mean().item())
    levels = _accuracies(transduction.floors(law))
    return Attained(
        _size(system.weights()),
        (
            Measure("exact matches, own output", sum(exact) / len(exact), levels),
            Measure(f"exact matches of length {law.longest}", exact[-1]),
        ),
    )


def _ended(written: Tensor, steps: int, end: int) -> Tensor:
    """What was written, cut to `steps` or filled up with end symbols."""
    missing = max(0, steps - len(written))
    return torch.cat([written, written.new_full((missing, written.shape[1]), end)])[:steps]


_REVERSE = "write a word of 1 to 6 of 8 letters backwards, then stop"

ANCESTORS: Mapping[str, Ancestor] = {
    "encoder-decoder-start": Ancestor(
        "encoder-decoder, the context as the decoder's first states",
        "Sutskever, Vinyals, Le 2014",
        _REVERSE,
        1500,
        partial(_encoder_decoder, "start"),
        "lstm",
    ),
    "encoder-decoder-steps": Ancestor(
        "encoder-decoder, the context as an input at every step",
        "Cho et al. 2014",
        _REVERSE,
        1500,
        partial(_encoder_decoder, "steps"),
        "gru",
    ),
    "encoder-decoder-both": Ancestor(
        "encoder-decoder, the context as first states and as an input at every step",
        "Cho et al. 2014",
        _REVERSE,
        1500,
        partial(_encoder_decoder, "both"),
        "gru",
    ),
    "encoder-decoder-cut": Ancestor(
        "encoder-decoder whose context is cut: what can be had without the source",
        "a control",
        _REVERSE,
        300,
        partial(_encoder_decoder, "cut"),
        "gru",
    ),
}
