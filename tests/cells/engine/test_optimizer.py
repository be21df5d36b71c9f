"""Optimizers against `torch.optim`, on models of the reference and of the native runtime."""

import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from cells import canonical, zoo
from cells.engine.batch import Batch
from cells.engine.executor import hindrance, make
from cells.engine.learner import Learner, Model, Weights
from cells.engine.native.learner import NativeLearner
from cells.engine.reference import tensors, unroll
from cells.engine.training.parameter import parameters
from cells.training.optimizer import Adam, AdamW, Optimizer
from cells.training.setting import Setting
from tests.cells.engine.made import roll, symbols
from tests.cells.engine.native.agreement import Shape, model_of, weights_of

UPDATES = 50
EXECUTORS = [
    "reference",
    *(
        pytest.param(name, marks=pytest.mark.skipif(hindrance(name) is not None, reason="not here"))
        for name in ("native", "portable")
    ),
]
OPTIMIZERS = [
    Adam(),
    AdamW(),
    Adam(beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.3),
    AdamW(beta1=0.0, beta2=0.99, eps=1e-6, weight_decay=0.5),
]
SHAPES = [
    Shape(6, 3, 8),
    Shape(5, 4, 12, layers=2, size=90),
    Shape(4, 3, 8, kind="roll", size=5),
]


@pytest.fixture(autouse=True)
def _flushed() -> Iterator[None]:
    """Denormals are zero in the reference too, as in every trial."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


def rate(update: int) -> float:
    """A schedule that falls."""
    return 0.02 * 0.97**update


def batches(shape: Shape) -> list[Batch]:
    """Windows that each begin from the zero state."""
    draw = roll if shape.kind == "roll" else symbols
    found = [draw(seed, shape.steps, shape.lanes, shape.size) for seed in range(UPDATES)]
    return [
        Batch(one.inputs, one.targets, one.mask, np.ones(shape.lanes, np.bool_)) for one in found
    ]


def in_torch(
    model: Model, weights: Weights, optimizer: Optimizer, windows: list[Batch], clip: float
) -> tuple[Weights, list[float]]:
    """The weights after the updates that torch makes, and the norm of each gradient."""
    leaves = tensors(weights)
    trained = [leaves[one.name].requires_grad_() for one in parameters(model) if one.trained]
    kind = torch.optim.AdamW if isinstance(optimizer, AdamW) else torch.optim.Adam
    assert isinstance(optimizer, Adam | AdamW)
    theirs = kind(
        trained,
        betas=(optimizer.beta1, optimizer.beta2),
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
    )
    norms: list[float] = []
    for update, batch in enumerate(windows):
        theirs.param_groups[0]["lr"] = rate(update)
        theirs.zero_grad()
        torch.autograd.backward(loss(model, leaves, batch) / batch.lanes)
        gradients = [one.grad for one in trained if one.grad is not None]
        norms.append(math.sqrt(sum(float((one**2).sum()) for one in gradients)))
        if norms[-1] > clip:
            for one in gradients:
                one.mul_(clip / norms[-1])
        for one in trained:  # what the output does not depend on
            if one.grad is None:
                one.grad = torch.zeros_like(one)
        theirs.step()
    return {name: one.detach().numpy() for name, one in leaves.items()}, norms


def loss(model: Model, weights: dict[str, Tensor], batch: Batch) -> Tensor:
    inputs, targets = torch.tensor(batch.inputs), torch.tensor(batch.targets)
    values = (
        weights["embedding"][inputs]
        if model.kind == "symbols"
        else functional.linear(inputs.double(), weights["input.weight"], weights["input.bias"])
    )
    for layer in range(model.layers):
        zeros = [values.new_zeros(batch.lanes, model.width) for _ in model.cell.updates]
        values, _ = unroll(model.cell, weights, values, zeros, layer)
    logits = functional.linear(values, weights["readout.weight"], weights["readout.bias"])
    if model.kind == "symbols":
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
    return functional.binary_cross_entropy_with_logits(logits, targets.double(), reduction="sum")


def trained(learner: Learner, windows: list[Batch], clip: float) -> Weights:
    for update, batch in enumerate(windows):
        learner.train(batch, rate(update), clip)
    return learner.weights()


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=["symbols", "large vocabulary", "roll"])
def test_fifty_updates_equal_those_of_torch(
    shape: Shape, optimizer: Optimizer, executor: str
) -> None:
    model = model_of(canonical(zoo.load("lstm")), shape)
    weights, windows = weights_of(model, 3), batches(shape)
    clip = median(in_torch(model, weights, optimizer, windows, math.inf)[1])
    expected, norms = in_torch(model, weights, optimizer, windows, clip)
    assert 0 < sum(norm > clip for norm in norms) < UPDATES
    learner = make(executor, model, weights, dtype="float64", seed=0, optimizer=optimizer)
    found = trained(learner, windows, clip)
    moved = max(float(np.abs(found[name] - weights[name]).max()) for name in found)
    assert moved > 0.1
    for name, values in found.items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("cell", ["antisym", "slstm", "indrnn", "esn"])
def test_parameters_of_every_form_are_moved_as_torch_moves_them(cell: str, executor: str) -> None:
    shape = Shape(6, 3, 8)
    model = model_of(canonical(zoo.load(cell)), shape)
    weights, windows = weights_of(model, 4), batches(shape)
    expected, _ = in_torch(model, weights, OPTIMIZERS[3], windows, 1.0)
    learner = make(executor, model, weights, dtype="float64", seed=0, optimizer=OPTIMIZERS[3])
    for name, values in trained(learner, windows, 1.0).items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("executor", EXECUTORS)
def test_loading_weights_begins_the_averages_anew(executor: str) -> None:
    shape = Shape(6, 3, 8)
    model = model_of(canonical(zoo.load("gru")), shape)
    weights, windows = weights_of(model, 5), batches(shape)[:5]
    learner = make(executor, model, weights, dtype="float64", seed=0, optimizer=Adam())
    first = trained(learner, windows, 1.0)
    learner.load(weights)
    again = trained(learner, windows, 1.0)
    for name, values in again.items():
        np.testing.assert_array_equal(values, first[name])


@pytest.mark.parametrize("executor", EXECUTORS)
def test_an_update_whose_loss_is_not_finite_leaves_weights_and_averages(executor: str) -> None:
    shape = Shape(4, 3, 8, kind="roll", size=5)
    model = model_of(canonical(zoo.load("gru")), shape)
    weights, windows = weights_of(model, 6), batches(shape)[:4]
    plain = make(executor, model, weights, dtype="float64", seed=0, optimizer=AdamW())
    expected = trained(plain, windows, 1.0)
    learner = make(executor, model, weights, dtype="float64", seed=0, optimizer=AdamW())
    for update, batch in enumerate(windows):
        if update == 2:
            before = learner.weights()
            wild = replace(batch, inputs=np.full(batch.inputs.shape, np.inf, np.float32))
            assert not math.isfinite(learner.train(wild, rate(update), 1.0).loss)
            for name, values in learner.weights().items():
                np.testing.assert_array_equal(values, before[name])
        learner.train(batch, rate(update), 1.0)
    for name, values in learner.weights().items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.skipif(hindrance() is not None, reason="no native runtime")
@pytest.mark.parametrize("shape", [*SHAPES, Shape(5, 4, 12, 2, size=90, dropout=0.4)], ids=str)
def test_nothing_is_read_before_it_is_written(shape: Shape) -> None:
    model = model_of(canonical(zoo.load("lstm_peep")), shape)
    weights, windows = weights_of(model, 7), batches(shape)[:5]
    plain = NativeLearner(model, weights, dtype="float64", optimizer=AdamW())
    poisoned = NativeLearner(model, weights, dtype="float64", optimizer=AdamW(), poison=True)
    expected = trained(plain, windows, 1.0)
    for name, values in trained(poisoned, windows, 1.0).items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.skipif(hindrance("native-bf16") is not None, reason="no products in bfloat16")
def test_large_products_may_be_in_bfloat16() -> None:
    shape = Shape(6, 3, 16, size=90)
    model = model_of(canonical(zoo.load("gru")), shape)
    weights, windows = weights_of(model, 8), batches(shape)[:10]
    found, expected = (
        trained(
            make(executor, model, weights, dtype="float32", seed=0, optimizer=AdamW()), windows, 1.0
        )
        for executor in ("native-bf16", "native")
    )
    moved = sum(float(np.abs(expected[name] - weights[name]).sum()) for name in expected)
    apart = sum(float(np.abs(expected[name] - found[name]).sum()) for name in expected)
    assert 0 < apart < 0.2 * moved
    assert {values.dtype for values in found.values()} == {np.dtype("float32")}


def test_a_setting_knows_its_optimizer_with_its_own_numbers() -> None:
    assert Setting(optimizer="adamw").rule == AdamW()
    assert Setting(optimizer="adam", beta2=0.99).rule == Adam(beta2=0.99)
    assert Setting(optimizer="adamw", weight_decay=0.01) == Setting(optimizer="adamw")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"beta1": 0.9}, "beta1 is a hyperparameter of adam and adamw, not of sgd"),
        ({"optimizer": "lion"}, "there is no optimizer 'lion'; known are sgd, adam, adamw"),
        ({"optimizer": "adam", "beta2": 1.0}, "beta2 is 1.0, expected 0 up to, not including, 1"),
        ({"optimizer": "adam", "eps": 0.0}, "eps is 0.0, expected above 0"),
    ],
)
def test_a_setting_that_no_optimizer_has_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Setting(**values)
