"""How wide a model may be: the parameter count, and the width that meets a budget."""

from dataclasses import replace
from typing import Literal

from cells.cell import Cell
from cells.engine.learner import Model
from cells.engine.training.parameter import parameters
from cells.size import width_step


class WidthError(ValueError):
    """No width meets the parameter budget; the text says what the smallest model needs."""


def parameter_count(model: Model) -> int:
    """All numbers of `model`, trained and frozen, embedding and readout included."""
    return sum(one.size for one in parameters(model))


def solve_width(
    cell: Cell, kind: Literal["symbols", "roll"], size: int, layers: int, parameters: int
) -> int:
    """The largest H whose model has at most `parameters` numbers, by binary search.

    The shortfall is less than what one more unit costs, about 2 / H of the budget.

    Args:
        cell: the cell.
        kind: `symbols` or `roll`.
        size: V or F.
        layers: 1 to 4.
        parameters: the budget.

    Raises:
        WidthError: if even the narrowest model is larger than the budget.

    Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.3; what is counted: choice D4.
    """
    step = width_step(cell)
    model = Model(cell, step, layers, kind, size)

    def fits(multiple: int) -> bool:
        return parameter_count(replace(model, width=multiple * step)) <= parameters

    if not fits(1):
        raise WidthError(
            f"a budget of {parameters} parameters is too small: the narrowest model of this cell"
            f" (width {step}, {layers} layers, {kind} of size {size}) has {parameter_count(model)}"
        )
    low = 1
    while fits(2 * low):
        low *= 2
    high = 2 * low
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low * step
