"""How cells are lowered: what leaves the loop, what becomes one product, what is kept."""

from random import Random

import pytest

from cells import canonical, parse, zoo
from cells.cell import Linear
from cells.engine.lowering.plan import PHASES, Phase, Plan, Stage, describe, flops, render, saved
from cells.engine.lowering.translate import lower
from cells.sampling import sample


def plan_of(text: str) -> Plan:
    return lower(parse(text))


def of_zoo(name: str) -> Plan:
    return lower(canonical(zoo.load(name)))


def gates(plan: Plan, phase: Phase) -> list[tuple[str, int]]:
    return [(one.operand, len(one.linears)) for one in plan.products(phase)]


@pytest.mark.parametrize(
    ("name", "before", "loop"),
    [
        ("lstm", [("x", 4)], [("s0", 4)]),
        ("gru", [("x", 3)], [("s0", 2), ("n14", 1)]),
        ("gru_after", [("x", 3)], [("s0", 1), ("s0", 2)]),
        ("mingru", [("x", 2)], []),
        ("feedforward", [("x", 1)], []),
        ("mut1", [("x", 2)], [("s0", 1), ("n13", 1)]),
    ],
)
def test_products_are_hoisted_and_merged(
    name: str, before: list[tuple[str, int]], loop: list[tuple[str, int]]
) -> None:
    plan = of_zoo(name)
    assert gates(plan, "before") == before
    assert [size for _, size in gates(plan, "loop")] == [size for _, size in loop]
    assert gates(plan, "after") == []


def test_what_reads_states_but_feeds_none_comes_after_the_loop() -> None:
    plan = plan_of(
        "cell late(x; h)\n  h' = tanh(linear(x, h))\n  out = linear(tanh(linear(h', x)))"
    )
    assert gates(plan, "loop") == [("s0", 1)]
    assert [operand for operand, _ in gates(plan, "after")] == ["u0", "n9"]


def test_the_sum_of_an_lstm_gate_is_one_array_and_its_gate_is_written_over_it() -> None:
    plan = of_zoo("lstm")
    assert len(plan.sums) == 4
    assert all(one.hoisted and len(one.linears) == 2 for one in plan.sums)
    assert sorted(plan.place.values()) == ["a0", "a1", "a2", "a3"]
    assert saved(plan) == ("a0", "a1", "a2", "a3", "n22", "s0", "s1")


def test_a_sum_that_two_nodes_read_is_not_written_over() -> None:
    plan = plan_of("cell two(x; h)\n  a = linear(x, h)\n  h' = tanh(a) * a")
    assert plan.place == {}


def test_a_linear_that_two_nodes_read_keeps_an_array_of_its_own() -> None:
    plan = plan_of("cell two(x; h)\n  a = linear(h)\n  h' = tanh(a + linear(x)) - a")
    assert [len(one.linears) for one in plan.sums] == [1, 1]


def test_linears_of_unlike_forms_are_not_merged() -> None:
    plan = plan_of(
        "cell forms(x; h)\n"
        "  a = linear(h, kind=frozen)\n"
        "  b = linear(h, kind=antisymmetric)\n"
        "  c = linear(h, kind=block, blocks=2)\n"
        "  h' = tanh(linear(x)) * a * b * c * linear(h)"
    )
    assert sorted((one.form, len(one.linears)) for one in plan.products("loop")) == [
        ("antisymmetric", 1),
        ("free", 2),
        ("frozen", 1),
    ]


def test_diagonals_and_vectors_are_pointwise() -> None:
    plan = plan_of("cell rows(x; h)\n  h' = tanh(linear(x) + linear(h, kind=diagonal) * vector(1))")
    assert gates(plan, "loop") == []
    assert sorted(name[0] for name in plan.rows) == ["b", "w", "w"]


def test_parameters_alone_are_computed_once() -> None:
    plan = plan_of("cell once(x; h)\n  h' = x + sigmoid(vector(0) * 2) * h")
    assert [stage.forward.instructions[-1].op for stage in plan.stages["static"]] == ["sigmoid"]


def test_what_the_output_does_not_need_is_left_out() -> None:
    whole = zoo.load("lstm")
    plan = plan_of("cell small(x; h)\n  h' = tanh(linear(x, h))")
    assert lower(whole).linears == 8
    assert plan.linears == 2
    assert flops(plan, 10) == 1200


def _stages(plan: Plan) -> list[Stage]:
    return [stage for phase in PHASES for stage in plan.stages[phase]]


@pytest.mark.parametrize("seed", range(60))
def test_plans_of_random_cells_are_whole(seed: int) -> None:
    cell = sample(Random(seed), 5 + seed % 30, extended=True)  # noqa: S311 - no secret
    plan = lower(cell)
    parameters = [node.parameter for node in cell.nodes]
    matrices = {
        index
        for index, own in enumerate(parameters)
        if isinstance(own, Linear) and own.kind != "diagonal"
    }
    done = [node for phase in PHASES for one in plan.products(phase) for node in one.linears]
    assert sorted(done) == sorted(set(done))
    assert set(done) == matrices
    for one in plan.sums:
        # Written once, by the product that comes first, and complete in its own phase.
        writers = [
            product
            for phase in PHASES
            for product in plan.products(phase)
            if one.name in product.sums
        ]
        assert [writer.first for writer in writers] == [True] + [False] * (len(writers) - 1)
        assert writers[-1].phase == one.phase
    # Whatever is read was written before.
    known = {"x", *plan.rows, *(f"s{index}" for index in range(len(plan.states)))}
    for stage in _stages(plan):
        for product in stage.products:
            assert product.operand in known
            known.update(product.sums)
        assert stage.forward.loads <= known
        known.update(stage.forward.stores)
        known.update(name for name, home in plan.place.items() if home in stage.forward.stores)
    assert plan.output in known
    assert {f"u{index}" for index in range(len(plan.states))} <= known
    # Whatever backward reads of values is there.
    for stage in _stages(plan):
        assert {name for name in stage.backward.loads if name[0] != "d"} <= known


def test_the_description_counts_what_the_plan_does() -> None:
    plan = of_zoo("gru")
    document = describe(plan, 64)
    assert document["flops"] == 6 * 6 * 64 * 64
    assert [one["gates"] for one in document["products"]] == [3, 2, 1]
    assert document["products"][2]["operand"] == "h * sigmoid(sum 1)"
    text = render(plan, 64)
    assert "level 2: 1 linear of h * sigmoid(sum 1)" in text
    assert "147,456 flops a token and layer at width 64" in text
