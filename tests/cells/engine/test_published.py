"""The zoo against published packages: equal, or different in the one place that the table names.

torchrecurrent 0.2.5 imports and runs under torch 2.13 without a warning. Its parameters `beta` of
JANET and `alpha` of SCRN stay float32 whatever `dtype` says, so the modules are converted here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module, metadata
from typing import Final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cells import parse, zoo
from cells.cell import Cell
from tests.cells.engine.golden import GOLDEN, Case, case, difference, names, our_values
from tests.cells.engine.published import PUBLISHED, TORCHRECURRENT, VERSION, Published
from tests.cells.engine.recurrence import Real

torchrecurrent = pytest.importorskip(
    "torchrecurrent",
    reason="NOTHING WAS COMPARED: torchrecurrent is missing, install the extra `dev` (or requirements.lock)",
)

STEPS, LANES, WIDTH = 20, 2, 4
SAME, OTHER = 1e-9, 1e-3

rows: Final = pytest.mark.parametrize(
    "row", PUBLISHED, ids=[f"{row.cell}-{row.module}" for row in PUBLISHED]
)


class HardSigmoid(nn.Module):
    """A line of this slope through 1/2 at 0, cut to [0, 1]."""

    def __init__(self, slope: float):
        super().__init__()
        self.slope = slope

    def forward(self, a: Tensor) -> Tensor:
        return (self.slope * a + 0.5).clamp(0, 1)


@cache
def asked(name: str) -> Case:
    """Random parameters, inputs and start states that are not 0."""
    given = case(zoo.load(name), GOLDEN[name], STEPS, LANES, WIDTH, seed=5)
    assert all(given.values[state].all() for state in given.states)
    return given


def ours(row: Published, cell: Cell) -> list[Real]:
    """Outputs `[T, B, H]` and last states `[B, H]` of the cell with the numbers of the zoo's cell."""
    return our_values(cell, names(cell, GOLDEN[row.cell].letters, WIDTH), asked(row.cell))


def edited(name: str, right: str, wrong: str) -> Cell:
    """The zoo's cell with what the package computes in place of what the paper has."""
    lines = zoo.source(name).splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    assert text.count(right) == 1
    return parse(text.replace(right, wrong))


def build(row: Published, cure: Mapping[str, object], noise: float = 0) -> nn.Module:
    """The package's module with our numbers; `noise` moves what it has beyond the paper."""
    package, _, kind = row.module.rpartition(".")
    options = {
        name: HardSigmoid(value) if name in cure and isinstance(value, float) else value
        for name, value in {**row.options, **cure}.items()
    }
    module: nn.Module = getattr(import_module(package), kind)(WIDTH, WIDTH, **options).double()
    own = dict(module.named_parameters())
    assert own.keys() == row.parameters.keys()
    values, used = asked(row.cell).values, " ".join(row.parameters.values()).split()
    assert {word for word in used if not word[0].isdigit()} == set(asked(row.cell).letters)
    source = np.random.default_rng(7)
    for name, words in row.parameters.items():
        shape = tuple(own[name].shape)
        parts = list[Real]()
        for word in words.split():
            part = (shape[0] // len(words.split()), *shape[1:]) if shape else shape
            if word[0].isdigit():
                unit = np.eye(WIDTH) if len(part) == 2 else np.ones(part)
                parts.append(float(word) * unit + noise * source.uniform(0.5, 1.5, size=part))
            else:
                share = used.count(word) if word[0] == "b" else 1
                parts.append(values[word].reshape(part) / share)
        with torch.no_grad():
            own[name].copy_(torch.tensor(np.concatenate(parts) if shape else parts[0]))
    return module


def single(module: nn.Module, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    found = module(x, states[0])
    output, state = found if isinstance(found, tuple) else (found, found)
    return output, [state]


def double(module: nn.Module, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    output, rest = module(x, (states[0], states[1]))
    return output, list(rest) if isinstance(rest, tuple) else [output, rest]


def doubled(module: nn.Module, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """JANET of the package carries its one state twice."""
    output, both = double(module, x, states * 2)
    assert torch.equal(*both)
    return output, both[:1]


def delayed(module: nn.Module, x: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """tau-GRU of the package takes the delayed state; the queue is kept here."""
    output = module(x, states[0], states[-1])
    return output, [output, *states[:-1]]


STEP: Final[dict[str, Callable[[nn.Module, Tensor, list[Tensor]], tuple[Tensor, list[Tensor]]]]] = {
    "janet": doubled,
    "taugru": delayed,
}


@torch.no_grad()
def theirs(
    row: Published, cure: Mapping[str, object] | None = None, noise: float = 0
) -> list[Real]:
    """The package's outputs `[T, B, H]` and last states `[B, H]`."""
    given, module = asked(row.cell), build(row, cure or {}, noise)
    states, outputs = [torch.tensor(given.values[name]) for name in given.states], list[Tensor]()
    step = STEP.get(row.cell, double if len(states) == 2 else single)
    for x in torch.tensor(given.values["inputs"]):
        output, states = step(module, x, states)
        outputs.append(output)
    return [torch.stack(outputs).numpy(), *[state.numpy() for state in states]]


@rows
def test_a_published_cell_agrees_or_differs_in_the_named_place_alone(row: Published) -> None:
    found, wanted = ours(row, zoo.load(row.cell)), theirs(row)
    if row.edit is None:
        assert difference(found, wanted) < SAME
        return
    assert row.finding, "say which is right and why"
    assert difference(found, wanted) > OTHER, "the package agrees by now: say so in the table"
    assert difference(ours(row, edited(row.cell, *row.edit)), wanted) < SAME
    if row.cure:
        assert difference(found, theirs(row, row.cure)) < SAME


@rows
def test_what_a_package_has_beyond_the_paper_makes_it_another_cell(row: Published) -> None:
    moved = difference(theirs(row, noise=0.5), theirs(row))
    assert (moved > OTHER) == row.surplus
    assert row.finding or not row.surplus, "say what the package has beyond the paper"


def test_every_cell_of_the_package_is_compared() -> None:
    assert metadata.version("torchrecurrent") == VERSION, "read the package again, then say so here"
    compared = {row.module.rpartition(".")[2] for row in TORCHRECURRENT}
    assert compared == {name for name in torchrecurrent.__all__ if name.endswith("Cell")}


def test_the_recurrent_highway_network_of_the_package_cannot_be_imported() -> None:
    with pytest.raises(ImportError, match="BaseRecurrentLayer"):
        import_module("torchrecurrent.cells.rhn_cell")


@torch.no_grad()
def test_the_projected_lstm_without_peepholes_is_that_of_torch() -> None:
    cell, given = zoo.load("lstmp"), asked("lstmp")
    blind = {name: np.zeros(WIDTH) for name in ("p_i", "p_f", "p_o")}
    given = replace(given, values=given.values | blind)
    # torch demands an output narrower than the cell: one channel more, which the projection drops.
    module = nn.LSTM(WIDTH, WIDTH + 1, proj_size=WIDTH, dtype=torch.float64)
    more = np.random.default_rng(3)

    def stacked(letter: str) -> Tensor:
        parts = [given.values[f"{letter}_{gate}"] for gate in "ifco"]
        return torch.tensor(
            np.concatenate(
                [np.concatenate([p, more.normal(size=(1, *p.shape[1:]))]) for p in parts]
            )
        )

    projection = np.pad(given.values["W_rm"], ((0, 0), (0, 1)))
    module.load_state_dict(
        {
            "weight_ih_l0": stacked("W"),
            "weight_hh_l0": stacked("R"),
            "bias_ih_l0": stacked("b"),
            "bias_hh_l0": torch.zeros(4 * (WIDTH + 1)),
            "weight_hr_l0": torch.tensor(projection),
        }
    )
    starts = [torch.tensor(given.values[name])[None] for name in given.states]
    starts[1] = nn.functional.pad(starts[1], (0, 1), value=0.7)
    output, (last, memory) = module(torch.tensor(given.values["inputs"]), tuple(starts))
    wanted = [output.numpy(), last[0].numpy(), memory[0, :, :WIDTH].numpy()]
    letters = names(cell, GOLDEN["lstmp"].letters, WIDTH)
    assert difference(our_values(cell, letters, given), wanted) < SAME


@torch.no_grad()
def test_the_time_delay_network_is_a_convolution_of_torch() -> None:
    cell, given = zoo.load("tdnn"), asked("tdnn")
    module = nn.Conv1d(WIDTH, WIDTH, 3, dtype=torch.float64)
    kernel = [given.values[name] for name in ("W_2", "W_1", "W_0")]
    module.weight.copy_(torch.tensor(np.stack(kernel, -1)))
    assert module.bias is not None
    module.bias.copy_(torch.tensor(given.values["b"]))
    # The states are the inputs before the first, the last one first.
    before = [given.values[name][None] for name in reversed(given.states)]
    inputs = torch.tensor(np.concatenate([*before, given.values["inputs"]]))
    wanted = torch.tanh(module(inputs.permute(1, 2, 0)).permute(2, 0, 1)).numpy()
    found = our_values(cell, names(cell, GOLDEN["tdnn"].letters, WIDTH), given)
    assert difference(found[:1], [wanted]) < SAME
