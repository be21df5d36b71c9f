"""What is measured of a cell: against autograd and closed forms, and the field's known directions."""

import json
import math

import numpy as np
import pytest
import torch

from cells import canonical, parse, zoo
from cells.engine.learner import Model
from cells.engine.measure import dynamics
from cells.engine.reference import tensors, unroll
from cells.engine.training.initial import draw
from cells.identity.naming import named
from cells.measure.dynamics import Memory
from cells.seed import training_seed
from cells.training.setting import Setting
from tasks.generated import memorization

LAW = memorization.Law(2, 4, train=10, valid=2, test=1, batch=8)
SOURCE = memorization.make(LAW, "test of dynamics")


def remembered(name: str) -> Memory:
    found = dynamics.memory(zoo.load(name), width=16, lags=40)
    assert found is not None
    return found


def test_the_gradient_vanishes_faster_in_elman_than_in_the_lstm_with_a_forget_bias() -> None:
    elman, lstm, biased = remembered("elman"), remembered("lstm"), remembered("lstm_b")
    # At lag 20: a forget gate of sigmoid(1) keeps 0.73 a step where sigmoid(0) keeps 0.5.
    assert biased.median[19] > 30 * lstm.median[19]
    assert biased.median[19] > 30 * elman.median[19]
    assert biased.horizon(0.01) is not None
    for other in (elman, lstm):
        assert (biased.horizon(0.01) or 0) >= 2 * (other.horizon(0.01) or 99)


def test_an_accumulator_keeps_all_and_a_decaying_one_what_is_left() -> None:
    keeps = dynamics.memory(parse("cell c(x; h)\n  h' = h + linear(x)"), width=4, lags=30)
    assert keeps is not None
    assert keeps.median == pytest.approx([1.0] * 30)
    assert keeps.horizon(0.5) is None
    assert keeps.reach(0.5) == "more than 30 steps"
    halves = dynamics.memory(parse("cell c(x; h)\n  h' = 0.5 * h + linear(x)"), width=4, lags=30)
    assert halves is not None
    assert halves.median == pytest.approx([0.5**q for q in range(30)])
    assert halves.horizon(math.exp(-1)) == 3
    grows = dynamics.memory(parse("cell c(x; h)\n  h' = 2 * h + linear(x)"), width=4, lags=30)
    assert grows is not None
    assert grows.median[-1] == pytest.approx(2.0**29)


def test_the_spectrum_of_a_decaying_state_is_its_factor() -> None:
    found = dynamics.spectrum(parse("cell c(x; h)\n  h' = 0.5 * h + linear(x)"), width=4)
    assert found is not None
    assert np.allclose(found.values, 0.5)
    assert (found.largest, found.near_one) == (pytest.approx(0.5), 0.0)


def test_the_spectrum_is_that_of_the_jacobian_of_autograd() -> None:
    cell = canonical(zoo.load("lstm_b"))
    found = dynamics.spectrum(cell, seed=3, width=5)
    assert found is not None
    model = Model(cell, 5, 1, "symbols", dynamics.SYMBOLS)
    weights = tensors(draw(model, dynamics.SCALE, training_seed("dynamics", 3, 0)))
    _, inputs, _ = dynamics._fresh(cell, 5, 3, 0, dynamics.STEP, 1)
    zeros = [torch.zeros(1, 5, dtype=torch.float64)] * 2
    _, states = unroll(cell, weights, inputs[:-1], zeros)

    def step(flat: torch.Tensor) -> torch.Tensor:
        _, new = unroll(cell, weights, inputs[-1:], list(flat.view(2, 1, 5)))
        return torch.cat(new, 1).flatten()

    jacobian = torch.autograd.functional.jacobian(step, torch.cat(states, 1).flatten())
    assert isinstance(jacobian, torch.Tensor)
    assert found.values[0] == pytest.approx(torch.linalg.svdvals(jacobian).tolist())


def test_the_memory_of_two_states_is_the_norm_of_both_gradients() -> None:
    cell = parse("cell c(x; a, b)\n  a' = 0.5 * a + linear(x)\n  b' = x\n  out = a' + linear(b)")
    found = dynamics.memory(cell, width=4, lags=6)
    assert found is not None
    # b holds an old x: it matters at lag 1 alone.
    ratios = np.array(found.median[1:])
    assert ratios[1:] / ratios[:-1] == pytest.approx([0.5] * 4)
    assert ratios[0] < 0.5


def test_a_cell_without_states_has_no_memory() -> None:
    assert dynamics.memory(zoo.load("feedforward")) is None
    assert dynamics.spectrum(zoo.load("feedforward")) is None


def test_gates_move_apart_in_training_and_are_told_by_name() -> None:
    found = dynamics.saturation(
        named(zoo.load("lstm_b")), SOURCE, "reference", width=8, updates=120
    )
    assert {gate.name for gate in found.gates} == {"i", "f", "o"}
    assert found.updates == 120
    assert found.accuracy > 0.4
    for gate in found.gates:
        assert sum(gate.histogram) == pytest.approx(1.0)
        assert 0 <= gate.low + gate.high <= 1
        assert gate.before == 0.0
    assert any(gate.low + gate.high > 0.01 for gate in found.gates)


def test_wild_settings_do_not_stay_stable_and_tame_ones_do() -> None:
    cell = parse("cell c(x; h)\n  h' = linear(x, h)")
    tame = [Setting(learning_rate=0.1)] * 2
    wild = [Setting(learning_rate=1e6, clip=1e30)] * 3
    found = dynamics.stability(cell, SOURCE, [*tame, *wild], "reference", width=4, updates=20)
    assert (found.settings, found.updates) == (5, 20)
    assert found.diverged + found.blown == 3
    assert found.share == pytest.approx(0.6)


def test_equal_seeds_measure_equal_values_and_others_others() -> None:
    cell = canonical(zoo.load("mgu"))

    def measured(seed: int) -> tuple[object, ...]:
        return (
            dynamics.spectrum(cell, seed, width=4),
            dynamics.memory(cell, seed, width=4, lags=5),
            dynamics.saturation(cell, SOURCE, "reference", seed, width=4, updates=10),
        )

    assert measured(1) == measured(1)
    assert all(a != b for a, b in zip(measured(1), measured(2), strict=True))


def test_all_of_it_is_one_document_of_finite_numbers() -> None:
    found = dynamics.measure(zoo.load("elman"), SOURCE, "memorization", [Setting()], "reference")
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert set(document["memory"]["horizons"]) == {"1/e", "1 %"}
    assert document["stability"]["share"] == 0
    assert document["saturation"]["gates"] == []
