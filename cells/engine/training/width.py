"""How wide a model may be: the parameter count, and the width that meets a budget."""

from dataclasses import replace
from typing import Literal

from cells.cell import Cell
from cells.engine.learner import Model
from cells.engine.training.parameter import parameters
from cells.error import SingleCodeError
from cells.size import width_step
from cells.training.budget import Budget


class WidthError(SingleCodeError):
    """No width meets the budget; the text says what the smallest model needs, or what does not fit."""

    CODE = "width"


def parameter_count(model: Model) -> int:
    """All numbers of `model`, trained and frozen, embedding and readout included."""
    return sum(parameter.size for parameter in parameters(model))


def width_of(
    cell: Cell, kind: Literal["symbols", "roll"], size: int, layers: int, budget: Budget
) -> int:
    """The width that `budget` gives, or else the one that its parameters are solved for.

    Raises:
        WidthError: the budget has neither; the cell has no such width, or its model would have more
            parameters than the budget allows; as `solve_width`.
    """
    if budget.width is None:
        if budget.parameters is None:
            raise WidthError("a training needs a budget of parameters, or a width")
        return solve_width(cell, kind, size, layers, budget.parameters)
    step = width_step(cell)
    if budget.width < 1 or budget.width % step:
        raise WidthError(f"this cell has no width {budget.width}: expected a multiple of {step}")
    count = parameter_count(Model(cell, budget.width, layers, kind, size))
    if budget.parameters is not None and count > budget.parameters:
        raise WidthError(
            f"width {budget.width} needs {count} parameters, more than the budget of"
            f" {budget.parameters} (layers: {layers}, {kind} of size {size})"
        )
    return budget.width


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
