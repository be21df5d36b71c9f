"""Checking graphs that programs build: structure, parameters, limits, liveness."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cells import Cell, CellError, Initial, Limits, Linear, Node, check, parse, to_text, zoo
from cells.verify import finding, number_fits
from tests.strategies import cells

LEAVES = (Node("input"), Node("state"))


def cell(*nodes: Node, updates: tuple[int, ...] = (), output: int | None = None) -> Cell:
    last = 1 + len(nodes)
    return Cell((*LEAVES, *nodes), updates or (last,), last if output is None else output)


def code(bad: Cell) -> str:
    with pytest.raises(CellError) as caught:
        check(bad)
    assert str(caught.value).isascii()
    return caught.value.code


def linear(*fields: object, **named: object) -> Cell:
    parameter = Linear(*fields, **named)  # pyright: ignore[reportArgumentType]
    return cell(Node("linear", (0,), parameter), Node("+", (1, 2)))


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (cell(Node("tanh", ())), "C603"),
        (cell(Node("tanh", (0, 1))), "C603"),
        (cell(Node("+", (0, 3)), Node("+", (1, 2))), "C603"),
        (cell(Node("+", (0, 1.0))), "C603"),  # pyright: ignore[reportArgumentType]
        (cell(Node("constant", (), 1)), "C604"),
        (cell(Node("constant", (), True)), "C604"),
        (cell(Node("constant", (), float("nan"))), "C604"),
        (cell(Node("constant", (), float("inf"))), "C604"),
        (cell(Node("constant", (), 0.1 + 0.2)), "C604"),
        (cell(Node("constant")), "C604"),
        (cell(Node("vector")), "C604"),
        (cell(Node("vector", (), 1.0)), "C604"),
        (cell(Node("vector", (), Initial("value", (1,)))), "C604"),
        (cell(Node("vector", (), Initial("value", (1.0,), negative=True))), "C303"),
        (cell(Node("scalar", (), Initial("orthogonal"))), "C302"),
        (cell(Node("scalar", (), Initial("gauss"))), "C112"),
        (linear("round"), "C111"),
        (linear(init=None), "C604"),
        (linear(init=Initial("chrono")), "C302"),
        (linear("diagonal", Initial("identity")), "C302"),
        (linear(bias=Initial("identity")), "C302"),
        (linear(bias=0.0), "C604"),
        (linear(diagonal=1), "C604"),
        (linear(blocks=2), "C304"),
        (linear("block", blocks=0), "C304"),
        (linear("block", blocks=257), "C304"),
        (linear("block", blocks=True), "C604"),
        (linear("antisymmetric", diagonal=1.0), "C305"),
        (cell(Node("input"), Node("+", (1, 2))), "C601"),
        (Cell((Node("state"), Node("input")), (1,), 1), "C601"),
        (Cell(LEAVES, (0, 1), 1), "C601"),
        (cell(Node("+", (0, 1)), updates=(True,)), "C605"),
        (replace(cell(Node("+", (0, 1))), states=("a", "b")), "C606"),
        (replace(cell(Node("+", (0, 1))), name=""), "C606"),
        (replace(cell(Node("+", (0, 1))), comment="\u202e"), "C606"),
        (replace(cell(Node("+", (0, 1))), comment="c" * 5000), "C008"),
        (Cell((1, 2), (0,), 0), "C601"),  # pyright: ignore[reportArgumentType]
        (Cell((LEAVES[0], ["tanh"]), (), 1), "C606"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_unfit_graphs_are_refused(bad: Cell, expected: str):
    assert code(bad) == expected


def test_limits_count_what_they_say():
    good = zoo.load("lstm")
    check(good, Limits(nodes=24, states=2, parameters=8))
    for limits, expected in (
        (Limits(nodes=23), "C401"),
        (Limits(states=1), "C403"),
        (Limits(parameters=7), "C402"),
    ):
        with pytest.raises(CellError) as caught:
            check(good, limits)
        assert caught.value.code == expected
        with pytest.raises(CellError) as caught:
            parse(to_text(good), limits)
        assert caught.value.code == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("cell f(x; h)\n h' = tanh(linear(x, h))", ""),
        ("cell f(x; h, p)\n p' = x\n h' = tanh(linear(h, p))", ""),
        ("cell f(x; a, b)\n a' = b\n b' = a\n out = tanh(linear(x, a))", ""),
        ("cell f(x; a, b)\n a' = b\n b' = x\n out = a", ""),
        ("cell f(x; h)\n h' = h * tanh(x)\n out = h", ""),
        ("cell f(x; h)\n h' = tanh(linear(h))", "C501"),
        ("cell f(x; h)\n h' = tanh(linear(h))\n out = h' + h", "C501"),
        ("cell f(x; h)\n h' = tanh(linear(x))", "C502 h"),
        ("cell f(x; h, c)\n h' = x * h\n c' = c + h'", "C502 c"),
        ("cell f(x; a, b, c)\n a' = x * a\n b' = c\n c' = b", "C502 b"),
        ("cell f(x; h)\n h' = x * h\n out = x", "C502 h"),
        ("cell f(x; h)\n h' = x\n out = 1", "C501"),
    ],
)
def test_x_and_every_state_must_reach_the_output_through_time(text: str, fault: str):
    try:
        parse(text)
        found = ""
    except CellError as error:
        found = f"{error.code} {error.values.get('word', '')}".strip()
    assert found == fault


@settings(max_examples=200, deadline=None)
@given(cells(), st.randoms(use_true_random=False))
def test_liveness_is_what_following_every_arrow_finds(one: Cell, rng: object):
    """Cut one update of a valid cell and compare with a search over (node, step) arrows."""
    if not one.updates:
        return
    target = rng.randrange(len(one.nodes))  # pyright: ignore[reportAttributeAccessIssue]
    cut = replace(one, updates=(target, *one.updates[1:]))
    seen: set[int] = set()
    todo = [cut.output]
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += cut.nodes[at].args
            if 1 <= at <= len(cut.updates):
                todo.append(cut.updates[at - 1])
    found = finding(cut)
    assert (found is None) == all(leaf in seen for leaf in range(len(cut.updates) + 1))
    if found is not None:
        assert found.code in ("C501", "C502")
        assert found.node not in seen


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (0.0, True),
        (-0.0, True),
        (1e38, True),
        (9.99e38, True),
        (1e39, False),
        (1e-38, True),
        (9e-39, False),
        (0.123456789012, True),
        (0.1234567890123, False),
        (999999999999.0, True),
        (1234567890123.0, False),
        (1, False),
        (float("-inf"), False),
    ],
)
def test_numbers_fit_when_text_can_hold_them(value: object, fits: bool):
    assert number_fits(value) is fits
