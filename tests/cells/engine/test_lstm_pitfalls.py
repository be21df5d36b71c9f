"""What is known to go wrong with the LSTM family, beyond an edit of one line: bias, scale, stability."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from cells import zoo
from cells.engine.learner import Model
from cells.engine.training.initial import draw
from tests.cells.engine.golden import (
    GOLDEN,
    Case,
    case,
    difference,
    golden,
    layer_parameters,
    names,
    our_values,
)
from tests.cells.engine.recurrence import Array, Real, Recurrence, affine, sigm, tanh

SAME, OTHER = 1e-9, 1e-3


def asked(name: str) -> Case:
    return case(zoo.load(name), GOLDEN[name], steps=50, lanes=2, width=4, seed=3)


def found(name: str, given: Case) -> list[Real]:
    cell = zoo.load(name)
    return our_values(cell, names(cell, GOLDEN[name].letters, 4), given)


def changed(given: Case, **values: Real) -> Case:
    return replace(given, values=given.values | values)


def first_weights(name: str, letter: str) -> Real:
    cell = zoo.load(name)
    weights = draw(Model(cell, 64, 1, "symbols", 3), 1.0, seed=4)
    return weights[names(cell, GOLDEN[name].letters, 64)[letter]].astype(np.float64)


def test_one_run_time_shift_of_the_forget_gate_is_the_stored_bias_of_lstm_b() -> None:
    """TensorFlow adds 1 while it runs, so its stored bias starts at 0 and ours at 1."""
    given = asked("lstm")
    own = golden(GOLDEN["lstm"], given).values
    shifted = changed(given, b_if=given.values["b_if"] + 1)
    assert difference(found("lstm_b", shifted), golden(GOLDEN["lstm_b"], shifted).values) < SAME
    assert difference(found("lstm_b", shifted), own) > OTHER
    assert (first_weights("lstm_b", "b_if") - first_weights("lstm", "b_if") == 1).all()


def test_torch_with_a_forget_bias_of_one_in_both_vectors_is_lstm_b2() -> None:
    torch.manual_seed(0)
    module = nn.LSTM(4, 4, dtype=torch.float64)
    one = torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64).repeat_interleave(4)  # i, f, g, o
    own = {name: one if "bias" in name else value for name, value in module.named_parameters()}
    given = asked("lstm_b2")
    start = [torch.tensor(given.values[state])[None] for state in given.states]
    arguments = (torch.tensor(given.values["inputs"]), (start[0], start[1]))
    output, _ = torch.func.functional_call(module, own, arguments)
    stacked = {
        f"W_{side[0]}{gate}": own[f"weight_{side}_l0"].detach().numpy()[rows]
        for side in ("ih", "hh")
        for gate, rows in zip("ifgo", np.split(np.arange(16), 4), strict=True)
    }
    nothing = {f"b_i{gate}": np.zeros(4) for gate in "igo"}
    for bias, same in ((2.0, True), (1.0, False)):
        both = changed(given, **stacked, **nothing, b_if=np.full(4, bias))
        assert (difference([found("lstm_b2", both)[0]], [output.detach().numpy()]) < SAME) is same


def test_two_bias_vectors_count_four_widths_more_than_the_equations_have() -> None:
    ours = sum(one.size for one in layer_parameters(zoo.load("lstm"), 32))
    assert sum(one.numel() for one in nn.LSTM(32, 32).parameters()) == ours + 4 * 32


def test_the_squashing_of_1997_is_the_tanh_form_at_half_its_weights_and_half_its_carousel() -> None:
    """g(a) = 4 s(a) - 2 and h(a) = 2 s(a) - 1 are 2 tanh(a/2) and tanh(a/2)."""

    def original(p: SimpleNamespace, x: Array, y: Array, s: Array) -> tuple[Array, ...]:
        y_in, y_out, net = (
            getattr(p, f"W_{unit}") @ x + getattr(p, f"U_{unit}") @ y + getattr(p, f"b_{unit}")
            for unit in ("in", "out", "c")
        )
        s = s + sigm(y_in) * (4 * sigm(net) - 2)
        return sigm(y_out) * (2 * sigm(s) - 1), s

    given = asked("lstm_1997")
    wanted = golden(Recurrence(GOLDEN["lstm_1997"].letters, original), given).values
    halves = {name: given.values[name] / 2 for name in ("W_c", "U_c", "b_c", "state1")}
    output, h, s = found("lstm_1997", changed(given, **halves))
    assert difference([output, h, 2 * s], wanted) < SAME
    assert difference(found("lstm_1997", given), wanted) > OTHER


def unstabilised(
    p: SimpleNamespace, x: Array, h: Array, c: Array, n: Array, m: Array
) -> tuple[Array, ...]:
    """sLSTM of Beck et al. 2024, equations 8 to 14: c and n are those of the cell times e^m."""
    z, i, f, o = (affine(p, gate, x, h) for gate in "zifo")
    c, n = sigm(f) * c + np.exp(i) * tanh(z), sigm(f) * n + np.exp(i)
    return sigm(o) * c / n, c, n, m


UNSTABILISED = Recurrence(GOLDEN["slstm"].letters, unstabilised)


def test_slstm_without_its_stabiliser_is_the_same_cell() -> None:
    given = asked("slstm")
    scale = np.exp(given.values["state3"])
    raw = {state: given.values[state] * scale for state in ("state1", "state2")}
    wanted = golden(UNSTABILISED, changed(given, **raw)).values
    output, h, c, n, m = found("slstm", given)
    assert difference([output, h, c * np.exp(m), n * np.exp(m)], wanted[:4]) < SAME


def test_slstm_stays_finite_where_the_raw_form_overflows() -> None:
    """In every channel e^i is beyond float64, and what is kept is e^-2000 of what was."""
    given = asked("slstm")
    large = changed(given, b_i=np.full(4, 2000.0), b_f=np.full(4, -2000.0))
    assert all(np.isfinite(value).all() for value in found("slstm", large))
    letters = {letter: large.values[letter] for letter in large.letters}
    columns = {k: v[:, None] if v.ndim == 1 else v for k, v in letters.items()}
    with np.errstate(over="ignore", invalid="ignore"):
        outputs, _ = UNSTABILISED.run(
            columns,
            large.values["inputs"].swapaxes(-1, -2),
            [large.values[state].T for state in large.states],
        )
    assert not np.isfinite(outputs[0]).any()


@pytest.mark.parametrize(
    ("name", "kept", "taken"), [("lstm_chrono", "b_if", "b_ii"), ("ur_lstm", "b_f", "b_r")]
)
def test_the_second_gate_mirrors_the_first_channel_by_channel(
    name: str, kept: str, taken: str
) -> None:
    assert (first_weights(name, kept) == -first_weights(name, taken)).all()
    assert np.unique(first_weights(name, kept)).size == 64


def test_full_gate_recurrence_without_its_nine_matrices_is_the_peephole_lstm() -> None:
    given = asked("fgr")
    nine = {f"R_{old}{gate}": np.zeros((4, 4)) for old in "ifo" for gate in "ifo"}
    output, h, c, *_ = found("fgr", changed(given, **nine))
    fewer = {name: value for name, value in given.values.items() if name not in nine}
    two = Case(
        {n: v for n, v in fewer.items() if n not in {"state2", "state3", "state4"}},
        given.slopes[:3],
    )
    assert difference([output, h, c], golden(GOLDEN["lstm_peep"], two).values) < SAME


def test_the_refine_gate_moves_the_forget_gate_between_its_square_and_its_mirrored_square() -> None:
    """Gu et al. 2020: k is f^2 at r = 0, f at r = 1/2, 1 - (1 - f)^2 at r = 1."""
    given = asked("ur_lstm")
    zeros = {"W_r": np.zeros((4, 4)), "R_r": np.zeros((4, 4)), "W_u": np.zeros((4, 4))}
    still = {
        **zeros,
        "R_u": np.zeros((4, 4)),
        "b_u": np.zeros(4),
        "inputs": given.values["inputs"][:1],
    }
    f = sigm(
        still["inputs"][0] @ given.values["W_f"].T
        + given.values["state0"] @ given.values["R_f"].T
        + given.values["b_f"]
    )
    for bias, k in ((-50.0, f**2), (0.0, f), (50.0, 1 - (1 - f) ** 2)):
        _, _, c = found("ur_lstm", changed(given, **still, b_r=np.full(4, bias)))
        assert difference([c], [k * given.values["state1"]]) < SAME
