"""Reading cell text: grammar, desugaring, positions of errors; the error table is its own test."""

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cells import Cell, CellError, Initial, Linear, Node, check, parse, read, to_text, zoo
from cells.fault import FAULTS, Fault
from cells.initial import DEFAULT, ZERO

EXAMPLES = [
    (row, example)
    for row in FAULTS.values()
    for example in row.examples
    if row.how != "command"  # those are typed in `tests/search/test_wrong_use.py`
]


@pytest.mark.parametrize(
    ("row", "example"), EXAMPLES, ids=[f"{row.code}-{i}" for i, (row, _) in enumerate(EXAMPLES)]
)
def test_every_example_of_the_error_table_has_its_error(row: Fault, example: str | Cell):
    met: dict[str, Callable[..., object]] = {
        "parse": parse,
        "check": check,
        "read": read,
        "load": zoo.load,
    }
    with pytest.raises(CellError) as caught:
        met[row.how](example)
    error = caught.value
    assert error.code == row.code
    for text in (str(error), error.summary, error.message, error.expected, error.hint):
        assert text
        assert "{" not in text
        assert text.isascii()
        assert text.replace("\n", "").isprintable()
        assert max(map(len, text.split("\n"))) < 700
    assert "\n" not in error.summary
    if row.how == "parse" and row.code != "C001":
        assert error.line >= 1
        assert error.column >= 1


def test_every_error_has_two_examples_and_a_row_of_its_own():
    assert all(len(row.examples) >= 2 for row in FAULTS.values())
    assert len({row.message for row in FAULTS.values()}) == len(FAULTS)


def test_the_caret_points_at_the_fault_also_in_long_lines():
    lines = str(_error(f"cell f(x; h)\n  h' = {'x + ' * 60}tahn(x)")).split("\n")
    assert lines[1][lines[2].index("^") :].startswith("tahn")
    assert len(lines[1]) < 120
    assert lines[-1] == "hint: did you mean tanh?"


def test_an_error_survives_the_way_between_processes():
    error = _error("cell f(x; h)\n  h' = tahn(x)")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - our own bytes


def _error(text: str) -> CellError:
    with pytest.raises(CellError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("cell f(x; h)\n  h' = linear(x,, h)", "C101", 2, 17),
        ("cell f(x; h)\n  h' = linear(x, bias=1, h)", "C109", 2, 26),
        ("cell f(x; h)\n  h' = linear(bias=1)", "C104", 2, 8),
        ("cell f(x; h)\n  h' = linear()", "C104", 2, 8),
        ("cell f(x; h)\n  h' = tanh", "C101", 2, 8),
        ("cell f(x; h)\n  h' = x h", "C101", 2, 10),
        ("cell f(x; h)\n  h' = * x", "C101", 2, 8),
        ("cell f(x; h)\n  h' = (x, h)", "C101", 2, 10),
        ("cell f(x; h)\n  h' = ()", "C101", 2, 9),
        ("cell f(x; h)\n  h'' = x", "C002", 2, 5),
        ("cell f(x; h)\n  h = x", "C107", 2, 3),
        ("cell f(x; h)\n  = x", "C101", 2, 3),
        ("cell f(x; h)\n  h' x", "C101", 2, 6),
        ("cell f(x; h) h' = x", "C101", 1, 14),
        ("cell f(x;)\n  out = x", "C101", 1, 10),
        ("cell f(x; h')\n  h' = x", "C101", 1, 11),
        ("cell f'(x; h)\n  h' = x", "C101", 1, 6),
        ("cell f(x; h)\n  h' = tanh(h\n  + x", "C102", 2, 8),
        ("cell f(x; h)\n  h' = x + vector(uniform(0, 1)", "C101", 2, 32),
        ("cell f(x; h)\n  h' = linear(x, h, bias=chrono(1))", "C303", 2, 26),
        ("cell f(x; h)\n  h' = linear(x, h, blocks=-2, kind=block)", "C304", 2, 28),
        ("# note\n\ncell f(x; h, c)\n  h' = linear(x, h)\n  c' = h", "C502", 3, 14),
        ("gru", "C101", 1, 1),
    ],
)
def test_errors_name_line_and_column(text: str, code: str, line: int, column: int):
    error = _error(text)
    assert (error.code, error.line, error.column) == (code, line, column), str(error)


def nodes(expression: str) -> tuple[Node, ...]:
    """What an expression of x and h adds behind them; the sum keeps both alive."""
    cell = parse(f"cell f(x; h)\n  e = {expression}\n  h' = e + x * h")
    return cell.nodes[2:-2]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("x + h * x - h / x", "(x + (h * x)) - (h / x)"),
        ("x - h - x", "(x - h) - x"),
        ("x / h * x", "(x / h) * x"),
        ("-x * h", "(-1 * x) * h"),
        ("x - -h", "x - (-1 * h)"),
        ("x * -h", "x * (-1 * h)"),
        ("--x", "-1 * (-1 * x)"),
        ("- 2 * x", "(-2) * x"),
        ("tanh((x))", "tanh(x)"),
        ("max(x + h, -x)", "max((x + h), (-1 * x))"),
        ("linear(x, h)", "linear(x) + linear(h, bias=none)"),
        ("linear(x, h, x, bias=1)", "linear(x,h,bias=1)+linear(x,bias=none)"),
        (
            "linear(sin(x), h, kind=diagonal, bias=none)",
            "linear(sin(x), kind=diagonal, bias=none) + linear(h, kind=diagonal, bias=none)",
        ),
        ("vector(default) * x", "vector() * x"),
        ("linear(\n  x, # first\n\n  h\n)", "linear(x, h)"),
        ("linear(x, bias=0, diagonal=0, blocks=1, init=default, kind=free)", "linear(x)"),
    ],
)
def test_short_forms_mean_their_long_forms(short: str, long: str):
    assert nodes(short) == nodes(long)


def test_linear_hands_its_options_to_every_argument_and_its_bias_to_the_first():
    cell = parse("cell f(x; h)\n h' = linear(x, h, init=identity(2), diagonal=-0.5, bias=-chrono)")
    law = Initial("identity", (2.0,))
    assert cell.nodes[2:] == (
        Node("linear", (0,), Linear("free", law, -0.5, Initial("chrono", (), True))),
        Node("linear", (1,), Linear("free", law, -0.5, None)),
        Node("+", (2, 3)),
    )


def test_each_occurrence_owns_its_parameters_and_a_name_shares_them():
    apart = parse("cell f(x; h)\n h' = vector() * x + vector() * h")
    shared = parse("cell f(x; h)\n v = vector()\n h' = v * x + v * h")
    assert [n.op for n in apart.nodes].count("vector") == 2
    assert [n.op for n in shared.nodes].count("vector") == 1


def test_equal_literals_are_one_node_but_a_named_constant_is_its_own():
    assert len(nodes("(1 - x) * (1 - h) * (1 + 2)")) == 2 + 5
    cell = parse("cell f(x; h)\n one = 1\n h' = one * x + 1 * h")
    assert [n.op for n in cell.nodes].count("constant") == 2


def test_the_defaults_are_a_zero_bias_and_the_default_law():
    (linear,) = nodes("linear(x)")
    assert linear.parameter == Linear("free", DEFAULT, 0.0, ZERO, 1)


def test_words_of_options_and_laws_are_free_as_names():
    cell = parse("cell free(x; bias)\n kind = tanh(linear(x, bias, bias=1))\n bias' = kind")
    assert cell.states == ("bias",)


def test_new_values_may_be_read_once_given():
    cell = parse("cell f(x; h, c)\n c' = tanh(linear(x, c))\n h' = sin(c') * h\n out = h' + c'")
    assert cell.updates == (8, 6)
    assert cell.nodes[cell.output] == Node("+", cell.updates)


def test_only_str_is_read():
    for value in (b"cell f(x)\n out = x", None, 1):
        with pytest.raises(TypeError):
            parse(value)  # pyright: ignore[reportArgumentType]


def test_a_file_is_read_only_when_it_is_small_regular_and_utf8(tmp_path: Path):
    good = tmp_path / "good.cell"
    good.write_bytes(b"\xef\xbb\xbf# J\xc3\xbcrgen\r\ncell good(x)\r\n  out = x\r\n")
    assert to_text(read(good)) == "# Jürgen\ncell good(x)\n  out = x\n"
    bad = tmp_path / "bad.cell"
    for data, code in ((b"\xff\xfe", "C701"), (b"#" * 100_000, "C001"), (b"\xff" * 99_999, "C001")):
        bad.write_bytes(data)
        with pytest.raises(CellError) as caught:
            read(bad)
        assert caught.value.code == code
    for path in (tmp_path, tmp_path / "none", "/dev/zero", "a\0b", "n" * 5000):
        with pytest.raises(CellError) as caught:
            read(path)
        assert caught.value.code == "C701"


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("cel fxh;(),='+-*/.019#\n tansigmoidru", max_size=200))
def test_any_text_is_a_cell_or_a_cell_error(text: str):
    for given_text in (text, "cell f(x; h)\n h' = " + text):
        try:
            cell = parse(given_text)
        except CellError:
            continue
        assert parse(to_text(cell)) == cell
