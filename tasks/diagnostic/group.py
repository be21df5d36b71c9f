"""Finite groups whose products the tasks of state tracking ask for."""

import re
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tasks.task import TaskError

Permutation = tuple[int, ...]
"""Where each of 0, 1, ... goes."""

GENERATORS: dict[str, tuple[Permutation, ...]] = {
    # a swaps two, b turns all three
    "s3": ((1, 0, 2), (1, 2, 0)),
    # a = (1 2)(3 4) and b = (1 3 5), whose product has order 5: the presentation (2, 3, 5)
    "a5": ((1, 0, 3, 2, 4), (2, 1, 4, 3, 0)),
}
"""Two generators, read as `a` and `b`, of the groups that are not cyclic."""


@dataclass(frozen=True, slots=True)
class Group:
    """A finite group with the letters that are read.

    Attributes:
        names: of the elements, the identity first, `[n]`.
        letters: names of the letters where these are not the elements themselves, else ().
        moves: element after a letter, by letter and by element before, `[m, n]`.
        odd: True for odd permutations, `[n]`; none are in a cyclic group, which has no sign here.
    """

    names: tuple[str, ...]
    letters: tuple[str, ...]
    moves: NDArray[np.int64]
    odd: NDArray[np.bool_]


@cache
def named(name: str) -> Group:
    """`z2`, `z3`, ... up to `z10`: addition modulo k, with all numbers as letters; or `s3` or `a5`.

    Raises:
        TaskError: T004 if there is no such group.
    """
    if name in GENERATORS:
        return generated(GENERATORS[name])
    number = re.fullmatch(r"z([2-9]|10)", name)
    if number is None:
        raise TaskError(
            "T004", f"there is no group {name!r}", f"known are z2 to z10, {', '.join(GENERATORS)}"
        )
    k = int(number[1])
    sums = np.add.outer(np.arange(k), np.arange(k)) % k
    return Group(tuple(map(str, range(k))), (), sums, np.zeros(k, np.bool_))


def generated(generators: tuple[Permutation, ...]) -> Group:
    """The group of permutations that these generate; letter g turns element e into `g` after `e`.

    An element is named by where 1, 2, ... go, such as `231`. Elements stand in the order in which a
    search in breadth finds them.
    """
    identity: Permutation = tuple(range(len(generators[0])))
    elements, index = [identity], {identity: 0}
    moves: list[list[int]] = []
    for element in elements:  # grows as it is read
        row: list[int] = []
        for generator in generators:
            product = tuple(generator[at] for at in element)
            if product not in index:
                index[product] = len(elements)
                elements.append(product)
            row.append(index[product])
        moves.append(row)
    return Group(
        tuple("".join(str(at + 1) for at in element) for element in elements),
        tuple("abcdefgh"[: len(generators)]),
        np.array(moves, dtype=np.int64).T,
        np.array([is_odd(element) for element in elements]),
    )


def is_odd(permutation: Permutation) -> bool:
    """Whether the number of pairs out of order is odd."""
    n = len(permutation)
    pairs = ((i, j) for i in range(n) for j in range(i))
    return sum(permutation[j] > permutation[i] for i, j in pairs) % 2 == 1
