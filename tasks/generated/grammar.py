"""The embedded Reber grammar as a chain of states, and the levels that follow from it.

    B (T|P) [ B ... E ] (the same T|P) E

with the plain Reber grammar (Reber 1967) in the brackets; both edges out of a state are equally likely.
Source of the graph: Hochreiter and Schmidhuber 1997, figures 3 and 4.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tasks.floor import level
from tasks.task import Floor

SYMBOLS = "BTSXVPE"
INNER: dict[int, tuple[tuple[str, int], ...]] = {
    2: (("B", 3),),
    3: (("T", 4), ("P", 5)),
    4: (("S", 4), ("X", 6)),
    5: (("T", 5), ("V", 7)),
    6: (("X", 5), ("S", 8)),
    7: (("P", 6), ("V", 8)),
    8: (("E", 9),),
}
"""The plain grammar: from each state the symbols that may come, and where they lead."""
START, OUTER, DISTANT, LAST = 0, 1, 9, 10
"""States around it: before B, before T or P, before the same again, before the final E."""


@dataclass(frozen=True, slots=True)
class Chain:
    """States are numbered from 0, the start; the end of a string leads there again.

    Attributes:
        step: chance of symbol a and next state s', `[S, V, S]`.
        certain: states after which only one symbol is possible, `[S]` bool.
        distant: states in which the symbol is that of long before, `[S]` bool.
        inner: number of the state when the outer T or P is forgotten, `[S]`.
    """

    step: NDArray[np.float64]
    certain: NDArray[np.bool_]
    distant: NDArray[np.bool_]
    inner: NDArray[np.int64]

    @property
    def visits(self) -> NDArray[np.float64]:
        """Expected visits of each state in one string, `[S]`; the start counts once."""
        S = len(self.step)
        moved: NDArray[np.float64] = self.step.sum(axis=1)
        moved[:, START] = 0
        begin = np.zeros(S)
        begin[START] = 1
        return np.linalg.solve(np.eye(S) - moved.T, begin).astype(np.float64)


@cache
def embedded() -> Chain:
    """The chain of the embedded grammar."""
    edges: dict[tuple[int, str], list[tuple[str, tuple[int, str]]]] = {
        (START, ""): [("B", (OUTER, ""))],
        (OUTER, ""): [("T", (2, "T")), ("P", (2, "P"))],
    }
    for outer in "TP":
        for state, follows in INNER.items():
            edges[state, outer] = [(symbol, (to, outer)) for symbol, to in follows]
        edges[DISTANT, outer] = [(outer, (LAST, ""))]
    edges[LAST, ""] = [("E", (START, ""))]
    number = {state: at for at, state in enumerate(edges)}
    step = np.zeros((len(edges), len(SYMBOLS), len(edges)))
    for state, follows in edges.items():
        for symbol, to in follows:
            step[number[state], SYMBOLS.index(symbol), number[to]] = 1 / len(follows)
    inner = np.array([state for state, _ in edges])
    certain = np.array([len(follows) == 1 for follows in edges.values()])
    return Chain(step, certain, inner == DISTANT, inner)


def walk(strings: int, generator: np.random.Generator) -> tuple[NDArray[np.int64], ...]:
    """Strings drawn side by side, all starting with B.

    Returns:
        Symbols and the states they are drawn in, `[strings, L]` each, -1 beyond the end.
    """
    chain = embedded()
    S = len(chain.step)
    flat = chain.step.reshape(S, -1).cumsum(axis=1)
    state = np.full(strings, START)
    alive = np.ones(strings, np.bool_)
    symbols: list[NDArray[np.int64]] = []
    states: list[NDArray[np.int64]] = []
    while alive.any():
        # the first edge whose cumulated chance exceeds the draw
        edge = (generator.random(strings)[:, None] < flat[state]).argmax(axis=1)
        symbols.append(np.where(alive, edge // S, -1))
        states.append(np.where(alive, state, -1))
        state = edge % S
        alive = alive & (state != START)
    return np.stack(symbols, axis=1), np.stack(states, axis=1)


def levels(*, endless: bool) -> tuple[Floor, ...]:
    """What is reached on the symbols that the string so far determines, by what is known of it.

    Args:
        endless: strings follow each other without a reset, and the B that begins one is scored.
    """
    chain = embedded()
    visits = chain.visits * chain.certain
    if not endless:
        visits[START] = 0
    scored = visits[:, None] * chain.step.sum(axis=2)
    into = np.einsum("s,sat->at", chain.visits, chain.step)
    reached = into / np.maximum(into.sum(axis=0), 1e-300)
    merged = np.zeros((int(chain.inner.max()) + 1, len(SYMBOLS)))
    np.add.at(merged, chain.inner, scored)
    return (
        Floor("optimum", loss=0.0, accuracy=1.0),
        level("all but the distant symbol", merged),
        level("the last symbol", reached @ scored),
    )
