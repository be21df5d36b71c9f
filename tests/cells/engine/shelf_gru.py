"""The shelf of the GRU family and minimal gates."""

from types import SimpleNamespace
from typing import Final

import numpy as np

from tests.cells.engine.genotype import DARTS_V1, DARTS_V2, ENAS
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
    relu,
    sigm,
    tanh,
)
from tests.cells.engine.shelf_first import gru, mut1, mut2, mut3

# Dey, Salem 2017: GRU1 to GRU3, z keeps. Heck, Salem 2017: MGU1 to MGU3, f takes.


def candidate(p: SimpleNamespace, x: Array, h: Array) -> Array:
    return tanh(p.W_h @ x + p.U_h @ h + p.b_h)


def gru_b1(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    r, z = sigm(p.U_r @ h + p.b_r), sigm(p.U_z @ h + p.b_z)
    return (z * h + (1 - z) * candidate(p, x, r * h),)


def gru_b2(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    r, z = sigm(p.U_r @ h), sigm(p.U_z @ h)
    return (z * h + (1 - z) * candidate(p, x, r * h),)


def gru_b3(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    r, z = sigm(p.b_r), sigm(p.b_z)
    return (z * h + (1 - z) * candidate(p, x, r * h),)


def mgu_1(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f = sigm(p.U_f @ h + p.b_f)
    return ((1 - f) * h + f * candidate(p, x, f * h),)


def mgu_2(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f = sigm(p.U_f @ h)
    return ((1 - f) * h + f * candidate(p, x, f * h),)


def mgu_3(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    f = sigm(p.b_f)
    return ((1 - f) * h + f * candidate(p, x, f * h),)


# MUT1 and MUT2 as RecurrentLayers.jl and torchrecurrent document them.


def mut1_linear(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_z @ x + p.b_z)
    r = sigm(p.W_r @ x + p.U_r @ h + p.b_r)
    n = tanh(p.U_h @ (r * h) + p.b_h + tanh(p.W_h @ x + p.b_x))
    return (z * n + (1 - z) * h,)


def mut2_linear(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z = sigm(p.W_z @ x + p.U_z @ h + p.b_z)
    r = sigm(p.W_r @ x + p.U_r @ h + p.b_r)
    return (z * candidate(p, x, r * h) + (1 - z) * h,)


def plus_rnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Collins, Sohl-Dickstein, Sussillo 2017."""
    y_in = relu(p.W_yx @ x + p.W_yh @ h + p.b_y)
    h_in = tanh(p.W_hx @ x + p.W_hh @ h + p.b_h)
    gy = sigm(p.W_gyx @ x + p.W_gyh @ h + p.b_gy)
    gh = sigm(p.W_ghx @ x + p.W_ghh @ h + p.b_gh)
    return gy * x + (1 - gy) * y_in, gh * h + (1 - gh) * h_in


def ligru(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Ravanelli et al. 2018, with the identity for the batch norm."""
    z = sigm(p.W_z @ x + p.U_z @ h + p.b_z)
    return (z * h + (1 - z) * relu(p.W_h @ x + p.U_h @ h + p.b_h),)


def minimalrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Chen 2017: Phi is one tanh layer."""
    z = tanh(p.W_x @ x + p.b_x)
    u = sigm(p.U_h @ h + p.U_z @ z + p.b_u)
    return (u * h + (1 - u) * z,)


def star(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Turkoglu et al. 2021."""
    z = tanh(p.W_z @ x + p.b_z)
    k = sigm(p.W_k @ x + p.U_k @ h + p.b_k)
    return (tanh((1 - k) * h + k * z),)


def lightru(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Ye et al. 2024."""
    f = sigm(p.W_f @ x + p.U_f @ h + p.b_f)
    return ((1 - f) * h + f * tanh(p.W_h @ x + p.b_h),)


def sgrn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Zu, Wei 2020."""
    f = sigm(p.W @ x + p.U @ h + p.b)
    return (tanh((1 - f) * (p.W @ x) + f * h),)


# Zyarah, Kudithipudi 2026, with lambda = 0.9 and theta = 0.5.


def miru_1(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    r = sigm(p.W_r @ x + p.U_r @ h + p.b_r)
    return (0.9 * h + 0.1 * candidate(p, x, r * h),)


def miru_2(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    return (0.9 * h + 0.1 * candidate(p, x, 0.5 * h),)


# Gao, Glowacka 2016.


def hard_sigm(a: Array) -> Array:
    line = 0.2 * a + 0.5
    return np.where(np.real(line) < 0, 0, np.where(np.real(line) > 1, 1, line))


def sgu(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z_g = tanh(p.W_zxh @ ((p.W_xh @ x + p.b_g) * h))
    z = hard_sigm(p.W_xz @ x + p.b_z + p.W_hz @ h)
    return ((1 - z) * h + z * np.log(1 + np.exp(z_g * h)),)


def dsgu(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    z_g = tanh(p.W_zxh @ ((p.W_xh @ x + p.b_g) * h))
    z = hard_sigm(p.W_xz @ x + p.b_z + p.W_hz @ h)
    return ((1 - z) * h + z * sigm(p.W_go @ (z_g * h)),)


def atr(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Zhang et al. 2018: p and q of the paper are here a and c."""
    a, c = p.W @ x, p.U @ h
    return (sigm(a + c) * a + sigm(a - c) * h,)


def fastgrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Kusupati et al. 2018: zeta and nu are sigmoids of one number each."""
    pre = p.W @ x + p.U @ h
    z = sigm(pre + p.b_z)
    return ((sigm(p.zeta) * (1 - z) + sigm(p.nu)) * tanh(pre + p.b_h) + z * h,)


def ran(p: SimpleNamespace, x: Array, h: Array, c: Array) -> tuple[Array, ...]:
    """Lee, Levy, Zettlemoyer 2017."""
    i = sigm(p.W_ix @ x + p.W_ih @ h + p.b_i)
    f = sigm(p.W_fx @ x + p.W_fh @ h + p.b_f)
    c = i * (p.W_cx @ x) + f * c
    return tanh(c), c


def cfn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Laurent, von Brecht 2017."""
    theta = sigm(p.U_t @ h + p.V_t @ x + p.b_t)
    eta = sigm(p.U_e @ h + p.V_e @ x + p.b_e)
    return (theta * tanh(h) + eta * tanh(p.W @ x + p.b),)


# Vecoven, Ernst, Drion 2021.


def brc(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    c = sigm(p.U_c @ x + p.b_c + p.w_c * h)
    a = 1 + tanh(p.U_a @ x + p.b_a + p.w_a * h)
    return (c * h + (1 - c) * tanh(p.U @ x + p.b + a * h),)


def nbrc(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    c = sigm(p.U_c @ x + p.b_c + p.W_c @ h)
    a = 1 + tanh(p.U_a @ x + p.b_a + p.W_a @ h)
    return (c * h + (1 - c) * tanh(p.U @ x + p.b + a * h),)


def taugru(
    p: SimpleNamespace, x: Array, h: Array, d1: Array, d2: Array, d3: Array, d4: Array
) -> tuple[Array, ...]:
    """Erichson, Lim, Mahoney 2022, with a delay of 4 steps: d4 is h four steps before h."""
    u = tanh(p.W_1 @ h + p.U_1 @ x + p.b_1)
    z = tanh(p.W_2 @ d4 + p.U_2 @ x + p.b_2)
    g = sigm(p.W_3 @ h + p.U_3 @ x + p.b_3)
    a = sigm(p.W_4 @ h + p.U_4 @ x + p.b_4)
    return (1 - g) * h + g * (u + a * z), h, d1, d2, d3


def gru_ode(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """De Brouwer et al. 2019: dh/dt = (1 - z) * (g - h), one Euler step of 0.05."""
    r = sigm(p.W_r @ x + p.U_r @ h + p.b_r)
    z = sigm(p.W_z @ x + p.U_z @ h + p.b_z)
    g = candidate(p, x, r * h)
    return (h + 0.05 * ((1 - z) * (g - h)),)


_MUT1: Final = "W_xz b_z W_xr b_r W_hr W_hh b_h"
_MUT2: Final = "W_xz b_z W_hz W_hr b_r W_hh b_h W_xh"
_MUT3: Final = "W_xz b_z W_hz W_xr b_r W_hr W_hh b_h W_xh"
_NEW: Final = "W_h b_h U_h"

RECURRENCES: Final[Recurrences] = {
    "gru_b": Recurrence("W_xr b_r W_hr W_xz b_z W_hz W_xh b_h W_hh", gru),
    "gru_b1": Recurrence(f"U_r b_r U_z b_z {_NEW}", gru_b1),
    "gru_b2": Recurrence(f"U_r U_z {_NEW}", gru_b2),
    "gru_b3": Recurrence(f"b_r b_z {_NEW}", gru_b3),
    "mgu_1": Recurrence(f"U_f b_f {_NEW}", mgu_1),
    "mgu_2": Recurrence(f"U_f {_NEW}", mgu_2),
    "mgu_3": Recurrence(f"b_f {_NEW}", mgu_3),
    "mut1_b": Recurrence(_MUT1, mut1),
    "mut2_b": Recurrence(_MUT2, mut2),
    "mut3_b": Recurrence(_MUT3, mut3),
    "mut1_linear": Recurrence("W_z b_z W_r b_r U_r U_h b_h W_h b_x", mut1_linear),
    "mut2_linear": Recurrence("W_z b_z U_z W_r b_r U_r U_h b_h W_h", mut2_linear),
    "plus_rnn": Recurrence(
        "W_yx b_y W_yh W_hx b_h W_hh W_gyx b_gy W_gyh W_ghx b_gh W_ghh", plus_rnn, output=True
    ),
    "ligru": Recurrence(f"W_z b_z U_z {_NEW}", ligru),
    "minimalrnn": Recurrence("W_x b_x U_h b_u U_z", minimalrnn),
    "star": Recurrence("W_k b_k U_k W_z b_z", star),
    "lightru": Recurrence("W_f b_f U_f W_h b_h", lightru),
    "sgrn": Recurrence("W U b", sgrn),
    "miru_1": Recurrence(f"W_r b_r U_r {_NEW}", miru_1),
    "miru_2": Recurrence(_NEW, miru_2),
    "sgu": Recurrence("W_xh b_g W_zxh W_xz b_z W_hz", sgu),
    "dsgu": Recurrence("W_xh b_g W_zxh W_go W_xz b_z W_hz", dsgu),
    "atr": Recurrence("W U", atr),
    "fastgrnn": Recurrence("W U b_z b_h zeta nu", fastgrnn),
    "ran": Recurrence("W_ix b_i W_ih W_fx b_f W_fh W_cx", ran),
    "cfn": Recurrence("V_t b_t U_t V_e b_e U_e W b", cfn),
    "brc": Recurrence("U_c b_c w_c U_a b_a w_a U b", brc),
    "nbrc": Recurrence("U_c b_c W_c U_a b_a W_a U b", nbrc),
    "taugru": Recurrence("U_1 b_1 W_1 U_2 b_2 W_2 U_3 b_3 W_3 U_4 b_4 W_4", taugru),
    "gru_ode": Recurrence(f"W_r b_r U_r W_z b_z U_z {_NEW}", gru_ode),
    "enas": ENAS,
    "darts_v1": DARTS_V1,
    "darts_v2": DARTS_V2,
}

SIZES: Final[Sizes] = {
    "gru_b": (6, 3),
    "gru_b1": (4, 3),
    "gru_b2": (4, 1),
    "gru_b3": (2, 3),
    "mgu_1": (3, 2),
    "mgu_2": (3, 1),
    "mgu_3": (2, 2),
    "mut1_b": (4, 3),
    "mut2_b": (5, 3),
    "mut3_b": (6, 3),
    "mut1_linear": (5, 4),
    "mut2_linear": (6, 3),
    "plus_rnn": (8, 4),
    "ligru": (4, 2),
    "minimalrnn": (3, 2),
    "star": (3, 2),
    "lightru": (3, 2),
    "sgrn": (2, 1),
    "miru_1": (4, 2),
    "miru_2": (2, 1),
    "sgu": (4, 2),
    "dsgu": (5, 2),
    "atr": (2, 0),
    "fastgrnn": (2, 2, 2),
    "ran": (5, 2),
    "cfn": (5, 3),
    "brc": (3, 5),
    "nbrc": (5, 3),
    "taugru": (8, 4),
    "gru_ode": (6, 3),
    "enas": (26, 0),
    "darts_v1": (20, 0),
    "darts_v2": (20, 0),
}

CLASSES: Final[Classes] = {
    "P1d": "brc",
    "P1": "gru_b3 mgu_3 plus_rnn ligru minimalrnn star lightru sgrn miru_2 sgu atr fastgrnn ran cfn nbrc"
    " taugru",
    "P2": "gru_b gru_b1 gru_b2 mgu_1 mgu_2 mut1_b mut2_b mut3_b mut1_linear mut2_linear miru_1 dsgu"
    " gru_ode",
    "P2(5)": "darts_v2",
    "P2(7)": "enas darts_v1",
}


def orthogonal(values: Real) -> bool:
    return bool(np.allclose(values @ values.T, np.eye(len(values))))


_SMALL: Final[Start] = drawn_from("uniform", -0.04, 0.08)

STARTS: Final[Starts] = {
    "gru_b": {"b_z": exactly(1)},
    **{f"mut{which}_b": {"b_z": exactly(-1)} for which in (1, 2, 3)},
    "ligru": {"U_z": orthogonal, "U_h": orthogonal},
    "fastgrnn": {"zeta": exactly(1), "nu": exactly(-4)},
    "ran": {"b_f": exactly(1)},
    "cfn": {"b_t": exactly(1), "b_e": exactly(-1)},
    **{
        name: dict.fromkeys(RECURRENCES[name].letters.split(), _SMALL)
        for name in ("enas", "darts_v1", "darts_v2")
    },
}

# F3: with the identity for W the public forms of MUT1 and MUT2 are those of the study. A slimmed gate
# is a gate with zeros; that of LightRU is the other one of UGRNN.
RELATED: Final[Related] = [
    ("mut2_linear", {}, "gru", "W_r b_r U_r -W_z -b_z -U_z W_h b_h U_h"),
    (
        "mut1_linear",
        {"W_h": "1", "b_x": "0"},
        "mut1",
        "W_z b_z W_r b_r U_r U_h b_h",
    ),
    ("mut2_linear", {"W_r": "1"}, "mut2", "W_z b_z U_z U_r b_r U_h b_h W_h"),
    ("gru_b1", {}, "gru", "0 b_r U_r 0 b_z U_z W_h b_h U_h"),
    ("gru_b2", {}, "gru", "0 0 U_r 0 0 U_z W_h b_h U_h"),
    ("gru_b3", {}, "gru", "0 b_r 0 0 b_z 0 W_h b_h U_h"),
    ("mgu_1", {}, "mgu", "0 b_f U_f W_h b_h U_h"),
    ("mgu_2", {}, "mgu", "0 0 U_f W_h b_h U_h"),
    ("mgu_3", {}, "mgu", "0 b_f 0 W_h b_h U_h"),
    ("lightru", {}, "ugrnn", "-W_f -b_f -U_f W_h b_h 0"),
]

# F3 to F5, F8 to F11, F20 and F21 of the reference page: the text in the middle is what was published.
PITFALLS: Final[Pitfalls] = [
    # F3: the study gives MUT1 and MUT2 x itself; an early library gated the candidate with z.
    ("mut1_b", "r * h", "z * h"),
    ("mut1_linear", "tanh(linear(x))", "linear(x)"),
    # F4: which side of the gate keeps the old state.
    ("gru_b", "z * h + (1 - z) * n", "(1 - z) * h + z * n"),
    ("mut3_b", "* z + h * (1 - z)", "* (1 - z) + h * z"),
    ("star", "(1 - k) * h + k * p", "k * h + (1 - k) * p"),
    ("lightru", "(1 - f) * h + f * p", "f * h + (1 - f) * p"),
    # F5: the reset comes before the product.
    ("gru_ode", "linear(x, r * h)", "linear(x) + r * linear(h, bias=none)"),
    # F8: the gates of nBRC see the state through matrices, not the input twice.
    ("nbrc", "c = sigmoid(linear(x, h))", "c = sigmoid(linear(x, x))"),
    ("nbrc", "a = 1 + tanh(", "a = tanh("),
    # F9: the output of +RNN mixes with its own gate.
    ("plus_rnn", "gy * x + (1 - gy) * p", "gy * x + (1 - gh) * p"),
    # F11: the candidate of the light GRU is rectified.
    ("ligru", "n = relu(", "n = tanh("),
    # F20: the mean is over the loose ends alone; nodes read the node of the genotype.
    ("enas", "(s2 + s5 + s6 + s9 + s10 + s11) / 6", "(s1 + s5 + s6 + s9 + s10 + s11) / 6"),
    # F21: f of the minimal gate also resets, so the exchange is another cell.
    ("mgu_1", "(1 - f) * h + f * n", "f * h + (1 - f) * n"),
    ("mgu_2", "(1 - f) * h + f * n", "f * h + (1 - f) * n"),
    ("mgu_3", "(1 - f) * h + f * n", "f * h + (1 - f) * n"),
    # Further ways to get these cells wrong.
    ("star", "tanh((1 - k) * h + k * p)", "(1 - k) * h + k * p"),
    ("ran", "i * linear(x, bias=none)", "i * tanh(linear(x, bias=none))"),
    ("cfn", "t * tanh(h)", "t * h"),
    ("sgu", "min(0.2 * linear(x, h) + 0.5, 1)", "min(linear(x, h) / 6 + 0.5, 1)"),
    ("atr", "f = sigmoid(p - q)", "f = sigmoid(q - p)"),
]
