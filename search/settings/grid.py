"""The grid of hyperparameter settings that a space spans.

Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3.
"""

from functools import lru_cache
from itertools import product

from cells.training.setting import Setting
from cells.training.space import Space


def size(space: Space) -> int:
    """Number of settings in the grid: 840 for the paper's space."""
    return len(settings(space))


@lru_cache(maxsize=8)
def settings(space: Space) -> tuple[Setting, ...]:
    """Every setting of the grid once, in a fixed order, `[size(space)]`.

    The initialisation scale comes first, as in the paper: which settings a seed draws depends on it.
    Choices of an optimizer's own hyperparameters count only for the optimizers that have them.
    """
    rows = sorted(space.searched, key=lambda row: row.name != "init_scale")
    names = [row.name for row in rows]
    combinations = product(*(space.of(row) for row in rows))
    return tuple(
        dict.fromkeys(
            Setting.applicable(dict(zip(names, values, strict=True))) for values in combinations
        )
    )


@lru_cache(maxsize=8)
def positions(space: Space) -> dict[Setting, int]:
    """The place of every setting of the grid in `settings`."""
    return {setting: place for place, setting in enumerate(settings(space))}
