"""Printing: linear in the graph, and read back to the same cell."""

import pytest
from hypothesis import given, settings

from cells import Cell, Initial, Linear, Node, check, parse, to_text
from cells.limit import LIMITS
from cells.text.printer import number_text
from tests.strategies import cells

LEAVES = (Node("input"), Node("state"))

PRINTED = {
    "gru": """# Gated recurrent unit.
cell gru(x; h)
  r = sigmoid(linear(x, h))
  z = sigmoid(linear(x, h))
  n = tanh(linear(x, r * h))
  h' = z * h + (1 - z) * n
""",
    "states that swap": """cell swap(x; a, b)
  a' = b
  b' = a
  out = tanh(linear(x, a, b))
""",
    "a delayed input": """cell delay(x; h, p)
  p' = x
  h' = tanh(linear(x, p, h))
""",
    "two states with one new value": """cell twin(x; a, b)
  a' = tanh(linear(x, a)) * b
  b' = a'
""",
    "a named new value": """cell named(x; h)
  n = tanh(linear(x, h))
  h' = n
  out = n + x
""",
    "an output that is x": "cell plain(x)\n  out = x\n",
    "an output that is shared": """cell shared(x; h)
  a1 = tanh(linear(x, h))
  h' = a1 * h
  out = a1
""",
    "constants": """cell constants(x; h)
  one = 1
  h' = (1 - x) * -0.5 * h + one / (one + -1e20 * x) - 1e-5
""",
    "signs and brackets": """cell signs(x; h)
  h' = x - (h - x) - (h + x) / (x * h) * -1 - -1 * x
""",
    "a learned scalar": """cell learned(x; h)
  h' = scalar() * h + vector(-uniform_gate) * x + scalar(-0.5)
""",
    "every option": """cell options(x; h)
  h' = linear(x, h, kind=block, init=uniform(-0.1, 0.1), diagonal=-0.9, bias=-chrono(200), blocks=4)
""",
    "a constant new value": """cell tick(x; h, c)
  c' = 1
  h' = tanh(linear(x, h) * c) + 1
""",
    "a dead node": """cell dead(x; h)
  unused = sin(x)
  h' = tanh(linear(x, h))
""",
}


@pytest.mark.parametrize("name", PRINTED)
def test_text_in_printed_form_comes_back_letter_by_letter(name: str):
    text = PRINTED[name]
    cell = parse(text)
    assert to_text(cell) == text
    again = parse(to_text(cell))
    assert again == cell
    assert (again.name, again.states, again.names) == (cell.name, cell.states, cell.names)
    assert again.comment == cell.comment


@settings(max_examples=300, deadline=None)
@given(cells())
def test_any_valid_cell_is_printed_and_its_text_is_a_fixed_point(cell: Cell):
    check(cell)
    text = to_text(cell)
    read = parse(text)
    assert to_text(read) == text
    again = parse(to_text(read))
    assert again == read
    assert (again.names, again.states, again.comment) == (read.names, read.states, read.comment)


@settings(max_examples=200, deadline=None)
@given(cells())
def test_printing_keeps_every_operation_and_parameter(cell: Cell):
    read = parse(to_text(cell))

    def owned(one: Cell) -> list[str]:
        return sorted(repr((n.op, n.parameter)) for n in one.nodes if n.op != "constant")

    assert owned(read) == owned(cell)
    assert len(read.nodes) <= len(cell.nodes)
    assert read.output < len(read.nodes)


def tree(cell: Cell) -> object:
    """What the cell computes, every sub-expression written once."""
    ids: dict[object, int] = {}
    seen: list[int] = []
    fresh = 0
    for index, (op, args, parameter) in enumerate(cell.nodes):
        key: object = (op, tuple(seen[a] for a in args), parameter)
        if op in ("linear", "vector", "scalar") or index <= len(cell.updates):
            fresh += 1
            key = (key, fresh)
        seen.append(ids.setdefault(key, len(ids)))
    return [seen[i] for i in (*cell.updates, cell.output)]


@settings(max_examples=200, deadline=None)
@given(cells(12))
def test_reading_printed_text_again_changes_no_wiring(cell: Cell):
    read = parse(to_text(cell))
    assert tree(parse(to_text(read))) == tree(read)


def test_a_doubling_chain_prints_one_line_a_node():
    nodes, depth = list(LEAVES), 300
    nodes.append(Node("+", (0, 1)))
    for i in range(depth):
        nodes.append(Node("*", (2 + i, 2 + i)))
    cell = Cell(tuple(nodes), (len(nodes) - 1,), len(nodes) - 1)
    text = to_text(cell)
    assert len(text.splitlines()) == depth + 2
    assert parse(text) == cell


def test_deep_expressions_are_broken_by_names():
    for op, args in (("tanh", 1), ("-", 2)):
        nodes = [*LEAVES, Node("+", (0, 1))]
        while len(nodes) < LIMITS.nodes:
            last = len(nodes) - 1
            nodes.append(Node(op, (last,) if args == 1 else (0, last)))
        cell = Cell(tuple(nodes), (len(nodes) - 1,), len(nodes) - 1)
        text = to_text(cell)
        assert parse(text) == cell
        assert text.count("a1") == 2


def test_nesting_up_to_the_limit_stays_on_one_line():
    deep = "tanh(" * 62 + "-(x + h)" + ")" * 62
    cell = parse(f"cell deep(x; h)\n  h' = {deep}")
    assert to_text(cell).count("\n") == 2
    assert parse(to_text(cell)) == cell


def test_a_cell_at_all_limits_prints_within_them():
    linear = Linear("block", Initial("uniform", (-0.123456789012, 0.5)), -1.23456789012e-38)
    nodes = [Node("input"), *[Node("state")] * LIMITS.states]
    states = tuple(f"{'s' * 38}{i:02}" for i in range(LIMITS.states))
    nodes += [Node("linear", (i % 9,), linear) for i in range(LIMITS.parameters)]
    while len(nodes) < LIMITS.nodes:
        nodes.append(Node("max", (len(nodes) - 1, len(nodes) - 20)))
    last = len(nodes) - 1
    updates = tuple(last - i for i in range(LIMITS.states))
    names = tuple(f"{'n' * 36}{i:04}" for i in range(len(nodes)))
    comment = "c" * LIMITS.comment
    cell = Cell(tuple(nodes), updates, last, "f" * 40, states, names, comment)
    check(cell)
    text = to_text(cell)
    assert len(text.encode()) <= LIMITS.bytes
    assert len(parse(text).nodes) == len(nodes)
    assert to_text(parse(text)) == text


@pytest.mark.parametrize(
    ("linear", "tail", "text"),
    [
        (Linear(), Linear(bias=None), "linear(x, h)"),
        (Linear(bias=None), Linear(bias=None), "linear(x, h, bias=none)"),
        (Linear(), Linear(), "linear(x) + linear(h)"),
        (
            Linear(diagonal=1.0),
            Linear(bias=None),
            "linear(x, diagonal=1) + linear(h, bias=none)",
        ),
        (Linear("frozen"), Linear("frozen", bias=None), "linear(x, h, kind=frozen)"),
    ],
)
def test_sums_of_linears_are_one_call_only_where_that_means_the_same(
    linear: Linear, tail: Linear, text: str
):
    nodes = (*LEAVES, Node("linear", (0,), linear), Node("linear", (1,), tail), Node("+", (2, 3)))
    cell = Cell(nodes, (4,), 4, states=("h",))
    assert to_text(cell) == f"cell cell(x; h)\n  h' = {text}\n"
    assert parse(to_text(cell)) == cell


def test_names_that_are_no_names_are_replaced():
    nodes = (*LEAVES, Node("tanh", (0,)), Node("sin", (1,)), Node("+", (2, 3)), Node("*", (4, 4)))
    cell = Cell(nodes, (5,), 5, states=("x",), names=(None, None, "tanh", "é", "s1", None))
    assert to_text(cell) == "cell cell(x; s1)\n  a1 = tanh(x) + sin(s1)\n  s1' = a1 * a1\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (1e-5, "1e-5"),
        (1e20, "1e20"),
        (123456789012.0, "123456789012"),
        (0.000123456789012, "0.000123456789012"),
    ],
)
def test_numbers_are_written_short_and_exactly(value: float, text: str):
    assert number_text(value) == text
    assert float(text) == value
