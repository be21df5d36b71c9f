"""How large a cell is at a width H: parameters, operations of a step, depth of its recurrence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from cells.cell import Cell, Linear
from cells.op import ACTIVATIONS, ARITHMETIC

TRAINING: Final = 3
"""Training does the work of a step about three times: values, and gradients of operands and weights."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """`square` H^2 + `linear` H + `constant`; blocks on a diagonal give fractions of H^2."""

    square: Fraction = Fraction(0)
    linear: int = 0
    constant: int = 0

    def at(self, width: int) -> int:
        """The value at H = `width`, a multiple of `width_step`."""
        return int(self.square * width * width) + self.linear * width + self.constant

    def times(self, factor: int) -> "Polynomial":
        """The polynomial times a number."""
        return Polynomial(self.square * factor, self.linear * factor, self.constant * factor)

    def __str__(self) -> str:
        """For people, e.g. `6 H^2 + 3 H`."""
        terms: Sequence[tuple[Fraction | int, str]] = (
            (self.square, "H^2"),
            (self.linear, "H"),
            (self.constant, ""),
        )
        words = [
            letter if number == 1 and letter else f"{number} {letter}".strip()
            for number, letter in terms
            if number
        ]
        return " + ".join(words) or "0"


def width_step(cell: Cell) -> int:
    """Every width of `cell` is a multiple of this: the least common multiple of its block counts."""
    return math.lcm(*(linear.blocks for linear in _linears(cell) if linear.kind == "block"))


def parameters(cell: Cell) -> Polynomial:
    """The numbers that one layer of a cell owns, trained and frozen."""
    square, linear, constant = Fraction(0), 0, 0
    for matrix in _linears(cell):
        if matrix.kind == "diagonal":
            linear += 1
        else:
            square += Fraction(1, matrix.blocks)
        linear += matrix.bias is not None
    linear += sum(node.op == "vector" for node in cell.nodes)
    constant += sum(node.op == "scalar" for node in cell.nodes)
    return Polynomial(square, linear, constant)


def flops(cell: Cell) -> Polynomial:
    """Floating-point operations of one step of one lane in one layer, forward.

    Two for each weight of a matrix (multiply and add), one for each bias, activation, product, sum
    and so on of each channel. Training takes about `TRAINING` times as many.
    """
    square, linear = Fraction(0), 0
    for matrix in _linears(cell):
        if matrix.kind == "diagonal":
            linear += 1
        else:
            square += Fraction(2, matrix.blocks)
        linear += matrix.bias is not None
    linear += sum(node.op in ACTIVATIONS or node.op in ARITHMETIC for node in cell.nodes)
    return Polynomial(square, linear)


def recurrent_depth(cell: Cell) -> int:
    """The most matrices on any path from an old state to a new state within one step.

    Diagonal linears, which work channel by channel, are not counted.
    """
    depths: list[int | None] = []
    for op, args, parameter in cell.nodes:
        reached = [depth for arg in args if (depth := depths[arg]) is not None]
        if op == "state":
            depths.append(0)
        elif not reached:
            depths.append(None)
        else:
            matrix = isinstance(parameter, Linear) and parameter.kind != "diagonal"
            depths.append(max(reached) + matrix)
    return max((depths[update] or 0 for update in cell.updates), default=0)


def _linears(cell: Cell) -> list[Linear]:
    return [node.parameter for node in cell.nodes if isinstance(node.parameter, Linear)]
