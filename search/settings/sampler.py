"""Where hyperparameter settings come from. Each proposal is a pure function of its arguments."""

import math
import random
from collections.abc import Collection, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
)
from optuna.trial import TrialState, create_trial

from cells.training.hyperparameter import Hyperparameter
from cells.training.setting import HYPERPARAMETERS, Setting
from cells.training.space import Space
from results.record.study import SamplerName
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
    - `random`: log-uniform between the grid's extremes, or one of the choices, see `Hyperparameter`.
    - `tpe`: Optuna's TPE, maximising, with failed settings as the worst and awaited ones as taken.

    Optuna's samplers are made anew each time and their memory is rebuilt from `history`, so that a
    resumed study proposes what an uninterrupted one would have.
    """
    if name == "grid" or _is_finite(space):
        places = grid.positions(space)
        used = sorted({places[setting] for setting, _ in history if setting in places})
        free = grid.size(space) - len(used)
        if not free:
            return None
        place = random.Random(seed).choice(range(free))  # noqa: S311
        for taken in used:  # the place among the free points, counted over all
            place += taken <= place
        return grid.settings(space)[place]
    return _continuous(name, history, seed, space)


def capacity(name: SamplerName, space: Space) -> float:
    """How many distinct settings `propose` can give; infinite for a continuous space."""
    return grid.size(space) if name == "grid" or _is_finite(space) else math.inf


def _is_finite(space: Space) -> bool:
    """True if all that is drawn continuously is fixed."""
    return all(len(set(space.of(row))) == 1 for row in space.searched if _continuously(row, space))


def _continuously(row: Hyperparameter, space: Space) -> bool:
    return row.draw == "log" and min(space.of(row)) > 0


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What the continuous samplers draw from, by recorded name: Optuna sorts some by their names."""
    return {
        row.recorded: _between(space.of(row))
        if _continuously(row, space)
        else CategoricalDistribution(space.of(row))
        for row in space.searched
    }


def parameters(setting: Setting, names: Collection[str]) -> dict[str, Any]:
    """The values of a setting by recorded name, of `names` those that its optimizer has."""
    values = {row.recorded: getattr(setting, row.name) for row in HYPERPARAMETERS}
    return {name: values[name] for name in names if values[name] is not None}


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
        drawn = study.ask(drawn_from).params
        setting = Setting.applicable(
            {row.name: drawn[row.recorded] for row in HYPERPARAMETERS if row.recorded in drawn}
        )
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
        params=(values := parameters(setting, distributions)),
        distributions={name: distributions[name] for name in values},
    )
