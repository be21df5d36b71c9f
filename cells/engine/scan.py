"""Cells of class S over all steps at once: an associative scan that is read off the graph.

Where the new values of some states are affine in their old ones, `s'[t] = A[t] s[t-1] + b[t]` with A and b
that read no such state, steps can be joined in any grouping: two of them are again one such step. A and
b follow from the graph, node by node, as sums and products of affine maps do. States that read each
other are solved together, with a small block A for each channel (2 x 2 for a rotation); those that a
solved state feeds come after it and see it as a known sequence, as the input is.

Source: Blelloch 1990 for the scan; Martin, Cundy 2018 for its use in recurrent networks.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cells.cell import Cell, Linear
from cells.engine.pointwise import FUNCTIONS
from cells.engine.reference import linear_map
from cells.measure.execution import components, reads


class _Affine(NamedTuple):
    """A value that is affine in states that are not known yet: `offset + sum of slope * state`."""

    slopes: dict[int, Tensor]
    offset: Tensor


def scan(
    cell: Cell,
    weights: Mapping[str, Tensor],
    inputs: Tensor,
    states: Sequence[Tensor],
    layer: int = 0,
) -> tuple[Tensor, list[Tensor]]:
    """What `cells.engine.reference.unroll` returns, in a number of operations that grows with log T.

    Differentiable in weights, inputs and states. The graph is taken as it stands; give the canonical
    form of a cell for what `execution_class` says of it to hold.

    Args:
        cell: a cell of class S.
        weights: parameters by the names of `cells.engine.training.parameter`.
        inputs: `[T, B, H]`, what the cell calls x.
        states: S tensors `[B, H]`, before the first step.
        layer: which layer's parameters to use.

    Returns:
        Outputs `[T, B, H]`, and S states `[B, H]`.

    Raises:
        ValueError: a new state is not affine in old ones, or a matrix stands between them.
    """
    window = _Window(cell, weights, inputs, layer)
    for component in components(cell):
        window.solve(sorted(component), states)
    output = window.known(cell.output).expand(inputs.shape)
    ends = [window.known(update).expand(inputs.shape)[-1] for update in cell.updates]
    return output, ends


class _Window:
    """The nodes of a cell over all steps: `[T, B, H]`, or `[H]` where nothing depends on x."""

    def __init__(
        self, cell: Cell, weights: Mapping[str, Tensor], inputs: Tensor, layer: int
    ) -> None:
        self.cell, self.weights, self.inputs, self.layer = cell, weights, inputs, layer
        self.reads, self.width = reads(cell), inputs.shape[-1]
        self.values: dict[int, Tensor] = {0: inputs}

    def known(self, index: int) -> Tensor:
        """The value of a node that reads solved states alone."""
        for node in self._below(index, set(self.values)):
            op, args, parameter = self.cell.nodes[node]
            if op == "constant":
                self.values[node] = self.inputs.new_tensor(parameter).expand(self.width)
            elif not args:
                own = self.weights[f"layer{self.layer}.node{node}"]
                self.values[node] = own.expand(self.width)
            else:
                self.values[node] = self._function(node)(*[self.values[arg] for arg in args])
        return self.values[index]

    def solve(self, component: Sequence[int], states: Sequence[Tensor]) -> None:
        """Finds the old values of the states of a component at all steps."""
        shape = self.inputs.shape
        updates = [self._affine(self.cell.updates[state - 1], component) for state in component]
        start = [states[state - 1] for state in component]
        nothing = self.inputs.new_zeros(())
        if any(update.slopes for update in updates):
            slopes = [
                [update.slopes.get(state, nothing).expand(shape) for state in component]
                for update in updates
            ]
            block = torch.stack([torch.stack(row, 1) for row in slopes], 1)
            offset = torch.stack([update.offset.expand(shape) for update in updates], 1)
            first = offset[:1] + _applied(block[:1], torch.stack(start)[None])
            new = prefixes(block, torch.cat([first, offset[1:]])).unbind(1)
        else:
            new = [update.offset.expand(shape) for update in updates]
        for state, begin, value in zip(component, start, new, strict=True):
            self.values[state] = torch.cat([begin[None], value[:-1]])

    def _affine(self, index: int, component: Sequence[int]) -> _Affine:
        """A node as an affine map of the states of a component."""
        own = sum(1 << state for state in component)
        unit = self.inputs.new_ones(())
        affine = {state: _Affine({state: unit}, self.inputs.new_zeros(())) for state in component}

        def part(arg: int) -> _Affine:
            return affine[arg] if self.reads[arg] & own else _Affine({}, self.known(arg))

        for node in self._below(index, set(component)):
            if self.reads[node] & own:
                args = [part(arg) for arg in self.cell.nodes[node].args]
                affine[node] = self._joined(node, args)
        return part(index)

    def _joined(self, index: int, args: list[_Affine]) -> _Affine:
        """The affine map of a node from those of its arguments."""
        op, _, parameter = self.cell.nodes[index]
        first, second = args[0], args[-1]
        function = self._function(index)
        if op in "+-":
            offset = function(first.offset, second.offset)
            slopes = dict(first.slopes)
            for state, slope in second.slopes.items():
                slopes[state] = function(slopes.get(state, torch.zeros_like(slope)), slope)
            return _Affine(slopes, offset)
        if op == "*" and not first.slopes:
            first, second = second, first
        if op in "*/" and not second.slopes:
            slopes = {s: function(slope, second.offset) for s, slope in first.slopes.items()}
            return _Affine(slopes, function(first.offset, second.offset))
        if isinstance(parameter, Linear) and parameter.kind == "diagonal":
            weight = self.weights[f"layer{self.layer}.node{index}.weight"]
            slopes = {state: slope * weight for state, slope in first.slopes.items()}
            return _Affine(slopes, function(first.offset))
        raise ValueError(
            f"{self.cell.name} is no scan: node {index} ({op}) is not affine, channel by channel, in"
            " the states that read it; run it step by step"
        )

    def _function(self, index: int) -> Callable[..., Tensor]:
        node = self.cell.nodes[index]
        if node.op == "linear":
            return linear_map(node, f"layer{self.layer}.node{index}", self.weights)
        return FUNCTIONS[node.op]

    def _below(self, index: int, done: set[int]) -> list[int]:
        """The node and those it needs that are not done, in order."""
        needed, waiting = set[int](), [index]
        while waiting:
            node = waiting.pop()
            if node not in done and node not in needed:
                needed.add(node)
                waiting += self.cell.nodes[node].args
        return sorted(needed)


def prefixes(block: Tensor, offset: Tensor) -> Tensor:
    """All `s[t] = block[t] s[t-1] + offset[t]` from `s[-1] = 0`, by joining neighbours.

    Half the steps are joined with the one before, solved in the same way, and the others follow from
    them: T - 1 joins in 2 log T rounds.

    Args:
        block: `[T, K, K, B, H]`, a K x K matrix for each step, lane and channel.
        offset: `[T, K, B, H]`.

    Returns:
        `[T, K, B, H]`.
    """
    steps = len(offset)
    if steps == 1:
        return offset
    even, odd = block[0 : steps - 1 : 2], block[1::2]
    joined = (odd[:, :, :, None] * even[:, None]).sum(2)
    late = prefixes(joined, _applied(odd, offset[0 : steps - 1 : 2]) + offset[1::2])
    early = torch.cat([offset[:1], _applied(block[2::2], late[: (steps - 1) // 2]) + offset[2::2]])
    # Steps 0, 2, 4, ... and 1, 3, 5, ...; a last one without a partner is put behind.
    pairs = torch.stack([early[: len(late)], late], 1).flatten(0, 1)
    return torch.cat([pairs, early[len(late) :]])


def _applied(block: Tensor, state: Tensor) -> Tensor:
    """Matrix times vector for every step, lane and channel."""
    return (block * state[:, None]).sum(2)
