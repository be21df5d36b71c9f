"""The id is a fixed point: of a cell, of its canonical form, and of its text printed and read back."""

from random import Random
from typing import Final

import pytest

from cells import Cell, CellError, canonical, identifier, identify, parse, to_text
from cells.identity.arbitrary import SOURCES
from cells.identity.disguise import disguise
from cells.identity.interpreter import rewriting_error
from cells.identity.rewrite import number_label

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
    "a sum whose coefficients have no ratio of 12 digits, times a number": """
cell h(x; h, z)
  z' = 0.042 * ((x - z) * 2.7 - 4.7 * z) * z
  h' = h + 0.042 * z'
""",
}

FACTORS: Final = {
    "a number before or after a product with a sum": [
        "0.1 * ((2.7 * a - 7.4 * b) * c)",
        "(0.1 * (2.7 * a - 7.4 * b)) * c",
        "(0.27 * a - 0.74 * b) * c",
        "(27 * a - 74 * b) * (0.01 * c)",
    ],
    "a number times a quotient of a sum": [
        "(2.7 * a - 7.4 * b) / (3 * c)",
        "0.1 * ((27 * a - 74 * b) / (3 * c))",
    ],
    "a sum in a sum in a sum": [
        "0.3 * (a + 0.7 * (b + 1.9 * (c * (0.3 * a + 1.7 * b))))",
        "0.3 * a + 0.21 * b + 0.399 * ((0.03 * a + 0.17 * b) * (10 * c))",
    ],
    "factors whose product has 24 digits": [
        "0.777777777777 * ((0.333333333333 * 0.123456789012 * a + 2.7 * b) * c)",
        "(0.777777777777 * (0.333333333333 * (0.123456789012 * a) + 2.7 * b)) * c",
    ],
    "terms of very different size that cancel": [
        "(0.001 * a + 1e12 * a) - 1e12 * a + b",
        "0.001 * a + b",
    ],
    "a factor that is too large for text on the way": [
        "1e30 * (1e30 * (a * 1e-30))",
        "(1e30 * 1e30) * (1e-30 * a)",
        "1e30 * a",
    ],
    "a factor that stays too large for text": ["1e30 * (1e30 * a)", "(1e30 * 1e30) * a"],
    "a factor that stays too small for text": [
        "1e-30 * (1e-30 * (a + b))",
        "(1e-30 * 1e-30) * a + 1e-30 * (1e-30 * b)",
    ],
}
"""The same value of a, b and c, its numbers grouped in several ways."""


def read(value: str) -> Cell:
    """A cell that reads the sine of this value of a, b and c."""
    return parse(
        "cell f(x; h)\n  a = tanh(linear(x))\n  b = sin(linear(h))\n  c = sigmoid(linear(h))\n"
        f"  h' = a - b - c\n  out = h + sin({value})\n"
    )


@pytest.mark.parametrize("name", FACTORS)
def test_numbers_that_are_grouped_in_another_way_give_one_id(name: str):
    cells = [read(value) for value in FACTORS[name]]
    assert len({identifier(cell) for cell in cells}) == 1
    for cell in cells:
        assert_fixed(cell)


def test_random_factors_of_sums_give_one_id_in_every_order():
    for index in range(300):
        generator = seeded(f"factors {index}")
        digits = generator.choice((1, 2, 5, 12))
        numbers = [f"{generator.uniform(0.01, 10):.{digits}g}" for _ in range(5)]
        factors = [f"({numbers[0]} * a - {numbers[1]} * b)", *numbers[2:], "c", "(a + b / 3)"]
        values: list[str] = []
        for _ in range(4):
            parts = generator.sample(factors, len(factors))
            while len(parts) > 1:
                at = generator.randrange(len(parts) - 1)
                parts[at : at + 2] = [f"({parts[at]} * {parts[at + 1]})"]
            values += parts
        first = read(values[0])
        assert {identifier(read(value)) for value in values} == {identifier(first)}, values
        assert_fixed(first)


def test_a_square_of_a_square_of_a_number_ends():
    lines = "".join(f"  a{i + 1} = a{i} * a{i}\n" for i in range(40))
    for number in ("1e30", "1.23456789012", "1e-30"):
        cell = parse(f"cell f(x)\n  a0 = {number}\n{lines}  out = linear(a40 * x)\n")
        assert_fixed(cell)


def test_ids_do_not_depend_on_how_many_numbers_were_seen_before():
    cell = read("a - b + 2 * c")
    before = identifier(cell)
    for number in range(60_000):
        number_label(number)
    assert identifier(cell) == before


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
