"""What `cells.engine.measure.dynamics` measures of a cell, as plain values."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

HORIZONS: Final = {"1/e": math.exp(-1), "1 %": 0.01}
"""Levels, and what they are called, at which memory horizons are told."""

BINS: Final = 20
"""Bars of a gate's histogram, equally wide over [0, 1]."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Singular values of the state Jacobian ds_t/ds_{t-1} of fresh models, all states together.

    Attributes:
        width: H.
        step: t, counted from 1; the state before step 1 is zero.
        values: one row a seed, falling, `[seeds, S * H]`.
    """

    width: int
    step: int
    values: tuple[tuple[float, ...], ...]

    @property
    def largest(self) -> float:
        """The mean over seeds of the largest one; above 1 some direction grows."""
        return sum(row[0] for row in self.values) / len(self.values)

    @property
    def near_one(self) -> float:
        """Share of all values in [0.9, 1.1]: directions that keep their length."""
        flat = [value for row in self.values for value in row]
        return sum(0.9 <= value <= 1.1 for value in flat) / len(flat)


@dataclass(frozen=True, slots=True)
class Memory:
    """How far back the gradient reaches in fresh models: |dL_T / ds_{T-q}|, divided by that at q = 1.

    Attributes:
        width: H.
        lanes: sequences of all seeds together.
        median, low, high: over lanes, the quartiles for low and high; entry i is lag q = i + 1.
        start: median of the norm itself at q = 1.
    """

    width: int
    lanes: int
    median: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    start: float

    def horizon(self, level: float) -> int | None:
        """The first lag from which the median stays below `level`; None if there is none."""
        above = [lag for lag, value in enumerate(self.median, 1) if value >= level]
        lag = above[-1] + 1 if above else 1
        return lag if lag <= len(self.median) else None

    def reach(self, level: float) -> str:
        """The horizon as words."""
        lag = self.horizon(level)
        return f"more than {len(self.median)} steps" if lag is None else f"{lag} steps"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a sigmoid gives after a short training.

    Attributes:
        name: the author's name, or a number.
        low, high: shares of values below 0.1 and above 0.9.
        histogram: shares of values in `BINS` bars.
        before: `low + high` before the training.
    """

    name: str
    low: float
    high: float
    histogram: tuple[float, ...]
    before: float


@dataclass(frozen=True, slots=True)
class Saturation:
    """The gates of a model after a short training.

    Attributes:
        width: H.
        updates: done; fewer than asked where the training diverged.
        accuracy: on held-out sequences afterwards.
        gates: every sigmoid of the canonical form.
    """

    width: int
    updates: int
    accuracy: float
    gates: tuple[Gate, ...]


@dataclass(frozen=True, slots=True)
class Stability:
    """Short trainings with random settings of the search space.

    Attributes:
        width: H.
        settings: how many.
        updates: of each.
        diverged: loss or gradient norm stopped being finite.
        blown: finite, but the loss at the end was above `bound` times that of guessing blindly.
        bound: see `blown`.
    """

    width: int
    settings: int
    updates: int
    diverged: int
    blown: int
    bound: float

    @property
    def share(self) -> float:
        """Share of settings that did not stay stable."""
        return (self.diverged + self.blown) / self.settings


@dataclass(frozen=True, slots=True)
class Dynamics:
    """The measured part of a passport.

    Attributes:
        seed: everything drawn derives from it.
        executor: what ran the trainings.
        task: what was trained on, for people.
        spectrum, memory: None for a cell without states.
        saturation: after training with a usual setting.
        stability: over random settings.
    """

    seed: int
    executor: str
    task: str
    spectrum: Spectrum | None
    memory: Memory | None
    saturation: Saturation
    stability: Stability

    def document(self) -> dict[str, Any]:
        """The measurements for JSON, with the numbers that follow from them."""
        document = asdict(self)
        if self.spectrum:
            document["spectrum"] |= {
                "largest": self.spectrum.largest,
                "near_one": self.spectrum.near_one,
            }
        if self.memory:
            document["memory"]["horizons"] = {
                name: self.memory.horizon(level) for name, level in HORIZONS.items()
            }
        document["stability"]["share"] = self.stability.share
        return document
