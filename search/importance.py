"""Importance of hyperparameters by Optuna's PED-ANOVA, from the settings that a selection tried.

Source: Watanabe, Bansal, Hutter 2023, PED-ANOVA: efficiently quantifying hyperparameter importance in
arbitrary subspaces.
"""

import math
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator

from cells.setting import Setting
from results.sensitivity import Importance, Selection

TOP: Final = 0.25
"""Share of the settings that count as the best: 5 of 20."""
FEWEST: Final = 8
"""Settings that must have trained, or nothing is said."""
SHUFFLES: Final = 100
"""Random orders of the values that an importance is held against; at most 1 in 20 may exceed it."""

optuna.logging.set_verbosity(optuna.logging.WARNING)

_NAMES: Final = ("learning_rate", "scale", "clip", "layers", "dropout")


def importances(found: Sequence[Selection]) -> tuple[Importance, ...]:
    """The importances of every arm and task, in order. Equal arguments give equal results."""
    return tuple(_importance(one) for one in found)


def _importance(one: Selection) -> Importance:
    trained = [value for value in one.values if value is not None]
    if len(trained) < FEWEST or len(set(trained)) < FEWEST:
        return Importance(one.arm, one.task, len(one.values), {}, frozenset())
    # Only the order counts: failures come last.
    worst = min(trained) if one.metric == "accuracy" else max(trained)
    last = worst - 1.0 if one.metric == "accuracy" else worst + 1.0
    weights = _divergences(one.settings, one.oriented(last))
    chance = _chance(one.settings)
    total = math.fsum(weights.values())
    return Importance(
        arm=one.arm,
        task=one.task,
        tries=len(one.values),
        shares={name: weight / total for name, weight in weights.items()} if total else {},
        beyond_chance=frozenset(name for name in weights if weights[name] > chance[name]),
    )


@lru_cache(maxsize=64)
def _chance(settings: tuple[Setting, ...]) -> Mapping[str, float]:
    """By hyperparameter what 95 % of random orders of these settings stay below or reach."""
    generator = random.Random(len(settings))  # noqa: S311
    ranks = [float(place) for place in range(len(settings))]
    drawn: dict[str, list[float]] = {}
    for _ in range(SHUFFLES):
        generator.shuffle(ranks)
        for name, weight in _divergences(settings, ranks).items():
            drawn.setdefault(name, []).append(weight)
    return {name: sorted(row)[math.ceil(0.95 * SHUFFLES) - 1] for name, row in drawn.items()}


def _divergences(settings: Sequence[Setting], values: Sequence[float]) -> dict[str, float]:
    """Pearson divergence of the best settings from all, by hyperparameter that varies."""
    space = _space(settings)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=value,
                params={name: getattr(setting, name) for name in space},
                distributions=space,
            )
            for setting, value in zip(settings, values, strict=True)
        ]
    )
    found = PedAnovaImportanceEvaluator(target_quantile=TOP).evaluate(study)
    return {name: found[name] for name in space}


def _space(settings: Sequence[Setting]) -> dict[str, BaseDistribution]:
    space: dict[str, BaseDistribution] = {}
    for name in _NAMES:
        choices = sorted({getattr(setting, name) for setting in settings})
        if len(choices) < 2:
            continue
        space[name] = (
            FloatDistribution(choices[0], choices[-1], log=True)
            if choices[0] > 0 and name != "layers"
            else CategoricalDistribution(choices)
        )
    return space
