"""What one update costs on this machine, measured."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from cells import zoo
from cells.engine.batch import Batch
from cells.engine.executor import make
from cells.engine.learner import Model
from cells.engine.training.initial import draw
from cells.engine.training.width import parameter_count
from cells.identity.canonical import canonical

STEPS, LANES, SYMBOLS = 35, 20, 40
WIDTHS: Final = (8, 256)
"""At the first nearly all time is overhead of a step, at the second most of it is products."""

UPDATES: Final = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Time of one update on one core: `layers * T * step + parameters * T * B * product` seconds.

    Attributes:
        step: seconds of one layer at one step, whatever its width.
        product: seconds of one parameter at one position, forward and backward.
    """

    step: float
    product: float

    def seconds(self, parameters: int, layers: float, window: int, batch: float) -> float:
        """Seconds of one update. An embedding is counted like a matrix, so large V cost less."""
        return layers * window * self.step + parameters * window * batch * self.product


def measure(executor: str = "reference") -> Cost:
    """The cost of the GRU here, from a few updates at two widths: about a second.

    Whoever calls it limits the threads first, as `determinism.prepare` does.
    """
    times, sizes = zip(*(_time(width, executor) for width in WIDTHS), strict=True)
    positions = STEPS * LANES
    product = max(times[1] - times[0], 0.0) / ((sizes[1] - sizes[0]) * positions)
    return Cost(max(times[0] - sizes[0] * positions * product, 0.0) / STEPS, product)


def _time(width: int, executor: str) -> tuple[float, int]:
    """The fastest of some updates in seconds, after one to warm up, and the parameters."""
    model = Model(canonical(zoo.load("gru")), width, 1, "symbols", SYMBOLS)
    learner = make(executor, model, draw(model, 1.0, 0), dtype="float32", seed=0)
    symbols = np.random.default_rng(0).integers(0, SYMBOLS, (STEPS + 1, LANES))
    batch = Batch(
        symbols[:-1], symbols[1:], np.ones((STEPS, LANES), np.bool_), np.zeros(LANES, np.bool_)
    )
    learner.train(batch, 0.1, 5.0)
    fastest = float("inf")
    for _ in range(UPDATES):
        start = time.perf_counter()
        learner.train(batch, 0.1, 5.0)
        fastest = min(fastest, time.perf_counter() - start)
    return fastest, parameter_count(model)
