"""The paper's grid of hyperparameter settings.

Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.
"""

from functools import lru_cache
from itertools import product

from cells.training.setting import Setting
from results.record.study import Space


def size(space: Space) -> int:
    """Number of settings in the grid: 840 for the paper's space."""
    return (
        len(space.scales)
        * len(space.learning_rates)
        * len(space.clips)
        * len(space.layers)
        * len(space.dropouts)
    )


@lru_cache(maxsize=8)
def settings(space: Space) -> tuple[Setting, ...]:
    """Every setting of the grid once, in a fixed order, `[size(space)]`."""
    return tuple(
        Setting(learning_rate=rate, scale=scale, clip=clip, layers=layers, dropout=dropout)
        for scale, rate, clip, layers, dropout in product(
            space.scales, space.learning_rates, space.clips, space.layers, space.dropouts
        )
    )
