"""What a shelf of golden tests is made of: recurrences in NumPy, and how parameters start.

Recurrences are written from the papers and never from the cell texts.

Vectors are columns: x and states `[..., H, B]`, matrices `[..., H, H]` (in blocks `[..., blocks,
H/blocks, H/blocks]`), vectors `[..., H, 1]`, single numbers `[..., 1, 1]`. Leading axes broadcast, and
only analytic functions are used (but for relu), so complex numbers give exact derivatives.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]  # real, or complex while it is differentiated
Real = NDArray[np.float64]
Step = Callable[..., tuple[Array, ...]]
Start = Callable[[Real], bool]  # whether a drawn parameter of width 64 is as published

tanh: Final = np.tanh


def sigm(a: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-a))


def relu(a: Array) -> Array:
    return np.where(np.real(a) > 0, a, 0.0)


@dataclass(frozen=True)
class Recurrence:
    """One published cell.

    Attributes:
        letters: the paper's parameters in the order in which the cell text of the zoo has them; a
            `linear(a, b)` has the matrix of a, the bias, the matrix of b. Matrices have a capital
            letter, biases `b`, vectors and single numbers any other small one.
        step: (parameters by letter, x, *states) -> the new states; the output too, in front of them,
            where it is not the first state (`output`).
        output: whether the step returns the output in front of the new states.
        ranges: where letters and states (`state0`, ...) lie that the paper confines.
    """

    letters: str
    step: Step
    output: bool = False
    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=dict[str, tuple[float, float]]
    )

    def run(
        self, parameters: Mapping[str, Array], inputs: Array, states: Sequence[Array]
    ) -> tuple[list[Array], tuple[Array, ...]]:
        """T outputs `[..., H, B]` for inputs `[..., T, H, B]`, and the states after the last."""
        own, current, outputs = SimpleNamespace(**parameters), tuple(states), list[Array]()
        for step in range(inputs.shape[-3]):
            new = self.step(own, inputs[..., step, :, :], *current)
            outputs.append(new[0])
            current = new[self.output :]
        return outputs, current


Recurrences = dict[str, Recurrence]

Sizes = dict[str, tuple[float, ...]]
"""Matrices, vectors and single numbers of one layer: (a, b, c) for a n^2 + b n + c parameters."""

Classes = dict[str, str]
"""The cells of each execution class, with blanks between them, as the sources' equations say."""

Starts = dict[str, dict[str, Start]]
"""How parameters start, where neither "biases at 0" nor "the rest uniform" is what is published."""

Related = list[tuple[str, dict[str, str], str, str]]
"""One cell is a special case of another, which often is torch's.

A cell, what its own parameters are set to, the other cell, and the other's parameters in the order of
its letters. A number stands for that multiple of the identity, or for a vector of it; sigm(50) is 1
in float64.
"""

Pitfalls = list[tuple[str, str, str]]
"""Mistakes of print and of public libraries: a cell, a part of its text, what it is edited to."""


def drawn_from(law: str, *numbers: float) -> Start:
    """Whether numbers may come from a law of scipy (they do not, at a level of 1 in 100,000)."""
    return lambda values: stats.kstest(values.ravel(), law, numbers).pvalue > 1e-5


def exactly(value: float | Real) -> Start:
    return lambda values: bool((values == value).all())


def chrono(values: Real) -> bool:
    """Log of uniform on [1, T - 1] for the window of 35 steps."""
    return drawn_from("uniform", 1, 33)(np.exp(values)) and values.max() <= math.log(34)


def affine(p: SimpleNamespace, gate: str, x: Array, y: Array) -> Array:
    """W x + R y + b of one gate."""
    w, r, b = (getattr(p, f"{letter}_{gate}") for letter in "WRb")
    return w @ x + r @ y + b


def letters(*gates: str, peepholes: str = "") -> str:
    """W, b and R of each gate, with its peephole."""
    return " ".join(
        f"W_{gate} b_{gate} R_{gate}" + (f" p_{gate}" if gate in peepholes else "")
        for gate in gates
    )
