"""Arms: the values that claims compare, read from a record."""

import math
from pathlib import Path

import pytest

from results.claims.arm import Arm, arms, columns, risen
from results.claims.claim import FINAL, Measure
from tests.results.founding_store import Cell, Part, record, setting

TRIED = [(0.6, 0.58), (0.7, 0.65), None]


def arm(path: Path, cell: Cell, **fields: object) -> Arm:
    run = record(path / "run.gate", Part("near", {"lstm": cell}, **fields))  # pyright: ignore[reportArgumentType]
    return arms(run)["near:lstm", "arithmetic"]


def test_an_arm_holds_its_selection_and_the_seeds_that_ended_well(tmp_path: Path) -> None:
    found = arm(tmp_path, Cell(TRIED, [0.7, None, 0.8], selected=1))
    assert (found.part, found.name, found.task) == ("near", "near:lstm", "arithmetic")
    assert (len(found.selection), len(found.confirmed)) == (3, 2)
    assert found.values() == (0.7, 0.8)
    assert found.selected == setting(1)
    assert found.spaces[0].learning_rates == (0.2, 0.5, 1.0)


def test_a_setting_is_chosen_by_validation_and_counts_by_test_and_a_failed_one_last(
    tmp_path: Path,
) -> None:
    found = arm(tmp_path, Cell(TRIED, [0.7])).tried()
    assert list(found) == [setting(0), setting(1), setting(2)]
    choice, value = columns(found)
    assert choice.tolist() == [0.6, 0.7, -math.inf]
    assert value.tolist() == [0.58, 0.65, 0.0]


def test_where_a_loss_has_no_worst_value_a_failed_setting_counts_as_the_worst_that_came(
    tmp_path: Path,
) -> None:
    found = arm(tmp_path, Cell([(2.0, 2.1), None, (3.0, 3.2)], [2.0]), metric="loss", floors=())
    assert [row.value for row in found.tried().values()] == [-2.1, -3.2, -3.2]
    assert found.values() == (-2.0,)


def test_without_test_values_of_the_selection_validation_values_count_throughout(
    tmp_path: Path,
) -> None:
    found = arm(tmp_path, Cell([(0.6, 0.5), (0.7, None)], [0.7]))
    assert [row.value for row in found.tried().values()] == [0.6, 0.7]


def test_an_early_value_is_that_of_the_last_point_at_or_before_the_share(tmp_path: Path) -> None:
    cell = Cell(TRIED, [0.7, 0.8], curve=[0.2, 0.4, 0.5, 0.7])
    found = arm(tmp_path, cell)
    wanted = {0.24: (), 0.25: (0.2, 0.3), 0.49: (0.2, 0.3), 0.5: (0.4, 0.5), 0.99: (0.5, 0.6)}
    for share, values in wanted.items():
        assert found.values(Measure("early", share=share)) == pytest.approx(values)
    early = found.tried(Measure("early", share=0.5))
    assert [row.choice for row in early.values()] == [0.6, 0.7, -math.inf]
    assert [row.value for row in early.values()] == pytest.approx([0.3, 0.4, 0.0])


def test_what_was_still_gained_is_read_between_the_points(tmp_path: Path) -> None:
    # Points at 250, 500, 750 and 1000: at 800 the curve stands at 0.54.
    found = arm(tmp_path, Cell(TRIED, [0.7, 0.8], curve=[0.2, 0.4, 0.5, 0.7]))
    assert risen(found, 0.2) == pytest.approx(0.16)
    assert risen(found, 0.5) == pytest.approx(0.3)


def test_a_loss_that_falls_is_a_gain_and_a_single_point_says_nothing(tmp_path: Path) -> None:
    loss = Cell([(2.0, 2.0)], [2.0], curve=[4.0, 3.0, 2.5, 2.0])
    assert risen(arm(tmp_path, loss, metric="loss"), 0.25) == pytest.approx(0.5)
    (tmp_path / "single").mkdir()
    assert risen(arm(tmp_path / "single", Cell(TRIED, [0.7])), 0.2) is None


def test_arms_of_one_design_differ_in_settings_alone(tmp_path: Path) -> None:
    cell = {"lstm": Cell(TRIED, [0.7])}
    run = record(
        tmp_path / "run.gate",
        Part("rung-1", cell),
        Part("draw-2", cell, first=3),
        Part("rung-3", cell, updates=3000),
    )
    first, again, longer = (
        arms(run)[f"{part}:lstm", "arithmetic"] for part in ("rung-1", "draw-2", "rung-3")
    )
    assert first.design == again.design != longer.design
    assert not first.tried().keys() & again.tried().keys()


def test_a_task_at_two_scales_is_known_by_each(tmp_path: Path) -> None:
    cell = {"lstm": Cell(TRIED, [0.7])}
    floors = [{"name": "no memory", "accuracy": 0.125}]
    run = record(
        tmp_path / "run.gate",
        Part("near", cell, scale="laptop-near"),
        Part("far", cell, scale="laptop-far", floors=floors),
    )
    known = {part: arms(run)[f"{part}:lstm", "arithmetic"].column for part in ("near", "far")}
    assert known["near"].optimum == 1.0
    assert known["far"].optimum is None
    assert [floor["accuracy"] for floor in known["far"].floors] == [0.125]
    assert run.tasks["arithmetic"] == known["near"]


def test_values_are_final_unless_an_early_measure_is_asked_for(tmp_path: Path) -> None:
    found = arm(tmp_path, Cell(TRIED, [0.7, 0.9]))
    assert found.values() == found.values(FINAL)
