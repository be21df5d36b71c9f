"""Evidence: what the record of a findings run says about a comparison, for the second edition's rules."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from results.claims.arm import Arm, Tried, arms, columns
from results.claims.caution import Caution, Stalled, cautions, stalled
from results.claims.claim import FINAL, Claim, Comparison, Measure
from results.claims.findings import Run
from results.statistics.effect import pooled_jointly, resampled_means
from results.statistics.estimate import Estimate, welch
from results.statistics.interval import Interval
from results.statistics.tuning import Floats, Places, chosen, difference, draw, expected

DRAWS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({"rung-1": ("draw-2", "draw-3")})
"""By part the parts that try further settings for the same arms."""

RESAMPLES: Final = 4000


class Evidence:
    """What a findings run says about comparisons of two arms on a task.

    Args:
        run: the record.
        draws: by part, parts with further draws of settings; the best of n settings is expected over
            the settings of all of them.
        passes: by task and scale, epochs that one pass over the training data takes, of corpora. The
            record does not hold it.
        seed: of the bootstraps, which draw from a stream of their own for each comparison.
    """

    def __init__(
        self,
        run: Run,
        draws: Mapping[str, Sequence[str]] = DRAWS,
        passes: Mapping[tuple[str, str], int] = MappingProxyType({}),
        seed: int = 0,
    ) -> None:
        self.arms = arms(run)
        self._draws, self._passes, self._seed = draws, passes, seed

    def estimate(self, comparison: Comparison, measure: Measure = FINAL) -> Estimate | None:
        """Better minus worse with its standard error; above 0 better is better.

        - `final`: Welch's, on the test values of the confirmed seeds.
        - `early`: the same on the validation metric at a share of the planned updates.
        - `best-of`: the expected test value of the setting that validation chooses among so many of
          the settings of the selection, which is exact; the error is that of
          another draw of the settings, together for both arms where they share them.

        Returns None where an arm was not run, or has fewer than two seeds, or too few settings.
        """
        pair = self._pair(comparison)
        if pair is None:
            return None
        if measure.kind == "best-of":
            return self._best_of(pair, measure, self._generator(comparison, measure))
        first, second = (arm.values(measure) for arm in pair)
        return welch(first, second)

    def with_settings(self, comparison: Comparison, measure: Measure = FINAL) -> Interval | None:
        """The 95 % interval of `estimate` that carries the draw of the settings too.

        Each resample draws the seeds of both arms and, together for both where they share them, the
        settings; an arm then shifts by what the setting that validation chooses among the resampled
        gave in the selection, less what the really selected one gave there. Both are test values of
        trainings of the selection; where the record has none, validation values.

        Returns None where `estimate` does, or where an arm has fewer than two settings.
        """
        if measure.kind == "best-of":
            estimate = self.estimate(comparison, measure)
            return estimate and estimate.interval()
        pair = self._pair(comparison)
        estimate = self.estimate(comparison, measure)
        if pair is None or estimate is None:
            return None
        tried = [arm.tried(measure) for arm in pair]
        if min(map(len, tried)) < 2:
            return None
        generator = self._generator(comparison, measure)
        seeds = [resampled_means(arm.values(measure), generator, RESAMPLES) for arm in pair]
        shifts: list[Floats] = []
        for arm, own, (table, drawn) in zip(pair, tried, _resampled(tried, generator), strict=True):
            choice, value = columns(table)
            shifts.append(value[chosen(choice, drawn)] - _reference(arm, own))
        total = seeds[0] + shifts[0] - seeds[1] - shifts[1]
        low, high = np.quantile(total, [0.025, 0.975])
        return Interval(estimate.centre, float(low), float(high), estimate.count)

    def pooled(self, claim: Claim) -> Interval | None:
        """The mean over a claim's comparisons of the difference in units of the smallest one.

        With a bootstrap interval over seeds that draws an arm of several comparisons once for all of
        them. None for a best-of measure, which has no seeds, and where nothing was run.
        """
        if claim.measure.kind == "best-of":
            return None
        values = {
            (arm, one.task): known.values(claim.measure)
            for one in claim.comparisons
            for arm in (one.better, one.worse)
            if (known := self.arms.get((arm, one.task))) is not None
        }
        ran = [
            one
            for one in claim.comparisons
            if all(len(values.get((arm, one.task), ())) > 1 for arm in (one.better, one.worse))
        ]
        if not ran:
            return None
        return pooled_jointly(
            [((one.better, one.task), (one.worse, one.task)) for one in ran],
            values,
            [one.smallest for one in ran],
            np.random.default_rng([self._seed, *f"{claim.id}/{claim.measure}".encode()]),
        )

    def cautions(self, comparison: Comparison, measure: Measure = FINAL) -> tuple[Caution, ...]:
        """What is to be said against a comparison, see `results.claims.caution`; () if it was not run."""
        pair = self._pair(comparison)
        if pair is None:
            return ()
        means = [self._mean(arm, measure) for arm in pair]
        first, second = means
        if first is None or second is None:
            return ()
        return cautions(pair, (first, second), comparison.smallest, measure, self._passes)

    def stalled(self, smallest: Mapping[str, float]) -> tuple[Stalled, ...]:
        """By part and task the arms at a known level, see `results.claims.caution.stalled`."""
        return stalled(list(self.arms.values()), smallest)

    def best_of(self, arm: str, task: str, settings: int) -> float | None:
        """Expected test value of an arm, higher is better, when so many settings are tried.

        None if it was not run, or tried fewer.
        """
        known = self.arms.get((arm, task))
        tried = {} if known is None else self._tried(known)
        return expected(*columns(tried), settings) if settings <= len(tried) else None

    def _pair(self, comparison: Comparison) -> tuple[Arm, Arm] | None:
        better, worse = (
            self.arms.get((arm, comparison.task)) for arm in (comparison.better, comparison.worse)
        )
        return None if better is None or worse is None else (better, worse)

    def _generator(self, comparison: Comparison, measure: Measure) -> np.random.Generator:
        words = f"{comparison.better}/{comparison.worse}/{comparison.task}/{measure}"
        return np.random.default_rng([self._seed, *words.encode()])

    def _mean(self, arm: Arm, measure: Measure) -> float | None:
        if measure.kind == "best-of":
            return self.best_of(arm.name, arm.task, measure.settings or 1)
        values = arm.values(measure)
        return math.fsum(values) / len(values) if values else None

    def _tried(self, arm: Arm) -> dict[object, Tried]:
        """The settings of an arm, and those of its further draws that were trained in the same way."""
        cell = arm.name.rpartition(":")[2]
        tried: dict[object, Tried] = {}
        for part in (arm.part, *self._draws.get(arm.part, ())):
            drawn = self.arms.get((f"{part}:{cell}" if part else cell, arm.task))
            if drawn is not None and drawn.design == arm.design:
                tried |= {(part, setting): row for setting, row in drawn.tried().items()}
        return tried

    def _best_of(
        self, pair: tuple[Arm, Arm], measure: Measure, generator: np.random.Generator
    ) -> Estimate | None:
        if not all(arm.confirmed for arm in pair):
            return None  # some settings are still to be tried
        tries = measure.settings or 1
        first, second = _common([self._tried(arm) for arm in pair])
        if min(len(first), len(second)) < max(2, tries):
            return None
        shared = first.keys() == second.keys()
        return difference(columns(first), columns(second), tries, generator, shared=shared)


def _common(tried: Sequence[Mapping[object, Tried]]) -> list[Mapping[object, Tried]]:
    """The settings that both arms tried, in one order; all of each where they share none."""
    first, second = tried
    shared = [setting for setting in first if setting in second]
    return [{setting: table[setting] for setting in shared} if shared else table for table in tried]


def _resampled(
    tried: Sequence[Mapping[object, Tried]], generator: np.random.Generator
) -> list[tuple[Mapping[object, Tried], Places]]:
    """The settings of both arms with resamples of them: the same ones where the arms share settings."""
    tables = _common(tried)
    places = [draw(len(tables[0]), RESAMPLES, generator)] * 2
    if tables[0].keys() != tables[1].keys():
        places[1] = draw(len(tables[1]), RESAMPLES, generator)
    return list(zip(tables, places, strict=True))


def _reference(arm: Arm, tried: Mapping[object, Tried]) -> float:
    """What the setting that was really selected gave in the selection."""
    if arm.selected in tried:
        return tried[arm.selected].value
    choice, value = columns(tried)
    return float(value[chosen(choice, np.arange(len(tried))[None])[0]])
