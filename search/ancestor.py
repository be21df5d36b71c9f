"""The ancestors as working systems: each with a task that shows what it can, and its training.

Every training is a function of cell, updates and seed. What it reached stands beside levels that are
known exactly: the optimum, and the best without what the system is there for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from cells.cell import Cell
from cells.engine.seed import generator
from cells.engine.systems.descent import Watcher, descend, label_loss
from cells.engine.systems.encoder_decoder import EncoderDecoder, Way
from cells.engine.systems.jordan import JordanNetwork
from cells.engine.systems.recursive import Kind, RecursiveNetwork
from tasks import labelling, transduction, tree
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


def _size(weights: Iterable[Tensor]) -> int:
    return sum(weight.numel() for weight in weights if weight.requires_grad)


def _accuracies(floors: tuple[Floor, ...]) -> dict[str, float]:
    return {floor.name: floor.accuracy for floor in floors if floor.accuracy is not None}


def _losses(floors: tuple[Floor, ...]) -> dict[str, float]:
    return {floor.name: floor.loss for floor in floors if floor.loss is not None}


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
        return label_loss(system.predict(context, targets), targets)

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


def _recursive(kind: Kind, order: Order) -> Attained:
    law = tree.Law(modulus=5, operators=("min", "max", "-"), most=8)
    system = RecursiveNetwork(kind, 48, len(law.labels), law.modulus, seed=order.seed)
    source = generator("tree", "train", order.seed)

    def loss(_: int) -> Tensor:
        trees = tree.draw(law, source, LANES)
        logits = system.predict(trees.labels, trees.children, trees.roots)
        return functional.cross_entropy(logits, torch.tensor(trees.values))

    descend(system.weights.values(), loss, order.updates, watch=order.watch)
    trees = tree.draw(law, generator("tree", "test"), 4000)
    with torch.no_grad():
        logits = system.predict(trees.labels, trees.children, trees.roots)
    right = (logits.argmax(-1) == torch.tensor(trees.values)).double().mean().item()
    nats = functional.cross_entropy(logits, torch.tensor(trees.values)).item()
    floors = tree.floors(law, trees)
    return Attained(
        _size(system.weights.values()),
        (
            Measure("right values", right, _accuracies(floors)),
            Measure("nats a value", nats, _losses(floors)),
        ),
    )


def _jordan(order: Order) -> Attained:
    law = labelling.Law("sum", symbols=5, steps=20)
    system = JordanNetwork(32, law.symbols, law.symbols, seed=order.seed)
    source = generator("labelling", "train", order.seed)

    def loss(_: int) -> Tensor:
        drawn = labelling.draw(law, source, LANES)
        targets = torch.tensor(drawn.targets)
        return label_loss(system.forced(system.read(torch.tensor(drawn.inputs)), targets), targets)

    descend(system.weights.values(), loss, order.updates, rate=0.02, watch=order.watch)
    measures: list[Measure] = []
    for steps in (law.steps, 10 * law.steps):
        longer = labelling.Law(law.rule, law.symbols, steps)
        drawn = labelling.draw(longer, generator("labelling", "test"), 500)
        targets = torch.tensor(drawn.targets)
        with torch.no_grad():
            values = system.read(torch.tensor(drawn.inputs))
            ways = {"forced": system.forced(values, targets), "own output": system.free(values)}
        for way, logits in ways.items():
            right = (logits.argmax(-1) == targets).double().mean().item()
            levels = _accuracies(labelling.floors(longer))
            measures.append(Measure(f"right sums of {steps}, {way}", right, levels))
            nats = label_loss(logits, targets).item()
            measures.append(Measure(f"nats a sum of {steps}, {way}", nats, {"optimum": 0.0}))
    return Attained(_size(system.weights.values()), tuple(measures))


_REVERSE = "write a word of 1 to 6 of 8 letters backwards, then stop"

_FORMULA = "the value of a formula of 2 to 8 digits below 5 with min, max and - modulo 5"

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
    "recursive-plain": Ancestor(
        "recursive network with the plain cell at each node",
        "Pollack 1990; Socher et al. 2011",
        _FORMULA,
        800,
        partial(_recursive, "plain"),
    ),
    "tree-lstm-child-sum": Ancestor(
        "child-sum Tree-LSTM, blind to the order of children",
        "Tai, Socher, Manning 2015",
        _FORMULA,
        800,
        partial(_recursive, "child-sum"),
    ),
    "tree-lstm-n-ary": Ancestor(
        "N-ary Tree-LSTM with two children",
        "Tai, Socher, Manning 2015",
        _FORMULA,
        800,
        partial(_recursive, "n-ary"),
    ),
    "jordan": Ancestor(
        "Jordan network, trained with teacher forcing",
        "Jordan 1986",
        "answer each of 20 digits with the sum so far modulo 5",
        300,
        _jordan,
    ),
}
