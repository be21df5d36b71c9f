"""A slow reference for one step of a cell, in float64 and plain Python.

It shares no code with the executors, so that it can judge them, and it shows that rewriting keeps
meaning. Structure of a `linear` (diagonal, blocks, antisymmetric) is a matter of the values given.
"""

import math
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, NamedTuple, cast

from cells.cell import Cell, Linear
from cells.identity.canonical import Trace, trace
from cells.op import OPS

Vector = tuple[float, ...]


class Weights(NamedTuple):
    """Values of one `linear`: matrix `[H][H]` and bias `[H]`."""

    matrix: tuple[Vector, ...]
    bias: Vector


class Step(NamedTuple):
    """What a step gives: new states `[S][H]`, output `[H]`, and every node `[N][H]`."""

    states: tuple[Vector, ...]
    output: Vector
    values: tuple[Vector, ...]


def evaluate(
    cell: Cell,
    x: Vector,
    states: Sequence[Vector],
    parameters: Mapping[int, Weights | Vector],
) -> Step:
    """One step of a cell.

    Args:
        cell: any cell that `cells.verify.check` lets pass.
        x: input, `[H]`.
        states: of the previous step, `[S][H]`.
        parameters: for each node that owns some: `Weights` for `linear`, `[H]` for `vector` and
            `scalar`.

    Raises:
        ValueError: from `math.sin` and `math.cos` of an infinity.
    """
    values: list[Vector] = []
    for index, (op, args, parameter) in enumerate(cell.nodes):
        if op == "input":
            values.append(x)
        elif op == "state":
            values.append(states[index - 1])
        elif isinstance(parameter, float):
            values.append((parameter,) * len(x))
        elif op == "linear":
            weights = cast("Weights", parameters[index])
            argument = values[args[0]]
            values.append(
                tuple(
                    math.fsum(w * a for w, a in zip(row, argument, strict=True)) + b
                    for row, b in zip(weights.matrix, weights.bias, strict=True)
                )
            )
        elif not args:
            values.append(cast("Vector", parameters[index]))
        elif len(args) == 1:
            values.append(tuple(map(OPS[op].at, values[args[0]])))
        else:
            values.append(tuple(map(OPS[op].at, values[args[0]], values[args[1]])))
    return Step(
        tuple(values[update] for update in cell.updates), values[cell.output], tuple(values)
    )


_WIDTH: Final = 2
_BROAD: Final = 1e6


class Twin(NamedTuple):
    """One random step of a cell and the same step of its canonical form.

    Attributes:
        form: the canonical form and where it comes from.
        before, after: the step of the cell and that of the form.
    """

    form: Trace
    before: Step
    after: Step


def twin(cell: Cell, generator: Random) -> Twin:
    """A cell and its canonical form at equal parameters, states and input.

    Those of the cell are uniform on [-1, 1], those of the canonical form follow from them.

    Raises:
        CellError: C501 when nothing of x is left in the output.
        ValueError: where sin or cos meet an infinity.
    """
    form = trace(cell)

    def draw() -> Vector:
        return tuple(generator.uniform(-1.0, 1.0) for _ in range(_WIDTH))

    given: dict[int, Weights | Vector] = {}
    added: dict[int, Vector] = {}  # a bias, or the value of a vector
    for index, (op, _, parameter) in enumerate(cell.nodes):
        if isinstance(parameter, Linear):
            bias = parameter.bias
            if bias is None:
                added[index] = (0.0,) * _WIDTH
            elif parameter.kind == "frozen" and bias.law == "value":
                added[index] = (bias.numbers[0],) * _WIDTH
            else:
                added[index] = draw()
            given[index] = Weights(tuple(draw() for _ in range(_WIDTH)), added[index])
        elif op in ("vector", "scalar"):
            given[index] = added[index] = draw()
    mapped: dict[int, Weights | Vector] = {}
    for index, origin in form.origins.items():
        value = tuple(
            origin.offset + math.fsum(factor * added[node][h] for node, factor in origin.biases)
            for h in range(_WIDTH)
        )
        source = given[origin.node]
        if form.cell.nodes[index].op == "linear":
            mapped[index] = Weights(cast("Weights", source).matrix, value)
        else:
            mapped[index] = value
    x, states = draw(), [draw() for _ in cell.updates]
    before = evaluate(cell, x, states, given)
    after = evaluate(form.cell, x, [states[state] for state in form.states], mapped)
    return Twin(form, before, after)


def rewriting_error(cell: Cell, generator: Random) -> float | None:
    """How far a cell and its canonical form are apart after one random step, see `twin`.

    Returns:
        The largest difference in output and kept states, relative to the largest value of any node
        (at least 1), since a sum cancels no better than its largest term is known. None where
        values leave the range in which this says something.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    try:
        form, before, after = twin(cell, generator)
    except ValueError:
        return None
    largest = max(1.0, *(abs(value) for vector in before.values for value in vector))
    if not largest < _BROAD:
        return None
    wanted = [before.output, *(before.states[state] for state in form.states)]
    return max(
        abs(a - b) / largest
        for old, new in zip(wanted, (after.output, *after.states), strict=True)
        for a, b in zip(old, new, strict=True)
    )
