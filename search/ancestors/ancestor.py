"""The ancestors as working systems, by name: what each is, and what it is trained on.

Their trainings are in `search.ancestors.lesson`, apart from this table because they load torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cells.cell import Cell

Watcher = Callable[[int, float | None], None]
"""Told of every update: how many are done, and the loss before the last one if it is known."""


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
        cell: the zoo's cell that it is made of unless told otherwise; None if it takes none.
    """

    title: str
    source: str
    task: str
    updates: int
    cell: str | None = None


_REVERSE = "write a word of 1 to 6 of 8 letters backwards, then stop"

_FORMULA = "the value of a formula of 2 to 8 digits below 5 with min, max and - modulo 5"

ANCESTORS: Mapping[str, Ancestor] = {
    "encoder-decoder-start": Ancestor(
        "encoder-decoder, the context as the decoder's first states",
        "Sutskever, Vinyals, Le 2014",
        _REVERSE,
        1500,
        "lstm",
    ),
    "encoder-decoder-steps": Ancestor(
        "encoder-decoder, the context as an input at every step",
        "Cho et al. 2014",
        _REVERSE,
        1500,
        "gru",
    ),
    "encoder-decoder-both": Ancestor(
        "encoder-decoder, the context as first states and as an input at every step",
        "Cho et al. 2014",
        _REVERSE,
        1500,
        "gru",
    ),
    "encoder-decoder-cut": Ancestor(
        "encoder-decoder whose context is cut: what can be had without the source",
        "a control",
        _REVERSE,
        300,
        "gru",
    ),
    "recursive-plain": Ancestor(
        "recursive network with the plain cell at each node",
        "Pollack 1990; Socher et al. 2011",
        _FORMULA,
        2500,
    ),
    "tree-lstm-child-sum": Ancestor(
        "child-sum Tree-LSTM, blind to the order of children",
        "Tai, Socher, Manning 2015",
        _FORMULA,
        2500,
    ),
    "tree-lstm-n-ary": Ancestor(
        "N-ary Tree-LSTM with two children",
        "Tai, Socher, Manning 2015",
        _FORMULA,
        2500,
    ),
    "jordan": Ancestor(
        "Jordan network, trained with teacher forcing",
        "Jordan 1986",
        "answer each of 20 digits with the sum so far modulo 5",
        300,
    ),
    "echo-state": Ancestor(
        "echo state network, its readout by ridge regression",
        "Jaeger 2001",
        "task memorization at scale laptop: say 5 of 26 letters again",
        400,
    ),
    "memory-block": Ancestor(
        "LSTM of 1997: 8 memory blocks of 2 cells, truncated gradient",
        "Hochreiter, Schmidhuber 1997",
        "task reber at scale quick: embedded Reber strings one by one",
        1000,
    ),
    "memory-block-endless": Ancestor(
        "the same on a stream without end, where its carousels drift",
        "Gers, Schmidhuber, Cummins 2000",
        "task reber-continual at scale laptop: one stream of strings",
        1500,
    ),
    "forget-gate": Ancestor(
        "the same with a forget gate for each block",
        "Gers, Schmidhuber, Cummins 2000",
        "task reber-continual at scale laptop: one stream of strings",
        1500,
    ),
    "delay-line": Ancestor(
        "tapped delay line (TDNN), two layers of 4 taps, the second dilated by 2",
        "Lang, Hinton 1988; Waibel et al. 1989",
        "repeat the symbol of 9 steps before, and the same with 10, which is out of sight",
        300,
    ),
}
