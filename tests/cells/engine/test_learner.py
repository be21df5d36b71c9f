"""The contract of a `Learner`, as the reference keeps it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from cells.cell import Cell
from cells.engine.batch import Batch
from cells.engine.learner import Learner, Model, Weights
from cells.engine.reference import ReferenceLearner
from cells.engine.training.initial import draw
from cells.initial import Initial
from tests.cells.engine.made import Graph, elman, gru, lstm, roll, symbols

WIDTH, SIZE = 6, 5


def learner(
    cell: Cell, *, layers: int = 1, dropout: float = 0.0, seed: int = 0, kind: str = "symbols"
) -> ReferenceLearner:
    model = Model(cell, WIDTH, layers, "roll" if kind == "roll" else "symbols", SIZE, dropout)
    return ReferenceLearner(model, draw(model, 1.0, 0), dtype="float64", seed=seed)


def moved(before: Weights, after: Weights) -> float:
    return math.sqrt(sum(float(((after[name] - before[name]) ** 2).sum()) for name in before))


def test_the_reference_is_a_learner() -> None:
    found: Learner = learner(lstm())
    assert found.weights().keys() == draw(Model(lstm(), WIDTH, 1, "symbols", SIZE), 1.0, 0).keys()


@pytest.mark.parametrize("kind", ["symbols", "roll"])
def test_one_update_equals_the_same_model_written_in_torch(kind) -> None:
    ours = learner(elman(), kind=kind)
    start = {name: torch.tensor(array) for name, array in ours.weights().items()}
    batch = roll(0, 4, 3, SIZE) if kind == "roll" else symbols(0, 4, 3, SIZE, scored=0.6)

    module = nn.RNN(WIDTH, WIDTH, dtype=torch.float64)
    nodes = [i for i, node in enumerate(elman().nodes) if node.op == "linear"]
    inner = list(module.parameters())  # W, U and two biases
    with torch.no_grad():
        for weight, index in zip(inner, nodes, strict=False):
            weight.copy_(start[f"layer0.node{index}.weight"])
        inner[2].zero_()
        inner[3].zero_()
    outer = {k: v.requires_grad_() for k, v in start.items() if not k.startswith("layer")}
    inputs, targets = torch.tensor(batch.inputs), torch.tensor(batch.targets)
    if kind == "roll":
        embedded = inputs.double() @ outer["input.weight"].T + outer["input.bias"]
    else:
        embedded = outer["embedding"][inputs]
    logits = module(embedded)[0] @ outer["readout.weight"].T + outer["readout.bias"]
    if kind == "roll":
        loss = -functional.logsigmoid(torch.where(targets > 0, logits, -logits)).sum()
    else:
        chosen = logits.log_softmax(-1).gather(2, targets[..., None])[..., 0]
        loss = -(chosen * torch.tensor(batch.mask)).sum()
    leaves = [*outer.values(), *inner[:3]]
    gradients = torch.autograd.grad(loss / batch.lanes, leaves)
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))

    score = ours.train(batch, 0.3, 1e9)
    assert score.loss == pytest.approx(loss.item(), rel=1e-12)
    assert score.scored == batch.mask.sum()
    assert score.norm == pytest.approx(norm, rel=1e-9)
    layer = [f"layer0.node{nodes[0]}.weight", f"layer0.node{nodes[1]}.weight"]
    names = [*outer, *layer, f"layer0.node{nodes[0]}.bias"]
    for name, gradient in zip(names, gradients, strict=True):
        expected = (start[name] - 0.3 * gradient).detach().numpy()
        np.testing.assert_allclose(ours.weights()[name], expected, atol=1e-12)


def test_scores_count_notes_of_a_roll() -> None:
    found = learner(elman(), kind="roll")
    batch = roll(3, 4, 3, SIZE)
    weights = found.weights()
    weights["readout.weight"][:] = 0.0
    weights["readout.bias"][:] = np.array([1.0, 1.0, -1.0, -1.0, -1.0])
    found.load(weights)
    score = found.evaluate(batch)
    predicted = np.broadcast_to(np.arange(SIZE) < 2, batch.targets.shape)
    sounding = batch.targets > 0
    assert score.correct == (predicted & sounding).sum()
    assert score.wrong == (predicted ^ sounding).sum()
    assert score.scored == 12
    chance = 1 / (1 + math.exp(-1.0))
    agree = (predicted == sounding).sum()
    expected = -agree * math.log(chance) - (60 - agree) * math.log(1 - chance)
    assert score.loss == pytest.approx(expected, rel=1e-12)


def test_scores_count_the_most_likely_symbol_on_scored_steps_only() -> None:
    found = learner(elman())
    weights = found.weights()
    weights["readout.weight"][:] = 0.0
    weights["readout.bias"][:] = np.arange(SIZE)
    found.load(weights)
    batch = symbols(1, 9, 4, SIZE, scored=0.5)
    score = found.evaluate(batch)
    assert score.correct == ((batch.targets == SIZE - 1) & batch.mask).sum()
    assert score.scored == batch.mask.sum()
    assert score.wrong == 0.0
    assert score.norm is None


def test_a_window_with_nothing_scored_changes_the_state_and_no_weight() -> None:
    found, other = learner(lstm()), learner(lstm())
    before = found.weights()
    silent = symbols(1, 4, 3, SIZE, scored=-1.0)
    score = found.train(silent, 0.5, 1.0)
    assert (score.loss, score.scored, score.norm) == (0.0, 0, 0.0)
    assert moved(before, found.weights()) == 0.0
    follow = symbols(2, 4, 3, SIZE)
    assert found.evaluate(follow).loss != other.evaluate(follow).loss


def test_the_state_is_carried_between_windows() -> None:
    found = learner(lstm(), layers=2)
    whole = symbols(4, 8, 3, SIZE)
    halves = [
        Batch(whole.inputs[span], whole.targets[span], whole.mask[span], whole.reset)
        for span in (slice(0, 4), slice(4, 8))
    ]
    parts = sum(found.evaluate(half).loss for half in halves)
    found.forget()
    assert found.evaluate(whole).loss == pytest.approx(parts, rel=1e-12)
    assert found.evaluate(whole).loss != pytest.approx(parts, rel=1e-6)
    found.forget()
    assert found.evaluate(whole).loss == pytest.approx(parts, rel=1e-12)


def test_reset_clears_its_own_lane_alone() -> None:
    found = learner(gru())
    first, second = symbols(1, 4, 3, SIZE), symbols(2, 4, 3, SIZE)

    def lane_losses(reset: list[bool]) -> list[float]:
        losses = list[float]()
        for lane in range(3):
            mask = np.zeros_like(second.mask)
            mask[:, lane] = True
            found.forget()
            found.evaluate(first)
            losses.append(found.evaluate(replace(second, mask=mask, reset=np.array(reset))).loss)
        return losses

    carried, fresh = lane_losses([False] * 3), lane_losses([True] * 3)
    mixed = lane_losses([False, True, False])
    assert mixed == [carried[0], fresh[1], carried[2]]
    assert all(a != b for a, b in zip(carried, fresh, strict=True))


def test_no_gradient_flows_into_the_window_before() -> None:
    trained, fresh = learner(elman()), learner(elman())
    first, second = symbols(1, 4, 3, SIZE), symbols(2, 4, 3, SIZE)
    trained.train(first, 0.0, 1.0)
    fresh.evaluate(first)
    # The state came by training here and by evaluation there; the update is the same.
    trained.train(second, 0.1, 1.0)
    fresh.train(second, 0.1, 1.0)
    assert moved(trained.weights(), fresh.weights()) == 0.0


@pytest.mark.parametrize("clip", [1e-3, 0.5, 1e9])
def test_clipping_keeps_the_direction_and_bounds_the_length(clip: float) -> None:
    batch = symbols(5, 6, 3, SIZE)
    free, bound = learner(lstm(), layers=2), learner(lstm(), layers=2)
    before = free.weights()
    score = free.train(batch, 1.0, math.inf)
    assert bound.train(batch, 1.0, clip) == score
    assert score.norm is not None
    assert moved(before, free.weights()) == pytest.approx(score.norm, rel=1e-9)
    assert moved(before, bound.weights()) == pytest.approx(min(score.norm, clip), rel=1e-9)
    share = min(1.0, clip / score.norm)
    for name, array in bound.weights().items():
        expected = before[name] + share * (free.weights()[name] - before[name])
        np.testing.assert_allclose(array, expected, atol=1e-12)


def test_the_rate_is_applied_after_clipping() -> None:
    found = learner(lstm())
    before = found.weights()
    found.train(symbols(5, 6, 3, SIZE), 0.25, 0.1)
    assert moved(before, found.weights()) == pytest.approx(0.025, rel=1e-9)


def test_frozen_weights_and_biases_stay_and_do_not_count_in_the_norm() -> None:
    graph = Graph(1)
    frozen = graph.linear(1, kind="frozen", bias=Initial("normal", (0.5,)))
    cell = graph.cell([graph.add("tanh", graph.add("+", graph.linear(0), frozen))])
    found = learner(cell)
    before = found.weights()
    score = found.train(symbols(5, 6, 3, SIZE), 0.5, math.inf)
    after = found.weights()
    for name in (f"layer0.node{frozen}.weight", f"layer0.node{frozen}.bias"):
        np.testing.assert_array_equal(after[name], before[name])
    assert score.norm == pytest.approx(moved(before, after) / 0.5, rel=1e-9)


def test_dropout_is_off_in_evaluation_and_on_in_training() -> None:
    batch = symbols(6, 6, 3, SIZE)
    plain, dropping = learner(lstm()), learner(lstm(), dropout=0.5)
    assert plain.evaluate(batch) == dropping.evaluate(batch)
    assert plain.train(batch, 0.1, 1.0).loss != dropping.train(batch, 0.1, 1.0).loss


def test_dropout_masks_depend_on_seed_and_update_alone() -> None:
    batch = symbols(6, 6, 3, SIZE)

    def losses(seed: int, updates: range) -> list[float]:
        found = learner(lstm(), dropout=0.5, seed=seed)
        result = list[float]()
        for update in updates:
            found.forget()
            found.updates = update
            result.append(found.train(batch, 0.0, 1.0).loss)
        return result

    whole = losses(1, range(6))
    assert len(set(whole)) == 6
    assert losses(1, range(3, 6)) == whole[3:]
    assert set(losses(2, range(6))).isdisjoint(whole)


def test_dropout_leaves_the_recurrence_alone() -> None:
    # With everything dropped but the state, h' = h + x keeps h at 0 only if x is what is dropped.
    graph = Graph(1)
    cell = graph.cell([graph.add("+", 1, 0)])
    model = Model(cell, 400, 1, "symbols", SIZE, dropout=0.5)
    weights = draw(model, 1.0, 0)
    weights["embedding"][:] = 1.0
    weights["readout.weight"][:] = 0.0
    weights["readout.weight"][0] = 1.0 / 400
    found = ReferenceLearner(model, weights, dtype="float64", seed=0)
    batch = symbols(0, 8, 2, SIZE)
    found.train(batch, 0.0, 1.0)
    # Mean of the state after 8 steps: each adds 0 or 2 with equal chance, never loses what it has.
    states = found._states
    assert states is not None
    values = states[0][0].numpy()
    assert abs(values.mean() - 8.0) < 0.3
    assert set(np.unique(values)) <= set(range(0, 17, 2))
    assert values.std() == pytest.approx(math.sqrt(8.0), rel=0.1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e200])
def test_a_window_that_is_not_finite_leaves_the_weights(bad: float) -> None:
    graph = Graph(1)
    cell = graph.cell([graph.add("*", graph.linear(0), graph.add("+", 1, graph.constant(1.0)))])
    found = learner(cell)
    weights = found.weights()
    weights["readout.weight"][0, 0] = bad
    weights["embedding"][0, 0] = 1e200
    found.load(weights)
    score = found.train(symbols(7, 6, 3, SIZE), 0.5, 1.0)
    assert score.norm is not None
    assert not math.isfinite(score.loss + score.norm)
    after = found.weights()
    for name, array in weights.items():
        np.testing.assert_array_equal(after[name], array)


def test_weights_are_copies_and_load_restores_them() -> None:
    found = learner(lstm())
    batch = symbols(8, 6, 3, SIZE)
    start = found.weights()
    loss = found.evaluate(batch).loss
    found.train(batch, 0.5, 5.0)
    assert moved(start, found.weights()) > 0
    found.load(start)
    found.forget()
    assert found.evaluate(batch).loss == loss
    start["embedding"][:] = 0.0
    assert found.weights()["embedding"].any()


def test_load_refuses_other_names_and_shapes() -> None:
    found = learner(lstm())
    weights = found.weights()
    without = {name: array for name, array in weights.items() if name != "readout.bias"}
    with pytest.raises(ValueError, match=r"missing weight readout\.bias"):
        found.load(without)
    with pytest.raises(ValueError, match="extra weight more"):
        found.load({**weights, "more": np.zeros(3)})
    with pytest.raises(ValueError, match=r"readout\.bias: shape \(3,\), expected \(5,\)"):
        found.load({**weights, "readout.bias": np.zeros(3)})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_device_argument_is_honoured(dtype) -> None:
    # Only the CPU is tried: no accelerator is part of this project's test machines.
    model = Model(lstm(), WIDTH, 2, "symbols", SIZE, dropout=0.2)
    weights = draw(model, 1.0, 0)
    found = ReferenceLearner(model, weights, dtype=dtype, seed=0, device="cpu")
    assert math.isfinite(found.train(symbols(1, 4, 3, SIZE), 0.1, 1.0).loss)
    assert {array.dtype for array in found.weights().values()} == {np.dtype(dtype)}


def test_batches_may_be_read_only() -> None:
    batch = symbols(1, 4, 3, SIZE)
    for array in (batch.inputs, batch.targets, batch.mask, batch.reset):
        array.setflags(write=False)
    assert learner(lstm()).train(batch, 0.1, 1.0).scored == 12
