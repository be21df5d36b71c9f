"""Formulas as trees: digits at the leaves, an operator at each inner node, a value at the root.

Values are 0 to m - 1. The operators are the smaller, the larger, and the difference modulo m, which
alone tells its left operand from its right one. So a network that is blind to the order of children
has an exact level of its own, below the optimum.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.task import Floor, TaskError

Array = NDArray[np.float64]

OPERATORS: Mapping[str, Callable[[int, int, int], int]] = {
    "min": lambda left, right, _: min(left, right),
    "max": lambda left, right, _: max(left, right),
    "-": lambda left, right, modulus: (left - right) % modulus,
}
"""What each operator makes of the values left and right, and of m."""


@dataclass(frozen=True, slots=True)
class Law:
    """The numbers of the task.

    Attributes:
        modulus: m.
        operators: those of inner nodes, each equally likely.
        least, most: digits of a formula; each number of them is equally likely. A formula of n
            digits has 1 to n - 1 of them left of its root, equally likely too, and so below.
    """

    modulus: int = 5
    operators: tuple[str, ...] = ("min", "max", "-")
    least: int = 2
    most: int = 8

    def __post_init__(self) -> None:
        unknown = [name for name in self.operators if name not in OPERATORS]
        if unknown or not self.operators:
            raise TaskError(
                "T004", f"tree: operators {unknown}", f"known are {', '.join(OPERATORS)}"
            )
        if not (self.modulus >= 2 and 1 <= self.least <= self.most):
            raise TaskError(
                "T004",
                f"tree: {self.least} to {self.most} digits below {self.modulus}",
                "a modulus of at least 2 and 1 <= least <= most are needed",
            )

    @property
    def labels(self) -> tuple[str, ...]:
        """Text of each label: the digits, then the operators."""
        return (*map(str, range(self.modulus)), *self.operators)


@dataclass(frozen=True, slots=True)
class Forest:
    """Trees side by side. A child stands before its parent; a leaf has the children -1 and -1.

    Attributes:
        labels: of each node, `[N]`.
        children: left and right one by number, `[N, 2]`.
        roots: `[B]`.
        values: of the roots, `[B]`: what is to be told.
    """

    labels: NDArray[np.int64]
    children: NDArray[np.int64]
    roots: NDArray[np.int64]
    values: NDArray[np.int64]


def draw(law: Law, generator: np.random.Generator, count: int) -> Forest:
    """`count` formulas."""
    labels: list[int] = []
    children: list[tuple[int, int]] = []
    values: list[int] = []

    def grow(digits: int) -> int:
        # As deep as there are digits: some dozens of calls at most.
        if digits == 1:
            label = value = int(generator.integers(law.modulus))
            own = (-1, -1)
        else:
            left = int(generator.integers(1, digits))
            chosen = int(generator.integers(len(law.operators)))
            own = (grow(left), grow(digits - left))
            label = law.modulus + chosen
            operator = OPERATORS[law.operators[chosen]]
            value = operator(values[own[0]], values[own[1]], law.modulus)
        labels.append(label)
        children.append(own)
        values.append(value)
        return len(labels) - 1

    roots = [grow(int(generator.integers(law.least, law.most + 1))) for _ in range(count)]
    return Forest(
        np.array(labels), np.array(children), np.array(roots), np.array([values[r] for r in roots])
    )


def spelled(law: Law, forest: Forest, node: int) -> str:
    """The formula below a node, in brackets."""
    left, right = forest.children[node].tolist()
    label = law.labels[int(forest.labels[node])]
    if left < 0:
        return label
    return f"({spelled(law, forest, left)} {label} {spelled(law, forest, right)})"


def floors(law: Law, forest: Forest | None = None) -> tuple[Floor, ...]:
    """Exact levels of the share of roots whose value is told right.

    `optimum`: a value is a function of its tree. `no tree`: always the likeliest value. With a
    `forest`, `no order`: on these very trees, the likeliest value given everything but which child
    is left; the law makes both ways equally likely at every node, so that this is exact.
    """
    levels = [Floor("optimum", loss=0.0, accuracy=1.0)]
    if forest is not None:
        levels.append(_level("no order", _without_order(law, forest)[forest.roots]))
    return (*levels, _level("no tree", _without_tree(law)[None]))


def _level(name: str, chances: Array) -> Floor:
    """What is reached by knowing laws over values, `[n, m]`, one for each of n trees."""
    logs = np.log(chances, out=np.zeros_like(chances), where=chances > 0)
    return Floor(name, abs(-float((chances * logs).sum(1).mean())), float(chances.max(1).mean()))


def _tables(law: Law) -> list[NDArray[np.int64]]:
    """The value of each operator for each left and right one, `[m, m]`."""
    m = law.modulus
    return [
        np.array([[OPERATORS[name](a, b, m) for b in range(m)] for a in range(m)], np.int64)
        for name in law.operators
    ]


def _joined(table: NDArray[np.int64], left: Array, right: Array) -> Array:
    """The law of an operator's value for independent operands with these laws, `[m]`."""
    both: Array = np.outer(left, right).ravel()
    counts = np.bincount(table.ravel(), both, minlength=len(left))
    return counts.astype(np.float64)


def _without_tree(law: Law) -> Array:
    """The law of a root's value, `[m]`."""
    tables = _tables(law)
    laws = [np.full(law.modulus, 1 / law.modulus)]
    for digits in range(2, law.most + 1):
        ways = [
            _joined(table, laws[left - 1], laws[digits - left - 1])
            for left in range(1, digits)
            for table in tables
        ]
        laws.append(np.mean(ways, axis=0))
    return np.mean(laws[law.least - 1 :], axis=0)


def _without_order(law: Law, forest: Forest) -> Array:
    """The law of each node's value if any two children may have been exchanged, `[N, m]`."""
    tables = _tables(law)
    laws = np.eye(len(law.labels), law.modulus)[forest.labels]
    for node, (left, right) in enumerate(forest.children):
        if left >= 0:
            table = tables[int(forest.labels[node]) - law.modulus]
            both = _joined(table, laws[left], laws[right]), _joined(table, laws[right], laws[left])
            laws[node] = np.mean(both, axis=0)
    return laws
