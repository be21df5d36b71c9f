"""Random valid cells, built node by node: whatever the text side, identity and engine must bear."""

import random
from typing import Final

from hypothesis import strategies as st

from cells import Cell, Initial, Linear, Node
from cells.initial import DEFAULT, ZERO
from cells.op import ACTIVATIONS, ARITHMETIC

_VECTOR_LAWS: Final = (
    DEFAULT,
    ZERO,
    Initial("value", (1.0,)),
    Initial("value", (-0.25,)),
    Initial("uniform", (-0.5, 0.5)),
    Initial("loguniform", (0.01, 1.0)),
    Initial("normal", (0.1,)),
    Initial("chrono"),
    Initial("chrono", (200.0,), negative=True),
    Initial("uniform_gate", negative=True),
)
_MATRIX_LAWS: Final = (
    DEFAULT,
    ZERO,
    Initial("uniform", (-0.1, 0.1)),
    Initial("normal", (0.001,)),
    Initial("identity"),
    Initial("identity", (0.9,)),
    Initial("orthogonal"),
    Initial("spectral", (0.9,)),
)
_NUMBERS: Final = (0.0, 1.0, -1.0, 2.0, 0.5, 1e-5, -3.25e20, 0.1, 123456789012.0, 1.5e-38)


def random_linear(rng: random.Random) -> Linear:
    """Any `Linear` that is valid; most are the plain ones."""
    bias = rng.choice((ZERO, None)) if rng.random() < 0.7 else rng.choice(_VECTOR_LAWS)
    if rng.random() < 0.6:
        return Linear(bias=bias)
    kind = rng.choice(("free", "diagonal", "frozen", "block", "antisymmetric"))
    init = rng.choice(_MATRIX_LAWS[:4] if kind == "diagonal" else _MATRIX_LAWS)
    diagonal = rng.choice((0.0, 0.0, 1.0, -0.9)) if kind != "antisymmetric" else 0.0
    return Linear(kind, init, diagonal, bias, rng.choice((1, 2, 4)) if kind == "block" else 1)


def random_node(rng: random.Random, count: int) -> Node:
    """A node that may follow `count` others."""

    def earlier() -> int:
        return rng.randrange(count) if rng.random() < 0.5 else max(0, count - rng.randint(1, 4))

    draw = rng.random()
    if draw < 0.25:
        return Node("linear", (earlier(),), random_linear(rng))
    if draw < 0.45:
        return Node(rng.choice(ACTIVATIONS), (earlier(),))
    if draw < 0.85:
        return Node(rng.choice(ARITHMETIC), (earlier(), earlier()))
    if draw < 0.93:
        return Node("constant", (), rng.choice(_NUMBERS))
    return Node(rng.choice(("vector", "scalar")), (), rng.choice(_VECTOR_LAWS))


def random_cell(rng: random.Random, most: int = 40) -> Cell:
    """A valid cell of up to about `most` nodes in any topological order, dead nodes included.

    States may swap, be delayed inputs or share an update; names may be missing, doubled, words of
    the language or no names at all.
    """
    states = rng.choice((0, 1, 1, 1, 2, 2, 3, 5))
    nodes = [Node("input"), *[Node("state")] * states]
    parameters = 0
    for _ in range(rng.randrange(most)):
        node = random_node(rng, len(nodes))
        parameters += node.op in ("linear", "vector", "scalar")
        if parameters <= 64:
            nodes.append(node)
    updates = tuple(rng.randrange(len(nodes)) for _ in range(states))
    output = updates[0] if states and rng.random() < 0.6 else rng.randrange(len(nodes))
    reads: list[set[int]] = []
    for index, node in enumerate(nodes):
        reads.append(
            {index} if index <= states else set[int]().union(*(reads[a] for a in node.args))
        )
    for leaf in range(states + 1):  # whatever does not reach the output is added to it
        live = set(reads[output])
        for _ in range(states):
            live.update(*(reads[updates[s - 1]] for s in live if s))
        if leaf not in live:
            follows = states and output == updates[0]
            nodes.append(Node("+", (output, leaf)))
            reads.append(reads[output] | {leaf})
            output = len(nodes) - 1
            updates = (output, *updates[1:]) if follows else updates
    words = (
        None,
        None,
        "gate",
        "n",
        "a1",
        "a2",
        "h",
        "x",
        "tanh",
        "out",
        "no name",
        "",
        "é",
        "n" * 41,
    )
    names = tuple(rng.choice(words) for _ in nodes) if rng.random() < 0.5 else ()
    labels = tuple(rng.choice(("h", "c", "s1", "s2", "x", "q")) for _ in range(states))
    comment = rng.choice(("", "a line", "two\n\n  lines, é", "\n"))
    return Cell(
        tuple(nodes), updates, output, "some", labels if rng.random() < 0.7 else (), names, comment
    )


def cells(most: int = 40) -> st.SearchStrategy[Cell]:
    """Valid cells, drawn by `random_cell` from a seed that hypothesis chooses."""

    def made(seed: int) -> Cell:
        return random_cell(random.Random(seed), most)  # noqa: S311 - not for secrets

    return st.integers(0, 2**32 - 1).map(made)
