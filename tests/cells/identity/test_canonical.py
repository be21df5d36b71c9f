"""Identity: what must not change it, what must, and that rewriting keeps meaning."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from cells import (
    Cell,
    CellError,
    Linear,
    Node,
    canonical,
    check,
    identifier,
    parse,
    sample,
    to_text,
    zoo,
)
from cells.identity.canonical import trace
from cells.identity.disguise import disguise
from cells.identity.interpreter import rewriting_error


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


ROOT = Path(__file__).resolve().parents[3]


def cell(body: str, states: str = "h") -> Cell:
    """A cell from its statements, separated by semicolons."""
    lines = "\n".join(f"  {line.strip()}" for line in body.split(";"))
    return parse(f"cell f(x{'; ' if states else ''}{states})\n{lines}\n")


@pytest.mark.parametrize("start", range(0, 2000, 200))
def test_a_disguise_changes_no_identity_and_rewriting_keeps_meaning(start: int):
    for index in range(start, start + 200):
        generator = seeded(index)
        original = sample(generator, generator.randint(1, 30), extended=index % 2 == 1)
        other = disguise(original, generator)
        try:
            form = canonical(original)
        except CellError:
            with pytest.raises(CellError, match="C501"):
                canonical(other)
            continue
        assert canonical(other) == form, (to_text(original), other)
        assert canonical(form) == form, to_text(original)
        assert canonical(parse(to_text(form))) == form
        check(form)
        error = rewriting_error(original, generator)
        assert error is None or error <= 1e-12, to_text(original)


@pytest.mark.parametrize("name", zoo.names())
def test_zoo_cells_keep_their_identity_in_every_disguise(name: str):
    original = zoo.load(name)
    generator = seeded(0)
    assert {identifier(disguise(original, generator)) for _ in range(20)} == {identifier(original)}
    error = rewriting_error(original, generator)
    if error is None:
        # Its steps are ramps of slope 1e6, beyond the values that say something.
        assert name == "phased"
    else:
        assert error < 1e-12


def test_different_zoo_cells_have_different_identities():
    assert len({identifier(zoo.load(name)) for name in zoo.names()}) == len(zoo.names())


def test_identities_are_pinned_and_do_not_depend_on_the_process():
    # Whoever has to change these makes every stored id stale, and says so in the changelog.
    code = "from cells import identifier, zoo; print(*(identifier(zoo.load(n)) for n in ('gru', 'lstm')))"
    for seed in ("0", "1", "random"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["2c0f4a4433ca", "39daa5a47658"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Identities of arithmetic.
        ("h' = tanh(x * h + 0)", "h' = tanh(h * x - 0)"),
        ("h' = 1 * h / 1 + x", "h' = x + h"),
        ("h' = x * 0 * h + x + h", "h' = h + x + 0 * linear(h)"),
        ("h' = tanh(x + h) - h + h", "h' = tanh(h + x) + (x - x)"),
        ("h' = 1 - (1 - h) + x", "h' = x + h"),
        ("h' = x * (h - x)", "h' = 0 - (x - h) * x"),
        ("h' = h + x * (h - x) ", "h' = h - x * (x - h)"),
        ("h' = 0.5 * x + 0.5 * h", "h' = 0.5 * (h + x)"),
        ("h' = h * (2 * x + 4 * h)", "h' = 4 * (h * (0.5 * x + h))"),
        ("h' = h * (x + 2 * h + 3 * x * h)", "h' = 0.5 * (h * (2 * x + 4 * h + 6 * x * h))"),
        ("h' = h * (3 * x + 7 * h)", "h' = 0.5 * (h * (6 * x + 14 * h))"),
        (
            "a = tanh(linear(x)); b = tanh(linear(x)); d = a - b; h' = d * d * d + sin(d * h)",
            "a = tanh(linear(x)); b = tanh(linear(x)); d = b - a; h' = sin(h * d) - d * (a - b) * d",
        ),
        ("h' = max(x, max(h, x))", "h' = max(h, x)"),
        ("h' = max(max(x, 1), max(2, h))", "h' = max(max(x, 2), h)"),
        ("h' = x + h * sigmoid(0) * tanh(0) + exp(0) - 1", "h' = x + h - h"),
        ("h' = relu(relu(x)) * h", "h' = h * relu(x)"),
        ("h' = (x + h) * (x + h) * x", "a = x + h; h' = a * (x * a)"),
        ("h' = x * x * x * x + h", "a = x * x; h' = h + a * a"),
        # Repeated parts and dead ones.
        ("h' = tanh(x) * h + tanh(x)", "a = tanh(x); h' = a * h + a"),
        ("a = linear(h); h' = tanh(x) * h", "h' = tanh(x) * h"),
        # Biases.
        (
            "h' = tanh(linear(x) + linear(h, bias=none))",
            "h' = tanh(linear(x, bias=none) + linear(h))",
        ),
        ("h' = tanh(linear(x) + linear(h))", "h' = tanh(linear(x, h))"),
        ("h' = tanh(linear(x, bias=3) + linear(h, bias=-1))", "h' = tanh(linear(x, h, bias=2))"),
        (
            "h' = tanh(linear(x, bias=3) - linear(h, bias=1))",
            "h' = tanh(linear(x, bias=2) - linear(h))",
        ),
        ("h' = tanh(linear(x, h) + 2)", "h' = tanh(linear(x, h, bias=2))"),
        ("h' = tanh(linear(x, h, bias=none) + vector(2))", "h' = tanh(linear(x, h, bias=2))"),
        ("h' = tanh(linear(x - x) + linear(h, x))", "h' = tanh(linear(x, h))"),
        (
            "h' = tanh(linear(x, bias=chrono) + linear(h))",
            "h' = tanh(linear(x, bias=none) + linear(h, bias=chrono))",
        ),
        (
            "h' = tanh(linear(x, bias=none) - linear(h, bias=chrono))",
            "h' = tanh(linear(x, bias=-chrono) - linear(h))",
        ),
        (
            "q = linear(x) + linear(h, bias=none); h' = sigmoid(q) * tanh(q - 1)",
            "q = linear(x, bias=none) + linear(h); h' = sigmoid(q) * tanh(q - 1)",
        ),
    ],
)
def test_these_two_are_one_cell(first: str, second: str):
    assert to_text(canonical(cell(first))) == to_text(canonical(cell(second)))
    assert identifier(cell(first)) == identifier(cell(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("h' = tanh(linear(x, h))", "h' = sigmoid(linear(x, h))"),
        ("h' = tanh(x - h)", "h' = tanh(h - x)"),
        ("h' = x / h", "h' = h / x"),
        ("h' = max(x, h)", "h' = min(x, h)"),
        ("h' = tanh(linear(x, h))", "h' = tanh(linear(x, h, bias=1))"),
        ("h' = tanh(linear(x, h))", "h' = tanh(linear(x, h, bias=none))"),
        ("h' = tanh(linear(x, h))", "h' = tanh(linear(x, h, diagonal=0.9))"),
        ("h' = tanh(linear(x, h))", "h' = tanh(linear(x + h))"),
        ("h' = tanh(linear(x, h))", "h' = tanh(linear(x) + linear(x, h))"),
        ("h' = linear(linear(h)) + x", "h' = linear(h) + x"),
        ("a = linear(x); h' = a * h + a", "h' = linear(x) * h + linear(x)"),
        ("a = vector(); h' = a * h + a * x", "h' = vector() * h + vector() * x"),
        ("h' = h * (x + h)", "h' = h * x + h * h"),
        ("h' = linear(2 * x) + h", "h' = 2 * linear(x) + h"),
        (
            "h' = tanh(linear(x, bias=1)) * tanh(linear(h))",
            "h' = tanh(linear(x)) * tanh(linear(h, bias=1))",
        ),
        (
            "h' = tanh(linear(x, kind=frozen, bias=2) + linear(h))",
            "h' = tanh(linear(x, kind=frozen) + linear(h, bias=2))",
        ),
        (
            "q = linear(x, h); h' = sigmoid(q) * tanh(q - 1)",
            "h' = sigmoid(linear(x, h)) * tanh(linear(x, h) - 1)",
        ),
        (
            "q = linear(x, h); h' = sigmoid(q) * tanh(q - 1)",
            "q = linear(x, h); h' = sigmoid(q) * tanh(q + 1)",
        ),
    ],
)
def test_near_misses_are_different_cells(first: str, second: str):
    assert identifier(cell(first)) != identifier(cell(second))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("lstm", "tanh(c')", "tanh(c)"),  # a stale state
        ("lstm", "h' = o", "h' = i"),  # an exchanged gate
        ("lstm", "tanh(c')", "c'"),  # a missing activation
        ("lstm_peep", "vector() * c'", "vector() * c"),
        ("lstm_b", "f = sigmoid(linear(x, h, bias=1))", "f = sigmoid(linear(x, h))"),
        ("mut1", "tanh(x)", "linear(x)"),
        ("mgu", "(1 - f) * h + f * n", "f * h + (1 - f) * n"),
        ("janet", "q - 1", "q"),
    ],
)
def test_a_zoo_cell_with_one_fault_is_another_cell(name: str, old: str, new: str):
    text = zoo.source(name)
    assert old in text
    assert identifier(parse(text.replace(old, new))) != identifier(parse(text))


def test_the_gate_with_the_bias_counts():
    text = zoo.source("lstm")
    biased = [
        identifier(parse(text.replace(line, line.replace("(x, h)", "(x, h, bias=1)"))))
        for line in text.split("\n")
        if "sigmoid(linear(x, h))" in line
    ]
    assert len(set(biased)) == 3
    assert identifier(zoo.load("lstm_b")) in biased


def test_state_order_and_dead_states_do_not_count():
    one = cell("c' = tanh(linear(x, c)); h' = c' * sigmoid(linear(h))", "h, c")
    two = cell("c' = tanh(linear(x, c)); h' = c' * sigmoid(linear(h)); out = h'", "c, h")
    dead = Cell(
        (*one.nodes[:3], Node("state"), *(_shifted(node) for node in one.nodes[3:])),
        (*(update + 1 for update in one.updates), 3),
        one.output + 1,
    )
    assert canonical(one) == canonical(two) == canonical(dead)


def _shifted(node: Node) -> Node:
    return Node(node.op, tuple(arg + (arg > 2) for arg in node.args), node.parameter)


def test_a_state_that_arithmetic_takes_out_of_the_output_is_dropped():
    assert canonical(cell("h' = tanh(linear(x)) + h - h")).updates == ()


@pytest.mark.parametrize(
    "body", ["h' = h + x - x", "h' = tanh(h) * (x * 0 + 1)", "h' = linear(h) + 0 * x"]
)
def test_a_cell_without_input_after_folding_is_refused(body: str):
    check(cell(body))
    with pytest.raises(CellError, match="C501"):
        canonical(cell(body))


def _ring(*cycles: tuple[int, ...]) -> Cell:
    """States in cycles, each fed by the one before; the output is the sum of all."""
    count = sum(map(len, cycles))
    nodes = [Node("input"), *[Node("state")] * count]
    updates = [0] * count
    for cycle in cycles:
        for place, state in enumerate(cycle):
            nodes.append(Node("+", (0, 1 + cycle[place - 1])))
            nodes.append(Node("tanh", (len(nodes) - 1,)))
            updates[state] = len(nodes) - 1
    total = updates[0]
    for update in updates[1:]:
        nodes.append(Node("+", (total, update)))
        total = len(nodes) - 1
    return Cell(tuple(nodes), tuple(updates), total)


def test_graphs_that_refinement_alone_cannot_tell_apart_are_told_apart():
    six, threes = _ring((0, 1, 2, 3, 4, 5)), _ring((0, 1, 2), (3, 4, 5))
    assert identifier(six) != identifier(threes)
    assert identifier(six) == identifier(_ring((3, 0, 4, 2, 5, 1)))
    assert identifier(threes) == identifier(_ring((3, 0, 4), (2, 5, 1)))


def test_symmetric_cells_keep_their_identity():
    gate = "sigmoid(linear(x, h)) * tanh(linear(h))"
    original = cell(f"h' = {' + '.join([gate] * 5)}")
    generator = seeded(1)
    assert {identifier(disguise(original, generator)) for _ in range(20)} == {identifier(original)}


def test_sums_that_share_parts_stay_within_the_limits():
    nodes = [Node("input"), Node("state")]
    total = 1
    for _ in range(60):  # 60 sums, each read by the next and by a tanh of its own
        nodes.append(Node("tanh", (total,)))
        nodes.append(Node("sin", (len(nodes) - 1,)))
        nodes.append(Node("+", (total, len(nodes) - 1)))
        total = len(nodes) - 1
    nodes.append(Node("+", (total, 0)))
    original = Cell(tuple(nodes), (len(nodes) - 1,), len(nodes) - 1)
    check(original)
    form = canonical(original)
    check(form)
    assert canonical(form) == form
    assert canonical(disguise(original, seeded(0))) == canonical(disguise(original, seeded(0)))


def test_numbers_out_of_range_are_left_alone():
    original = cell("h' = x + 1e30 * (1e30 * (1e-30 * h))")
    check(canonical(original))
    assert canonical(canonical(original)) == canonical(original)


def test_powers_do_not_blow_up():
    lines = ["a0 = x + h", *(f"a{i + 1} = a{i} * a{i}" for i in range(100)), "h' = a100 * x"]
    form = canonical(cell(";".join(lines)))
    check(form)
    assert len(form.nodes) < 110


def test_a_trace_names_the_owner_of_every_parameter():
    original = cell("h' = tanh(linear(x, bias=3) - linear(h, bias=1)) * vector() + linear(h - h)")
    form = trace(original)
    owned = [index for index, node in enumerate(form.cell.nodes) if node.parameter is not None]
    assert sorted(form.origins) == owned
    for index, origin in form.origins.items():
        node = form.cell.nodes[index]
        if isinstance(node.parameter, Linear):
            source = original.nodes[origin.node].parameter
            assert isinstance(source, Linear)
            assert (source.kind, source.init) == (node.parameter.kind, node.parameter.init)
    assert form.states == (0,)
