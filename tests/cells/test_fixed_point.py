"""The id is a fixed point: of a cell, of its canonical form, and of its text printed and read back."""

from random import Random
from typing import Final

import pytest

from cells import Cell, CellError, canonical, identifier, identify, parse, to_text
from cells.identity.arbitrary import SOURCES
from cells.identity.disguise import disguise
from cells.identity.interpreter import rewriting_error

_CHUNK: Final = 250
_COUNTS: Final = {"arbitrary": 8, "tangled": 6, "mutant": 4, "restated": 1, "sampled": 1}
"""Chunks of each source, 5,000 cells in all; `test_canonical.py` has 2,000 sampled ones more."""


def seeded(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


def assert_fixed(cell: Cell) -> None:
    form, name = identify(cell)
    assert identify(form) == (form, name), to_text(cell)
    assert identifier(parse(to_text(form))) == name, to_text(cell)


@pytest.mark.parametrize(
    ("source", "chunk"), [(source, at) for source, count in _COUNTS.items() for at in range(count)]
)
def test_the_id_of_five_thousand_cells_is_a_fixed_point(source: str, chunk: int):
    for index in range(chunk * _CHUNK, (chunk + 1) * _CHUNK):
        cell = SOURCES[source](seeded(f"{source} {index}"))
        try:
            canonical(cell)
        except CellError:
            with pytest.raises(CellError, match="C501"):
                canonical(cell)
            continue
        assert_fixed(cell)


SHARED_SUMS: Final = {
    "a sum read whole and inside a larger one, with a bias": """
cell a(x; h, m, k)
  p = linear(k, x, bias=1)
  q = linear(x, m, bias=none)
  k' = h / (q + p)
  h' = q
  m' = k
""",
    "a sum read whole and less one with a law": """
cell b(x; m, k)
  m' = linear(k, m, bias=none)
  k' = m' - linear(scalar(0.5), x, bias=-chrono)
""",
    "a sum read by a linear and taken from a larger one": """
cell c(x; h)
  v = linear((x + h), x)
  h' = tanh(linear(x, v, bias=none) + (x - v))
""",
}

OTHERS: Final = {
    "two vectors whose laws would change places for ever": """
cell d(x; h)
  h' = vector(0.3) - vector(uniform(-0.4, 0.4))
  out = 2 * (sin(x) - h)
""",
    "a law that is turned around 0": """
cell e(x; h)
  h' = linear(x, bias=uniform_gate) - linear(h, init=identity(0.5), bias=uniform(0, 1))
""",
    "a sum and its opposite, both read": """
cell f(x; s)
  a = linear(x, bias=chrono)
  b = linear(s, bias=-chrono)
  c = linear(s, bias=none)
  d = linear(x)
  e = b + a - d - c
  s' = c + d - b - a + 1
  out = (e + tanh(e) + (c + a - e) + a + sigmoid(a)) * s' - e / a
""",
    "a difference of free sign at two sizes": """
cell g(x)
  a = linear(x, bias=-1)
  b = linear(x, bias=none)
  c = b - a
  out = (a * (linear(c, bias=-1) * (0.5 * c)) * sigmoid(a)) * (a - b) + sigmoid(a - b)
""",
}


@pytest.mark.parametrize("name", [*SHARED_SUMS, *OTHERS])
def test_cells_whose_id_was_no_fixed_point_have_one_in_every_disguise(name: str):
    cell = parse((SHARED_SUMS | OTHERS)[name].strip() + "\n")
    assert_fixed(cell)
    for index in range(30):
        other = disguise(cell, seeded(f"{name} {index}"))
        assert identifier(other) == identifier(cell), to_text(other)
    error = rewriting_error(cell, seeded(name))
    assert error is not None
    assert error < 1e-12


def test_minus_zero_is_zero_in_a_law():
    texts = [f"cell a(x)\n  out = linear(x, bias=uniform({low}, 1))\n" for low in ("0", "-0")]
    assert identifier(parse(texts[0])) == identifier(parse(texts[1]))


def test_more_differences_of_free_sign_than_can_be_tried_still_have_one_id():
    lines = [f"d{i} = linear(x) - linear(x)" for i in range(9)]
    total = " + ".join(f"d{i} * d{i} * d{i} + sin(d{i})" for i in range(9))
    cell = parse("cell many(x)\n" + "".join(f"  {line}\n" for line in (*lines, f"out = {total}")))
    assert_fixed(cell)
    for index in range(5):
        assert identifier(disguise(cell, seeded(f"many {index}"))) == identifier(cell)
