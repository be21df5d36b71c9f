"""Every cell of the zoo against an independent implementation, and the tests against wrong cells."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np
import pytest
from scipy import stats

from cells import parse, zoo
from cells.engine.initial import draw
from cells.engine.learner import Model
from tests.cells.engine.golden import (
    GOLDEN,
    Answer,
    Case,
    Real,
    case,
    difference,
    golden,
    layer_parameters,
    lettered,
    our_values,
    ours,
)
from tests.cells.engine.mutants import mutants

STEPS, LANES, WIDTH = 50, 2, 4
SAME, OTHER = 1e-9, 1e-3

COVERED = sorted(GOLDEN.keys() & set(zoo.names()))

# Matrices and vectors of one layer: (a, b) for a n^2 + b n parameters. Jozefowicz et al. 2015 where
# they count; a gate is two matrices and a bias, a peephole or a rate one vector.
SIZES: Final = {
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


def drawn_from(law: str, *numbers: float) -> Callable[[Real], bool]:
    """Whether numbers may come from a law of scipy (they do not, at a level of 1 in 100,000)."""
    return lambda values: stats.kstest(values.ravel(), law, numbers).pvalue > 1e-5


def exactly(value: float | Real) -> Callable[[Real], bool]:
    return lambda values: bool((values == value).all())


def chrono(values: Real) -> bool:
    """Log of uniform on [1, T - 1] for the window of 35 steps."""
    return drawn_from("uniform", 1, 33)(np.exp(values)) and values.max() <= math.log(34)


# How parameters start, where neither "biases at 0" nor "the rest uniform" is what is published.
STARTS: Final = {
    "irnn": {"W_ih": drawn_from("norm", 0, 0.001), "W_hh": exactly(np.eye(64))},
    "janet": {"b_f": chrono},
    "leaky": {"a": drawn_from("loguniform", 0.0286, 1)},
    "lstm_1997": {"b_in": exactly(-1), "b_out": exactly(-1)},
    "lstm_b": {"b_if": exactly(1)},
    "lstm_peep": {"b_f": exactly(1)},
}

# One cell is a special case of another, which often is torch's: a cell, what its own parameters
# are set to, the other cell, and the other's parameters in the order of its letters. A number
# stands for that multiple of the identity, or for a vector of it; sigm(50) is 1 in float64.
RELATED: Final[list[tuple[str, dict[str, str], str, str]]] = [
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

# Mistakes of print and of public libraries, as an edit of the text.
PITFALLS: Final = [
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


@cache
def asked(name: str) -> Case:
    states = len(zoo.load(name).updates)
    return case(GOLDEN[name].letters, states, STEPS, LANES, WIDTH, seed=1)


@cache
def expected(name: str) -> Answer:
    return golden(GOLDEN[name], asked(name))


def test_every_cell_of_the_zoo_has_a_golden_test() -> None:
    missing = sorted(set(zoo.names()) - GOLDEN.keys())
    assert not missing, (
        f"no golden test for {', '.join(missing)}: write the published equations as a step in"
        " tests/cells/engine/recurrences.py and add it to RECURRENCES there (or torch's module to"
        " GOLDEN in golden.py); then add its parameter count to SIZES in test_zoo.py and, if a"
        " parameter starts in a way of its own, add that to STARTS"
    )
    assert not GOLDEN.keys() - set(zoo.names()), "these golden tests are of no cell of the zoo"
    assert SIZES.keys() == GOLDEN.keys(), "add the parameter count of every cell to SIZES"


@pytest.mark.parametrize("name", COVERED)
def test_outputs_states_and_gradients_equal_the_golden_ones(name: str) -> None:
    cell, given = zoo.load(name), asked(name)
    found = ours(cell, lettered(cell, GOLDEN[name].letters, WIDTH), given)
    assert all(given.values[state].all() for state in given.states)
    assert difference(found.values, expected(name).values) < SAME
    assert found.gradients.keys() == expected(name).gradients.keys() == given.values.keys()
    for which, gradient in found.gradients.items():
        assert np.abs(gradient).max() > OTHER, f"{which} has no influence in this case"
        assert difference([gradient], [expected(name).gradients[which]]) < SAME, which


@pytest.mark.parametrize("name", COVERED)
def test_every_wrong_copy_is_noticed(name: str) -> None:
    cell, wrong = zoo.load(name), mutants(zoo.load(name))
    names = lettered(cell, GOLDEN[name].letters, WIDTH)
    for mutant in wrong:
        moved = {letter: mutant.renamed(own) for letter, own in names.items()}
        found = our_values(mutant.cell, moved, asked(name))
        assert not difference(found, expected(name).values) <= OTHER, mutant.fault
    kinds = {word for mutant in wrong for word in mutant.fault.split()}
    assert "missing" in kinds
    assert "reads" in kinds or len(cell.updates) < 2
    assert "output" in kinds or not cell.updates
    assert "exchanged" in kinds or name in {"elman", "irnn", "feedforward"}


@pytest.mark.parametrize(("name", "right", "wrong"), PITFALLS)
def test_published_mistakes_are_noticed(name: str, right: str, wrong: str) -> None:
    lines = zoo.source(name).splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    assert text.count(right) == 1
    cell = parse(text.replace(right, wrong))
    found = our_values(cell, lettered(cell, GOLDEN[name].letters, WIDTH), asked(name))
    assert difference(found, expected(name).values) > OTHER


@pytest.mark.parametrize(
    ("name", "own", "other", "words"), RELATED, ids=[f"{row[0]}-{row[2]}" for row in RELATED]
)
def test_special_cases_equal_the_cell_that_they_come_from(
    name: str, own: dict[str, str], other: str, words: str
) -> None:
    cell, values = zoo.load(name), dict(asked(name).values)

    def read(word: str, like: Real) -> Real:
        if word.lstrip("-") in values:
            return -values[word[1:]] if word[0] == "-" else values[word]
        return float(word) * (np.eye(WIDTH) if like.ndim == 2 else np.ones(WIDTH))

    values |= {letter: read(word, values[letter]) for letter, word in own.items()}
    given = replace(asked(name), values=values)
    found = our_values(cell, lettered(cell, GOLDEN[name].letters, WIDTH), given)
    theirs = asked(other).values
    letters = dict(zip(GOLDEN[other].letters.split(), words.split(), strict=True))
    full = {letter: read(word, theirs[letter]) for letter, word in letters.items()}
    full |= {which: values[which] for which in ("inputs", *given.states)}
    wanted = golden(GOLDEN[other], replace(given, values=full))
    assert difference(found, wanted.values) < SAME


@pytest.mark.parametrize("name", COVERED)
def test_parameters_of_a_layer_are_as_many_as_the_formula_says(name: str) -> None:
    matrices, vectors = SIZES[name]
    for n in (5, 96):
        own = layer_parameters(zoo.load(name), n)
        assert sum(one.size for one in own) == matrices * n**2 + vectors * n


@pytest.mark.parametrize("name", COVERED)
def test_every_parameter_of_every_layer_starts_as_published(name: str) -> None:
    cell, width, scale = zoo.load(name), 64, 1.4
    bound = scale / math.sqrt(width)
    weights = draw(Model(cell, width, 2, "symbols", 3), scale, seed=2)
    letters, special = GOLDEN[name].letters.split(), STARTS.get(name, {})
    assert special.keys() <= set(letters)
    for one, letter in zip(layer_parameters(cell, width, 2), letters * 2, strict=True):
        values = weights[one.name].astype(np.float64)
        if letter in special:
            assert special[letter](values), f"{letter}: {one.name}"
        elif letter[0] == "b":
            assert not values.any(), f"{letter}: {one.name} starts off 0"
        else:
            assert drawn_from("uniform", -bound, 2 * bound)(values), f"{letter}: {one.name}"
            assert np.abs(values).max() <= bound
