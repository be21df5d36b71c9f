"""The module that a cell is exported as, against the reference executor, and beside `nn.GRU`."""

import importlib.util
import random
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp
from torch import Tensor, nn

from cells import Cell, canonical, parse, zoo
from cells.cell import KINDS, Linear
from cells.engine.learner import Model, Weights
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.engine.training.parameter import parameters
from cells.export.torch_module import names, takes_any_input, write
from cells.initial import LAWS, Initial
from cells.mutation import Mutant, mutate
from cells.op import ACTIVATIONS, ARITHMETIC, OPS
from cells.size import width_step
from tests.cells.engine.test_gradient import CELLS
from tests.strategies import random_cell

STEPS, LANES, LAYERS = 4, 3, 2


def imported(text: str, folder: Path) -> ModuleType:
    """The file of an export, written to `folder` and imported."""
    path = folder / "exported.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def exported(cell: Cell, folder: Path, **arguments: Any) -> Any:
    """The class that is called as `nn.GRU` is: the last one of the file."""
    module = imported(write(cell), folder)
    *_, last = (one for one in vars(module).values() if isinstance(one, type))
    return last


def weights(cell: Cell, width: int, layers: int = LAYERS) -> dict[str, Tensor]:
    """The reference's parameters of the layers, every one of them off its start."""
    own = draw(Model(cell, width, layers, "symbols", 2), 1.0, 1)
    source = np.random.default_rng(2)
    moved: Weights = {
        name: value + 0.1 * source.standard_normal(value.shape) for name, value in own.items()
    }
    return {name: one for name, one in tensors(moved).items() if name.startswith("layer")}


def renamed(cell: Cell, ours: dict[str, Tensor]) -> dict[str, str]:
    """The module's name of each of our parameters."""
    found = dict[str, str]()
    for name in ours:
        layer, own = name.removeprefix("layer").split(".", 1)
        if own in names(cell):
            found[name] = f"layers.{layer}.{names(cell)[own]}"
    return found


def compare(cell: Cell, folder: Path, relative: bool = False) -> bool:
    """Compares outputs, last states and all gradients; False if the reference overflows.

    The bound of 1e-9 is `relative` to the largest output or state where that is a matter of chance.
    """
    width = 4 * width_step(cell)
    ours = weights(cell, width)
    of = renamed(cell, ours)
    module = exported(cell, folder)(width, width, LAYERS, dtype=torch.float64)
    module.load_state_dict({of[name]: ours[name] for name in of})
    source = torch.Generator().manual_seed(3)
    inputs = torch.randn(STEPS, LANES, width, dtype=torch.float64, generator=source)
    count = len(cell.updates)
    shape = (count, LAYERS, LANES, width)
    starts = 0.5 + torch.rand(shape, dtype=torch.float64, generator=source)
    leaves = {name: weight.requires_grad_() for name, weight in ours.items()}
    mine, theirs = (inputs.clone().requires_grad_() for _ in range(2))

    values, ends = mine, list[list[Tensor]]()
    for layer in range(LAYERS):
        values, end = unroll(cell, leaves, values, list(starts[:, layer]), layer)
        ends.append(end)
    expected = [values, *(torch.stack(one) for one in zip(*ends, strict=True))]
    hx = starts[0] if count == 1 else tuple(starts)
    output, h_n = module(theirs, hx)
    found = [output, *([h_n] if count == 1 else h_n)]
    if not all(value.isfinite().all() for value in expected):
        return False
    scale = max(1.0, *(one.abs().max().item() for one in expected)) if relative else 1.0
    slopes = [torch.randn(value.shape, dtype=torch.float64, generator=source) for value in found]

    def gradients(values: list[Tensor], wanted: list[Tensor]) -> list[Tensor]:
        total = sum(
            ((value * slope).sum() for value, slope in zip(values, slopes, strict=True)),
            torch.zeros(()),
        )
        return list(torch.autograd.grad(total, wanted, allow_unused=True, materialize_grads=True))

    parameters = dict(module.named_parameters())
    trained = [name for name in of if of[name] in parameters]
    assert len(trained) == len(parameters)
    expected += gradients(expected, [mine, *(leaves[name] for name in trained)])
    found += gradients(found, [theirs, *(parameters[of[name]] for name in trained)])
    if not all(value.isfinite().all() for value in expected):
        return False
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert ((one - other).abs() <= 1e-9 * scale * other.abs().clamp(min=1)).all()
    return True


@pytest.mark.parametrize("name", zoo.names())
def test_an_exported_cell_of_the_zoo_equals_the_reference(name: str, tmp_path: Path) -> None:
    assert compare(zoo.load(name), tmp_path)


@pytest.mark.parametrize("name", [*ACTIVATIONS, *ARITHMETIC])
def test_an_exported_operator_equals_the_reference(name: str, tmp_path: Path) -> None:
    assert compare(CELLS[name], tmp_path)


def test_exported_random_cells_and_mutants_equal_the_reference(tmp_path: Path) -> None:
    generator = random.Random(5)  # noqa: S311 - not for secrets
    made = [random_cell(generator) for _ in range(60)]
    for name in ("lstm", "mut1", "slstm", "phased") * 5:
        found = mutate(zoo.load(name), generator, "sweep")
        made += [found.cell] if isinstance(found, Mutant) else []
    compared = [compare(cell, tmp_path, relative=True) for cell in made]
    assert sum(compared) > len(made) / 2
    nodes = [node for cell in made for node in cell.nodes]
    assert {node.op for node in nodes} == OPS.keys()
    kinds = [node.parameter for node in nodes if isinstance(node.parameter, Linear)]
    assert {one.kind for one in kinds} == KINDS.keys()


LAWFUL = """
cell lawful(x; h, c)
  a = linear(x, init=identity(0.9), bias=-chrono) + vector(chrono(200)) * scalar(-chrono(200))
  b = linear(h, kind=block, blocks=4, init=orthogonal, bias=uniform_gate) + vector(-uniform_gate)
  d = linear(h, kind=block, blocks=2, init=spectral(0.9), diagonal=-0.5, bias=normal(0.1))
  e = linear(c, kind=antisymmetric, init=-orthogonal, bias=loguniform(0.01, 10))
  f = linear(c, kind=diagonal, init=uniform(-2, 1), diagonal=0.25) + scalar(3) * vector(log(0, 2)) * vector(ring(0, 1))
  g = linear(h, kind=frozen, init=spectral(0.7), bias=uniform(1, 2))
  h' = tanh(a * b + d - e)
  c' = sigmoid(f + g) + linear(h) * linear(x, init=normal(0.2), bias=none)
"""


def lawful() -> Cell:
    """A cell with every law."""
    return parse(LAWFUL)


@pytest.mark.parametrize("cell", [lawful(), *map(zoo.load, ("slstm", "phased", "ur_lstm", "lru"))])
def test_parameters_start_by_the_laws_of_the_cell(cell: Cell, tmp_path: Path) -> None:
    width = 48
    torch.manual_seed(4)
    started = exported(cell, tmp_path)(width, width).state_dict()
    ours = draw(Model(cell, width, 1, "symbols", 2), 1.0, 1)
    for name, own in names(cell).items():
        mine, expected = started[f"layers.0.{own}"], ours[f"layer0.{name}"]
        assert mine.shape == expected.shape
        if expected.size > 1:
            found = ks_2samp(mine.numpy().ravel(), expected.ravel())
            chance = cast("float", found[1])
            assert chance > 1e-4, name


def test_the_laws_with_structure_hold_exactly(tmp_path: Path) -> None:
    cell, width = lawful(), 48
    torch.manual_seed(4)
    layer = exported(cell, tmp_path)(width, width, window=20, dtype=torch.float64).layers[0]
    own = {name: getattr(layer, attribute) for name, attribute in names(cell).items()}
    by_law: dict[str, Tensor] = {}
    for index, node in enumerate(cell.nodes):
        law = node.parameter.init.law if isinstance(node.parameter, Linear) else ""
        by_law[law] = own.get(f"node{index}.weight", torch.empty(0))
    laws = [
        one
        for node in cell.nodes
        for one in (
            (node.parameter.init, node.parameter.bias)
            if isinstance(node.parameter, Linear)
            else (node.parameter,)
        )
    ]
    assert {one.law for one in laws if isinstance(one, Initial)} == LAWS.keys()
    eye = torch.eye(width, dtype=torch.float64)
    torch.testing.assert_close(by_law["identity"], 0.9 * eye)
    torch.testing.assert_close(by_law["orthogonal"] @ by_law["orthogonal"].T, eye)
    radius = torch.linalg.eigvals(by_law["spectral"]).abs().max()
    torch.testing.assert_close(radius, torch.tensor(0.7, dtype=torch.float64))
    chrono = [layer.v_a.exp() - 1, (-layer.b_a).exp() - 1, (-layer.s_a).exp() - 1]
    torch.testing.assert_close(chrono[0] / 198, chrono[1] / 18, rtol=1e-5, atol=1e-6)  # one draw
    torch.testing.assert_close(chrono[0][:1], chrono[2], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(layer.b_b, -layer.v_b)


def test_what_is_frozen_is_kept_but_not_trained(tmp_path: Path) -> None:
    module = exported(lawful(), tmp_path)(8, 8)
    assert "W_g" not in dict(module.layers[0].named_parameters())
    assert "layers.0.W_g" not in dict(module.named_parameters())
    assert {"layers.0.U_g", "layers.0.b_g"} <= module.state_dict().keys()
    assert not {"layers.0.U_g", "layers.0.b_g"} & dict(module.named_parameters()).keys()


@pytest.mark.parametrize(
    ("name", "vendor"),
    [("gru", nn.GRU), ("gru_after", nn.GRU), ("mut1", nn.GRU), ("lstm", nn.LSTM)],
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_it_is_called_as_the_modules_of_torch_are(
    name: str, vendor: Any, batch_first: bool, tmp_path: Path
) -> None:
    made = exported(zoo.load(name), tmp_path)
    ours, theirs = (one(5, 8, 2, True, batch_first, 0.25) for one in (made, vendor))
    for shape in ((6, 3, 5), (6, 5)):
        inputs = torch.randn(shape)
        (output, end), (expected, last) = ours(inputs), theirs(inputs)
        assert output.shape == expected.shape
        ends, lasts = ((one,) if isinstance(one, Tensor) else one for one in (end, last))
        assert [one.shape for one in ends] == [one.shape for one in lasts]
        again, _ = ours(inputs, last)  # the states of the one are states of the other
        assert again.shape == output.shape


def test_batch_first_and_a_lone_sequence_change_the_order_of_axes_alone(tmp_path: Path) -> None:
    made = exported(zoo.load("lstm"), tmp_path)
    module, turned = made(5, 8, 2), made(5, 8, 2, batch_first=True)
    turned.load_state_dict(module.state_dict())
    inputs, states = torch.randn(6, 3, 5), tuple(torch.randn(2, 2, 3, 8))
    output, ends = module(inputs, states)
    other, other_ends = turned(inputs.transpose(0, 1), states)
    torch.testing.assert_close(other.transpose(0, 1), output)
    torch.testing.assert_close(other_ends, ends)
    lone, lone_ends = module(inputs[:, 1], tuple(state[:, 1] for state in states))
    torch.testing.assert_close(lone, output[:, 1])
    torch.testing.assert_close(lone_ends, tuple(end[:, 1] for end in ends))


def test_a_cell_that_reads_x_as_it_is_brings_other_inputs_to_its_width(tmp_path: Path) -> None:
    assert takes_any_input(zoo.load("gru"))
    assert not takes_any_input(zoo.load("mut1"))
    mut1 = exported(zoo.load("mut1"), tmp_path)
    assert [name for name in mut1(8, 8).state_dict() if "projection" in name] == []
    assert mut1(5, 8).projection.weight.shape == (8, 5)
    assert exported(zoo.load("gru"), tmp_path)(5, 8, 2).layers[0].W_r.shape == (8, 5)


def test_without_biases_there_are_none(tmp_path: Path) -> None:
    made = exported(zoo.load("peep_cifg"), tmp_path)
    module = made(5, 8, bias=False)
    assert not any("b_" in name for name in module.state_dict())
    module(torch.randn(6, 3, 5))


def test_dropout_is_between_layers_and_in_training_alone(tmp_path: Path) -> None:
    module = exported(zoo.load("gru"), tmp_path)(5, 8, 2, dropout=0.5)
    inputs = torch.randn(6, 3, 5)
    assert not torch.equal(module(inputs)[0], module(inputs)[0])
    module.eval()
    assert torch.equal(module(inputs)[0], module(inputs)[0])
    single = exported(zoo.load("gru"), tmp_path)(5, 8, 1, dropout=0.5)
    assert torch.equal(single(inputs)[0], single(inputs)[0])


def test_wrong_calls_are_refused_with_what_was_found(tmp_path: Path) -> None:
    module = exported(zoo.load("gru"), tmp_path)(5, 8)
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 5)])
    with pytest.raises(TypeError, match="PackedSequence: give a padded tensor"):
        module(packed)
    with pytest.raises(ValueError, match=r"input \[6, 3, 4\], expected \[T, B, 5\]"):
        module(torch.randn(6, 3, 4))
    with pytest.raises(ValueError, match=r"hx \[\[1, 2, 8\]\], expected 1 of \[1, 3, 8\]"):
        module(torch.randn(6, 3, 5), torch.zeros(1, 2, 8))
    with pytest.raises(ValueError, match="without a step"):
        module(torch.randn(0, 3, 5))
    with pytest.raises(ValueError, match="hidden_size 9 is no multiple of 4"):
        exported(lawful(), tmp_path)(9, 9)


def test_canonical_cells_are_exported_whole() -> None:
    for name in zoo.names():
        cell = canonical(zoo.load(name))
        own = {one.name for one in parameters(Model(cell, 4 * width_step(cell), 1, "symbols", 2))}
        assert {f"layer0.{one}" for one in names(cell)} == {one for one in own if "layer" in one}
