"""The shelf of cells whose state needs no matrix product."""

import math
from types import SimpleNamespace
from typing import Final

import numpy as np

from tests.cells.engine.recurrence import (
    Array,
    Classes,
    Pitfalls,
    Real,
    Recurrence,
    Recurrences,
    Related,
    Sizes,
    Start,
    Starts,
    drawn_from,
    exactly,
    sigm,
    tanh,
)

# Balduzzi, Ghifary 2016. q is the input of the step before.


def t_rnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f = sigm(p.V @ x + p.b)
    return (f * h + (1 - f) * (p.W @ x),)


def t_gru(p: SimpleNamespace, x: Array, h: Array, q: Array) -> tuple[Array, ...]:
    z = p.V_z @ q + p.W_z @ x + p.b_z
    f = sigm(p.V_f @ q + p.W_f @ x + p.b_f)
    o = tanh(p.V_o @ q + p.W_o @ x + p.b_o)
    return f * h + z * o, x


def t_lstm(p: SimpleNamespace, x: Array, c: Array, q: Array) -> tuple[Array, ...]:
    z = p.V_z @ q + p.W_z @ x + p.b_z
    f = sigm(p.V_f @ q + p.W_f @ x + p.b_f)
    o = tanh(p.V_o @ q + p.W_o @ x + p.b_o)
    c = f * c + (1 - f) * z
    return c * o, c, x


def qrnn_2(p: SimpleNamespace, x: Array, c: Array, q: Array) -> tuple[Array, ...]:
    """Bradbury et al. 2017, fo-pooling."""
    z = tanh(p.W1_z @ q + p.W2_z @ x + p.b_z)
    f = sigm(p.W1_f @ q + p.W2_f @ x + p.b_f)
    o = sigm(p.W1_o @ q + p.W2_o @ x + p.b_o)
    c = f * c + (1 - f) * z
    return o * c, c, x


# Lei et al. 2017 and 2018.


def sru_v1(p: SimpleNamespace, x: Array, c: Array) -> tuple[Array, ...]:
    f, r = sigm(p.W_f @ x + p.b_f), sigm(p.W_r @ x + p.b_r)
    c = f * c + (1 - f) * (p.W @ x)
    return r * tanh(c) + (1 - r) * x, c


def sru(p: SimpleNamespace, x: Array, c: Array) -> tuple[Array, ...]:
    f = sigm(p.W_f @ x + p.v_f * c + p.b_f)
    r = sigm(p.W_r @ x + p.v_r * c + p.b_r)
    c = f * c + (1 - f) * (p.W @ x)
    alpha = math.sqrt(1 + 2 * math.exp(0))
    return r * c + (1 - r) * x * alpha, c


# Feng et al. 2024, normalised gates. The log-space forms put g on the candidate.


def g(u: Array) -> Array:
    return np.where(np.real(u) >= 0, u + 0.5, sigm(u))


def minlstm(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f, i = sigm(p.W_f @ x + p.b_f), sigm(p.W_i @ x + p.b_i)
    return (f / (f + i) * h + i / (f + i) * (p.W_h @ x + p.b_h),)


def minlstm_log(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f, i = sigm(p.W_f @ x + p.b_f), sigm(p.W_i @ x + p.b_i)
    return (f / (f + i) * h + i / (f + i) * g(p.W_h @ x + p.b_h),)


def mingru_log(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_z @ x + p.b_z)
    return ((1 - z) * h + z * g(p.W_h @ x + p.b_h),)


# Complex recurrences as real and imaginary parts, since complex numbers carry the derivatives here.

Complex = tuple[Array, Array]


def times(one: Complex, other: Complex) -> Complex:
    (a, b), (c, d) = one, other
    return a * c - b * d, a * d + b * c


def lru(p: SimpleNamespace, x: Array, re: Array, im: Array) -> tuple[Array, ...]:
    """Orvieto et al. 2023, with the normalisation that they start from."""
    size, angle = np.exp(-np.exp(p.nu)), np.exp(p.theta)
    gamma = np.sqrt(1 - size**2)
    re, im = times((size * np.cos(angle), size * np.sin(angle)), (re, im))
    re, im = re + gamma * (p.B_re @ x), im + gamma * (p.B_im @ x)
    return p.C_re @ re - p.C_im @ im + p.d * x, re, im


def s4d(p: SimpleNamespace, x: Array, re: Array, im: Array) -> tuple[Array, ...]:
    """Gu et al. 2022: zero-order hold of A = -exp(log_a) + j a_im, B = 1, y = 2 Re(C h) + D x."""
    dt, a_re, a_im = np.exp(p.log_dt), -np.exp(p.log_a), p.a_im
    size = np.exp(dt * a_re)
    turn = (size * np.cos(dt * a_im), size * np.sin(dt * a_im))
    over = a_re**2 + a_im**2
    hold = times((turn[0] - 1, turn[1]), (a_re / over, -a_im / over))
    re, im = times(turn, (re, im))
    re, im = re + hold[0] * x, im + hold[1] * x
    return 2 * times((p.c_re, p.c_im), (re, im))[0] + p.d * x, re, im


def rg_lru(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """De et al. 2024 in the letters of their release: log a = -8 r softplus(a_param)."""
    r, i = sigm(p.W_a @ x + p.b_a), sigm(p.W_x @ x + p.b_x)
    log_a = -8 * r * np.log(1 + np.exp(p.a_param))
    return (np.exp(log_a) * h + np.sqrt(1 - np.exp(2 * log_a)) * (i * x),)


def hgrn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Qin et al. 2023, real: the bound is the cumulative softmax over (gamma, 0) of two layers."""
    bound = np.exp(p.gamma) / (np.exp(p.gamma) + 1)
    f = bound + (1 - bound) * sigm(p.W_f @ x + p.b_f)
    i, g = p.W_i @ x + p.b_i, p.W_g @ x + p.b_g
    h = f * h + (1 - f) * (i * sigm(i))
    return h * (g * sigm(g)), h


# Peng et al. 2023. q is the input of the step before, a and b the sums of e^k v and e^k.


def mixed(p: SimpleNamespace, x: Array, q: Array) -> tuple[Array, Array, Array]:
    k = p.W_k @ (p.mu_k * x + (1 - p.mu_k) * q)
    v = p.W_v @ (p.mu_v * x + (1 - p.mu_v) * q)
    return k, v, p.W_r @ (p.mu_r * x + (1 - p.mu_r) * q)


def rwkv4_raw(p: SimpleNamespace, x: Array, a: Array, b: Array, q: Array) -> tuple[Array, ...]:
    k, v, r = mixed(p, x, q)
    now, decay = np.exp(p.u + k), np.exp(-np.exp(p.w))
    wkv = (a + now * v) / (b + now)
    return sigm(r) * wkv, decay * a + np.exp(k) * v, decay * b + np.exp(k), x


def rwkv4(
    p: SimpleNamespace, x: Array, a: Array, b: Array, top: Array, q: Array
) -> tuple[Array, ...]:
    """The raw form on the sums a e^top and b e^top, which the new maximum then divides."""
    y, a, b, _ = rwkv4_raw(p, x, a * np.exp(top), b * np.exp(top), q)
    k, fading = mixed(p, x, q)[0], top - np.exp(p.w)
    top = np.where(np.real(k) > np.real(fading), k, fading)
    return y, a * np.exp(-top), b * np.exp(-top), top, x


_W2: Final = "W_z b_z V_z W_f b_f V_f W_o b_o V_o"
_RWKV: Final = "mu_k mu_v mu_r W_k W_v W_r w u"

RECURRENCES: Final[Recurrences] = {
    "t_rnn": Recurrence("V b W", t_rnn),
    "t_gru": Recurrence(_W2, t_gru),
    "t_lstm": Recurrence(_W2, t_lstm, output=True),
    "qrnn_2": Recurrence("W2_z b_z W1_z W2_f b_f W1_f W2_o b_o W1_o", qrnn_2, output=True),
    "sru_v1": Recurrence("W_f b_f W_r b_r W", sru_v1, output=True),
    "sru": Recurrence("W_f b_f v_f W_r b_r v_r W", sru, output=True),
    "minlstm": Recurrence("W_f b_f W_i b_i W_h b_h", minlstm),
    "minlstm_log": Recurrence("W_f b_f W_i b_i W_h b_h", minlstm_log),
    "mingru_log": Recurrence("W_z b_z W_h b_h", mingru_log),
    "lru": Recurrence("nu theta B_re B_im C_re C_im d", lru, output=True),
    "s4d": Recurrence("log_dt log_a a_im c_re c_im d", s4d, output=True),
    "rg_lru": Recurrence("W_a b_a W_x b_x a_param", rg_lru),
    "hgrn": Recurrence("gamma W_f b_f W_i b_i W_g b_g", hgrn, output=True),
    "rwkv4": Recurrence(_RWKV, rwkv4, output=True),
    "rwkv4_raw": Recurrence(_RWKV, rwkv4_raw, output=True),
}

SIZES: Final[Sizes] = {
    "t_rnn": (2, 1),
    "t_gru": (6, 3),
    "t_lstm": (6, 3),
    "qrnn_2": (6, 3),
    "sru_v1": (3, 2),
    "sru": (3, 4),
    "minlstm": (3, 3),
    "minlstm_log": (3, 3),
    "mingru_log": (2, 2),
    "lru": (4, 3),
    "s4d": (0, 6),
    "rg_lru": (2, 3),
    "hgrn": (3, 4),
    "rwkv4": (3, 5),
    "rwkv4_raw": (3, 5),
}

# The gates of SRU read the state. The running maximum of RWKV is not affine: as published without
# it the cell is S, and rwkv4_raw is that.
CLASSES: Final[Classes] = {
    "S": "t_rnn t_gru t_lstm qrnn_2 sru_v1 minlstm minlstm_log mingru_log lru s4d rg_lru hgrn rwkv4_raw",
    "P1d": "sru rwkv4",
}


def ring(low: float, high: float) -> Start:
    """Whether exp(-exp(v)) is spread over a ring by area."""
    area = drawn_from("uniform", low**2, high**2 - low**2)
    return lambda values: area(np.exp(-np.exp(values)) ** 2)


def decay(values: Real) -> bool:
    """Whether exp(-softplus(p)) is spread over [0.9, 0.999], by area to within a few hundredths."""
    found = 1 / (1 + np.exp(values))
    area = drawn_from("uniform", 0.9**2, 0.999**2 - 0.9**2)
    return area(found**2) and 0.9 <= found.min() < 0.92 and 0.98 < found.max() <= 0.999


_V: Final = math.sqrt(3) * math.sqrt(0.5)
_MIX: Final[Start] = drawn_from("uniform", 0, 1)
_RWKV_STARTS: Final = {
    "mu_k": _MIX,
    "mu_v": _MIX,
    "mu_r": _MIX,
    "w": drawn_from("uniform", -5, 8),
    "u": lambda values: bool(np.allclose(values, math.log(0.3), rtol=1e-11)),
}

STARTS: Final[Starts] = {
    "sru": dict.fromkeys(("v_f", "v_r"), drawn_from("uniform", -_V, 2 * _V)),
    "lru": {
        "nu": ring(0, 1),
        "theta": lambda values: drawn_from("uniform", 0, 6.28)(np.exp(values)),
        "d": drawn_from("norm", 0, 1),
    },
    "s4d": {
        "log_dt": lambda values: drawn_from("loguniform", 0.001, 0.1)(np.exp(values)),
        "log_a": lambda values: bool(np.allclose(values, math.log(0.5), rtol=1e-11)),
        "a_im": drawn_from("uniform", 0, 31 * math.pi),
        "c_re": drawn_from("norm", 0, math.sqrt(0.5)),
        "c_im": drawn_from("norm", 0, math.sqrt(0.5)),
        "d": drawn_from("norm", 0, 1),
    },
    "rg_lru": {"a_param": decay},
    "hgrn": {"gamma": exactly(0)},
    "rwkv4": _RWKV_STARTS,
    "rwkv4_raw": _RWKV_STARTS,
}

RELATED: Final[Related] = [
    ("mingru", {}, "minlstm", "-W_z -b_z W_z b_z W_h b_h"),
]

# F6, F17 and F19 of the reference page: the text in the middle is what was published.
PITFALLS: Final[Pitfalls] = [
    # F6: g of the log-space form is not part of the candidate (nor of the start state: test_scan).
    ("minlstm_log", "max(sigmoid(u), u + 0.5)", "u"),
    ("mingru_log", "max(sigmoid(u), u + 0.5)", "u"),
    ("mingru_log", "(1 - z) * h", "(1 - z) * max(sigmoid(h), h + 0.5)"),
    # F17: SRU lets its state out by r; QRNN keeps by f.
    ("sru_v1", "r * tanh(c')", "f * tanh(c')"),
    ("sru_v1", "(1 - r) * x", "(1 - f) * x"),
    ("sru", "(1 - r) *", "(1 - f) *"),
    ("qrnn_2", "f * c + (1 - f) * z", "(1 - f) * c + f * z"),
    # F19: the released RG-LRU has softplus(+p), and the square root takes the decay itself.
    ("rg_lru", "softplus(", "softplus(-1 * "),
    ("rg_lru", "sqrt(1 - a * a)", "sqrt(1 - a)"),
    # Further ways to get these cells wrong.
    ("t_rnn", "linear(x, bias=none)", "tanh(linear(x, bias=none))"),
    ("t_gru", "f * h + z * o", "f * h + (1 - f) * z * o"),
    ("t_lstm", "c' * o", "tanh(c') * o"),
    ("sru", "(sqrt(3) * x)", "x"),
    ("lru", "c * a - s * b", "c * a + s * b"),
    ("lru", "- linear(b', bias=none)", "+ linear(b', bias=none)"),
    ("s4d", "out = 2 *", "out = 1 *"),
    ("s4d", "((1 - c) * d + s * w) / l * x", "dt * x"),
    ("hgrn", "out = h' * silu(", "out = h' * sigmoid("),
    ("rwkv4", "m' = max(m - w, k)", "m' = max(m, k)"),
    ("rwkv4_raw", "r * (p + b * v) / (q + b)", "r * p / q"),
]

# Faults that change no number: 1 - f = (1 - bound) (1 - s) in HGRN; what both sums are relative to.
EQUIVALENT: Final = {"hgrn": ("l (3) and sigmoid (7) are exchanged",), "rwkv4": ("n (29) reads",)}
