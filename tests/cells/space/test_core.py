"""The closed core space: derived, invertible, closed under its moves, uniformly drawn."""

from collections import Counter
from itertools import pairwise, product
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cells import CellError, canonical, check, identifier, parse, to_text, zoo
from cells.identity.disguise import disguise
from cells.mutation import Mutant
from cells.space.core import core
from cells.space.template import SLOTS, Slots, build, combinations, slots

DIGEST: Final = "1ee544af88c3d2bf34b2b4621908da36752ad0f6eb3e01dce4ef1c86bbe5192e"
"""Of the ids of a published table: rows may be added to the space only under another name."""

NAMED: Final = (
    *("lstm", "lstm_b", "lstm_f", "lstm_i", "lstm_o", "lstm_peep", "cifg", "peep_cifg", "niaf"),
    *("noaf", "gru", "gru_after", "gru_b", "mgu", "janet", "mingru", "ugrnn", "lightru", "elman"),
)

drawn = st.tuples(*(st.sampled_from(tuple(levels)) for levels in SLOTS.values())).map(
    lambda levels: Slots(*levels)
)
numbers = st.integers(0, 2**32 - 1)


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret is drawn


def test_the_ids_are_those_of_the_published_table():
    assert len(core()) == len(set(core().ids)) == 5767
    assert core().digest == DIGEST


def test_the_order_is_that_of_the_first_combination_of_each_cell():
    order = {chosen: number for number, chosen in enumerate(combinations())}
    firsts = [order[core().slots_of(name)] for name in core().ids]
    assert all(a < b for a, b in pairwise(firsts))
    assert combinations() == tuple(Slots(*levels) for levels in product(*SLOTS.values()))


@pytest.mark.parametrize("name", NAMED)
def test_cells_of_the_zoo_are_in_the_space_under_their_own_ids(name: str):
    cell = zoo.load(name)
    assert cell in core()
    assert identifier(core().cell_of(identifier(cell))) == identifier(cell)
    assert canonical(build(core().slots_of(cell))) == canonical(cell)


def test_the_lstm_and_its_ablations_differ_in_one_slot_each():
    whole = core().slots_of(zoo.load("lstm"))
    for name, slot, level in (
        ("lstm_b", "bias", "1"),
        ("lstm_f", "forget", "one"),
        ("lstm_i", "input", "one"),
        ("lstm_o", "output", "none"),
        ("cifg", "forget", "coupled"),
    ):
        assert whole._replace(**{slot: level}) in core().spellings(zoo.load(name))


def test_the_reset_of_the_gru_and_the_gate_of_the_mgu_are_slots():
    gru = core().slots_of(zoo.load("gru"))
    for name, level in (("gru_after", "after"), ("ugrnn", "plain"), ("mgu", "shared")):
        assert gru._replace(recurrence=level) == core().slots_of(zoo.load(name))


@settings(max_examples=80)
@given(drawn)
def test_every_combination_of_slots_writes_a_valid_cell_that_leads_back_to_it(chosen: Slots):
    cell = core().cell_of(chosen)
    check(cell)
    assert cell in core()
    assert chosen in core().spellings(cell)
    assert core().id_of(chosen) == identifier(build(chosen)) == core().id_of(cell)
    assert core().slots_of(core().cell_of(core().slots_of(cell))) == core().slots_of(cell)
    assert parse(to_text(cell)) == cell


@settings(max_examples=60)
@given(drawn, numbers)
def test_a_cell_is_recognised_under_any_spelling(chosen: Slots, seed: int):
    cell = disguise(core().cell_of(chosen), seeded(seed))
    assert cell in core()
    assert core().slots_of(cell) == core().slots_of(core().id_of(chosen))


def test_slots_that_act_on_nothing_do_not_make_another_cell():
    lstm_f = core().slots_of(zoo.load("lstm_f"))
    assert core().id_of(lstm_f._replace(bias="1")) == core().id_of(lstm_f)
    assert {s.bias for s in core().spellings(zoo.load("lstm_f"))} == {"0", "1"}
    assert {s.bias for s in core().spellings(zoo.load("lstm"))} == {"0"}


@settings(max_examples=20)
@given(drawn)
def test_neighbours_by_slots_are_other_cells_of_the_space_and_have_it_as_theirs(chosen: Slots):
    own = core().id_of(chosen)
    near = core().changed(own)
    assert own not in near
    assert set(near) <= set(core().ids)
    for name, by in near.items():
        assert own in core().changed(name)
        assert set(by) == set(core().changed(name)[own])
        assert any(
            {slot for slot in SLOTS if getattr(a, slot) != getattr(b, slot)} == {by[0]}
            for a in core().spellings(own)
            for b in core().spellings(name)
        )


def test_neighbours_come_once_each_and_as_cells():
    lstm = zoo.load("lstm")
    names = [identifier(cell) for cell in core().neighbours(lstm)]
    assert names == list(core().changed(lstm))
    assert len(set(names)) == len(names) == sum(len(levels) - 1 for levels in SLOTS.values())


def test_every_cell_can_be_reached_from_every_other_by_changing_slots():
    reached, todo = {core().ids[0]}, [core().ids[0]]
    while todo:
        fresh = set(core().changed(todo.pop())) - reached
        reached |= fresh
        todo += fresh
    assert reached == set(core().ids)


def test_edits_of_the_paper_that_stay_inside_are_neighbours_too():
    elman = zoo.load("elman")
    edited = core().edited(elman)
    assert set(edited) <= set(core().ids) - {identifier(elman)}
    assert identifier(zoo.load("feedforward")) in edited
    relu = identifier(parse("cell c(x; h)\n  h' = relu(linear(x, h))\n"))
    assert edited[relu] == "replace_activation"
    both = [identifier(cell) for cell in core().neighbours(elman, ("slots", "edits"))]
    assert len(both) == len(set(both)) == len(edited.keys() | core().changed(elman).keys())


@settings(max_examples=40)
@given(drawn, numbers)
def test_a_random_move_by_slots_stays_inside_and_moves(chosen: Slots, seed: int):
    cell = core().cell_of(chosen)
    move = core().mutate(cell, seeded(seed))
    assert isinstance(move, Mutant)
    assert move == core().mutate(cell, seeded(seed))
    near = core().changed(cell)
    assert move.operators == near[identifier(move.cell)][:1]


@settings(max_examples=8)
@given(drawn, numbers)
def test_a_random_move_by_edits_stays_inside_and_moves(chosen: Slots, seed: int):
    cell = core().cell_of(chosen)
    move = core().mutate(cell, seeded(seed), "edits")
    assert isinstance(move, Mutant)
    check(move.cell)
    assert core().id_of(move.cell) != core().id_of(cell)


def chi_square(counts: Counter[str]) -> float:
    """The p of equal chances of all cells."""
    return float(stats.chisquare([counts[name] for name in core().ids]).pvalue)


def test_cells_are_drawn_with_equal_chances_and_combinations_of_slots_are_not():
    generator, every = seeded(11), combinations()
    times = range(20 * len(core()))
    assert chi_square(Counter(core().draw(generator) for _ in times)) > 1e-3
    assert chi_square(Counter(core().id_of(generator.choice(every)) for _ in times)) < 1e-9


def test_samples_are_a_function_of_the_generator():
    first = [core().sample(seeded(seed)) for seed in range(20)]
    assert first == [core().sample(seeded(seed)) for seed in range(20)]
    assert len({cell.name for cell in first}) > 15
    drawn = [core().draw(seeded(seed)) for seed in range(20)]
    assert [identifier(cell) for cell in first] == drawn
    assert [cell.name for cell in first] == [f"core_{name}" for name in drawn]


@pytest.mark.parametrize("name", ["lru", "mut1", "lstm_tanh_o", "lstm_1997"])
def test_a_cell_outside_is_refused_by_name(name: str):
    assert zoo.load(name) not in core()
    with pytest.raises(CellError, match=f"cell {name} is not in the core space") as caught:
        core().slots_of(zoo.load(name))
    assert caught.value.code == "C705"
    with pytest.raises(CellError, match="000000000000"):
        core().cell_of("000000000000")
    assert 7 not in core()


def test_slots_that_do_not_fit_are_refused_by_slot_and_level():
    levels = core().slots_of(zoo.load("gru"))._asdict()
    assert slots(levels) == core().slots_of(zoo.load("gru"))
    with pytest.raises(CellError, match="slot forget of the core space has no level gates"):
        core().cell_of({**levels, "forget": "gates"})
    with pytest.raises(CellError, match="slot reset of the core space is unknown"):
        core().cell_of({**levels, "reset": "before"})
    del levels["bias"]
    with pytest.raises(CellError, match="slot bias of the core space is missing"):
        core().cell_of(levels)
