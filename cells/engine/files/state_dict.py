"""The weights of a trained model under the names of the module that its cell is exported as."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save as packed

from cells import Cell, zoo
from cells.engine.files.model_file import Trained
from cells.engine.learner import Weights
from cells.engine.training.parameter import parameters
from cells.export.torch_module import names
from cells.identity.canonical import canonical, trace


def state_dict(trained: Trained) -> Weights:
    """What `load_state_dict` of the exported module takes; neither input map nor readout."""
    own = names(trained.model.cell)
    return {
        f"layers.{layer}.{name}": np.ascontiguousarray(trained.weights[f"layer{layer}.{key}"])
        for layer in range(trained.model.layers)
        for key, name in own.items()
    }


def save(path: Path, trained: Trained) -> None:
    """Writes the weights to a safetensors file. The same model gives the same bytes."""
    path.write_bytes(packed(state_dict(trained)))


@cache
def _zoo() -> dict[Cell, str]:
    """By canonical form the first cell of the zoo that has it."""
    forms = {name: canonical(zoo.load(name)) for name in zoo.names()}
    return {form: name for name, form in reversed(forms.items())}


def as_in_zoo(trained: Trained) -> Trained | None:
    """The same model with its cell as the zoo writes it, whose parts have names; None if it is not there.

    Of several biases that training knew as one, the first takes all.
    """
    name = _zoo().get(trained.model.cell)
    if name is None:
        return None
    cell = zoo.load(name)
    form = trace(cell)
    model = replace(trained.model, cell=cell)
    weights = {
        parameter.name: np.zeros(parameter.shape, trained.weights["readout.bias"].dtype)
        for parameter in parameters(model)
    }
    for own, values in trained.weights.items():
        layer, _, rest = own.partition(".")
        if not layer.startswith("layer"):
            weights[own] = values
            continue
        node, _, role = rest.partition(".")
        origin = form.origins[int(node.removeprefix("node"))]
        if role == "weight":
            weights[f"{layer}.node{origin.node}.weight"] = values
        else:
            source, factor = origin.biases[0]
            suffix = ".bias" if cell.nodes[source].op == "linear" else ""
            weights[f"{layer}.node{source}{suffix}"] = (values - origin.offset) / factor
    return replace(trained, model=model, weights=weights)
