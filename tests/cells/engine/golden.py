"""One case, two answers: what the engine makes of a cell, and what an independent source does.

The source is torch's own module where torch ships the cell, else a recurrence of a shelf.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import numpy as np
import torch
from torch import Tensor, nn

from cells.cell import Cell
from cells.engine.learner import Model
from cells.engine.reference import unroll
from cells.engine.training.parameter import Parameter, parameters
from tests.cells.engine.recurrence import Array, Real, Recurrence
from tests.cells.engine.shelves import RECURRENCES


@dataclass(frozen=True)
class Vendor:
    """A module of torch and the letters of its documentation, in the order of our cell text."""

    letters: str
    make: Callable[..., nn.RNNBase]
    gates: str  # in the order in which the module stacks them


_LSTM: Final = Vendor(
    "W_ii b_ii W_hi W_if b_if W_hf W_io b_io W_ho W_ig b_ig W_hg", nn.LSTM, "i f g o"
)

GOLDEN: Final[dict[str, Recurrence | Vendor]] = {
    **RECURRENCES,
    "elman": Vendor("W_ih b_ih W_hh", nn.RNN, "h"),
    "irnn": Vendor("W_ih b_ih W_hh", partial(nn.RNN, nonlinearity="relu"), "h"),
    **dict.fromkeys(("lstm", "lstm_bm1", "lstm_b", "lstm_b2", "lstm_b5", "lstm_chrono"), _LSTM),
    "gru_after": Vendor("W_ir b_ir W_hr W_iz b_iz W_hz W_in b_in W_hn b_hn", nn.GRU, "r z n"),
}
"""The independent source of every cell of the zoo."""


@dataclass(frozen=True)
class Case:
    """Numbers for one run, and the direction in which it is differentiated.

    Attributes:
        values: parameters by letter (`[H, H]`, `[H]`), `inputs` `[T, B, H]`, `state0`, ... `[B, H]`.
        slopes: derivatives of the loss by the outputs `[T, B, H]`, then by the last states `[B, H]`.
    """

    values: dict[str, Real]
    slopes: list[Real]

    @property
    def states(self) -> list[str]:
        return [name for name in self.values if name.startswith("state")]

    @property
    def letters(self) -> list[str]:
        return [name for name in self.values if name != "inputs" and name not in self.states]


@dataclass(frozen=True)
class Answer:
    """Outputs `[T, B, H]`, then the last states `[B, H]`; gradients by the names of the case."""

    values: list[Real]
    gradients: dict[str, Real]


def layer_parameters(cell: Cell, width: int, layers: int = 1) -> list[Parameter]:
    """The parameters of the cells alone, layer after layer."""
    own = parameters(Model(cell, width, layers, "symbols", 2))
    return [one for one in own if one.layer is not None]


def lettered(cell: Cell, letters: str, width: int) -> dict[str, Parameter]:
    """Each letter's parameter in layer 0: one letter a parameter, capital for matrices."""
    own = dict(zip(letters.split(), layer_parameters(cell, width), strict=True))
    for letter, one in own.items():
        assert letter[0].isupper() == (one.form in {"matrix", "blocks"}), f"{letter} is {one.name}"
    return own


def names(cell: Cell, letters: str, width: int) -> dict[str, str]:
    """Our name of each letter's parameter in layer 0."""
    return {letter: one.name for letter, one in lettered(cell, letters, width).items()}


def case(
    cell: Cell, golden: Recurrence | Vendor, steps: int, lanes: int, width: int, seed: int
) -> Case:
    """Random parameters, inputs and non-zero start states; matrices of spectral radius below 1."""
    source = np.random.default_rng(seed)
    ranges = golden.ranges if isinstance(golden, Recurrence) else {}
    values = dict[str, Real]()
    for letter, one in lettered(cell, golden.letters, width).items():
        if letter in ranges:
            values[letter] = source.uniform(*ranges[letter], size=one.shape)
        elif letter[0].isupper():
            values[letter] = source.normal(0, 0.8 / np.sqrt(one.shape[-1]), one.shape)
        elif letter[0] == "b":
            values[letter] = source.uniform(-0.8, 0.8, one.shape)
        else:  # a rate between 0 and 1, or a peephole
            values[letter] = source.uniform(0.2, 0.8, one.shape)
    states = len(cell.updates)
    values["inputs"] = source.normal(0, 1, (steps, lanes, width))
    values |= {f"state{state}": source.normal(0, 1, (lanes, width)) for state in range(states)}
    for name in ranges.keys() & values.keys() - set(golden.letters.split()):
        values[name] = source.uniform(*ranges[name], size=values[name].shape)
    shapes = [(steps, lanes, width), *[(lanes, width)] * states]
    return Case(values, [source.normal(0, 1, shape) for shape in shapes])


def ours(cell: Cell, names: dict[str, str], given: Case) -> Answer:
    """The reference executor and autograd; `names` are ours by letter."""
    leaves = _leaves(given)
    return _answer(given, leaves, _unrolled(cell, names, given, leaves))


def our_values(cell: Cell, names: dict[str, str], given: Case) -> list[Real]:
    """The reference executor's outputs and last states alone."""
    with torch.no_grad():
        return [value.numpy() for value in _unrolled(cell, names, given, _leaves(given))]


def golden(source: Recurrence | Vendor, given: Case) -> Answer:
    """The independent source's answer."""
    return _numpy(source, given) if isinstance(source, Recurrence) else _torch(source, given)


def difference(one: Sequence[Real], other: Sequence[Real]) -> float:
    """The largest difference, relative to the size of the numbers where they exceed 1."""
    pairs = zip(one, other, strict=True)
    return float(np.max([np.max(np.abs(a - b) / np.maximum(1.0, np.abs(b))) for a, b in pairs]))


def _leaves(given: Case) -> dict[str, Tensor]:
    return {name: torch.tensor(v, requires_grad=True) for name, v in given.values.items()}


def _unrolled(
    cell: Cell, names: dict[str, str], given: Case, leaves: dict[str, Tensor]
) -> list[Tensor]:
    weights = {names[letter]: leaves[letter] for letter in given.letters}
    output, ends = unroll(cell, weights, leaves["inputs"], [leaves[name] for name in given.states])
    return [output, *ends]


def _answer(given: Case, leaves: dict[str, Tensor], values: list[Tensor]) -> Answer:
    slopes = [torch.tensor(slope) for slope in given.slopes]
    gradients = torch.autograd.grad(values, list(leaves.values()), slopes)
    found = {name: g.numpy() for name, g in zip(leaves, gradients, strict=True)}
    return Answer([value.detach().numpy() for value in values], found)


def _torch(vendor: Vendor, given: Case) -> Answer:
    gates, width = vendor.gates.split(), given.values["inputs"].shape[-1]
    leaves = _leaves(given)
    nothing = torch.zeros(width, dtype=torch.float64)
    # The module's stacked parameters, as functions of the letters; a bias we lack is 0.
    stacked = {
        f"{what}_{side}_l0": torch.cat(
            [leaves.get(f"{letter}_{side[0]}{gate}", nothing) for gate in gates]
        )
        for side in ("ih", "hh")
        for what, letter in (("weight", "W"), ("bias", "b"))
    }
    start = [leaves[name][None] for name in given.states]
    arguments = (leaves["inputs"], tuple(start) if len(start) > 1 else start[0])
    module = vendor.make(width, width, dtype=torch.float64)
    output, end = torch.func.functional_call(module, stacked, arguments)
    ends = cast("tuple[Tensor, ...]", end if isinstance(end, tuple) else (end,))
    return _answer(given, leaves, [output, *[one[0] for one in ends]])


def _numpy(recurrence: Recurrence, given: Case) -> Answer:
    # Columns: [T, B, H] becomes [T, H, B] and a vector [H, 1].
    columns: dict[str, Array] = {
        name: value[:, None] if value.ndim == 1 else value for name, value in given.values.items()
    }
    for name in ("inputs", *given.states):
        columns[name] = columns[name].swapaxes(-1, -2)

    def run(values: dict[str, Array]) -> tuple[list[Array], list[Array]]:
        letters = {letter: values[letter] for letter in given.letters}
        starts = [values[name] for name in given.states]
        outputs, ends = recurrence.run(letters, values["inputs"], starts)
        return outputs, list(ends)

    def loss(values: dict[str, Array]) -> Array:
        outputs, ends = run(values)
        slopes = [*given.slopes[0], *given.slopes[1:]]
        pairs = zip([*outputs, *ends], slopes, strict=True)
        # What the moved array does not reach has no leading axis.
        return sum(((value * slope.T).sum((-2, -1)) for value, slope in pairs), np.zeros(()))

    # Finite differences along the imaginary axis lose no digits (Squire, Trapp 1998). All numbers of
    # one array are moved in one run, each along a leading axis.
    gradients, step = dict[str, Real](), 1e-30
    for name, value in columns.items():
        moved = value + 1j * step * np.eye(value.size).reshape(-1, *value.shape)
        gradient = np.imag(loss({**columns, name: moved})).reshape(value.shape) / step
        lanes = name == "inputs" or name in given.states
        gradients[name] = (gradient.swapaxes(-1, -2) if lanes else gradient).reshape(
            given.values[name].shape
        )
    outputs, ends = run(columns)
    return Answer([np.stack([output.T for output in outputs]), *[end.T for end in ends]], gradients)
