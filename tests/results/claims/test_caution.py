"""Cautions, on records in which each fault stands alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cells.training.metric import ACCURACY, LOSS
from results.claims.arm import arms
from results.claims.caution import Caution, cautions, levels, stalled
from results.claims.claim import FINAL, Measure
from results.leaderboard.task_column import TaskColumn
from tests.results.founding_store import FLOORS, Cell, Part, record

SMALLEST = 0.02
FLAT = (0.3, 0.6, 0.7, 0.75, 0.75)
CUT = (1.0, 1.0, 1.0, 0.5, 0.25)


def cell(value: float, **fields: Any) -> Cell:
    """A cell whose three seeds lie about a value; its second setting is selected, at no edge."""
    given: dict[str, Any] = {"curve": FLAT, "rates": CUT, "selected": 1}
    given |= fields
    tried = [(value - 0.1, value - 0.1), (value, value), (value - 0.2, value - 0.2)]
    return Cell(tried, [value - 0.001, value, value + 0.001], **given)


def told(
    path: Path,
    first: Cell,
    second: Cell,
    measure: Measure = FINAL,
    passes: Mapping[tuple[str, str], int] | None = None,
    **fields: Any,
) -> tuple[Caution, ...]:
    run = record(path / "run.gate", Part("near", {"lstm_b": first, "lstm": second}, **fields))
    built = arms(run)
    pair = built["near:lstm_b", "arithmetic"], built["near:lstm", "arithmetic"]
    means = [sum(arm.values(measure)) / len(arm.values(measure)) for arm in pair]
    return cautions(pair, (means[0], means[1]), SMALLEST, measure, passes)


def codes(found: Sequence[Caution]) -> list[str]:
    return [caution.code for caution in found]


def test_arms_that_are_trained_out_between_the_levels_give_no_caution(tmp_path: Path) -> None:
    assert told(tmp_path, cell(0.8), cell(0.7)) == ()


def test_both_arms_at_a_level_of_partial_knowledge_are_a_plateau(tmp_path: Path) -> None:
    (found,) = told(tmp_path, cell(0.51), cell(0.49))
    assert (found.code, found.lowers) == ("plateau", True)
    assert found.text == (
        "both arms (0.5100 and 0.4900 accuracy) lie within 0.02 of 0.5000, which partial knowledge of"
        ' the task gives ("one of the two numbers")'
    )


@pytest.mark.parametrize("other", [0.53, 0.47])
def test_a_plateau_needs_both_arms(tmp_path: Path, other: float) -> None:
    assert told(tmp_path, cell(0.5), cell(other)) == ()


def test_both_arms_at_or_below_the_level_without_memory_stand_on_the_floor(tmp_path: Path) -> None:
    (found,) = told(tmp_path, cell(0.315), cell(0.2))
    assert (found.code, found.lowers) == ("floor", True)
    assert "no more than 0.02 better than without memory: 0.3000 (no memory)" in found.text


def test_both_arms_at_the_best_possible_value_are_saturated(tmp_path: Path) -> None:
    (found,) = told(tmp_path, cell(0.99), cell(0.985))
    assert (found.code, found.lowers) == ("saturated", True)
    assert found.text.endswith("within 0.02 of the best possible value, 1.0000")
    (tmp_path / "apart").mkdir()
    assert told(tmp_path / "apart", cell(0.99), cell(0.95)) == ()


def test_a_level_below_the_one_without_memory_is_no_plateau(tmp_path: Path) -> None:
    # "constant symbol", 0.2, uses less than a predictor without memory.
    (found,) = told(tmp_path, cell(0.2), cell(0.2))
    assert found.code == "floor"


def test_a_loss_has_its_levels_the_other_way_round(tmp_path: Path) -> None:
    baselines = [
        {"name": "1-gram, add-1", "metric": "loss", "value": value, "split": split}
        for split, value in (("valid", 3.1), ("test", 3.0))
    ]
    baselines += [{"name": "4-gram", "metric": "loss", "value": 2.5, "split": "test"}]
    loss: dict[str, Any] = {"metric": "loss", "floors": (), "baselines": baselines}
    flat = {"curve": (3.0, 2.0, 2.0, 2.0, 2.0)}
    (found,) = told(tmp_path, cell(2.99, **flat), cell(3.2, **flat), **loss)
    assert found.code == "floor"
    assert "3.0000 (1-gram, add-1)" in found.text
    (tmp_path / "better").mkdir()
    # A counted baseline is no level that training stops at.
    assert told(tmp_path / "better", cell(2.5, **flat), cell(2.5, **flat), **loss) == ()


def test_a_level_that_differs_in_test_is_that_of_test_unless_the_value_is_of_validation() -> None:
    column = TaskColumn(
        "agreement",
        "laptop",
        ACCURACY,
        optimum=1.0,
        floors=(
            {"name": "optimum", "accuracy": 1.0},
            {"name": "nearest noun", "accuracy": 0.6},
            {"name": "nearest noun, in test", "accuracy": 0.55},
            {"name": "no memory", "accuracy": 0.5},
        ),
    )
    assert levels(column, "test").partial == {"nearest noun": 0.55}
    assert levels(column, "valid").partial == {"nearest noun": 0.6}
    assert levels(column, "test").floor == ("no memory", 0.5)
    assert levels(TaskColumn("x", "laptop", LOSS), "test").partial == {}


def test_a_curve_that_still_rises_in_either_arm_is_said_with_how_much(tmp_path: Path) -> None:
    rising = cell(0.7, curve=(0.3, 0.5, 0.6, 0.65, 0.7))
    (found,) = told(tmp_path, cell(0.8), rising)
    assert (found.code, found.lowers) == ("rising", True)
    assert found.text == (
        "over the last fifth of the updates the validation accuracy still improved by more than 0.02:"
        " near:lstm by 0.0500"
    )


def test_a_curve_that_falls_or_rises_less_is_flat(tmp_path: Path) -> None:
    slow, falling = (0.3, 0.5, 0.6, 0.685, 0.7), (0.3, 0.5, 0.8, 0.8, 0.7)
    assert told(tmp_path, cell(0.8, curve=slow), cell(0.7, curve=falling)) == ()


def test_a_rate_that_was_never_cut_in_most_trainings_is_said(tmp_path: Path) -> None:
    (found,) = told(tmp_path, cell(0.8), cell(0.7, rates=(1.0,) * 5))
    assert (found.code, found.lowers) == ("never-cut", True)
    assert found.text.endswith("in most confirmed trainings: 3 of 3 of near:lstm")


def test_less_than_one_pass_is_said_where_the_length_of_a_pass_is_known(tmp_path: Path) -> None:
    # Five epochs, of which a pass takes eight.
    (found,) = told(tmp_path, cell(0.8), cell(0.7), passes={("arithmetic", "laptop"): 8})
    assert (found.code, found.lowers) == ("less-than-one-pass", True)
    assert found.text.endswith("near:lstm_b 0.62 and near:lstm 0.62 of it")
    for number, passes in enumerate(({("arithmetic", "laptop"): 5}, {("arithmetic", "paper"): 8})):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert told(folder, cell(0.8), cell(0.7), passes=passes) == ()


def test_a_learning_rate_at_the_end_of_the_grid_lowers_and_a_clip_is_only_said(
    tmp_path: Path,
) -> None:
    found = told(tmp_path, cell(0.8, selected=2), cell(0.7, selected=0))
    assert [(caution.code, caution.lowers, caution.text) for caution in found] == [
        ("edge", True, "the selected learning rate of near:lstm_b, 1, is the largest of the grid"),
        ("edge", True, "the selected learning rate of near:lstm, 0.2, is the smallest of the grid"),
        ("edge", False, "the selected gradient clip of near:lstm, 1, is the smallest of the grid"),
    ]


def test_an_early_measure_is_held_against_levels_of_validation_and_not_against_more_training(
    tmp_path: Path,
) -> None:
    # After two fifths both arms stand at 0.5; in the end they rise, at a rate that was never cut.
    rising = {"curve": (0.3, 0.5, 0.6, 0.65, 0.7), "rates": (1.0,) * 5}
    arms_ = cell(0.7, **rising), cell(0.7, **rising)
    assert codes(told(tmp_path, *arms_, Measure("early", share=0.4))) == ["plateau"]
    (tmp_path / "final").mkdir()
    assert codes(told(tmp_path / "final", *arms_)) == ["rising", "never-cut"]


def test_the_best_of_some_settings_has_no_selected_one(tmp_path: Path) -> None:
    first = cell(0.8, selected=2)
    assert told(tmp_path, first, cell(0.7), Measure("best-of", settings=2)) == ()


def test_the_share_of_arms_at_a_level_is_counted_by_part_and_task(tmp_path: Path) -> None:
    run = record(
        tmp_path / "run.gate",
        Part(
            "near", {"lstm": cell(0.5), "gru": cell(0.31), "mut1": cell(0.8), "elman": cell(0.25)}
        ),
        Part("far", {"lstm": cell(0.8)}),
        Part("far", {"lstm": cell(2.0)}, task="ptb", metric="loss", floors=FLOORS, first=1),
    )
    near, far = stalled(list(arms(run).values()), {"arithmetic": SMALLEST})
    assert (near.part, near.task, near.arms) == ("near", "arithmetic", 4)
    assert near.plateau == ("near:lstm",)
    assert near.floor == ("near:gru", "near:elman")
    assert near.share == 0.75
    assert (far.part, far.share) == ("far", 0.0)
