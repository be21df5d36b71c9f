"""The shelf of plain, leaky, multiplicative and oscillating cells."""

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
    Starts,
    drawn_from,
    exactly,
    relu,
    sigm,
    tanh,
)


def jordan(p: SimpleNamespace, x: Array, y: Array) -> tuple[Array, ...]:
    """Jordan 1986: the feedback comes from the output units."""
    h = tanh(p.W_h @ x + p.U_h @ y + p.b_h)
    return (sigm(p.W_y @ h + p.b_y),)


def esn(p: SimpleNamespace, u: Array, x: Array) -> tuple[Array, ...]:
    """Jaeger 2001, with the leak of Lukosevicius 2012."""
    update = tanh(p.W_in @ u + p.b + p.W @ x)
    return ((1 - 0.3) * x + 0.3 * update,)


def tdnn(p: SimpleNamespace, x: Array, before: Array, earlier: Array) -> tuple[Array, ...]:
    """Waibel et al. 1989, with delays of 0, 1 and 2 frames."""
    return tanh(p.W_0 @ x + p.W_1 @ before + p.W_2 @ earlier + p.b), x, before


def narx(p: SimpleNamespace, u: Array, y_1: Array, y_2: Array, y_3: Array) -> tuple[Array, ...]:
    """Lin et al. 1996, with output delays of 1, 2 and 3 steps."""
    y = tanh(p.W @ u + p.b + p.U_1 @ y_1 + p.U_2 @ y_2 + p.U_3 @ y_3)
    return y, y_1, y_2


def scrn(p: SimpleNamespace, x: Array, h: Array, s: Array) -> tuple[Array, ...]:
    """Mikolov et al. 2014, without the softmax."""
    s = (1 - 0.95) * (p.B @ x) + 0.95 * s
    h = sigm(p.P @ s + p.A @ x + p.R @ h)
    return p.U @ h + p.V @ s, h, s


def indrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Li et al. 2018."""
    return (relu(p.W @ x + p.u * h + p.b),)


def mrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Sutskever, Martens, Hinton 2011, with a bias."""
    f = (p.W_fx @ x) * (p.W_fh @ h)
    return (tanh(p.W_hf @ f + p.W_hx @ x + p.b_h),)


def mi_rnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Wu et al. 2016: the betas are g."""
    new, old = p.W @ x, p.U @ h
    return (tanh(p.a * new * old + p.g_1 * old + p.g_2 * new + p.b),)


def delta_rnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Ororbia, Mikolov, Reitter 2017: the betas are g."""
    rec, dat = p.V @ h, p.W @ x
    d_1 = p.a * rec * dat
    d_2 = p.g_1 * rec + p.g_2 * dat
    z = tanh(d_1 + d_2 + p.b_z)
    r = sigm(dat + p.b_r)
    return ((1 - r) * z + r * h,)


def fastrnn(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Kusupati et al. 2018; both numbers before their sigmoid."""
    candidate = tanh(p.W @ x + p.U @ h + p.b)
    return (sigm(p.g_1) * candidate + sigm(p.g_2) * h,)


def _skew(m: Array) -> Array:
    return m - np.swapaxes(m, -1, -2)


def antisym(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Chang et al. 2019, with step and diffusion 0.01."""
    recurrent = _skew(p.W) - 0.01 * np.eye(h.shape[-2])
    return (h + 0.01 * tanh(recurrent @ h + p.V @ x + p.b),)


def antisym_gated(p: SimpleNamespace, x: Array, h: Array) -> tuple[Array, ...]:
    """Chang et al. 2019, with step and diffusion 0.01."""
    recurrent = _skew(p.W) - 0.01 * np.eye(h.shape[-2])
    z = sigm(recurrent @ h + p.V_z @ x + p.b_z)
    return (h + 0.01 * z * tanh(recurrent @ h + p.V_h @ x + p.b_h),)


def cornn(p: SimpleNamespace, u: Array, y: Array, z: Array) -> tuple[Array, ...]:
    """Rusch, Mishra 2021, with the damping at the old z."""
    dt, gamma, epsilon = 0.042, 2.7, 4.7
    force = tanh(p.W @ y + p.R @ z + p.V @ u + p.b)
    z = z + dt * force - dt * gamma * y - dt * epsilon * z
    return y + dt * z, z


def cornn_implicit(p: SimpleNamespace, u: Array, y: Array, z: Array) -> tuple[Array, ...]:
    """Rusch, Mishra 2021, with the damping at the new z, solved for it."""
    dt, gamma, epsilon = 0.042, 2.7, 4.7
    force = tanh(p.W @ y + p.R @ z + p.V @ u + p.b)
    z = (z + dt * force - dt * gamma * y) / (1 + dt * epsilon)
    return y + dt * z, z


def unicornn(p: SimpleNamespace, u: Array, y: Array, z: Array) -> tuple[Array, ...]:
    """Rusch, Mishra 2021, one layer: sigma-hat of c is 0.5 + 0.5 tanh(c / 2)."""
    dt, alpha = 0.1, 1.0
    rate = dt * (0.5 + 0.5 * tanh(p.c / 2))
    z = z - rate * (tanh(p.w * y + p.V @ u + p.b) + alpha * y)
    return y + rate * z, z


def lem(p: SimpleNamespace, u: Array, y: Array, z: Array) -> tuple[Array, ...]:
    """Rusch et al. 2022, with a largest step of 1."""
    step = sigm(p.W_1 @ y + p.V_1 @ u + p.b_1)
    other = sigm(p.W_2 @ y + p.V_2 @ u + p.b_2)
    new_z = (1 - step) * z + step * tanh(p.W_z @ y + p.V_z @ u + p.b_z)
    new_y = (1 - other) * y + other * tanh(p.W_y @ new_z + p.V_y @ u + p.b_y)
    return new_y, new_z


def rhn_3(p: SimpleNamespace, x: Array, s: Array) -> tuple[Array, ...]:
    """Zilly et al. 2017, with c = 1 - t."""
    own, inside = vars(p), (p.W_h @ x, p.W_t @ x)
    for layer in "123":
        new, gate = (own[f"R_{kind}{layer}"] @ s + own[f"b_{kind}{layer}"] for kind in "ht")
        if layer == "1":
            new, gate = new + inside[0], gate + inside[1]
        t = sigm(gate)
        s = tanh(new) * t + s * (1 - t)
    return (s,)


def ltc_1(p: SimpleNamespace, i: Array, x: Array) -> tuple[Array, ...]:
    """Hasani et al. 2021, algorithm 1, one step of length 1."""
    f = sigm(p.W @ i + p.U @ x + p.b)
    return ((x + f * p.a) / (1 + (1 / p.tau + f)),)


def cfc(p: SimpleNamespace, i: Array, x: Array) -> tuple[Array, ...]:
    """Hasani et al. 2022, at time 1 after the last input."""
    f = p.W_f @ i + p.U_f @ x + p.b_f
    g = tanh(p.W_g @ i + p.U_g @ x + p.b_g)
    h = tanh(p.W_h @ i + p.U_h @ x + p.b_h)
    return (sigm(-f * 1.0) * g + (1 - sigm(-f * 1.0)) * h,)


RECURRENCES: Final[Recurrences] = {
    "antisym": Recurrence("V b W", antisym),
    "antisym_gated": Recurrence("W V_z b_z V_h b_h", antisym_gated),
    "cfc": Recurrence("W_f b_f U_f W_g b_g U_g W_h b_h U_h", cfc),
    "cornn": Recurrence("V b W R", cornn),
    "cornn_implicit": Recurrence("V b W R", cornn_implicit),
    "delta_rnn": Recurrence("W V a g_1 g_2 b_z b_r", delta_rnn),
    "esn": Recurrence("W_in b W", esn),
    "fastrnn": Recurrence("g_1 W b U g_2", fastrnn),
    "indrnn": Recurrence("W b u", indrnn),
    "jordan": Recurrence("W_h b_h U_h W_y b_y", jordan),
    "lem": Recurrence("V_1 b_1 W_1 V_2 b_2 W_2 V_z b_z W_z V_y b_y W_y", lem),
    "ltc_1": Recurrence("W b U a tau", ltc_1),
    "mi_rnn": Recurrence("W U a g_1 g_2 b", mi_rnn),
    "mrnn": Recurrence("W_fx W_fh W_hx b_h W_hf", mrnn),
    "narx": Recurrence("W b U_1 U_2 U_3", narx),
    "rhn_3": Recurrence(
        "W_t b_t1 R_t1 W_h b_h1 R_h1 R_t2 b_t2 R_h2 b_h2 R_t3 b_t3 R_h3 b_h3", rhn_3
    ),
    "scrn": Recurrence("B P A R U V", scrn, output=True),
    "tdnn": Recurrence("W_0 b W_1 W_2", tdnn, output=True),
    "unicornn": Recurrence("c w V b", unicornn),
}

SIZES: Final[Sizes] = {
    "antisym": (2, 1),
    "antisym_gated": (3, 2),
    "cfc": (6, 3),
    "cornn": (3, 1),
    "cornn_implicit": (3, 1),
    "delta_rnn": (2, 5),
    "esn": (2, 1),
    "fastrnn": (2, 1, 2),
    "indrnn": (1, 2),
    "jordan": (3, 2),
    "lem": (8, 4),
    "ltc_1": (2, 3),
    "mi_rnn": (2, 4),
    "mrnn": (4, 1),
    "narx": (4, 1),
    "rhn_3": (8, 6),
    "scrn": (6, 0),
    "tdnn": (3, 1),
    "unicornn": (1, 3),
}

CLASSES: Final[Classes] = {
    "S": "tdnn",
    "P1d": "indrnn unicornn",
    "P1": "antisym antisym_gated cfc cornn cornn_implicit delta_rnn esn fastrnn ltc_1 mi_rnn narx scrn",
    "P2": "jordan lem mrnn",
    "P2(3)": "rhn_3",
}


def _radius(values: Real) -> bool:
    """Normal, rescaled to a spectral radius of 0.9."""
    normal = drawn_from("norm", 0, values.std())(values)
    return normal and abs(np.abs(np.linalg.eigvals(values)).max() - 0.9) < 1e-6


STARTS: Final[Starts] = {
    "delta_rnn": {"a": exactly(2), "g_1": exactly(1), "g_2": exactly(1)},
    "esn": {
        "W_in": drawn_from("uniform", -0.5, 1),
        "b": drawn_from("uniform", -0.5, 1),
        "W": _radius,
    },
    "fastrnn": {"g_1": exactly(-3), "g_2": exactly(3)},
    "indrnn": {"u": drawn_from("uniform", 0, 1)},
    "ltc_1": {"tau": exactly(1)},
    "mi_rnn": {"a": exactly(1), "g_1": exactly(0.5), "g_2": exactly(0.5)},
    "rhn_3": {f"b_t{layer}": exactly(-2) for layer in (1, 2, 3)},
    "unicornn": {"c": drawn_from("uniform", -0.1, 0.2), "w": drawn_from("uniform", 0, 1)},
}

RELATED: Final[Related] = [
    ("mi_rnn", {"a": "0", "g_1": "1", "g_2": "1"}, "elman", "W b U"),
]

PITFALLS: Final[Pitfalls] = [
    # torchrecurrent 0.2.5 and RecurrentLayers.jl give h the old z. Right is the new one: the paper
    # steps z first and reads it in the step of y, and so does the authors' code.
    ("lem", "tanh(linear(x, z'))", "tanh(linear(x, z))"),
    # Both libraries feed the output back. Right is h: in the paper R multiplies the hidden layer of
    # the step before, and U h + V s goes to the softmax alone.
    (
        "scrn",
        "h' = sigmoid(linear(s', x, h, bias=none))\n  out = linear(h', s', bias=none)",
        "a = sigmoid(linear(s', x, h, bias=none))\n  h' = linear(a, s', bias=none)",
    ),
    # Elman's feedback under Jordan's name.
    ("jordan", "y' = sigmoid(linear(h))", "y' = h\n  out = sigmoid(linear(h))"),
    # Gates and factors the wrong way round.
    ("delta_rnn", "(1 - r) * z + r * h", "r * z + (1 - r) * h"),
    ("rhn_3", "* t + h * (1 - t)", "* (1 - t) + h * t"),
    ("ltc_1", "1 / vector(1)", "vector(1)"),
    ("cfc", "-1 * ", ""),
    ("unicornn", "z - d *", "z + d *"),
    # The time constant, the damping and the diffusion forgotten.
    ("cornn", " - 4.7 * z", ""),
    ("cornn_implicit", " / 1.1974", ""),
    ("scrn", "0.05 * linear(", "linear("),
    ("esn", "0.7 * h", "h"),
    # Nonlinearities of relatives.
    ("indrnn", "relu(", "tanh("),
    ("mrnn", "linear(x, m)", "linear(x, tanh(m))"),
    ("tdnn", "q' = p", "q' = x"),
]
