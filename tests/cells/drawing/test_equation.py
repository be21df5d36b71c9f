"""Equations: readable text and balanced LaTeX, linear in the graph."""

import re

import pytest
from hypothesis import given, settings

from cells import Cell, Node, parse, zoo
from cells.drawing.equation import latex, plain
from tests.strategies import cells

GRU = """r = sigmoid(W_r x + U_r h + b_r)
z = sigmoid(W_z x + U_z h + b_z)
n = tanh(W_n x + U_n (r * h) + b_n)
h' = z * h + (1 - z) * n"""

LSTM = """i = sigmoid(W_i x + U_i h + b_i)
f = sigmoid(W_f x + U_f h + b_f)
o = sigmoid(W_o x + U_o h + b_o)
c' = f * c + i * tanh(W_c x + U_c h + b_c)
h' = o * tanh(c')"""

GRU_LATEX = r"""\begin{aligned}
  r_t &= \sigma(W_{r} x_t + U_{r} h_{t-1} + b_{r}) \\
  z_t &= \sigma(W_{z} x_t + U_{z} h_{t-1} + b_{z}) \\
  n_t &= \tanh(W_{n} x_t + U_{n} (r_t \odot h_{t-1}) + b_{n}) \\
  h_t &= z_t \odot h_{t-1} + (1 - z_t) \odot n_t
\end{aligned}"""

LSTM_LATEX = r"""\begin{aligned}
  i_t &= \sigma(W_{i} x_t + U_{i} h_{t-1} + b_{i}) \\
  f_t &= \sigma(W_{f} x_t + U_{f} h_{t-1} + b_{f}) \\
  o_t &= \sigma(W_{o} x_t + U_{o} h_{t-1} + b_{o}) \\
  c_t &= f_t \odot c_{t-1} + i_t \odot \tanh(W_{c} x_t + U_{c} h_{t-1} + b_{c}) \\
  h_t &= o_t \odot \tanh(c_t)
\end{aligned}"""


def test_gru_and_lstm_read_as_in_a_paper():
    assert plain(zoo.load("gru")) == GRU
    assert plain(zoo.load("lstm")) == LSTM
    assert latex(zoo.load("gru")) == GRU_LATEX
    assert latex(zoo.load("lstm")) == LSTM_LATEX


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("gru_after", "n = tanh(W_n x + b_n1 + r * (U_n h + b_n2))"),
        ("leaky", "h' = (1 - a) * h + a * tanh(W_h x + U_h h + b_h)"),
        ("lstm_peep", "o = sigmoid(W_o x + U_o h + b_o + v_o * c')"),
        ("mut1", "h' = tanh(U_h (r * h) + b_h + tanh(x)) * z + h * (1 - z)"),
        ("mut2", "r = sigmoid(x + U_r h + b_r)"),
        ("mut3", "z = sigmoid(W_z x + U_z tanh(h) + b_z)"),
        ("feedforward", "out = tanh(W_out x + b_out)"),
    ],
)
def test_zoo_cells_have_the_published_lines(name: str, line: str):
    assert line in plain(zoo.load(name)).split("\n")


@pytest.mark.parametrize(
    ("right", "text", "tex"),
    [
        ("x / (h - x) - -1", "x / (h - x) - (-1)", r"\frac{x_t}{h_{t-1} - x_t} - (-1)"),
        ("sqrt(x) * (h * -1e-5)", "sqrt(x) * (h * (-1e-5))", None),
        ("max(x, h) + 1e20", "max(x, h) + 1e20", r"\max(x_t, h_{t-1}) + 1 \cdot 10^{20}"),
        ("linear(x, kind=diagonal) * h", "(w_h * x + b_h) * h", None),
        ("linear(x, h, kind=antisymmetric)", "(A_h1 - A_h1^T) x + (A_h2 - A_h2^T) h + b_h", None),
        ("linear(-x) + scalar() * h", "W_h (-1 * x) + b_h + s_h * h", None),
        ("linear(linear(x), h)", "W_h2 (W_h1 x + b_h1) + U_h h + b_h2", None),
    ],
)
def test_expressions_are_bracketed_where_needed(right: str, text: str, tex: str | None):
    cell = parse(f"cell f(x; h)\n  h' = {right}\n  out = h' * h")
    assert plain(cell).split("\n")[0] == f"h' = {text}"
    if tex is not None:
        assert rf"h_t &= {tex} \\" in latex(cell)


def test_weights_never_take_the_name_of_a_node():
    cell = parse("cell f(x; h)\n W_h = tanh(x)\n h' = linear(x) * W_h + linear(h)")
    assert plain(cell) == "W_h = tanh(x)\nh' = (W_h1 x + b_h1) * W_h + U_h h + b_h2"


def test_names_and_constants_keep_their_lines():
    cell = parse("cell f(x; h, p)\n p' = x\n one = 1\n v = vector()\n h' = v * h + one * p")
    assert plain(cell) == "p' = x\none = 1\nh' = v * h + one * p"
    assert r"\mathrm{one}_t &= 1" in latex(cell)


def balanced(text: str) -> bool:
    depth = 0
    for mark in re.sub(r"\\[{}]", "", text):
        depth += (mark in "{(") - (mark in "})")
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", zoo.names())
def test_braces_balance_for_the_zoo(name: str):
    cell = zoo.load(name)
    assert balanced(latex(cell))
    assert balanced(plain(cell))


@settings(max_examples=200, deadline=None)
@given(cells())
def test_braces_balance_for_any_cell(cell: Cell):
    tex, text = latex(cell), plain(cell)
    assert balanced(tex)
    assert balanced(text)
    assert tex.count("&=") == len(text.split("\n"))
    assert tex.startswith("\\begin{aligned}\n")


def test_equations_are_linear_in_the_graph():
    nodes = [Node("input"), Node("state"), Node("+", (0, 1))]
    nodes += [Node("*", (2 + i, 2 + i)) for i in range(400)]
    cell = Cell(tuple(nodes), (402,), 402)
    assert len(plain(cell)) < 12_000
    assert len(latex(cell)) < 30_000
