"""Weights that leave with their cell: every cell of the zoo, from a saved model to its module."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cells import canonical, parse, zoo
from cells.engine.files.model_file import Trained
from cells.engine.files.state_dict import as_in_zoo, save, state_dict
from cells.engine.learner import Model
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.identity.canonical import identifier, trace
from cells.size import width_step
from tests.cells.engine.test_torch_module import exported


def trained(name: str, layers: int = 2) -> Trained:
    """A model of the cell's canonical form, as training would leave it."""
    cell = canonical(zoo.load(name))
    model = Model(cell, 4 * width_step(cell), layers, "symbols", 3)
    source = np.random.default_rng(3)
    drawn = draw(model, 1.0, 1)
    moved = {key: one + 0.1 * source.standard_normal(one.shape) for key, one in drawn.items()}
    return Trained(model, dict(moved), "task", "scale", ("a", "b", "c"))


@pytest.mark.parametrize("name", zoo.names())
def test_a_trained_cell_leaves_under_the_names_of_the_zoo(name: str, tmp_path: Path) -> None:
    before = trained(name)
    after = as_in_zoo(before)
    assert after is not None
    assert identifier(after.model.cell) == identifier(zoo.load(name))
    model = before.model
    save(tmp_path / "weights.safetensors", after)
    module = exported(after.model.cell, tmp_path)(
        model.width, model.width, model.layers, dtype=torch.float64
    )
    module.load_state_dict(load_file(tmp_path / "weights.safetensors"))
    source = torch.Generator().manual_seed(3)
    inputs = torch.randn(4, 3, model.width, dtype=torch.float64, generator=source)
    order = trace(after.model.cell).states
    shape = (len(after.model.cell.updates), model.layers, 3, model.width)
    starts = 0.5 + torch.rand(shape, dtype=torch.float64, generator=source)
    values = inputs
    for layer in range(model.layers):
        states = [starts[state, layer] for state in order]
        values, _ = unroll(model.cell, tensors(before.weights), values, states, layer)
    with torch.no_grad():
        output, _ = module(inputs, starts[0] if len(starts) == 1 else tuple(starts))
    torch.testing.assert_close(output, values, rtol=1e-9, atol=1e-9)


def test_a_cell_that_is_not_in_the_zoo_keeps_its_canonical_text() -> None:
    cell = canonical(parse("cell f(x; h)\n  h' = sin(linear(x, h)) * cos(linear(x))\n"))
    model = Model(cell, 4, 1, "symbols", 3)
    one = Trained(model, dict(draw(model, 1.0, 1)), "task", "scale", ("a", "b", "c"))
    assert as_in_zoo(one) is None
    assert all(name.startswith("layers.0.") for name in state_dict(one))
