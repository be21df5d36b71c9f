"""Where hyperparameter settings come from. Each proposal is a pure function of its arguments."""

import math
import random
from collections.abc import Sequence

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from optuna.trial import TrialState, create_trial

from cells.training.setting import Setting
from results.record.study import SamplerName, Space
from search.settings import grid

TPE_HISTORY = 300
"""Latest settings that TPE looks at: its time grows with them (5 ms at 300, 0.1 s at 10,000)."""

FAILED = -math.inf
"""Value of a setting whose training gave no finite score."""

Tried = tuple[Setting, float | None]
"""A setting and its score: higher is better, `FAILED` if there is none, None while it is awaited."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def propose(name: SamplerName, history: Sequence[Tried], seed: int, space: Space) -> Setting | None:
    """A setting that is not in `history`, or None when all `capacity` ones are.

    - `grid`: uniform over the untried points of the grid (the paper's).
    - `random`: log-uniform between the grid's extremes.
    - `tpe`: Optuna's TPE, maximising, with failed settings as the worst and awaited ones as taken.

    Optuna's samplers are made anew each time and their memory is rebuilt from `history`, so that a
    resumed study proposes what an uninterrupted one would have.
    """
    if name == "grid" or _is_finite(space):
        used = {setting for setting, _ in history}
        free = [setting for setting in grid.settings(space) if setting not in used]
        return random.Random(seed).choice(free) if free else None  # noqa: S311
    return _continuous(name, history, seed, space)


def capacity(name: SamplerName, space: Space) -> float:
    """How many distinct settings `propose` can give; infinite for a continuous space."""
    return grid.size(space) if name == "grid" or _is_finite(space) else math.inf


def _is_finite(space: Space) -> bool:
    """True if scale, rate and clip are fixed, so that nothing continuous is left to draw."""
    return all(
        len(set(choices)) == 1 for choices in (space.scales, space.learning_rates, space.clips)
    )


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What the continuous samplers draw from, by field of `Setting`."""
    return {
        "learning_rate": _between(space.learning_rates),
        "scale": _between(space.scales),
        "clip": _between(space.clips),
        "layers": CategoricalDistribution(space.layers),
        "dropout": CategoricalDistribution(space.dropouts),
    }


def _continuous(name: SamplerName, history: Sequence[Tried], seed: int, space: Space) -> Setting:
    drawn_from = distributions(space)
    # NumPy, behind Optuna, takes seeds of 32 bits.
    sampler = (
        optuna.samplers.TPESampler(seed=seed % 2**32)
        if name == "tpe"
        else optuna.samplers.RandomSampler(seed=seed % 2**32)
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    if name == "tpe":
        study.add_trials(
            [_remembered(setting, value, drawn_from) for setting, value in history[-TPE_HISTORY:]]
        )
    used = {setting for setting, _ in history}
    while True:
        setting = Setting(**study.ask(drawn_from).params)
        if setting not in used:
            return setting


def _between(choices: Sequence[float]) -> FloatDistribution:
    return FloatDistribution(min(choices), max(choices), log=True)


def _remembered(
    setting: Setting, value: float | None, distributions: dict[str, BaseDistribution]
) -> optuna.trial.FrozenTrial:
    """One line of the history as Optuna knows it; a pruned trial without values is its worst."""
    if value is None:
        state = TrialState.RUNNING
    else:
        state = TrialState.PRUNED if value == FAILED else TrialState.COMPLETE
    return create_trial(
        state=state,
        value=value if state == TrialState.COMPLETE else None,
        params={name: getattr(setting, name) for name in distributions},
        distributions=distributions,
    )
