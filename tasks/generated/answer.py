"""The exact law of the answers of the arithmetic task, and the levels that follow from it."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from tasks.floor import level
from tasks.task import Floor

MINUS, STOP, SYMBOLS = 10, 11, 12
"""Index of `-`, of `.`, and the number of answer symbols; 0 to 9 are the digits."""


def law(lengths: Sequence[float]) -> NDArray[np.float64]:
    """Chance of every symbol at every position of the answer, by what is known of the question.

    Args:
        lengths: weight of operands of 1, 2, ..., D digits.

    Returns:
        `[D, D, 2, 2, 2, D + 3, 12]`: length of the first and of the second operand (less 1), sign of
        the first, operator (0 plus, 1 minus), whether a minus of the answer has been shown,
        position in the answer, symbol. Its sum is the expected length of an answer.
    """
    D = len(lengths)
    weights = np.asarray(lengths, dtype=np.float64)
    weights = weights / weights.sum()
    joint = np.zeros((D, D, 2, 2, 2, D + 3, SYMBOLS))
    for first, second in product(range(D), repeat=2):
        chance = weights[first] * weights[second] / 4
        total = places(first + 1, second + 1, D + 1, add=True)
        ahead = places(first + 1, second + 1, D + 1, add=False)
        behind = places(second + 1, first + 1, D + 1, add=False)
        for sign, operator in product(range(2), repeat=2):
            cell = joint[first, second, sign, operator]
            if sign == operator:
                _write(cell, chance * total, negative=sign == 1)
                _write_zero(cell, chance * float(total[0, 0, 0]))
            else:
                positive, negative = (ahead, behind) if sign == 0 else (behind, ahead)
                _write(cell, chance * positive, negative=False)
                _write(cell, chance * negative, negative=True)
                _write_zero(cell, chance * float(ahead[0, 0, 0]))
    return joint


def levels(joint: NDArray[np.float64]) -> tuple[Floor, ...]:
    """What is reached with more and more knowledge of the question, but of none of its digits.

    Position in the answer, and its minus once that has been shown, are known throughout but to
    `constant symbol`.

    Args:
        joint: of `law`.
    """
    D = joint.shape[0]
    longer = np.zeros((D, *joint.shape[4:]))
    for first, second in product(range(D), repeat=2):
        longer[max(first, second)] += joint[first, second].sum(axis=(0, 1))
    return (
        Floor("optimum", loss=0.0, accuracy=1.0),
        level("constant symbol", joint.sum(axis=(0, 1, 2, 3, 4, 5))),
        level("position and sign of the answer", joint.sum(axis=(0, 1, 2, 3))),
        level("and length of the longer operand", longer),
        level("and both lengths, sign and operator", joint),
    )


def places(longer: int, shorter: int, count: int, *, add: bool) -> NDArray[np.float64]:
    """The law of the digits of x + y, or of x - y where it is not negative.

    Args:
        longer: digits of x.
        shorter: digits of y, more or fewer.
        count: places of the result that are kept, at least one more than either.
        add: sum or difference.

    Returns:
        `[count + 1, count, 10]`: chance that the result has n digits (0: it is the number 0) and
        that the digit at this place (ones first) is d.
    """
    # state: carry, digits so far without leading zeros, place that is watched, its digit or none
    state = np.zeros((2, count + 1, count, 11))
    state[0, 0, :, 10] = 1.0
    for position in range(count):
        step = _step(_kind(position, longer), _kind(position, shorter), add)
        moved = np.einsum("cok,chrd->okhrd", step, state)
        state = np.zeros_like(state)
        for digit in range(10):
            part = moved[digit].copy()
            part[:, :, position, digit] = part[:, :, position, 10]
            part[:, :, position, 10] = 0.0
            if digit == 0:
                state += part
            else:
                state[:, position + 1] += part.sum(axis=1)
    return state[0, :, :, :10]


def _write(cell: NDArray[np.float64], digits: NDArray[np.float64], *, negative: bool) -> None:
    """Adds the answers other than 0 with this law of digits to `cell`, `[2, positions, 12]`."""
    shown = begin = int(negative)
    for n in range(1, digits.shape[0]):
        mass = float(digits[n, 0].sum())
        if negative:
            cell[0, 0, MINUS] += mass
        for position in range(n):
            cell[shown, begin + n - 1 - position, :10] += digits[n, position]
        cell[shown, begin + n, STOP] += mass


def _write_zero(cell: NDArray[np.float64], mass: float) -> None:
    """Adds the answer 0, which has no sign whatever the signs of its parts."""
    cell[0, 0, 0] += mass
    cell[0, 1, STOP] += mass


def _kind(position: int, length: int) -> str:
    if position >= length:
        return "none"
    if position < length - 1 or length == 1:
        return "any"
    return "leading"


@cache
def _step(first: str, second: str, add: bool) -> NDArray[np.float64]:
    """Chance of digit o and next carry k after carry c, `[c, o, k]`."""
    chances = {
        "none": [1.0] + [0.0] * 9,
        "any": [0.1] * 10,
        "leading": [0.0] + [1 / 9] * 9,
    }
    step = np.zeros((2, 10, 2))
    for (x, p), (y, q), carry in product(
        enumerate(chances[first]), enumerate(chances[second]), range(2)
    ):
        value = x + y + carry if add else x - y - carry
        step[carry, value % 10, int(not 0 <= value < 10)] += p * q
    return step
