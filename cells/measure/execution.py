"""How a cell can be run over time: its execution class, derived from the graph."""

from typing import Final

from cells.cell import Cell, Linear
from cells.identity.canonical import canonical

_FREE, _AFFINE, _BEYOND = 0, 1, 2
"""How a value depends on the states of a component."""


_MEANINGS: Final = {
    "S": "all steps at once, by an associative scan",
    "P1d": "a pointwise loop, no matrix touches a state",
    "P1": "one round of matrix products a step",
    "P2": "two dependent rounds of matrix products a step",
}


def meaning(execution: str) -> str:
    """What an execution class says, in words."""
    return _MEANINGS.get(execution, "three or more dependent rounds of matrix products a step")


def execution_class(cell: Cell) -> str:
    """The execution class of a cell: `S`, `P1d`, `P1`, `P2` or `P2(k)` with k >= 3.

    - `S`: every state is affine in old states with coefficients that read no state, and no matrix
      touches a state: all steps at once by an associative scan.
    - `P1d`: no matrix touches a state, but the recurrence is not affine: a pointwise loop.
    - `P1`: one round of matrix products a step, `P2`: two dependent rounds, `P2(k)`: k.
    - `G` is reserved for cells that need work across channels other than products.

    Rounds are counted on paths from old states to new states, so linears that only the output reads
    are free. Diagonal linears and vectors are pointwise. Linears in a row count once when all work
    between them is affine with coefficients that stay the same over time.

    States are taken component by component of "reads": a state that reads no later component sees
    earlier ones as known sequences, as if they were inputs. Delayed inputs are therefore inputs, a
    scan may feed a scan, and the class of the cell is that of its slowest component.

    The class is that of the canonical form, so that cells with one id have one class.

    Raises:
        CellError: C501 when nothing of x is left in the output.
    """
    cell = canonical(cell)
    order = ("S", "P1d", "P1", "P2")
    slowest, rounds = 0, 0
    for component in components(cell):
        own = _rounds(cell, component)
        rounds = max(rounds, own)
        if own:
            slowest = max(slowest, 1 + min(own, 2))
        elif _dependence(cell, component) == _BEYOND:
            slowest = max(slowest, 1)
    return f"P2({rounds})" if rounds > 2 else order[slowest]


def reads(cell: Cell) -> list[int]:
    """For each node the states that it reads, as bits; state s is bit s, x is bit 0."""
    first = len(cell.updates) + 1
    masks = [1 << index for index in range(first)]
    for node in cell.nodes[first:]:
        mask = 0
        for arg in node.args:
            mask |= masks[arg]
        masks.append(mask)
    return masks


def components(cell: Cell) -> list[frozenset[int]]:
    """The states, numbered from 1, in groups that read each other through their new values.

    In an order in which each group reads only itself and groups before it. A state that does not read
    itself, such as a delayed input, is a group of its own.
    """
    masks = reads(cell)
    states = range(1, len(cell.updates) + 1)
    reach = {state: masks[cell.updates[state - 1]] & ~1 for state in states}
    for middle in states:
        for state in states:
            if reach[state] >> middle & 1:
                reach[state] |= reach[middle]
    groups = {
        frozenset(t for t in states if t == s or (reach[s] >> t & 1 and reach[t] >> s & 1))
        for s in states
    }
    # What a group reads, itself included, is more than what any group before it reads.
    return sorted(
        groups, key=lambda group: ((reach[min(group)] | 1 << min(group)).bit_count(), min(group))
    )


def _rounds(cell: Cell, component: frozenset[int]) -> int:
    """Dependent rounds of matrix products from the old to the new states of a component."""
    steady = [not mask for mask in reads(cell)]
    # For each node: rounds before what enters its affine part is there, and before it is there.
    entry: list[int | None] = []
    ready: list[int] = []
    for index, (op, args, parameter) in enumerate(cell.nodes):
        moving = [arg for arg in args if entry[arg] is not None]
        if not moving:
            entry.append(0 if index in component else None)
            ready.append(0)
            continue
        start = max(entry[arg] or 0 for arg in moving)
        end = max(ready[arg] for arg in moving)
        if isinstance(parameter, Linear):
            if parameter.kind != "diagonal":
                end = start + 1
        elif not (
            op in "+-"
            or (op == "*" and any(steady[arg] for arg in args))
            or (op == "/" and steady[args[1]])
        ):
            start = end
        entry.append(start)
        ready.append(end)
    return max(ready[cell.updates[state - 1]] for state in component)


def _dependence(cell: Cell, component: frozenset[int]) -> int:
    """How the new states of a component without matrices depend on its old ones."""
    dependence: list[int] = []
    for index, (op, args, _) in enumerate(cell.nodes):
        parts = [dependence[arg] for arg in args]
        if not any(parts):
            dependence.append(_AFFINE if index in component else _FREE)
        elif (
            op in "+-"
            or op == "linear"
            or (op == "*" and _FREE in parts)
            or (op == "/" and parts[1] == _FREE)
        ):
            dependence.append(max(parts))
        else:
            dependence.append(_BEYOND)
    return max(dependence[cell.updates[state - 1]] for state in component)
