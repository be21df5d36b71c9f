"""The shelf of LSTM ablations: one change each to the LSTM, or to the peephole LSTM of Greff et al."""

from types import SimpleNamespace
from typing import Final

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
    chrono,
    exactly,
    letters,
    sigm,
    tanh,
)

# Greff et al. 2015, section 3: y is the output, z the block input, p the peepholes.


def niaf(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = affine(p, "z", x, y)
    c = z * sigm(affine(p, "i", x, y)) + c * sigm(affine(p, "f", x, y))
    return tanh(c) * sigm(affine(p, "o", x, y)), c


def noaf(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    c = z * sigm(affine(p, "i", x, y)) + c * sigm(affine(p, "f", x, y))
    return c * sigm(affine(p, "o", x, y)), c


def peep_nig(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    f = sigm(affine(p, "f", x, y) + p.p_f * c)
    new_c = z + c * f
    o = sigm(affine(p, "o", x, y) + p.p_o * new_c)
    return tanh(new_c) * o, new_c


def peep_nfg(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    i = sigm(affine(p, "i", x, y) + p.p_i * c)
    new_c = z * i + c
    o = sigm(affine(p, "o", x, y) + p.p_o * new_c)
    return tanh(new_c) * o, new_c


def peep_nog(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    i = sigm(affine(p, "i", x, y) + p.p_i * c)
    f = sigm(affine(p, "f", x, y) + p.p_f * c)
    c = z * i + c * f
    return tanh(c), c


def peep_niaf(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = affine(p, "z", x, y)
    i = sigm(affine(p, "i", x, y) + p.p_i * c)
    f = sigm(affine(p, "f", x, y) + p.p_f * c)
    new_c = z * i + c * f
    o = sigm(affine(p, "o", x, y) + p.p_o * new_c)
    return tanh(new_c) * o, new_c


def peep_noaf(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    i = sigm(affine(p, "i", x, y) + p.p_i * c)
    f = sigm(affine(p, "f", x, y) + p.p_f * c)
    new_c = z * i + c * f
    o = sigm(affine(p, "o", x, y) + p.p_o * new_c)
    return new_c * o, new_c


def peep_cifg(p: SimpleNamespace, x: Array, y: Array, c: Array) -> tuple[Array, ...]:
    z = tanh(affine(p, "z", x, y))
    i = sigm(affine(p, "i", x, y) + p.p_i * c)
    f = 1 - i
    new_c = z * i + c * f
    o = sigm(affine(p, "o", x, y) + p.p_o * new_c)
    return tanh(new_c) * o, new_c


def fgr(
    p: SimpleNamespace, x: Array, y: Array, c: Array, i: Array, f: Array, o: Array
) -> tuple[Array, ...]:
    def recurrence(gate: str) -> Array:
        r_i, r_f, r_o = (getattr(p, f"R_{old}{gate}") for old in "ifo")
        return r_i @ i + r_f @ f + r_o @ o

    z = tanh(affine(p, "z", x, y))
    new_i = sigm(affine(p, "i", x, y) + p.p_i * c + recurrence("i"))
    new_f = sigm(affine(p, "f", x, y) + p.p_f * c + recurrence("f"))
    new_c = z * new_i + c * new_f
    new_o = sigm(affine(p, "o", x, y) + p.p_o * new_c + recurrence("o"))
    return tanh(new_c) * new_o, new_c, new_i, new_f, new_o


_FGR: Final = [
    f"W_{gate} b_{gate} R_{gate} R_i{gate} R_f{gate} R_o{gate} p_{gate}" for gate in "ifo"
]

RECURRENCES: Final[Recurrences] = {
    "fgr": Recurrence(" ".join([*_FGR[:2], letters("z"), _FGR[2]]), fgr),
    "niaf": Recurrence(letters("i", "f", "o", "z"), niaf),
    "noaf": Recurrence(letters("i", "f", "o", "z"), noaf),
    "peep_cifg": Recurrence(letters("i", "z", "o", peepholes="io"), peep_cifg),
    "peep_nfg": Recurrence(letters("i", "z", "o", peepholes="io"), peep_nfg),
    "peep_niaf": Recurrence(letters("i", "f", "z", "o", peepholes="ifo"), peep_niaf),
    "peep_nig": Recurrence(letters("f", "z", "o", peepholes="fo"), peep_nig),
    "peep_noaf": Recurrence(letters("i", "f", "z", "o", peepholes="ifo"), peep_noaf),
    "peep_nog": Recurrence(letters("i", "f", "z", peepholes="if"), peep_nog),
}
"""Every cell of the shelf that torch does not ship; lstm_b2, _b5, _bm1, _chrono are its LSTM."""

SIZES: Final[Sizes] = {
    "fgr": (17, 7),
    "lstm_b2": (8, 4),
    "lstm_b5": (8, 4),
    "lstm_bm1": (8, 4),
    "lstm_chrono": (8, 4),
    "niaf": (8, 4),
    "noaf": (8, 4),
    "peep_cifg": (6, 5),
    "peep_nfg": (6, 5),
    "peep_niaf": (8, 7),
    "peep_nig": (6, 5),
    "peep_noaf": (8, 7),
    "peep_nog": (6, 5),
}

CLASSES: Final[Classes] = {
    "P1": "fgr lstm_b2 lstm_b5 lstm_bm1 lstm_chrono niaf noaf peep_cifg peep_nfg peep_niaf peep_nig"
    " peep_noaf peep_nog"
}

_ONE: Final = {"b_f": exactly(1)}

STARTS: Final[Starts] = {
    **dict.fromkeys(
        ("fgr", "niaf", "noaf", "peep_niaf", "peep_nig", "peep_noaf", "peep_nog"), _ONE
    ),
    "lstm_b2": {"b_if": exactly(2)},
    "lstm_b5": {"b_if": exactly(5)},
    "lstm_bm1": {"b_if": exactly(-1)},
    "lstm_chrono": {"b_if": chrono, "b_ii": lambda values: chrono(-values)},
    "peep_cifg": {"b_i": exactly(-1)},
}

_BLIND: Final = {"p_i": "0", "p_f": "0", "p_o": "0"}

RELATED: Final[Related] = [
    ("peep_cifg", {"p_i": "0", "p_o": "0"}, "cifg", letters("i", "o", "z")),
    ("peep_nfg", {"p_i": "0", "p_o": "0"}, "lstm_f", letters("i", "o", "z")),
    ("peep_niaf", _BLIND, "niaf", letters("i", "f", "o", "z")),
    ("peep_nig", {"p_f": "0", "p_o": "0"}, "lstm_i", letters("f", "o", "z")),
    ("peep_noaf", _BLIND, "noaf", letters("i", "f", "o", "z")),
    ("peep_nog", {"p_i": "0", "p_f": "0"}, "lstm_o", letters("i", "f", "z")),
]

PITFALLS: Final[Pitfalls] = [
    # A coupled gate under the name LSTM; the LSTM has a forget gate of its own.
    ("lstm", "f * c", "(1 - i) * c"),
    # The old c in the output gate: the study prints c of the same step there.
    *((name, "* c')", "* c)") for name in ("fgr", "peep_nig", "peep_nfg", "peep_cifg")),
    # Gates of this step fed back within it; the study's equations have those of the step before.
    ("fgr", "linear(x, h, i, f, o, bias=1)", "linear(x, h, i', f, o, bias=1)"),
]
