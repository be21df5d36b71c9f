"""The trainings of the ancestors: each system on the task that shows what it is there for.

Every one is a function of cell, updates and seed. What it reached is measured on data of its own and
stands beside levels that are known exactly: the optimum, and the best without what the system adds.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import count, islice

import torch
from torch import Tensor
from torch.nn import functional

from cells.engine.batch import Batch
from cells.engine.chance import generator
from cells.engine.systems.delay_line import DelayLine
from cells.engine.systems.descent import descend, label_loss
from cells.engine.systems.encoder_decoder import EncoderDecoder, Way
from cells.engine.systems.jordan import JordanNetwork
from cells.engine.systems.memory_block import MemoryBlocks
from cells.engine.systems.recursive import Kind, RecursiveNetwork
from cells.engine.systems.reservoir import Reservoir, RidgeReadout, features, memory_capacity
from search.ancestors.ancestor import Attained, Measure, Order
from tasks import registry
from tasks.ancestors import labelling, transduction, tree
from tasks.task import Floor, Split, Task

LANES = 50
"""Sequences or trees of one update."""


def _size(weights: Iterable[Tensor]) -> int:
    return sum(weight.numel() for weight in weights if weight.requires_grad)


def _accuracies(floors: tuple[Floor, ...]) -> dict[str, float]:
    return {floor.name: floor.accuracy for floor in floors if floor.accuracy is not None}


def _losses(floors: tuple[Floor, ...]) -> dict[str, float]:
    return {floor.name: floor.loss for floor in floors if floor.loss is not None}


def _endless(task: Task) -> Iterator[Batch]:
    """The training windows of all epochs, one after the other."""
    for epoch in count():
        yield from task.batches("train", epoch)


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


def _delay_line(order: Order) -> Attained:
    # Two networks that differ in nothing but what they are asked: the last step seen, and the next.
    systems = [
        DelayLine(32, 8, 8, taps=4, dilations=(1, 2), seed=order.seed) for _ in ("seen", "unseen")
    ]
    field = systems[0].field
    laws = [labelling.Law("delay", 8, steps=30, delay=delay) for delay in (field - 1, field)]
    source = generator("labelling", "train", order.seed)

    def answers(index: int, drawn: labelling.Labelled) -> tuple[Tensor, Tensor]:
        values = systems[index].read(torch.tensor(drawn.inputs))
        return systems[index].predict(values), torch.tensor(drawn.targets)

    def loss(_: int) -> Tensor:
        drawn = [labelling.draw(law, source, LANES) for law in laws]
        return label_loss(*answers(0, drawn[0])) + label_loss(*answers(1, drawn[1]))

    weights = [weight for system in systems for weight in system.weights.values()]
    descend(weights, loss, order.updates, rate=0.01, watch=order.watch)
    measures: list[Measure] = []
    for index, (law, where) in enumerate(zip(laws, ("seen", "out of sight"), strict=True)):
        with torch.no_grad():
            logits, targets = answers(
                index, labelling.draw(law, generator("labelling", "test"), 500)
            )
        right = ((logits.argmax(-1) == targets).sum() / (targets >= 0).sum()).item()
        levels = _accuracies(labelling.floors(law))
        measures.append(Measure(f"symbols of {law.delay} steps before, {where}", right, levels))
    return Attained(_size(systems[0].weights.values()), tuple(measures))


def _reservoir(order: Order) -> Attained:
    """Least squares on one unit a symbol, which estimates the chance of each.

    For the loss in nats these are made chances: those below a floor are raised to it, and all are
    divided by their sum. The floor is the one of a few with the least loss on the validation split.
    The updates are windows of training that are counted in. Their sequences all start from the zero
    state, so that there is no other start to wash out.
    """
    width = 500
    task = registry.load("memorization", "laptop")
    facts = task.facts
    system = Reservoir(width, facts.size, radius=0.9, leak=1.0, scale=0.1, seed=order.seed)
    readout = RidgeReadout(1 + facts.size + width, facts.size, penalty=1e-7)

    def windows(batches: Iterator[Batch]) -> Iterator[tuple[Tensor, Tensor]]:
        """What the readout reads and what it shall predict, of all scored steps of each window."""
        for batch in batches:
            inputs = functional.one_hot(torch.tensor(batch.inputs), facts.size).double()
            states = system.unroll(inputs, system.zeros(batch.lanes))
            mask = torch.tensor(batch.mask)
            yield features(inputs, states)[mask], torch.tensor(batch.targets)[mask]

    counted = islice(windows(_endless(task)), order.updates)
    for done, (read, targets) in enumerate(counted, 1):
        readout.add(read, functional.one_hot(targets, facts.size).double())
        if order.watch is not None:
            order.watch(done, None)
    R = readout.solve()

    def predict(split: Split) -> tuple[Tensor, Tensor]:
        pairs = [(read @ R.T, targets) for read, targets in windows(task.batches(split))]
        values, targets = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return values, targets

    def nats(values: Tensor, targets: Tensor, floor: float) -> float:
        chances = values.clamp(min=floor)
        return functional.nll_loss((chances / chances.sum(1, keepdim=True)).log(), targets).item()

    values, targets = predict("valid")
    floor = min(
        (10.0**-power for power in range(1, 7)), key=lambda penalty: nats(values, targets, penalty)
    )
    values, targets = predict("test")
    right = (values.argmax(-1) == targets).double().mean().item()
    error = (values - functional.one_hot(targets, facts.size)).square().sum(1).mean().item()
    single = Reservoir(100, 1, radius=0.9, scale=0.1, seed=order.seed)
    capacity = sum(memory_capacity(single, 150, 10_000))
    return Attained(
        R.numel() + 1,
        (
            Measure("right symbols", right, _accuracies(facts.floors)),
            Measure("nats a symbol", nats(values, targets, floor), _losses(facts.floors)),
            Measure("squared error a symbol", error),
            Measure("linear memory of a reservoir of 100, steps", capacity, {"at most": 100.0}),
        ),
    )


def _memory_blocks(task: str, scale: str, forgetting: bool, order: Order) -> Attained:
    source = registry.load(task, scale)
    facts = source.facts
    system = MemoryBlocks(8, 2, facts.size, forgetting=forgetting, seed=order.seed)
    carried: list[tuple[Tensor, Tensor]] = []

    def predict(batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits, and targets with -1 where a step is not scored; the states are carried on."""
        h, c = carried.pop() if carried else system.zeros(batch.lanes)
        reset = torch.tensor(batch.reset)[:, None]
        h, c = h.masked_fill(reset, 0.0), c.masked_fill(reset, 0.0)
        unrolled = system.unroll(torch.tensor(batch.inputs), h, c)
        carried.append((unrolled.h[-1].detach(), unrolled.c[-1].detach()))
        targets = torch.tensor(batch.targets).masked_fill(~torch.tensor(batch.mask), -1)
        return system.predict(unrolled.h), targets

    train = _endless(source)
    descend(
        system.weights.values(),
        lambda _: label_loss(*predict(next(train))),
        order.updates,
        rate=0.01,
        watch=order.watch,
    )
    loss, right, steps, largest = 0.0, 0, 0, 0.0
    carried.clear()
    with torch.no_grad():
        for batch in source.batches("test"):
            logits, targets = predict(batch)
            scored = int((targets >= 0).sum())
            loss += label_loss(logits, targets).item() * scored
            right += int((logits.argmax(-1) == targets).sum())
            steps += scored
            largest = max(largest, carried[0][1].abs().max().item())
    return Attained(
        _size(system.weights.values()),
        (
            Measure("right symbols", right / steps, _accuracies(facts.floors)),
            Measure("nats a symbol", loss / steps, _losses(facts.floors)),
            Measure("largest carousel", largest),
        ),
    )


LESSONS: Mapping[str, Callable[[Order], Attained]] = {
    "encoder-decoder-start": partial(_encoder_decoder, "start"),
    "encoder-decoder-steps": partial(_encoder_decoder, "steps"),
    "encoder-decoder-both": partial(_encoder_decoder, "both"),
    "encoder-decoder-cut": partial(_encoder_decoder, "cut"),
    "recursive-plain": partial(_recursive, "plain"),
    "tree-lstm-child-sum": partial(_recursive, "child-sum"),
    "tree-lstm-n-ary": partial(_recursive, "n-ary"),
    "jordan": _jordan,
    "echo-state": _reservoir,
    "memory-block": partial(_memory_blocks, "reber", "quick", False),
    "memory-block-endless": partial(_memory_blocks, "reber-continual", "laptop", False),
    "forget-gate": partial(_memory_blocks, "reber-continual", "laptop", True),
    "delay-line": _delay_line,
}
"""The training of each of `search.ancestors.ancestor.ANCESTORS`."""
