"""The six operators: what each may give, and does; and the three readings of "how much"."""

import random
from collections import Counter
from collections.abc import Iterable
from random import Random

import pytest

from cells import (
    Cell,
    CellError,
    Mutant,
    Node,
    Refusal,
    check,
    identifier,
    mutate,
    parse,
    sample,
    zoo,
)
from cells.limit import Limits
from cells.mutation import DRAWN, OPERATORS, Draft, Reading, combine

DRAWS = 400
ACTIVATIONS = (
    "tanh({})",
    "sigmoid({})",
    "relu({})",
    "linear({})",
    "linear({}, diagonal=1)",
    "linear({}, diagonal=0.9)",
    "linear({}, diagonal=1.1)",
)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


BLEND = "h' = h + sigmoid(x) * (tanh(x) - h)"


def cell(body: str) -> Cell:
    lines = "\n".join(f"  {line.strip()}" for line in body.split(";"))
    return parse(f"cell f(x; h)\n{lines}\n")


def named(parent: Cell, op: str, occurrence: int = 0) -> int:
    """The node of a draft of `parent` with an operator."""
    nodes = Draft(parent).nodes
    return [index for index, node in enumerate(nodes) if node.op == op][occurrence]


def outcomes(operator: str, parent: Cell, node: int, draws: int = DRAWS) -> set[str]:
    """Identities of all valid cells that an operator makes at a node."""
    found: set[str] = set()
    for seed in range(draws):
        draft = Draft(parent)
        if OPERATORS[operator](draft, node, seeded(seed)):
            found |= accepted(draft.cell("f", ("h",)))
    return found


def accepted(made: Cell) -> set[str]:
    """The identity, or nothing where x or a state is lost."""
    try:
        check(made)
        return {identifier(made)}
    except CellError as error:
        if error.code not in ("C501", "C502"):
            raise
        return set()


def ids(bodies: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for body in bodies:
        found |= accepted(cell(body))
    return found


def test_the_paper_names_six_operators():
    assert len(OPERATORS) == 6
    assert [node.op for node in DRAWN] == ["tanh", "sigmoid", "relu", *["linear"] * 4]


def test_an_activation_becomes_any_of_seven_the_same_included():
    parent = cell("h' = tanh(x + h)")
    wanted = ids(f"h' = {form.format('x + h')}" for form in ACTIVATIONS)
    assert len(wanted) == 7
    assert outcomes("replace_activation", parent, named(parent, "tanh")) == wanted


@pytest.mark.parametrize("op", ["linear", "exp", "silu"])
def test_linear_and_the_extended_activations_are_activations(op: str):
    parent = cell(f"h' = {op}(x + h)")
    wanted = ids(f"h' = {form.format('x + h')}" for form in ACTIVATIONS)
    assert outcomes("replace_activation", parent, named(parent, op)) == wanted


def test_arithmetic_becomes_a_different_operation_in_either_order():
    parent = cell("h' = tanh(x * h)")
    wanted = ids(("h' = tanh(x + h)", "h' = tanh(x - h)", "h' = tanh(h - x)"))
    assert outcomes("replace_arithmetic", parent, named(parent, "*")) == wanted
    parent = cell("h' = tanh(max(x, h))")
    assert outcomes("replace_arithmetic", parent, named(parent, "max")) == wanted | ids(
        ["h' = tanh(x * h)"]
    )


def test_an_activation_comes_between_a_node_and_either_argument():
    parent = cell("h' = x * h")
    wanted = ids(f"h' = {form.format('x')} * h" for form in ACTIVATIONS)
    wanted |= ids(f"h' = x * {form.format('h')}" for form in ACTIVATIONS)
    assert len(wanted) == 14
    assert outcomes("insert_activation", parent, named(parent, "*")) == wanted


def test_a_node_with_one_argument_and_one_reader_is_removed():
    parent = cell("h' = tanh(x) * h")
    assert outcomes("remove", parent, named(parent, "tanh")) == ids(["h' = x * h"])
    parent = cell("h' = tanh(x + h)")  # its readers: the update, and the output that is the update
    assert outcomes("remove", parent, named(parent, "tanh")) == ids(["h' = x + h"])


@pytest.mark.parametrize(
    ("body", "op"), [("a = tanh(x); h' = a * h + a", "tanh"), ("h' = x * h", "*")]
)
def test_other_nodes_are_not_removed(body: str, op: str):
    parent = cell(body)
    draft = Draft(parent)
    assert not OPERATORS["remove"](draft, named(parent, op), seeded(0))
    assert draft.cell("f", ("h",)) == parent


def test_a_node_becomes_any_of_its_ancestors():
    parent = cell(BLEND)
    ancestors = ("x", "sigmoid(x)", "tanh(x)", "(tanh(x) - h)")  # and h, but then x is lost
    wanted = ids(f"h' = h + {ancestor}" for ancestor in ancestors)
    assert len(wanted) == 4
    assert outcomes("replace_by_ancestor", parent, named(parent, "*")) == wanted


def test_a_node_becomes_any_combination_that_closes_no_cycle():
    parent = cell(BLEND)
    node = named(parent, "-")
    own = ("tanh(x)", "x", "h")
    # Ancestors of some node A that do not depend on the current node themselves.
    others = ("x", "h", "sigmoid(x)", "tanh(x)")
    wanted: set[str] = set()
    for first in own:
        for second in others:
            for form in (f"{first} * {second}", f"{first} + {second}"):
                wanted |= ids([f"h' = h + sigmoid(x) * ({form})"])
            for form in (f"{first} - {second}", f"{second} - {first}"):
                wanted |= ids([f"h' = h + sigmoid(x) * ({form})"])
    assert outcomes("combine", parent, node, 6 * DRAWS) == wanted


def test_combining_never_closes_a_cycle():
    for seed in range(300):
        generator = seeded(seed)
        draft = Draft(sample(generator, generator.randint(3, 25)))
        node = generator.choice(draft.current())
        draft_nodes = len(draft.nodes)
        assert combine(draft, node, generator)
        assert all(arg < at for at, found in enumerate(draft.nodes) for arg in found.args)
        assert len(draft.nodes) <= draft_nodes + 1


def test_leaves_are_never_current():
    draft = Draft(cell("h' = tanh(vector() * x + 2 * h)"))
    assert {draft.nodes[node].op for node in draft.current()} == {"tanh", "*", "+"}


def reached(operator: str, parent: Cell, op_of: str) -> set[str]:
    """Identities that an operator makes at any node of `parent` with the operator `op_of`."""
    draft = Draft(parent)
    nodes = [index for index, node in enumerate(draft.nodes) if node.op == op_of]
    found: set[str] = set()
    for node in nodes:
        found |= outcomes(operator, parent, node, 100)
    return found


def exchanged(name: str) -> Cell:
    """A cell of the paper with z and 1 - z exchanged: z keeps the old state, as in the GRU."""
    text, new_taken_by_z = zoo.source(name), " * z + h * (1 - z)"
    assert new_taken_by_z in text
    return parse(text.replace(new_taken_by_z, " * (1 - z) + h * z"))


def test_mut2_is_the_gru_with_the_linear_on_x_in_r_removed():
    assert identifier(exchanged("mut2")) in reached("remove", zoo.load("gru"), "linear")


def test_mut3_is_the_gru_with_tanh_inserted_between_linear_and_h_in_z():
    assert identifier(exchanged("mut3")) in reached("insert_activation", zoo.load("gru"), "linear")


def test_mut1_is_two_edits_away_from_the_gru():
    goal = identifier(exchanged("mut1"))
    gru = zoo.load("gru")
    halves: dict[str, Cell] = {}
    for node in [index for index, found in enumerate(Draft(gru).nodes) if found.op == "+"]:
        for seed in range(60):
            draft = Draft(gru)
            OPERATORS["replace_by_ancestor"](draft, node, seeded(seed))
            half = draft.cell("half", ("h",))
            halves.update(dict.fromkeys(accepted(half), half))
    assert any(goal in reached("replace_activation", half, "linear") for half in halves.values())


def test_the_bias_of_a_sum_outlives_the_linear_that_carried_it():
    parent = cell("h' = tanh(linear(x) + linear(h, bias=none))")
    wanted = ids(("h' = tanh(linear(x) + h)", "h' = tanh(x + linear(h))"))
    assert reached("remove", parent, "linear") == wanted
    bare = cell("h' = tanh(linear(x, bias=none) + linear(h, bias=none))")
    assert Draft(bare).cell("f", ("h",)) == bare


@pytest.mark.parametrize("reading", ["edits", "sweep", "free_sweep"])
def test_mutation_is_a_function_of_cell_and_generator_alone(reading: Reading):
    parent = zoo.load("lstm")
    before = random.getstate()
    first = [mutate(parent, seeded(seed), reading) for seed in range(50)]
    assert [mutate(parent, seeded(seed), reading) for seed in range(50)] == first
    assert random.getstate() == before
    assert len(set(first)) > 30


@pytest.mark.parametrize("reading", ["edits", "sweep", "free_sweep"])
def test_mutants_are_cells_and_refusals_say_why(reading: Reading):
    codes: Counter[str] = Counter()
    for seed in range(1500):
        generator = seeded(seed)
        parent = sample(generator, generator.randint(2, 25), extended=seed % 2 == 1)
        made = mutate(parent, generator, reading)
        assert set(made.operators) <= set(OPERATORS)
        if isinstance(made, Mutant):
            check(made.cell)
            codes["accepted"] += 1
        else:
            assert made.reason
            codes[made.code] += 1
    assert set(codes) == {"accepted", "C501", "C502"}
    assert codes["accepted"] > 500


def test_each_operator_is_drawn_and_counted():
    counts: Counter[str] = Counter()
    for seed in range(500):
        counts.update(mutate(zoo.load("gru"), seeded(seed)).operators)
    assert set(counts) == set(OPERATORS)


def test_edits_are_one_to_three_with_equal_chance():
    sizes = Counter(len(mutate(zoo.load("lstm"), seeded(seed)).operators) for seed in range(1500))
    assert set(sizes) == {1, 2, 3}
    assert all(430 < count < 570 for count in sizes.values())


def test_a_sweep_edits_one_to_three_nodes_and_a_free_one_any_number():
    parent = zoo.load("lstm")
    sweeps = Counter(len(mutate(parent, seeded(s), "sweep").operators) for s in range(1000))
    assert set(sweeps) == {1, 2, 3}
    free = Counter(len(mutate(parent, seeded(s), "free_sweep").operators) for s in range(1000))
    operations = len(Draft(parent).current())
    assert {0, 1, 4} < set(free)
    assert max(free) > operations // 2
    assert sum(count for size, count in free.items() if size > 3) > 500


def test_a_mutant_beyond_the_limits_is_refused():
    parent = cell("h' = tanh(linear(x, h))")
    limits = Limits(parameters=2)
    made = [mutate(parent, seeded(seed), "edits", limits) for seed in range(200)]
    refusals = {item.code for item in made if isinstance(item, Refusal)}
    assert "C402" in refusals
    for item in made:
        if isinstance(item, Mutant):
            check(item.cell, limits)


def test_a_cell_without_operations_is_returned_as_it_is():
    parent = Cell((Node("input"), Node("state")), (0,), 1)
    assert mutate(parent, seeded(0)) == Mutant(parent, ())
