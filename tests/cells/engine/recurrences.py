"""The published recurrences of the zoo in NumPy, from the papers and never from the cell texts.

Vectors are columns: x and states `[..., H, B]`, matrices (W, U, R) `[..., H, H]`, biases (b),
peepholes (p) and rates (a) `[..., H, 1]`. Leading axes broadcast, and only analytic functions are
used (but for relu), so complex numbers give exact derivatives. A step returns the new states; the
first one is the output.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # real, or complex while it is differentiated
Step = Callable[..., tuple[Array, ...]]

tanh: Final = np.tanh


def sigm(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


@dataclass(frozen=True)
class Recurrence:
    """One published cell.

    Attributes:
        letters: the paper's parameters in the order in which the cell text of the zoo has them; a
            `linear(a, b)` has the matrix of a, the bias, the matrix of b.
        step: (parameters by letter, x, *states) -> new states.
    """

    letters: str
    step: Step

    def run(
        self, parameters: Mapping[str, Array], inputs: Array, states: Sequence[Array]
    ) -> tuple[list[Array], tuple[Array, ...]]:
        """T outputs `[..., H, B]` for inputs `[..., T, H, B]`, and the states after the last."""
        own, current, outputs = SimpleNamespace(**parameters), tuple(states), list[Array]()
        for step in range(inputs.shape[-3]):
            new = self.step(own, inputs[..., step, :, :], *current)
            outputs.append(new[0])
            current = new[: len(current)]
        return outputs, current


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


RECURRENCES: Final = {
    "cifg": Recurrence("W_i b_i R_i W_o b_o R_o W_z b_z R_z", cifg),
    "feedforward": Recurrence("W b", feedforward),
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
"""Every cell of the zoo that torch does not ship."""
