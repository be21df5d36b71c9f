"""Samplers."""

import math

import pytest

from cells.training.setting import Setting
from cells.training.space import Space
from results.record.study import SamplerName
from search.settings import grid
from search.settings.sampler import FAILED, Tried, capacity, propose

SMALL = Space(init_scales=(0.7, 1.4), learning_rates=(0.5, 1.0, 2.0), clips=(5.0,), layers=(1, 2))
NAMES: tuple[SamplerName, ...] = ("grid", "random", "tpe")


def _score(setting: Setting) -> float:
    return -abs(math.log(setting.learning_rate / 1.0)) - abs(math.log(setting.init_scale))


def _history(name: SamplerName, count: int, space: Space) -> list[Tried]:
    history: list[Tried] = []
    for seed in range(count):
        setting = propose(name, history, seed, space)
        assert setting is not None
        # Every fifth fails, and the last four are still awaited, as under a lag.
        value = FAILED if seed % 5 == 4 else _score(setting)
        history.append((setting, value if seed < count - 4 else None))
    return history


def test_the_grid_is_drawn_without_repeats_until_it_is_used_up() -> None:
    history = _history("grid", grid.size(SMALL), SMALL)
    assert {setting for setting, _ in history} == set(grid.settings(SMALL))
    assert propose("grid", history, 99, SMALL) is None


@pytest.mark.parametrize("name", NAMES)
def test_no_setting_comes_twice_and_all_lie_in_the_space(name: SamplerName) -> None:
    settings = [setting for setting, _ in _history(name, 12, SMALL)]
    assert len(set(settings)) == 12
    for setting in settings:
        assert 0.7 <= setting.init_scale <= 1.4
        assert 0.5 <= setting.learning_rate <= 2.0
        assert setting.clip == 5.0
        assert setting.layers in (1, 2)
        assert setting.dropout == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_a_proposal_depends_on_its_arguments_alone(name: SamplerName) -> None:
    history = _history(name, 20, Space())
    once = propose(name, history, 5, Space())
    propose(name, history[:7], 6, Space())
    assert propose(name, tuple(history), 5, Space()) == once
    assert propose(name, history, 6, Space()) != once


@pytest.mark.parametrize("name", NAMES)
def test_a_space_with_nothing_continuous_is_used_up_after_its_choices(name: SamplerName) -> None:
    space = Space(init_scales=(1.0,), learning_rates=(0.5,), clips=(5.0,), layers=(1, 2))
    assert capacity(name, space) == 2
    history = _history(name, 2, space)
    assert {setting for setting, _ in history} == set(grid.settings(space))
    assert propose(name, history, 2, space) is None


def test_only_the_grid_of_the_paper_is_finite() -> None:
    assert [capacity(name, Space()) for name in NAMES] == [840, math.inf, math.inf]


def test_random_is_log_uniform() -> None:
    space = Space(layers=(1,))
    rates = [propose("random", [], seed, space) for seed in range(400)]
    below = sum(rate is not None and rate.learning_rate < math.sqrt(0.1 * 5.0) for rate in rates)
    # Binomial(400, 1/2): four standard deviations are 40.
    assert 160 <= below <= 240


def test_tpe_learns_where_scores_are_high_and_the_grid_does_not() -> None:
    def mean(name: SamplerName) -> float:
        history = _history(name, 60, Space(layers=(1,)))
        scores = [_score(setting) for setting, _ in history[-20:]]
        return sum(scores) / len(scores)

    assert mean("tpe") > mean("grid") + 0.3
