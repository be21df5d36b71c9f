"""Labelling: one answer for each symbol that is read, a known function of the symbols so far.

`sum` answers with the sum of all digits so far modulo m, for which the last answer and the digit are
enough. `delay` answers with the symbol that was read some steps before.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tasks.task import Floor, TaskError

Rule = Literal["sum", "delay"]


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of the task.

    Attributes:
        rule: what the answers are.
        symbols: V, of inputs and answers alike; the modulus of sums. Each is equally likely.
        steps: T.
        delay: steps back, for that rule; answers before step `delay` are not scored.
    """

    rule: Rule
    symbols: int = 5
    steps: int = 20
    delay: int = 0

    def __post_init__(self) -> None:
        if self.symbols < 2 or not 0 <= self.first < self.steps:
            raise TaskError(
                "T004",
                f"labelling: {self.symbols} symbols, {self.steps} steps, delay {self.delay}",
                "at least 2 symbols and more steps than the delay are needed",
            )

    @property
    def first(self) -> int:
        """The first scored step."""
        return self.delay if self.rule == "delay" else 0


@dataclass(frozen=True, slots=True)
class Labelled:
    """Sequences side by side.

    Attributes:
        inputs: `[T, B]` int64.
        targets: `[T, B]` int64, -1 where a step is not scored.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]


def draw(law: Law, generator: np.random.Generator, lanes: int) -> Labelled:
    """`lanes` sequences."""
    inputs = generator.integers(law.symbols, size=(law.steps, lanes))
    if law.rule == "sum":
        return Labelled(inputs, inputs.cumsum(0) % law.symbols)
    early = np.full((law.first, lanes), -1)
    return Labelled(inputs, np.concatenate([early, inputs[: law.steps - law.first]]))


def floors(law: Law) -> tuple[Floor, ...]:
    """Exact levels of the share of right answers.

    `optimum`: an answer is a function of the past. `no memory`: the best guess from the symbol just
    read. A sum then is right at its first step, where it is that symbol, and by chance afterwards.
    """
    chance = 1 / law.symbols
    if law.rule == "delay":
        blind = 1.0 if law.delay == 0 else chance
    else:
        blind = chance + (1 - chance) / law.steps
    return Floor("optimum", loss=0.0, accuracy=1.0), Floor("no memory", accuracy=blind)
