"""How a parameter starts. Initialisation is part of the cell, because it is part of the finding.

In cell text a law is a number (`bias=1`), a word (`bias=chrono`), or a word with numbers
(`init=spectral(0.9)`); a minus sign in front negates what is drawn (`bias=-chrono`).
"""

from dataclasses import dataclass
from typing import Final, Literal

Place = Literal["vector", "matrix"]


@dataclass(frozen=True, slots=True)
class Law:
    """One law: `name`, the fewest and most numbers it takes, where it may stand, what it draws."""

    name: str
    fewest: int
    most: int
    places: tuple[Place, ...]
    meaning: str


_LAWS: Final = (
    Law(
        "default",
        0,
        0,
        ("vector", "matrix"),
        "uniform on [-s, s] / sqrt(H), s the trial's scale (the paper's law)",
    ),
    Law(
        "value",
        1,
        1,
        ("vector", "matrix"),
        "exactly this number everywhere; written as the bare number",
    ),
    Law("uniform", 2, 2, ("vector", "matrix"), "uniform on [low, high]"),
    Law("loguniform", 2, 2, ("vector",), "exp of uniform on [log low, log high]"),
    Law(
        "log",
        2,
        2,
        ("vector",),
        "log of uniform on [low, high]: where the cell takes the exp, that is uniform",
    ),
    Law(
        "ring",
        2,
        2,
        ("vector",),
        "log(-log(r)) for r*r uniform on [low^2, high^2]: a decay exp(-exp(v)) spread over a ring by"
        " area",
    ),
    Law("normal", 1, 1, ("vector", "matrix"), "normal with mean 0 and this standard deviation"),
    Law(
        "chrono",
        0,
        1,
        ("vector",),
        "log of uniform on [1, T - 1], T the number given or else the window length; all `chrono` and"
        " `-chrono` of one layer share one draw, so that an input gate can mirror a forget gate",
    ),
    Law(
        "uniform_gate",
        0,
        0,
        ("vector",),
        "logit of uniform on [1/H, 1 - 1/H]; shared in a layer like `chrono`",
    ),
    Law("identity", 0, 1, ("matrix",), "the identity, times the number if one is given"),
    Law("orthogonal", 0, 0, ("matrix",), "uniform over orthogonal matrices"),
    Law("spectral", 1, 1, ("matrix",), "normal entries, rescaled to this spectral radius"),
)

LAWS: Final[dict[str, Law]] = {law.name: law for law in _LAWS}


@dataclass(frozen=True, slots=True)
class Initial:
    """A law with its numbers; `negative` negates the draw."""

    law: str = "default"
    numbers: tuple[float, ...] = ()
    negative: bool = False


DEFAULT: Final = Initial()
ZERO: Final = Initial("value", (0.0,))
