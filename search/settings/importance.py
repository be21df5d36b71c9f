"""Importance of hyperparameters by Optuna's evaluators, from the settings that a selection tried.

Sources: Watanabe, Bansal, Hutter 2023, PED-ANOVA: efficiently quantifying hyperparameter importance in
arbitrary subspaces. Hutter, Hoos, Leyton-Brown 2014, An efficient approach for assessing hyperparameter
importance (fANOVA), which Greff et al. 2015 used; it needs scikit-learn.
"""

import math
import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator

from cells.training.setting import HYPERPARAMETERS, Setting
from results.statistics.sensitivity import Importance, Method, Selection
from search.error import SearchError
from search.settings.sampler import parameters

TOP: Final = 0.25
"""Share of the settings that count as the best: 5 of 20."""
FEWEST: Final = 8
"""Settings that must have trained, or nothing is said."""
TREES: Final = 32
"""Of the random forest of fANOVA."""
SHUFFLES: Final = 100
"""Random orders of the values that an importance is held against; at most 1 in 20 may exceed it."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def importances(
    selections: Sequence[Selection], method: Method = "PED-ANOVA"
) -> tuple[Importance, ...]:
    """The importances of every arm and task, in order. Equal arguments give equal results.

    Raises:
        SearchError: fANOVA without scikit-learn.
    """
    if method == "fANOVA" and find_spec("sklearn") is None:
        raise SearchError(
            "importance.missing",
            "fANOVA needs the package scikit-learn, which is not installed",
            "install it with `pip install 'gatewright[fanova]'`; ped-anova needs nothing",
        )
    return tuple(_importance(selection, method) for selection in selections)


def _importance(selection: Selection, method: Method) -> Importance:
    trained = [value for value in selection.values if value is not None]
    if len(trained) < FEWEST or len(set(trained)) < FEWEST:
        return Importance(
            selection.arm, selection.task, len(selection.values), {}, frozenset(), method
        )
    # Only the order counts: failures come last.
    last = selection.metric.poorest(trained) - selection.metric.sign
    weights = _weights(selection.settings, selection.oriented(last), method)
    chance = _chance(selection.settings, method)
    total = math.fsum(weights.values())
    return Importance(
        arm=selection.arm,
        task=selection.task,
        tries=len(selection.values),
        shares={name: weight / total for name, weight in weights.items()} if total else {},
        beyond_chance=frozenset(name for name in weights if weights[name] > chance[name]),
        method=method,
    )


@lru_cache(maxsize=64)
def _chance(settings: tuple[Setting, ...], method: Method) -> Mapping[str, float]:
    """By hyperparameter what 95 % of random orders of these settings stay below or reach."""
    generator = random.Random(len(settings))  # noqa: S311
    ranks = [float(rank) for rank in range(len(settings))]
    drawn: dict[str, list[float]] = {}
    for _ in range(SHUFFLES):
        generator.shuffle(ranks)
        for name, weight in _weights(settings, ranks, method).items():
            drawn.setdefault(name, []).append(weight)
    return {name: sorted(row)[math.ceil(0.95 * SHUFFLES) - 1] for name, row in drawn.items()}


def _weights(
    settings: Sequence[Setting], values: Sequence[float], method: Method
) -> dict[str, float]:
    """What each hyperparameter that varies weighs: the Pearson divergence of the best settings from
    all, or the variance that it explains alone. Only the order of the values counts.
    """
    space = _space(settings)
    _, ranks = np.unique(values, return_inverse=True)
    study = optuna.create_study(direction="maximize")
    study.add_trials(
        [
            optuna.trial.create_trial(
                value=float(value),
                params=parameters(setting, space),
                distributions=space,
            )
            for setting, value in zip(settings, ranks, strict=True)
        ]
    )
    evaluator = (
        PedAnovaImportanceEvaluator(target_quantile=TOP)
        if method == "PED-ANOVA"
        else FanovaImportanceEvaluator(n_trees=TREES, seed=0)
    )
    shares = evaluator.evaluate(study)
    return {
        row.name: float(shares[row.recorded]) for row in HYPERPARAMETERS if row.recorded in space
    }


def _space(settings: Sequence[Setting]) -> dict[str, BaseDistribution]:
    """By recorded name, those that vary; but not those that only some of the settings have."""
    space: dict[str, BaseDistribution] = {}
    for row in HYPERPARAMETERS:
        values = {getattr(setting, row.name) for setting in settings}
        if len(values) < 2 or None in values:
            continue
        choices = sorted(values)
        space[row.recorded] = (
            FloatDistribution(choices[0], choices[-1], log=True)
            if row.kind == "real" and choices[0] > 0
            else CategoricalDistribution(choices)
        )
    return space
