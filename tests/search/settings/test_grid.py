"""The grid."""

from cells.training.setting import Setting
from cells.training.space import Space
from search.settings import grid


def test_the_paper_has_840_settings() -> None:
    settings = grid.settings(Space())
    assert len(settings) == len(set(settings)) == grid.size(Space()) == 840
    assert Setting(learning_rate=5.0, init_scale=2.8, clip=20.0, layers=4) in settings


def test_a_restricted_space_keeps_its_choices() -> None:
    space = Space(init_scales=(1.0,), learning_rates=(0.5, 1.0), clips=(5.0,), layers=(1, 2))
    assert {(s.learning_rate, s.layers) for s in grid.settings(space)} == {
        (0.5, 1),
        (0.5, 2),
        (1.0, 1),
        (1.0, 2),
    }
