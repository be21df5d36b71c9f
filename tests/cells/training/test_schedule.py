"""The three schedules of the paper at their boundaries (choice D21)."""

import pytest

from cells.training.schedule import Schedule


def follow(schedule: Schedule, start: float, losses: list[float]) -> list[float | None]:
    """The rate of every epoch while the validation losses come in, the last repeating."""
    rates: list[float | None] = []
    while not rates or rates[-1] is not None:
        done = len(rates)
        seen = (losses + losses[-1:] * done)[:done]
        rates.append(schedule.rate(start, seen))
    return rates


def test_search_halves_for_four_epochs_after_three_without_gain() -> None:
    # Epoch 1 is the best; 2, 3, 4 bring nothing; 5 to 8 are the tail.
    rates = follow(Schedule("search"), 1.0, [3.0])
    assert rates == [1.0, 1.0, 1.0, 1.0, 1 / 2, 1 / 4, 1 / 8, 1 / 16, None]


def test_search_counts_epochs_in_a_row() -> None:
    rates = follow(Schedule("search"), 1.0, [3.0, 3.1, 3.1, 2.9, 3.0, 3.0, 3.0])
    assert rates == [1.0] * 7 + [1 / 2, 1 / 4, 1 / 8, 1 / 16, None]


def test_search_does_not_return_from_the_tail() -> None:
    rates = follow(Schedule("search"), 1.0, [3.0, 3.1, 3.1, 3.1, 1.0, 0.9, 0.8, 0.7, 0.6])
    assert rates == [1.0] * 4 + [1 / 2, 1 / 4, 1 / 8, 1 / 16, None]


def test_an_equal_loss_is_no_gain() -> None:
    assert Schedule("search").rate(1.0, [2.0, 2.0, 2.0]) == 1.0
    assert Schedule("search").rate(1.0, [2.0, 2.0, 2.0, 2.0]) == 0.5


def test_gain_is_measured_against_the_best_so_far() -> None:
    # Every second loss falls, none below the first.
    assert Schedule("search").rate(1.0, [1.0, 2.0, 1.5, 1.8]) == 0.5


def test_music_cuts_after_ten_and_counts_anew() -> None:
    rates = follow(Schedule("music", epochs=800, patience=10, decay=0.8), 0.1, [5.0])
    assert rates[:11] == [0.1] * 11
    assert rates[11:21] == pytest.approx([0.08] * 10)
    assert rates[21] == pytest.approx(0.064)


@pytest.mark.parametrize(("start", "cuts"), [(5.0, 39), (1.0, 31), (0.1, 21)])
def test_music_stops_below_one_thousandth(start: float, cuts: int) -> None:
    schedule = Schedule("music", epochs=800, patience=10, decay=0.8, least=1e-3)
    rates = follow(schedule, start, [5.0])
    assert len(rates) == 1 + 10 * cuts + 1
    last = rates[-2]
    assert last is not None
    assert last >= 1e-3 > last * 0.8


def test_music_goes_on_while_there_is_gain() -> None:
    losses = [1 / (n + 1) for n in range(50)]
    assert Schedule("music", epochs=800).rate(0.1, losses) == 0.1


def test_ptb_is_constant_and_then_falls_every_epoch() -> None:
    schedule = Schedule("ptb", epochs=30, constant=4, decay=0.5)
    rates = follow(schedule, 1.0, [9.0])
    assert rates[:4] == [1.0] * 4
    assert rates[4:30] == [0.5 ** (n + 1) for n in range(26)]
    assert rates[30:] == [None]


@pytest.mark.parametrize("name", ["search", "music", "ptb"])
def test_all_stop_after_their_epochs(name) -> None:
    schedule = Schedule(name, epochs=2)
    assert schedule.rate(1.0, [3.0]) == 1.0
    assert schedule.rate(1.0, [3.0, 2.0]) is None
    assert Schedule(name, epochs=0).rate(1.0, []) is None
