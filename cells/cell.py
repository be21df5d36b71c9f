"""The cell: a frozen, flat graph of nodes.

A cell maps the input x and the states of the previous step to the new states and an output.
All nodes have hidden width `H`; x has been brought to that width before the cell sees it (by an
embedding, an input projection, or because it is the lower layer's output).
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from cells.initial import DEFAULT, ZERO, Initial

Kind = Literal["free", "diagonal", "frozen", "block", "antisymmetric"]

KINDS: Final[dict[str, str]] = {
    "free": "any H x H matrix",
    "diagonal": "one weight a channel",
    "frozen": "an H x H matrix that training leaves as it was drawn (its bias too)",
    "block": "`blocks` square blocks on the diagonal, zero elsewhere",
    "antisymmetric": "M - M^T with M free",
}


@dataclass(frozen=True, slots=True)
class Linear:
    """What one `linear` node owns: `W a + bias`.

    Attributes:
        kind: structure of W, see `KINDS`.
        init: law of W (of M for `antisymmetric`).
        diagonal: this multiple of the identity is added to W at initialisation (the paper's
            Linear(a, x)); not allowed for `antisymmetric`.
        bias: law of the bias, or None for no bias.
        blocks: number of blocks, used by `block` alone (else 1).
    """

    kind: Kind = "free"
    init: Initial = DEFAULT
    diagonal: float = 0.0
    bias: Initial | None = ZERO
    blocks: int = 1


class Node(NamedTuple):
    """One operation. A tuple rather than a dataclass: a search makes tens of millions of them.

    Attributes:
        op: a key of `cells.op.OPS`.
        args: indices of earlier nodes.
        parameter: the number of a `constant`, the law of a `vector` or `scalar`, the `Linear` of a
            `linear`; None for all others.
    """

    op: str
    args: tuple[int, ...] = ()
    parameter: float | Initial | Linear | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A recurrent cell as a flat graph in topological order.

    Two cells are equal when their graphs are; names and comment do not count. For equality up to
    renaming, reordering and dead code compare `cells.identifier`.

    Attributes:
        nodes: node 0 is x, nodes 1..S are the S states of the previous step, the rest follow, each
            after its arguments. A node's position is its index.
        updates: for each state the index of the node that is its new value, `[S]`.
        output: index of the node that is the cell's output (to the next layer and the readout).
        name: for people.
        states: a name for each state, `[S]`.
        names: a name or None for each node, as the author wrote them.
        comment: the lines above the cell in its file, without `#`.
    """

    nodes: tuple[Node, ...]
    updates: tuple[int, ...]
    output: int
    name: str = field(default="cell", compare=False)
    states: tuple[str, ...] = field(default=(), compare=False)
    names: tuple[str | None, ...] = field(default=(), compare=False)
    comment: str = field(default="", compare=False)

    def _repr_html_(self) -> str:
        """Drawing and equations of a valid cell, which notebooks show in place of its `repr`."""
        from cells.drawing.mathml import mathml
        from cells.drawing.svg import draw

        return f"<div>{draw(self)}{mathml(self)}</div>"
