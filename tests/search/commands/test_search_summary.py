"""The end of a search: the best cell and the yardstick are measured alike."""

from pathlib import Path

import pytest

from cells.cell import Cell
from results.leaderboard import board as leaderboard
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from search.commands.study.search import beside_yardstick
from tests.results import synthetic

GRU, LSTM, NEW = synthetic.BASELINES["gru"], synthetic.BASELINES["lstm"], synthetic.invented(1)


def compared(
    path: Path, *trainings: tuple[Role, tuple[Cell, str], float, float]
) -> dict[str, object]:
    """What is said of the task alpha of a study with these validation and test accuracies."""
    study = synthetic.study()
    with Store.create_or_open(path) as store:
        store.begin(study, {})
        synthetic.tasks(store)
        for number, (role, cell, valid, test) in enumerate(trainings):
            trial = synthetic.trial(cell, "alpha", number, seed=number)
            store.add_ask(study.id, Ask(number, role, trial))
            outcome = Outcome(
                trial.key,
                Ending.OK,
                valid_loss=1.0,
                test_loss=1.0,
                valid_accuracy=valid,
                test_accuracy=test,
            )
            store.add_outcome(study.id, number, outcome)
        (entry,) = beside_yardstick(leaderboard.build(store, study.id))
    return entry


def test_a_lucky_fresh_seed_is_not_set_beside_the_best_of_selection(tmp_path: Path) -> None:
    entry = compared(
        tmp_path / "a.sqlite",
        (Role.BASELINE, GRU, 0.6, 0.6),
        (Role.STAGE, NEW, 0.7, 0.7),
        (Role.CONFIRM, NEW, 0.95, 0.95),
    )
    assert (entry["cell_id"], entry["value"], entry["reference"]) == (NEW[1], 0.7, 0.6)
    assert entry["measured"] == "selection, validation"


def test_fresh_seeds_are_compared_with_fresh_seeds_where_both_have_them(tmp_path: Path) -> None:
    entry = compared(
        tmp_path / "b.sqlite",
        (Role.BASELINE, GRU, 0.6, 0.1),
        (Role.STAGE, NEW, 0.7, 0.1),
        *((Role.CONFIRM, NEW, 0.9, test) for test in (0.62, 0.66)),
        *((Role.CONFIRM, GRU, 0.9, test) for test in (0.60, 0.64)),
    )
    assert entry["value"] == pytest.approx(0.64)
    assert entry["reference"] == pytest.approx(0.62)
    assert entry["measured"] == "2 fresh seeds, test"
