"""Mistakes of public libraries that are no edit of the cell's text, but another graph."""

from dataclasses import replace

import numpy as np

from cells import parse, zoo
from tests.cells.engine.golden import GOLDEN, case, difference, golden, names, our_values

STALE = """
cell stale(x; h, p)
  q = tanh(linear(x))
  u = sigmoid(linear(h, p))
  h' = u * h + (1 - u) * q
  p' = q
"""


def test_the_gate_of_minimalrnn_reads_the_code_of_this_step_and_not_of_the_one_before() -> None:
    source, cell = GOLDEN["minimalrnn"], zoo.load("minimalrnn")
    given = case(cell, source, steps=20, lanes=2, width=4, seed=3)
    wanted = golden(source, given).values
    right = our_values(cell, names(cell, source.letters, 4), given)
    assert difference(right, wanted) < 1e-9
    stale = parse(STALE)
    start = np.tanh(np.ones((2, 4)))
    wrong = our_values(
        stale,
        names(stale, source.letters, 4),
        replace(given, values={**given.values, "state1": start}),
    )
    assert difference(wrong[:1], wanted[:1]) > 1e-2
