"""Every cell of the zoo against an independent implementation, and the tests against wrong cells."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from cells import execution_class, parse, size, zoo
from cells.engine.learner import Model
from cells.engine.training.initial import draw
from tests.cells.engine.golden import (
    GOLDEN,
    Answer,
    Case,
    case,
    difference,
    golden,
    layer_parameters,
    names,
    our_values,
    ours,
)
from tests.cells.engine.mutants import gates, mutants
from tests.cells.engine.recurrence import Real, drawn_from
from tests.cells.engine.shelf_scan import EQUIVALENT
from tests.cells.engine.shelves import CLASSES, PITFALLS, RELATED, SIZES, STARTS

STEPS, LANES, WIDTH = 50, 2, 4
BRIEF = 4
SAME, OTHER = 1e-9, 1e-3

# Cells whose gates are factors of one product: exchanging them changes nothing.
FACTORS = {"antisym_gated"}

COVERED = sorted(GOLDEN.keys() & set(zoo.names()))


@cache
def asked(name: str) -> Case:
    return case(zoo.load(name), GOLDEN[name], STEPS, LANES, WIDTH, seed=1)


@cache
def expected(name: str) -> Answer:
    return golden(GOLDEN[name], asked(name))


def test_every_cell_of_the_zoo_has_a_golden_test() -> None:
    missing = sorted(set(zoo.names()) - GOLDEN.keys())
    assert not missing, (
        f"no golden test for {', '.join(missing)}: write the published equations as a step in its"
        " shelf, tests/cells/engine/shelf_*.py, and add it to RECURRENCES there (or torch's module"
        " to GOLDEN in golden.py); then add its parameter count to SIZES, its class to CLASSES and,"
        " if a parameter starts in a way of its own, that to STARTS"
    )
    assert not GOLDEN.keys() - set(zoo.names()), "these golden tests are of no cell of the zoo"
    assert SIZES.keys() == GOLDEN.keys(), "add the parameter count of every cell to SIZES"
    assert CLASSES.keys() == GOLDEN.keys(), "add the execution class of every cell to CLASSES"


@pytest.mark.parametrize(("name", "wanted"), sorted(CLASSES.items()))
def test_every_cell_has_the_execution_class_of_its_equations(name: str, wanted: str) -> None:
    assert execution_class(zoo.load(name)) == wanted


@pytest.mark.parametrize("name", COVERED)
def test_outputs_states_and_gradients_equal_the_golden_ones(name: str) -> None:
    cell, given = zoo.load(name), asked(name)
    found = ours(cell, names(cell, GOLDEN[name].letters, WIDTH), given)
    assert all(given.values[state].all() for state in given.states)
    assert difference(found.values, expected(name).values) < SAME
    assert found.gradients.keys() == expected(name).gradients.keys() == given.values.keys()
    for which, gradient in found.gradients.items():
        assert np.abs(gradient).max() > OTHER, f"{which} has no influence in this case"
        assert difference([gradient], [expected(name).gradients[which]]) < SAME, which


@pytest.mark.parametrize("name", COVERED)
def test_every_wrong_copy_is_noticed(name: str) -> None:
    cell, wrong = zoo.load(name), mutants(zoo.load(name))
    own = names(cell, GOLDEN[name].letters, WIDTH)
    given, wanted = asked(name), expected(name).values
    # Most faults show at once: the first steps of them are enough.
    brief = replace(given, values={**given.values, "inputs": given.values["inputs"][:BRIEF]})
    for mutant in wrong:
        moved = {letter: mutant.renamed(one) for letter, one in own.items()}
        if mutant.fault.startswith(EQUIVALENT.get(name, ())):
            assert difference(our_values(mutant.cell, moved, given), wanted) < SAME, mutant.fault
            continue
        found = our_values(mutant.cell, moved, brief)
        if difference(found[:1], [wanted[0][:BRIEF]]) <= OTHER:
            found = our_values(mutant.cell, moved, given)
            assert not difference(found, wanted) <= OTHER, mutant.fault
    kinds = {word for mutant in wrong for word in mutant.fault.split()}
    assert "missing" in kinds
    assert "reads" in kinds or len(cell.updates) < 2
    assert "output" in kinds or cell.output not in cell.updates
    assert "exchanged" in kinds or len(gates(cell)) < 2 or name in FACTORS


@pytest.mark.parametrize(("name", "right", "wrong"), PITFALLS)
def test_published_mistakes_are_noticed(name: str, right: str, wrong: str) -> None:
    lines = zoo.source(name).splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    assert text.count(right) == 1
    cell = parse(text.replace(right, wrong))
    found = our_values(cell, names(cell, GOLDEN[name].letters, WIDTH), asked(name))
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
    found = our_values(cell, names(cell, GOLDEN[name].letters, WIDTH), given)
    theirs = asked(other).values
    letters = dict(zip(GOLDEN[other].letters.split(), words.split(), strict=True))
    full = {letter: read(word, theirs[letter]) for letter, word in letters.items()}
    full |= {which: values[which] for which in ("inputs", *given.states)}
    wanted = golden(GOLDEN[other], replace(given, values=full))
    assert difference(found, wanted.values) < SAME


@pytest.mark.parametrize("name", COVERED)
def test_parameters_of_a_layer_are_as_many_as_the_formula_says(name: str) -> None:
    matrices, vectors, *numbers = SIZES[name]
    for n in (8, 96):
        own = layer_parameters(zoo.load(name), n)
        assert sum(one.size for one in own) == matrices * n**2 + vectors * n + sum(numbers)
        assert sum(one.size for one in own) == size.parameters(zoo.load(name)).at(n)


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
