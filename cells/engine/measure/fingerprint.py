"""What a cell computes, whatever its spelling: outputs and gradients of one fixed probe.

The canonical form folds sums, products and signs. It does not know that `z * h + (1 - z) * n` is
`n + z * (h - n)`, or that `tanh(a)` is `2 * sigmoid(2 * a) - 1`. Such spellings compute one function
once corresponding parameters and states hold the same numbers. Which ones correspond must not be
read off the graph, where a rewriting moves everything: `cells.engine.measure.role` reads it off the function.
With values drawn for the roles, outputs and gradients of a few steps are the fingerprint.

Parameters and states without any gradient are dead and do not count.

Equality can be shown in this way, difference cannot: two fingerprints that disagree are not shown to be
equal, no more.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cells.cell import Cell
from cells.engine.measure.role import LARGEST, NOTHING, Array, Role, agree, assign
from cells.identity.canonical import identify

_GRID: Final = 1e-4
"""Far above rounding: one number in a million comes near an edge."""
_KEYED: Final = 3
"""Lanes that the keys are made of: those with the smallest numbers."""
_SPOILT: Final = 20
_DOUBTFUL: Final = 0.1
"""A gradient that changes by this much of itself when the cell is shaken is nothing but rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What a cell computes on the probe. Compare with `shown_equal`, not with `==`.

    Attributes:
        id: the canonical id of the cell.
        cell: its canonical form.
        keys: hashes of the outputs on two grids. Cells that are `shown_equal` share one at least,
            unless two numbers fall on edges; cells that share one need not be equal.
        kinds: shape and law of every live parameter and state, sorted.
        roles: of the canonical form, dead ones included.
        outputs: `[B, T, H]`, zero after the end of a lane.
        input_gradients: of a projection of the outputs, `[B, T, H]`.
        gradients: of the same projection with respect to live parameters and states, each projected
            on one number, in order of kind and rank, `[B, P]`.
        sound: lanes that got through a step in range and in which rounding is not enlarged beyond
            the tolerance, `[B]`.
    """

    id: str
    cell: Cell
    keys: tuple[str, str]
    kinds: tuple[str, ...]
    roles: tuple[Role, ...]
    outputs: Array
    input_gradients: Array
    gradients: Array
    sound: NDArray[np.bool_] = field(repr=False)

    @property
    def reads_input(self) -> bool:
        """Whether x has any effect on the outputs of the probe."""
        return bool((np.abs(self.input_gradients[self.sound]) > NOTHING).any())

    @property
    def dead_states(self) -> int:
        """States of the canonical form without effect on the outputs of the probe."""
        return sum(role.part == "state" and role.rank < 0 for role in self.roles)


def fingerprint(cell: Cell) -> Fingerprint:
    """The fingerprint of a cell, a pure function of its canonical form.

    Args:
        cell: a cell that `cells.verify.check` lets pass.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    form, name = identify(cell)
    roles, answer, shaken = assign(form)
    sound = answer.sound() & shaken.sound()
    scores, others = answer.projections(roles), shaken.projections(roles)
    largest = np.abs(scores).max(axis=0, initial=1.0)
    rounding = np.abs(scores - others) > _DOUBTFUL * np.abs(scores)
    dead = np.all((np.abs(scores / largest) < NOTHING) | rounding, axis=1)
    roles = [
        replace(role, rank=-1) if gone else role for role, gone in zip(roles, dead, strict=True)
    ]
    for before, after in (
        (answer.outputs, shaken.outputs),
        (answer.inputs, shaken.inputs),
        (scores[~dead].T, others[~dead].T),
    ):
        sound &= agree(before, after)
    order = sorted(np.flatnonzero(~dead).tolist(), key=lambda at: (roles[at].kind, roles[at].rank))
    kinds = tuple([roles[at].kind for at in order])
    return Fingerprint(
        name,
        form,
        _keys(kinds, answer.outputs),
        kinds,
        tuple(roles),
        answer.outputs,
        answer.inputs,
        scores[order].T,
        sound,
    )


def _keys(kinds: tuple[str, ...], outputs: Array) -> tuple[str, str]:
    """Hashes of rounded projections of the outputs: hardly a number is at an edge of both grids.

    Of the lanes with small numbers alone, which rounding hardly ever pushes out of range.
    """
    lanes = outputs[:_KEYED].reshape(_KEYED, -1)
    size = np.abs(lanes).max(axis=1, keepdims=True)
    inside = (size > 100 * NOTHING) & (size < LARGEST)
    lanes = np.where(inside, lanes, 0.0) / np.where(inside, size, 1.0)
    weights: Array = np.cos(np.arange(lanes.shape[1], dtype=np.float64))
    projected = lanes @ weights

    def key(shift: float) -> str:
        places = np.floor(projected / _GRID + shift).astype(np.int64).tolist()
        return hashlib.sha256(repr((kinds, places)).encode()).hexdigest()[:12]

    return key(0.0), key(0.5)


def classes(fingerprints: Sequence[Fingerprint]) -> list[list[int]]:
    """Positions of fingerprints `shown_equal` to the first of their class, by first position."""
    known: dict[str, list[list[int]]] = {}
    every: list[list[int]] = []
    for index, candidate in enumerate(fingerprints):
        candidates = [group for key in candidate.keys for group in known.get(key, [])]
        for group in candidates:
            if shown_equal(fingerprints[group[0]], candidate):
                group.append(index)
                break
        else:
            every.append([index])
            for key in candidate.keys:
                known.setdefault(key, []).append(every[-1])
    return every


def shown_equal(a: Fingerprint, b: Fingerprint) -> bool:
    """Whether two cells are shown to compute one function of weights, states and inputs.

    True for equal canonical ids. Else states and live parameters must correspond in shape and law,
    and outputs and gradients must agree within `cells.engine.measure.role.TOLERANCE` in the lanes that are sound in both, two
    at least. One lane in `_SPOILT` may disagree: in a lane of large numbers a spelling that takes the
    difference of two squares has lost all digits.
    """
    if a.id == b.id:
        return True
    if a.kinds != b.kinds or a.outputs.shape != b.outputs.shape:
        return False
    lanes = a.sound & b.sound
    if lanes.sum() < 2:
        return False
    pairs = (
        (a.outputs, b.outputs),
        (a.input_gradients, b.input_gradients),
        (a.gradients, b.gradients),
    )
    alike = np.all([agree(one[lanes], other[lanes]) for one, other in pairs], axis=0)
    return bool((~alike).sum() <= lanes.sum() // _SPOILT)
