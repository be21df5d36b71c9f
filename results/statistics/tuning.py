"""What tuning gives: the value of the setting that is chosen when some of the settings are tried.

A setting has two values: the one it is chosen by (validation) and the one that then counts (test), both
such that higher is better. Of equal ones the setting that was tried first is chosen, as in a search.
"""

import math

import numpy as np
from numpy.typing import NDArray

from results.statistics.estimate import Estimate

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
Settings = tuple[Floats, Floats]
"""What each setting of an arm is chosen by, and what then counts, `[N]` each."""


def expected(choice: Floats, value: Floats, tries: int) -> float:
    """Expected value of the setting chosen among `tries` that are drawn without replacement; exact.

    The setting that k others stand below is chosen in comb(k, tries - 1) of all draws.

    Args:
        choice: what each setting is chosen by, `[N]`; minus infinity for one that failed.
        value: what then counts, `[N]`.
        tries: settings that are tried.

    Raises:
        ValueError: unless 1 <= tries <= N.

    Source: order statistics; Dodge et al. 2019, Show your work, with replacement.
    """
    return float(expected_of(choice, value, tries, np.arange(len(choice))[None])[0])


def expected_of(choice: Floats, value: Floats, tries: int, drawn: Places) -> Floats:
    """`expected` over each row of settings, `[R]`.

    Args:
        choice: as there.
        value: as there.
        tries: as there.
        drawn: places of settings, `[R, N]`; a setting that a row holds twice counts as two.

    Raises:
        ValueError: unless 1 <= tries <= N.
    """
    count = drawn.shape[1]
    if not 1 <= tries <= count:
        raise ValueError(f"{tries} tries of {count} settings")
    ways = math.comb(count, tries)
    chances = np.array([math.comb(place, tries - 1) / ways for place in range(count)])
    ordered = np.argsort(_ranks(choice)[drawn], axis=1)
    return value[np.take_along_axis(drawn, ordered, axis=1)] @ chances


def difference(
    first: Settings,
    second: Settings,
    tries: int,
    generator: np.random.Generator,
    *,
    shared: bool,
    resamples: int = 4000,
) -> Estimate:
    """`expected` of one arm minus that of another, with the error of the draw of the settings.

    The error is the larger of two: that of a bootstrap over the settings, and that of leaving out each
    setting in turn. With 20 settings, 95 % intervals then hold the truth in 0.92 to 0.97 of simulated
    draws for 1 to 10 tries, but in 0.83 for all 20, where a single setting decides: no resampling can
    know what lies beyond the best of all that were drawn.

    Args:
        first: choice and value of the settings of an arm, see `expected`.
        second: those of the other.
        tries: settings that are tried.
        generator: the source of the resamples.
        shared: the arms have the same settings in the same order, which are then drawn together.
        resamples: how many.

    Raises:
        ValueError: with fewer than 2 settings, or than `tries`.
    """
    counts = [len(arm[0]) for arm in (first, second)]
    if min(counts) < 2:
        raise ValueError(f"{min(counts)} settings have no spread")
    drawn = [draw(count, resamples, generator) for count in counts]
    if shared:
        drawn[1] = drawn[0]
    # A resample of n spreads by (n - 1) / n too little.
    bootstrap = [
        expected_of(*arm, tries, places) * math.sqrt(count / (count - 1))
        for arm, places, count in zip((first, second), drawn, counts, strict=True)
    ]
    errors = [float(np.std(bootstrap[0] - bootstrap[1], ddof=1))]
    if tries < min(counts):
        without = [
            expected_of(*arm, tries, _without_each(count)) * math.sqrt(count - 1)
            for arm, count in zip((first, second), counts, strict=True)
        ]
        errors.append(
            float(np.std(without[0] - without[1]))
            if shared
            else math.hypot(float(np.std(without[0])), float(np.std(without[1])))
        )
    centre = expected(*first, tries) - expected(*second, tries)
    return Estimate(centre, max(errors), float(min(counts) - 1), min(counts))


def chosen(choice: Floats, drawn: Places) -> Places:
    """Place of the setting chosen among each row of settings, `[R]`.

    Args:
        choice: by setting, `[N]`.
        drawn: places of settings, `[R, N]`.
    """
    best = _ranks(choice)[drawn].argmax(axis=1)
    return np.take_along_axis(drawn, best[:, None], axis=1)[:, 0]


def draw(count: int, resamples: int, generator: np.random.Generator) -> Places:
    """Resamples of so many settings with replacement, `[resamples, count]`."""
    return generator.integers(count, size=(resamples, count)).astype(np.intp)


def _without_each(count: int) -> Places:
    """Places of all settings but one, `[count, count - 1]`."""
    return np.array([np.delete(np.arange(count), place) for place in range(count)], np.intp)


def _ranks(choice: Floats) -> Places:
    """From 0 for the worst; of equal ones the first is the best."""
    count = len(choice)
    ranks = np.empty(count, np.intp)
    ranks[np.lexsort((-np.arange(count), choice))] = np.arange(count)
    return ranks
