"""The shelf of the LSTM family: gates that see more or less, and other arithmetic around the cell."""

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
    affine,
    drawn_from,
    exactly,
    letters,
    sigm,
    tanh,
)

# Lu, Salem 2017: gates without the input, without bias too, of a bias alone.


def slim(c: Array, i: Array, f: Array, o: Array, z: Array) -> tuple[Array, ...]:
    c = f * c + i * z
    return o * tanh(c), c


def slim_1(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i, f, o = sigm(p.R_i @ h + p.b_i), sigm(p.R_f @ h + p.b_f), sigm(p.R_o @ h + p.b_o)
    return slim(c, i, f, o, tanh(affine(p, "c", x, h)))


def slim_2(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    i, f, o = sigm(p.R_i @ h), sigm(p.R_f @ h), sigm(p.R_o @ h)
    return slim(c, i, f, o, tanh(affine(p, "c", x, h)))


def slim_3(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    return slim(c, sigm(p.b_i), sigm(p.b_f), sigm(p.b_o), tanh(affine(p, "c", x, h)))


# The cell looked at, projected or fed back in other ways.


def lstmp(p: SimpleNamespace, x: Array, r: Array, c: Array) -> tuple[Array, ...]:
    """Sak, Senior, Beaufays 2014, equations 7 to 12: r is the projected output."""
    i = sigm(affine(p, "i", x, r) + p.p_i * c)
    f = sigm(affine(p, "f", x, r) + p.p_f * c)
    new_c = f * c + i * tanh(affine(p, "c", x, r))
    o = sigm(affine(p, "o", x, r) + p.p_o * new_c)
    m = o * tanh(new_c)
    return p.W_rm @ m, new_c


def res_lstm(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Kim, El-Khamy, Lee 2017, with equal widths, where the shortcut is x."""
    i = sigm(affine(p, "i", x, h) + p.p_i * c)
    f = sigm(affine(p, "f", x, h) + p.p_f * c)
    new_c = f * c + i * tanh(affine(p, "c", x, h))
    o = sigm(affine(p, "o", x, h) + p.p_o * new_c)
    m = p.W_p @ tanh(new_c)
    return o * (m + x), new_c


def wmc_lstm(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Landi et al. 2021."""
    i = sigm(affine(p, "i", x, h) + tanh(p.W_ic @ c))
    f = sigm(affine(p, "f", x, h) + tanh(p.W_fc @ c))
    new_c = f * c + i * tanh(affine(p, "c", x, h))
    o = sigm(affine(p, "o", x, h) + tanh(p.W_oc @ new_c))
    return o * tanh(new_c), new_c


def mc_lstm(p: SimpleNamespace, x: Array, v: Array, c: Array) -> tuple[Array, ...]:
    """Ben-Ari, Shwartz-Ziv 2017: the output h, then what is fed back."""
    i, f, o, m = (sigm(affine(p, gate, x, v)) for gate in "ifom")
    c = f * c + i * tanh(affine(p, "n", x, v))
    return o * tanh(c), m * tanh(c), c


def mult_lstm(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Krause et al. 2016, the output gate inside."""
    m = (p.W_mx @ x) * (p.W_mh @ h)
    i, f, o = (sigm(affine(p, gate, x, m)) for gate in "ifo")
    c = f * c + i * tanh(affine(p, "h", x, m))
    return tanh(c * o), c


def mult_lstm_outer(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """The same with the output gate outside."""
    m = (p.W_mx @ x) * (p.W_mh @ h)
    i, f, o = (sigm(affine(p, gate, x, m)) for gate in "ifo")
    c = f * c + i * tanh(affine(p, "h", x, m))
    return o * tanh(c), c


def mogrifier_5(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Melis, Kocisky, Blunsom 2020, equations 1 and 2."""
    for turn, matrix in enumerate((p.Q_1, p.R_2, p.Q_3, p.R_4, p.Q_5), 1):
        if turn % 2:
            x = 2 * sigm(matrix @ h) * x
        else:
            h = 2 * sigm(matrix @ x) * h
    i, f, o = (sigm(affine(p, gate, x, h)) for gate in "ifo")
    c = f * c + i * tanh(affine(p, "j", x, h))
    return o * tanh(c), c


# Other arithmetic around the cell.


def sub_lstm(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Costa et al. 2017."""
    i, f, o, z = (sigm(affine(p, gate, x, h)) for gate in "ifoz")
    c = f * c + z - i
    return sigm(c) - o, c


def ur_lstm(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Gu et al. 2020, section 3: r moves f between a lower and an upper bound."""
    f, r, o = (sigm(affine(p, gate, x, h)) for gate in "fro")
    g = r * (1 - (1 - f) ** 2) + (1 - r) * f**2
    c = g * c + (1 - g) * tanh(affine(p, "u", x, h))
    return o * tanh(c), c


def slstm(
    p: SimpleNamespace, x: Array, h: Array, c: Array, n: Array, m: Array
) -> tuple[Array, ...]:
    """Beck et al. 2024, equations 8 to 17, with a sigmoid forget gate."""
    z, o = tanh(affine(p, "z", x, h)), sigm(affine(p, "o", x, h))
    log_i, log_f = affine(p, "i", x, h), np.log(sigm(affine(p, "f", x, h)))
    kept = log_f + m
    new_m = np.where(np.real(kept) >= np.real(log_i), kept, log_i)
    i, f = np.exp(log_i - new_m), np.exp(log_f + m - new_m)
    c, n = f * c + i * z, f * n + i
    return o * (c / n), c, n, new_m


def phased(p: SimpleNamespace, x: Array, h: Array, c: Array, t: Array) -> tuple[Array, ...]:
    """Neil, Pfeiffer, Liu 2016, equations 6 to 11; t and s are shares of the period tau."""

    def without_whole_periods(a: Array) -> Array:
        return a - np.floor(np.real(a))

    open_share, leak = 0.05, 0.001
    t = without_whole_periods(t + 1 / p.tau)
    phi = without_whole_periods(t - p.s)
    k = np.where(np.real(phi) < open_share / 2, 2 * phi / open_share, 2 - 2 * phi / open_share)
    k = np.where(np.real(phi) < open_share, k, leak * phi)
    i, f, o = (sigm(affine(p, gate, x, h)) for gate in "ifo")
    proposed = f * c + i * tanh(affine(p, "c", x, h))
    return k * (o * tanh(proposed)) + (1 - k) * h, k * proposed + (1 - k) * c, t


def nas(p: SimpleNamespace, x: Array, m: Array, c: Array) -> tuple[Array, ...]:
    """Zoph, Le 2017, as TensorFlow ships it, with biases."""
    one, three, six, eight = (sigm(affine(p, branch, x, m)) for branch in "0257")
    five, seven = (tanh(affine(p, branch, x, m)) for branch in "46")
    two = affine(p, "1", x, m)
    four = (p.W_3 @ x) * (p.R_3 @ m + p.b_3)
    two, four = (np.where(np.real(branch) > 0, branch, 0.0) for branch in (two, four))
    c = tanh(tanh(one * two) + c) * tanh(three + four)
    return tanh(c * tanh(tanh(five * six) + sigm(seven + eight))), c


_MULT: Final = "W_mx W_mh " + letters("i", "f", "o", "h")

RECURRENCES: Final[Recurrences] = {
    "lstmp": Recurrence(letters("i", "f", "c", "o", peepholes="ifo") + " W_rm", lstmp),
    "mc_lstm": Recurrence(letters("i", "f", "o", "m", "n"), mc_lstm, output=True),
    "mogrifier_5": Recurrence("Q_1 R_2 Q_3 R_4 Q_5 " + letters("i", "f", "o", "j"), mogrifier_5),
    "mult_lstm": Recurrence(_MULT, mult_lstm),
    "mult_lstm_outer": Recurrence(_MULT, mult_lstm_outer),
    "nas": Recurrence(letters("0", "1", "2") + " W_3 R_3 b_3 " + letters(*"4567"), nas),
    "phased": Recurrence(
        letters("i", "f", "o") + " tau s " + letters("c"),
        phased,
        ranges={"tau": (1.5, 6.0), "state2": (0.0, 1.0)},
    ),
    "res_lstm": Recurrence(letters("i", "f", "c", "o", peepholes="ifo") + " W_p", res_lstm),
    "slim_1": Recurrence("R_i b_i R_f b_f R_o b_o " + letters("c"), slim_1),
    "slim_2": Recurrence("R_i R_f R_o " + letters("c"), slim_2),
    "slim_3": Recurrence("b_i b_f b_o " + letters("c"), slim_3),
    "slstm": Recurrence(letters("z", "i", "f", "o"), slstm),
    "sub_lstm": Recurrence(letters("i", "f", "o", "z"), sub_lstm),
    "ur_lstm": Recurrence(letters("f", "r", "o", "u"), ur_lstm),
    "wmc_lstm": Recurrence(
        f"{letters('i')} W_ic {letters('f')} W_fc {letters('c', 'o')} W_oc", wmc_lstm
    ),
}

SIZES: Final[Sizes] = {
    "lstmp": (9, 7),
    "mc_lstm": (10, 5),
    "mogrifier_5": (13, 4),
    "mult_lstm": (10, 4),
    "mult_lstm_outer": (10, 4),
    "nas": (16, 8),
    "phased": (8, 6),
    "res_lstm": (9, 7),
    "slim_1": (5, 4),
    "slim_2": (5, 1),
    "slim_3": (2, 4),
    "slstm": (8, 4),
    "sub_lstm": (8, 4),
    "ur_lstm": (8, 4),
    "wmc_lstm": (11, 4),
}

CLASSES: Final[Classes] = {
    "P1": "mc_lstm nas phased slim_1 slim_2 slim_3 slstm sub_lstm ur_lstm",
    "P2": "lstmp mult_lstm mult_lstm_outer res_lstm wmc_lstm",
    "P2(6)": "mogrifier_5",
}


def uniform_gate(values: Array) -> bool:
    """Logit of uniform on [1/64, 1 - 1/64]."""
    return drawn_from("uniform", 1 / 64, 62 / 64)(sigm(values))


_ONE: Final = {"b_f": exactly(1)}

STARTS: Final[Starts] = {
    **dict.fromkeys(("lstmp", "mc_lstm", "mogrifier_5", "mult_lstm", "mult_lstm_outer"), _ONE),
    **dict.fromkeys(("res_lstm", "slim_1", "slim_3", "sub_lstm", "wmc_lstm"), _ONE),
    "phased": {
        "b_f": exactly(1),
        "tau": drawn_from("loguniform", 1, 1000),
        "s": drawn_from("uniform", 0, 1),
    },
    "slstm": {"b_f": drawn_from("uniform", 3, 3)} | {f"R_{gate}": exactly(0) for gate in "zifo"},
    "ur_lstm": {"b_f": uniform_gate, "b_r": uniform_gate},
}

_LSTM: Final = letters("i", "f", "o", "c")
_BLIND: Final = {"p_i": "0", "p_f": "0", "p_o": "0"}

RELATED: Final[Related] = [
    ("lstmp", _BLIND | {"W_rm": "1"}, "lstm", _LSTM),
    ("mc_lstm", {"W_m": "W_o", "b_m": "b_o", "R_m": "R_o"}, "lstm", letters("i", "f", "o", "n")),
    (
        "mogrifier_5",
        dict.fromkeys(("Q_1", "R_2", "Q_3", "R_4", "Q_5"), "0"),
        "lstm",
        letters("i", "f", "o", "j"),
    ),
    ("slim_1", {}, "lstm", "0 b_i R_i 0 b_f R_f 0 b_o R_o W_c b_c R_c"),
    ("slim_2", {}, "slim_1", "R_i 0 R_f 0 R_o 0 W_c b_c R_c"),
    ("slim_3", {}, "slim_1", "0 b_i 0 b_f 0 b_o W_c b_c R_c"),
    (
        "ur_lstm",
        {"W_r": "0", "b_r": "0", "R_r": "0"},
        "lstm",
        "-W_f -b_f -R_f W_f b_f R_f W_o b_o R_o W_u b_u R_u",
    ),
    ("wmc_lstm", {"W_ic": "0", "W_fc": "0", "W_oc": "0"}, "lstm", _LSTM),
]

PITFALLS: Final[Pitfalls] = [
    # The old c in the output gate: the papers print c with the time of the output gate.
    ("lstmp", "* c')", "* c)"),
    ("res_lstm", "* c')", "* c)"),
    ("wmc_lstm", "linear(c', bias=none)", "linear(c, bias=none)"),
    # Gates and candidate without their squashing: the paper calls them gates, so sigmoid and tanh.
    ("mc_lstm", "i = sigmoid(linear(x, v))", "i = linear(x, v)"),
    ("mc_lstm", "i * tanh(linear(x, v))", "i * linear(x, v)"),
    ("mc_lstm", "out = o * g", "out = m * g"),
    # The fourth branch multiplies: so does the code that the authors' company ships.
    ("nas", "linear(x, bias=none) * linear(h)", "linear(x, bias=none) + linear(h)"),
    # Two cells that go under one name: neither computes what the other does.
    ("mult_lstm", "tanh(c' * o)", "o * tanh(c')"),
    ("mult_lstm_outer", "o * tanh(c')", "tanh(c' * o)"),
    ("mogrifier_5", "linear(h2, bias=none)", "linear(h, bias=none)"),
    ("phased", "o * tanh(g)", "o * tanh(c')"),
    ("res_lstm", "o * (linear(tanh(c'), bias=none) + x)", "o * linear(tanh(c'), bias=none) + x"),
    ("slstm", "c' / n'", "c' / max(n', 1)"),
    ("sub_lstm", "sigmoid(c')", "tanh(c')"),
    ("ur_lstm", "(1 - k) * tanh(", "(1 - f) * tanh("),
]
