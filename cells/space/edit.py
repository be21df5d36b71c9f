"""All cells that are one edit away: whatever an operator of `cells.mutation` may draw.

The operators draw from a generator. Here they are given one that plays back a list of choices and
notes how many there were at each, so that going through all lists gives every outcome. Operator 6
draws the same pair on many ways; its pairs are walked through as sets.
"""

from collections.abc import Iterator, Sequence
from random import Random
from typing import TypeVar

from cells.cell import Cell, Node
from cells.error import CellError
from cells.identity.canonical import identify
from cells.limit import LIMITS, Limits
from cells.mutation import ARITHMETIC, OPERATORS, Draft, Mutant, bits, combine, operands, put
from cells.verify import finding

_T = TypeVar("_T")


class _Choices(Random):
    """A generator that draws nothing: it plays back choices, and `advance` goes on to the next list.

    It has what the operators call: `choice`, `randrange(n)`, and `random` compared with a half.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self._taken: list[int] = []
        self._widths: list[int] = []
        self._depth = 0

    def choice(self, seq: Sequence[_T]) -> _T:  # type: ignore[override]
        return seq[self._next(len(seq))]

    def randrange(self, start: int, stop: int | None = None, step: int = 1) -> int:  # type: ignore[override]
        del stop, step
        return self._next(start)

    def random(self) -> float:
        return 0.75 * self._next(2)

    def _next(self, width: int) -> int:
        if self._depth == len(self._taken):
            self._taken.append(0)
            self._widths.append(width)
        self._depth += 1
        return self._taken[self._depth - 1]

    def advance(self) -> bool:
        """The next list of choices, the last choice fastest; False after the last list."""
        self._depth = 0
        while self._taken and self._taken[-1] + 1 == self._widths[-1]:
            self._taken.pop()
            self._widths.pop()
        if self._taken:
            self._taken[-1] += 1
        return bool(self._taken)


def outcomes(cell: Cell, operator: str, node: int) -> Iterator[Draft]:
    """Every outcome of an operator at a node of `Draft(cell)`, some of them more than once."""
    if OPERATORS[operator] is combine:
        yield from _combined(cell, node)
        return
    choices = _Choices()
    while True:
        draft = Draft(cell)
        if OPERATORS[operator](draft, node, choices):
            yield draft
        if not choices.advance():
            return


def _combined(cell: Cell, node: int) -> Iterator[Draft]:
    ancestors, sets = operands(Draft(cell), node)
    others = 0
    for mask in sets:
        others |= mask
    pairs = {
        (op, *(pair if op == "-" else (min(pair), max(pair))))
        for own in bits(ancestors)
        for other in bits(others)
        for op in ARITHMETIC
        for pair in ((own, other), (other, own))
    }
    for op, first, second in sorted(pairs):
        draft = Draft(cell)
        put(draft, node, op, (first, second))
        yield draft


def edited(cell: Cell, limits: Limits = LIMITS) -> Iterator[tuple[str, Mutant]]:
    """Every other cell that one edit makes of a cell, once each: its id, and the mutant.

    The order is that of the operators, then of the nodes, and always the same. Thousands of graphs
    lie one edit from an LSTM, so this takes seconds; a search draws with `cells.mutate`.

    Raises:
        CellError: C501 when nothing of x is left in the cell's output.
    """
    form, own = identify(cell)
    known, seen = {own}, set[tuple[tuple[Node, ...], tuple[int, ...], int]]()
    for operator in OPERATORS:
        for node in Draft(form).current():
            for draft in outcomes(form, operator, node):
                graph = (tuple(draft.nodes), tuple(draft.updates), draft.output)
                if graph in seen:
                    continue
                seen.add(graph)
                mutant = draft.cell(cell.name, form.states)
                if finding(mutant, limits) is not None:
                    continue
                try:
                    name = identify(mutant, limits)[1]
                except CellError:  # x folds away
                    continue
                if name not in known:
                    known.add(name)
                    yield name, Mutant(mutant, (operator,))
