"""Cells, batches and sources built by hand, so that these tests need neither parser nor tasks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cells.cell import Cell, Kind, Linear, Node
from cells.engine.batch import Batch
from cells.engine.training.trainer import Split
from cells.initial import DEFAULT, ZERO, Initial


class Graph:
    """Collects nodes; every method returns the index of the node that it made."""

    def __init__(self, states: int) -> None:
        self.nodes = [Node("input"), *[Node("state")] * states]

    def add(self, op: str, *args: int, parameter: float | Initial | Linear | None = None) -> int:
        self.nodes.append(Node(op, args, parameter))
        return len(self.nodes) - 1

    def linear(
        self,
        *args: int,
        bias: Initial | None = ZERO,
        kind: Kind = "free",
        init: Initial = DEFAULT,
        diagonal: float = 0.0,
        blocks: int = 1,
    ) -> int:
        first, *rest = args
        own = Linear(kind, init, diagonal, bias, blocks)
        total = self.add("linear", first, parameter=own)
        for argument in rest:
            more = self.add("linear", argument, parameter=Linear(kind, init, 0.0, None, blocks))
            total = self.add("+", total, more)
        return total

    def constant(self, value: float) -> int:
        return self.add("constant", parameter=value)

    def cell(self, updates: Sequence[int], output: int | None = None, name: str = "made") -> Cell:
        return Cell(
            tuple(self.nodes), tuple(updates), updates[0] if output is None else output, name
        )


def elman(activation: str = "tanh", bias: Initial = ZERO) -> Cell:
    graph = Graph(1)
    return graph.cell([graph.add(activation, graph.linear(0, 1, bias=bias))])


def lstm(forget: Initial = ZERO, entry: Initial = ZERO) -> Cell:
    """Gates in the order of torch: input, forget, candidate, output."""
    graph = Graph(2)
    i = graph.add("sigmoid", graph.linear(0, 1, bias=entry))
    f = graph.add("sigmoid", graph.linear(0, 1, bias=forget))
    g = graph.add("tanh", graph.linear(0, 1))
    o = graph.add("sigmoid", graph.linear(0, 1))
    c = graph.add("+", graph.add("*", f, 2), graph.add("*", i, g))
    return graph.cell([graph.add("*", o, graph.add("tanh", c)), c])


def gru_after() -> Cell:
    """Reset after the product, as torch has it: candidate tanh(W x + r * (U h + b))."""
    graph = Graph(1)
    r = graph.add("sigmoid", graph.linear(0, 1))
    z = graph.add("sigmoid", graph.linear(0, 1))
    n = graph.add("tanh", graph.add("+", graph.linear(0), graph.add("*", r, graph.linear(1))))
    keep = graph.add("*", z, 1)
    take = graph.add("*", graph.add("-", graph.constant(1.0), z), n)
    return graph.cell([graph.add("+", keep, take)])


def gru() -> Cell:
    """Reset before the product, as the paper has it."""
    graph = Graph(1)
    r = graph.add("sigmoid", graph.linear(0, 1))
    z = graph.add("sigmoid", graph.linear(0, 1))
    n = graph.add("tanh", graph.linear(0, graph.add("*", r, 1)))
    take = graph.add("*", graph.add("-", graph.constant(1.0), z), n)
    return graph.cell([graph.add("+", graph.add("*", z, 1), take)])


def symbols(
    seed: int, steps: int, lanes: int, size: int, reset: bool = False, scored: float = 1.0
) -> Batch:
    """Random symbols with random targets; each step scored with chance `scored`."""
    source = np.random.default_rng(seed)
    return Batch(
        source.integers(0, size, (steps, lanes)),
        source.integers(0, size, (steps, lanes)),
        source.random((steps, lanes)) < scored,
        np.full(lanes, reset),
    )


def roll(seed: int, steps: int, lanes: int, size: int) -> Batch:
    """A random piano roll with random targets."""
    source = np.random.default_rng(seed)
    notes = source.random((2, steps, lanes, size)) < 0.2
    return Batch(
        notes[0].astype(np.float32),
        notes[1].astype(np.float32),
        np.ones((steps, lanes), np.bool_),
        np.zeros(lanes, np.bool_),
    )


@dataclass(frozen=True)
class ToyFacts:
    kind: Literal["symbols", "roll"]
    size: int
    window: int
    batch: int
    updates: int


@dataclass(frozen=True)
class Echo:
    """Recall: the target is the symbol read `lag` steps ago, in sequences of one window."""

    lag: int = 2
    size: int = 5
    window: int = 12
    batch: int = 10
    updates: int = 40

    @property
    def facts(self) -> ToyFacts:
        return ToyFacts("symbols", self.size, self.window, self.batch, self.updates)

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        source = np.random.default_rng([ord(split[0]), epoch if split == "train" else 0])
        lanes = lanes or self.batch
        for _ in range(self.updates if split == "train" else 5):
            inputs = source.integers(0, self.size, (self.window, lanes))
            mask = np.zeros((self.window, lanes), np.bool_)
            mask[self.lag :] = True
            yield Batch(inputs, np.roll(inputs, self.lag, 0), mask, np.ones(lanes, np.bool_))


@dataclass(frozen=True)
class Chords:
    """A piano roll in which the next step repeats this one, one octave of notes."""

    window: int = 8
    batch: int = 4
    updates: int = 10

    @property
    def facts(self) -> ToyFacts:
        return ToyFacts("roll", 12, self.window, self.batch, self.updates)

    def batches(self, split: Split, epoch: int = 0, lanes: int | None = None) -> Iterator[Batch]:
        source = np.random.default_rng([ord(split[0]), epoch if split == "train" else 0])
        lanes = lanes or self.batch
        for index in range(self.updates if split == "train" else 2):
            notes = (source.random((self.window, lanes, 12)) < 0.2).astype(np.float32)
            mask = np.ones((self.window, lanes), np.bool_)
            yield Batch(notes, notes, mask, np.full(lanes, index == 0))
