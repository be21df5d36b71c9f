"""How cells are compared."""

import pytest

from cells.training.metric import ACCURACY, LOSS
from cells.training.setting import Setting
from results.record.outcome import Ending, Outcome
from search.protocol.score import best, ranked, ratio, score, value
from search.settings.sampler import FAILED

OK = Outcome("k", Ending.OK, valid_loss=1.5, valid_accuracy=0.6)


def test_values_are_higher_for_better_trainings() -> None:
    assert value(ACCURACY, OK) == 0.6
    assert value(LOSS, OK) == -1.5


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending != Ending.OK])
def test_only_a_training_that_ended_well_has_a_value(ending: Ending) -> None:
    assert value(LOSS, Outcome("k", ending, valid_loss=1.5, valid_accuracy=0.6)) == FAILED
    assert (
        value(LOSS, Outcome("k", Ending.OK)) == value(ACCURACY, Outcome("k", Ending.OK)) == FAILED
    )


def test_ratios_are_those_of_the_paper_for_accuracy_and_inverted_for_losses() -> None:
    assert ratio(ACCURACY, 0.45, 0.9) == 0.5
    assert ratio(LOSS, -4.0, -2.0) == 0.5
    assert ratio(LOSS, -1.0, -2.0) == 2.0
    assert ratio(ACCURACY, FAILED, 0.9) == ratio(LOSS, FAILED, -1.0) == 0.0
    assert ratio(ACCURACY, 0.0, 0.0) == 1.0
    assert ratio(LOSS, 0.0, 0.0) == 1.0


def test_eq_1_gives_the_scores_of_the_papers_table() -> None:
    gru = (0.89565, 0.45963, 0.09069)
    table = {
        0.3293: (0.29493, 0.32050, 0.08782),
        0.9240: (0.89228, 0.42470, 0.08912),
        1.0101: (0.90728, 0.46478, 0.09161),
    }
    for expected, row in table.items():
        found = score(ratio(ACCURACY, *pair) for pair in zip(row, gru, strict=True))
        assert found == pytest.approx(expected, abs=5e-5)


def test_the_best_setting_is_the_first_of_the_highest() -> None:
    one, two, three, four = (Setting(layers=layers) for layers in (1, 2, 3, 4))
    tried = {one: None, two: FAILED, three: 0.5, four: 0.5}
    assert best(tried) == (three, 0.5)
    assert ranked(tried, {one: 0.7}) == [(one, 0.7), (three, 0.5), (four, 0.5)]
    assert best({one: None, two: FAILED}) is None
