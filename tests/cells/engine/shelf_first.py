"""The first shelf: the cells of the 2015 study and their nearest relatives."""

from types import SimpleNamespace
from typing import Final

import numpy as np

from tests.cells.engine.recurrence import (
    Array,
    Classes,
    Pitfalls,
    Recurrence,
    Recurrences,
    Related,
    Sizes,
    Starts,
    chrono,
    drawn_from,
    exactly,
    sigm,
    tanh,
)

# Jozefowicz, Zaremba, Sutskever 2015. LSTM: i is the candidate, j the input gate.


def lstm_tanh_o(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i = tanh(p.W_xi @ x + p.W_hi @ h + p.b_i)
    j = sigm(p.W_xj @ x + p.W_hj @ h + p.b_j)
    f = sigm(p.W_xf @ x + p.W_hf @ h + p.b_f)
    o = tanh(p.W_xo @ x + p.W_ho @ h + p.b_o)
    c = c * f + i * j
    return tanh(c) * o, c


def lstm_f(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i = tanh(p.W_xi @ x + p.W_hi @ h + p.b_i)
    j = sigm(p.W_xj @ x + p.W_hj @ h + p.b_j)
    o = sigm(p.W_xo @ x + p.W_ho @ h + p.b_o)
    c = c + i * j
    return tanh(c) * o, c


def lstm_i(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i = tanh(p.W_xi @ x + p.W_hi @ h + p.b_i)
    f = sigm(p.W_xf @ x + p.W_hf @ h + p.b_f)
    o = sigm(p.W_xo @ x + p.W_ho @ h + p.b_o)
    c = c * f + i
    return tanh(c) * o, c


def lstm_o(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i = tanh(p.W_xi @ x + p.W_hi @ h + p.b_i)
    j = sigm(p.W_xj @ x + p.W_hj @ h + p.b_j)
    f = sigm(p.W_xf @ x + p.W_hf @ h + p.b_f)
    c = c * f + i * j
    return tanh(c), c


def gru(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    r = sigm(p.W_xr @ x + p.W_hr @ h + p.b_r)
    z = sigm(p.W_xz @ x + p.W_hz @ h + p.b_z)
    candidate = tanh(p.W_xh @ x + p.W_hh @ (r * h) + p.b_h)
    return (z * h + (1 - z) * candidate,)


def mut1(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_xz @ x + p.b_z)
    r = sigm(p.W_xr @ x + p.W_hr @ h + p.b_r)
    return (tanh(p.W_hh @ (r * h) + tanh(x) + p.b_h) * z + h * (1 - z),)


def mut2(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_xz @ x + p.W_hz @ h + p.b_z)
    r = sigm(x + p.W_hr @ h + p.b_r)
    return (tanh(p.W_hh @ (r * h) + p.W_xh @ x + p.b_h) * z + h * (1 - z),)


def mut3(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_xz @ x + p.W_hz @ tanh(h) + p.b_z)
    r = sigm(p.W_xr @ x + p.W_hr @ h + p.b_r)
    return (tanh(p.W_hh @ (r * h) + p.W_xh @ x + p.b_h) * z + h * (1 - z),)


# Hochreiter, Schmidhuber 1997, one cell a block: s is the carousel, g and h (here tanh) squash.


def lstm_1997(p: SimpleNamespace, x: Array, y: Array, s: Array) -> tuple[Array, ...]:
    y_in = sigm(p.W_in @ x + p.U_in @ y + p.b_in)
    y_out = sigm(p.W_out @ x + p.U_out @ y + p.b_out)
    s = s + y_in * tanh(p.W_c @ x + p.U_c @ y + p.b_c)
    return y_out * tanh(s), s


# Greff et al. 2015: y is the output, z the block input, p the peepholes.


def lstm_peep(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(p.W_z @ x + p.R_z @ y + p.b_z)
    i = sigm(p.W_i @ x + p.R_i @ y + p.p_i * c + p.b_i)
    f = sigm(p.W_f @ x + p.R_f @ y + p.p_f * c + p.b_f)
    new_c = z * i + c * f
    o = sigm(p.W_o @ x + p.R_o @ y + p.p_o * new_c + p.b_o)
    return tanh(new_c) * o, new_c


def cifg(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(p.W_z @ x + p.R_z @ y + p.b_z)
    i = sigm(p.W_i @ x + p.R_i @ y + p.b_i)
    f = 1 - i
    c = z * i + c * f
    o = sigm(p.W_o @ x + p.R_o @ y + p.b_o)
    return tanh(c) * o, c


# One gate.


def mgu(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Zhou et al. 2016."""
    f = sigm(p.W_f @ x + p.U_f @ h + p.b_f)
    candidate = tanh(p.U_h @ (f * h) + p.W_h @ x + p.b_h)
    return ((1 - f) * h + f * candidate,)


def janet(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Van der Westhuizen, Lasenby 2018, with beta = 1."""
    s = p.U_f @ h + p.W_f @ x + p.b_f
    candidate = tanh(p.U_c @ h + p.W_c @ x + p.b_c)
    return (sigm(s) * h + (1 - sigm(s - 1)) * candidate,)


def ugrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Collins, Sohl-Dickstein, Sussillo 2017."""
    c = tanh(p.W_ch @ h + p.W_cx @ x + p.b_c)
    g = sigm(p.W_gh @ h + p.W_gx @ x + p.b_g)
    return (g * h + (1 - g) * c,)


def mingru(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Feng et al. 2024, the linear candidate."""
    z = sigm(p.W_z @ x + p.b_z)
    candidate = p.W_h @ x + p.b_h
    return ((1 - z) * h + z * candidate,)


def leaky(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Jaeger et al. 2007."""
    return ((1 - p.a) * h + p.a * tanh(p.W_in @ x + p.W @ h + p.b),)


def feedforward(p: SimpleNamespace, x: Array) -> tuple[Array, ...]:
    return (tanh(p.W @ x + p.b),)


RECURRENCES: Final[Recurrences] = {
    "cifg": Recurrence("W_i b_i R_i W_o b_o R_o W_z b_z R_z", cifg),
    "feedforward": Recurrence("W b", feedforward, output=True),
    "gru": Recurrence("W_xr b_r W_hr W_xz b_z W_hz W_xh b_h W_hh", gru),
    "janet": Recurrence("W_f b_f U_f W_c b_c U_c", janet),
    "leaky": Recurrence("a W_in b W", leaky),
    "lstm_1997": Recurrence("W_in b_in U_in W_out b_out U_out W_c b_c U_c", lstm_1997),
    "lstm_f": Recurrence("W_xj b_j W_hj W_xo b_o W_ho W_xi b_i W_hi", lstm_f),
    "lstm_i": Recurrence("W_xf b_f W_hf W_xo b_o W_ho W_xi b_i W_hi", lstm_i),
    "lstm_o": Recurrence("W_xj b_j W_hj W_xf b_f W_hf W_xi b_i W_hi", lstm_o),
    "lstm_peep": Recurrence(
        "W_i b_i R_i p_i W_f b_f R_f p_f W_z b_z R_z W_o b_o R_o p_o", lstm_peep
    ),
    "lstm_tanh_o": Recurrence(
        "W_xi b_i W_hi W_xj b_j W_hj W_xf b_f W_hf W_xo b_o W_ho", lstm_tanh_o
    ),
    "mgu": Recurrence("W_f b_f U_f W_h b_h U_h", mgu),
    "mingru": Recurrence("W_z b_z W_h b_h", mingru),
    "mut1": Recurrence("W_xz b_z W_xr b_r W_hr W_hh b_h", mut1),
    "mut2": Recurrence("W_xz b_z W_hz W_hr b_r W_hh b_h W_xh", mut2),
    "mut3": Recurrence("W_xz b_z W_hz W_xr b_r W_hr W_hh b_h W_xh", mut3),
    "ugrnn": Recurrence("W_gx b_g W_gh W_cx b_c W_ch", ugrnn),
}
"""Every cell of the shelf that torch does not ship."""

CLASSES: Final[Classes] = {
    "S": "feedforward mingru",
    "P1": "elman irnn leaky lstm lstm_1997 lstm_b lstm_f lstm_i lstm_o lstm_peep lstm_tanh_o cifg"
    " gru_after janet ugrnn",
    "P2": "gru mgu mut1 mut2 mut3",
}

SIZES: Final[Sizes] = {
    "elman": (2, 1),
    "lstm": (8, 4),
    "lstm_tanh_o": (8, 4),
    "lstm_b": (8, 4),
    "lstm_f": (6, 3),
    "lstm_i": (6, 3),
    "lstm_o": (6, 3),
    "gru": (6, 3),
    "mut1": (4, 3),
    "mut2": (5, 3),
    "mut3": (6, 3),
    "gru_after": (6, 4),
    "irnn": (2, 1),
    "leaky": (2, 2),
    "lstm_1997": (6, 3),
    "lstm_peep": (8, 7),
    "cifg": (6, 3),
    "mgu": (4, 2),
    "janet": (4, 2),
    "ugrnn": (4, 2),
    "mingru": (2, 2),
    "feedforward": (1, 1),
}


STARTS: Final[Starts] = {
    "irnn": {"W_ih": drawn_from("norm", 0, 0.001), "W_hh": exactly(np.eye(64))},
    "janet": {"b_f": chrono},
    "leaky": {"a": drawn_from("loguniform", 0.0286, 1)},
    "lstm_1997": {"b_in": exactly(-1), "b_out": exactly(-1)},
    "lstm_b": {"b_if": exactly(1)},
    "lstm_peep": {"b_f": exactly(1)},
}


RELATED: Final[Related] = [
    ("lstm_f", {}, "lstm", "W_xj b_j W_hj 0 50 0 W_xo b_o W_ho W_xi b_i W_hi"),
    ("lstm_i", {}, "lstm", "0 50 0 W_xf b_f W_hf W_xo b_o W_ho W_xi b_i W_hi"),
    ("lstm_o", {}, "lstm", "W_xj b_j W_hj W_xf b_f W_hf 0 50 0 W_xi b_i W_hi"),
    ("lstm_1997", {}, "lstm", "W_in b_in U_in 0 50 0 W_out b_out U_out W_c b_c U_c"),
    ("cifg", {}, "lstm", "W_i b_i R_i -W_i -b_i -R_i W_o b_o R_o W_z b_z R_z"),
    (
        "lstm_peep",
        {"p_i": "0", "p_f": "0", "p_o": "0"},
        "lstm",
        "W_i b_i R_i W_f b_f R_f W_o b_o R_o W_z b_z R_z",
    ),
    ("leaky", {"a": "1"}, "elman", "W_in b W"),
    ("ugrnn", {}, "gru_after", "0 50 0 W_gx b_g W_gh W_cx b_c W_ch 0"),
    (
        "gru",
        {"W_xr": "0", "b_r": "50", "W_hr": "0"},
        "gru_after",
        "0 50 0 W_xz b_z W_hz W_xh b_h W_hh 0",
    ),
    ("mgu", {}, "gru", "W_f b_f U_f -W_f -b_f -U_f W_h b_h U_h"),
    ("mut2", {}, "gru", "1 b_r W_hr -W_xz -b_z -W_hz W_xh b_h W_hh"),
]


PITFALLS: Final[Pitfalls] = [
    ("lstm_peep", "vector() * c'", "vector() * c"),
    ("lstm", "o = sigmoid(", "o = tanh("),
    ("lstm_tanh_o", "o = tanh(", "o = sigmoid("),
    ("lstm_o", "h' = tanh(c')", "h' = c'"),
    ("lstm_1997", "i * tanh(", "i + tanh("),
    ("cifg", "(1 - i) * c + i *", "i * c + (1 - i) *"),
    ("gru", "z * h + (1 - z) * n", "(1 - z) * h + z * n"),
    ("gru", "linear(x, r * h)", "linear(x) + r * linear(h, bias=none)"),
    ("gru_after", "r * linear(h)", "linear(r * h)"),
    ("mut1", "* z + h * (1 - z)", "* (1 - z) + h * z"),
    ("mut2", "* z + h * (1 - z)", "* (1 - z) + h * z"),
    ("mut3", "* z + h * (1 - z)", "* (1 - z) + h * z"),
    ("mut1", "r * h", "z * h"),
    ("mut1", "tanh(x)", "x"),
    ("mut2", "sigmoid(x +", "sigmoid(tanh(x) +"),
    ("mut3", "linear(x, tanh(h))", "tanh(linear(x, h))"),
    ("mgu", "(1 - f) * h + f * n", "f * h + (1 - f) * n"),
    ("ugrnn", "g * h + (1 - g) * n", "(1 - g) * h + g * n"),
    ("janet", "sigmoid(q - 1)", "sigmoid(q)"),
    ("mingru", "z * linear(x)", "z * tanh(linear(x))"),
    ("leaky", "(1 - a) * h", "h"),
]
