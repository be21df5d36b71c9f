"""The static facts: sizes, depth, names on the canonical form, header, MathML, notebooks."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings

from cells import Cell, Node, canonical, identifier, parse, zoo
from cells.drawing.mathml import mathml
from cells.engine.learner import Model
from cells.engine.training.parameter import parameters as parameters_of
from cells.engine.training.width import width_step
from cells.identity.naming import named
from cells.measure.passport import header, passport
from cells.size import flops, parameters, recurrent_depth
from tests.strategies import cells


@pytest.mark.parametrize("name", zoo.names())
def test_the_formula_counts_what_the_engine_owns(name: str) -> None:
    cell = canonical(zoo.load(name))
    for width in (width_step(cell), 6 * width_step(cell)):
        model = Model(cell, width, 1, "symbols", 5)
        owned = sum(one.size for one in parameters_of(model) if one.layer == 0)
        assert parameters(cell).at(width) == owned


@pytest.mark.parametrize(
    ("name", "size", "work", "depth"),
    [
        ("elman", "2 H^2 + H", "4 H^2 + 3 H", 1),
        ("lstm", "8 H^2 + 4 H", "16 H^2 + 17 H", 1),
        ("gru", "6 H^2 + 3 H", "12 H^2 + 14 H", 2),
        ("feedforward", "H^2 + H", "2 H^2 + 2 H", 0),
        ("mingru", "2 H^2 + 2 H", "4 H^2 + 7 H", 0),
    ],
)
def test_sizes_of_known_cells(name: str, size: str, work: str, depth: int) -> None:
    cell = canonical(zoo.load(name))
    assert str(parameters(cell)) == size
    assert str(flops(cell)) == work
    assert recurrent_depth(cell) == depth


def test_structured_linears_count_what_they_hold() -> None:
    cell = parse(
        "cell c(x; h)\n"
        "  h' = tanh(linear(x, kind=block, blocks=4, bias=none) + linear(h, kind=diagonal)"
        " + scalar())"
    )
    assert str(parameters(cell)) == "1/4 H^2 + 2 H + 1"
    assert parameters(cell).at(8) == 16 + 16 + 1
    assert recurrent_depth(cell) == 0
    assert passport(cell, width=10).width == 12


def test_the_canonical_form_keeps_the_names_that_still_mean_something() -> None:
    cell = named(zoo.load("lstm"))
    assert cell == canonical(zoo.load("lstm"))
    gates = {name for name in cell.names if name}
    assert gates == {"i", "f", "o"}
    for index, name in enumerate(cell.names):
        assert name is None or cell.nodes[index].op == "sigmoid"
    assert set(cell.states) == {"h", "c"}


def test_states_that_canonical_order_exchanges_keep_their_names() -> None:
    text = "cell c(x; a, b)\n  a' = b\n  b' = tanh(linear(x, a, b))\n  out = b'"
    cell = named(parse(text))
    delayed = [state for state, update in zip(cell.states, cell.updates, strict=True) if update < 3]
    assert delayed == ["a"]


def test_the_header_is_read_section_by_section() -> None:
    title, notes = header("A cell.\nSource: A, Journal 1997;\n  B 2001.\nPitfall: signs.\n")
    assert title == "A cell."
    assert notes == (("Source", "A, Journal 1997; B 2001."), ("Pitfall", "signs."))
    assert header("") == ("", ())


def test_a_passport_says_whether_the_zoo_knows_the_cell() -> None:
    renamed = parse("cell mine(x; s)\n  s' = tanh(linear(s, x))")
    assert passport(renamed).same == ("elman",)
    assert passport(zoo.load("gru")).year == 2014
    facts = passport(zoo.load("mut1"))
    assert facts.id == identifier(zoo.load("mut1"))
    assert facts.document()["parameters"] == 4 * 64 * 64 + 3 * 64


def check_mathml(text: str, lines: int) -> None:
    top = ET.fromstring(text)  # noqa: S314 - our own text
    assert top.tag == "math"
    tags = {element.tag for element in top.iter()}
    known = "math mtable mtr mtd mrow mi mo mn msub msup mfrac msqrt"
    assert tags <= set(known.split())
    assert len(list(top.iter("mtr"))) == lines
    assert "\\" not in text


@pytest.mark.parametrize("name", zoo.names())
def test_equations_of_the_zoo_are_whole_mathml(name: str) -> None:
    cell = zoo.load(name)
    check_mathml(mathml(cell), passport(cell, kin=False).equations.count("\n") + 1)


@settings(max_examples=60, deadline=None)
@given(cells())
def test_equations_of_any_cell_are_whole_mathml(cell: Cell) -> None:
    from cells.drawing.equation import plain

    check_mathml(mathml(cell), plain(cell).count("\n") + 1)


def test_an_elman_equation_reads_as_in_a_paper() -> None:
    shown = "".join(ET.fromstring(mathml(zoo.load("elman"))).itertext())  # noqa: S314
    assert shown == "ht=tanh\u2061(Whxt+Uhht−1+bh)"


def test_a_notebook_shows_drawing_and_equations_with_names_escaped() -> None:
    shown = zoo.load("gru")._repr_html_()
    assert "<svg" in shown
    assert "<math" in shown
    evil = "<script>alert(1)</script>"
    nodes = (Node("input"), Node("state"), Node("+", (0, 1)), Node("tanh", (2,)))
    cell = Cell(nodes, (3,), 3, name=evil, states=(evil,), names=(None, None, None, evil))
    assert "<script" not in cell._repr_html_()


def test_a_passport_needs_only_the_standard_library() -> None:
    code = (
        "import sys\nfrom cells import zoo\nfrom cells.measure.passport import passport\n"
        "zoo.load('gru')._repr_html_(); passport(zoo.load('gru'))\n"
        "print(sorted({'numpy', 'torch', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
