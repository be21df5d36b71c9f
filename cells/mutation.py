"""The paper's six mutation operators on the graph of a cell.

Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.2. What the paper leaves open is decided so:

- The current node is drawn uniformly among the nodes that compute something: x, states, constants
  and vectors are never current. The operator is drawn uniformly among those that apply to it.
- "Ancestors" of a node are all nodes that it depends on in this step, leaves included, itself not.
- Operator 1 may draw the same activation again, operator 2 may not; `linear` counts as an activation.
- Operands of a difference, and of what operator 6 builds, stand in random order.
- "One output" of operator 4 means one reader; the output of the cell and an update that it repeats
  count as one.
- Operator 6 draws A, and its ancestor, only among nodes that close no cycle.
- Nodes that nothing reads any more are dropped. A mutant in which x or a state no longer reaches the
  output is refused.

The paper's Linear(a, x) is `W x + b`, so every linear must own its bias before one is removed: where
linears of one sum share a bias, the others get one that starts at 0, the same cell in canonical form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, Literal, cast

from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.initial import ZERO
from cells.limit import LIMITS, Limits
from cells.op import PAPER, alphabet
from cells.verify import finding

Reading = Literal["edits", "sweep", "free_sweep"]

DRAWN: Final = (
    *(Node(op, (0,)) for op in alphabet("activation", PAPER)),
    Node("linear", (0,), Linear()),
    Node("linear", (0,), Linear(diagonal=1.0)),
    Node("linear", (0,), Linear(diagonal=0.9)),
    Node("linear", (0,), Linear(diagonal=1.1)),
)
"""What operators 1 and 3 draw from: the paper's activations, Linear(a, x) among them."""

ARITHMETIC: Final = sorted(alphabet("arithmetic", PAPER))
"""What operators 2 and 6 draw from."""

MOST_EDITS: Final = 3


@dataclass(frozen=True, slots=True)
class Mutant:
    """A mutated cell that passes `cells.verify.check`, and the operators applied, in order.

    The name is the parent's, the names of nodes are gone.
    """

    cell: Cell
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A mutation that gave no cell: the error's code, line and named values, and what was applied."""

    code: str
    reason: str
    operators: tuple[str, ...]
    values: tuple[tuple[str, str | int], ...]


class Draft:
    """A cell being edited. Nodes stay in topological order between edits, and all are read.

    Attributes:
        nodes: x, the states, then all others after their arguments.
        updates: for each state the node that is its new value.
        output: the node that is the output.
        tags: for each node a number that follows it through edits; -1 for new ones.
    """

    __slots__ = ("first", "nodes", "output", "tags", "updates")

    def __init__(self, cell: Cell) -> None:
        self.nodes = list(cell.nodes)
        self.updates = list(cell.updates)
        self.output = cell.output
        self.first = len(cell.updates) + 1
        self.tags = list(range(len(self.nodes)))
        self.settle()
        self._own_biases()

    def current(self) -> list[int]:
        """Nodes that may be current."""
        nodes = self.nodes
        return [index for index in range(self.first, len(nodes)) if nodes[index][1]]

    def readers(self, node: int) -> int:
        """How often a node is read; an output that is an update too counts once."""
        count = sum([arguments.count(node) for _, arguments, _ in self.nodes])
        updates = self.updates.count(node)
        return count + (updates or int(self.output == node))

    def append(self, node: Node) -> int:
        """Adds a node that its readers may precede until `settle`."""
        self.nodes.append(node)
        self.tags.append(-1)
        return len(self.nodes) - 1

    def redirect(self, old: int, new: int) -> None:
        """Makes all readers of `old` read `new`, except `new` itself."""
        nodes = self.nodes
        for index in range(self.first, len(nodes)):
            op, arguments, parameter = nodes[index]
            if old in arguments and index != new:
                swapped = tuple([new if arg == old else arg for arg in arguments])
                nodes[index] = Node(op, swapped, parameter)
        self.updates = [new if update == old else update for update in self.updates]
        if self.output == old:
            self.output = new

    def settle(self) -> None:
        """Drops nodes that nothing reads, and puts the rest in topological order."""
        nodes, first = self.nodes, self.first
        new_index = list(range(first)) + [-1] * (len(nodes) - first)
        kept: list[Node] = nodes[:first]
        tags = self.tags[:first]
        stack = [self.output, *self.updates[::-1]]
        while stack:
            index = stack[-1]
            if new_index[index] >= 0:
                stack.pop()
                continue
            op, arguments, parameter = nodes[index]
            waiting = [arg for arg in arguments if new_index[arg] < 0]
            if waiting:
                stack += waiting[::-1]
                continue
            stack.pop()
            new_index[index] = len(kept)
            kept.append(Node(op, tuple([new_index[arg] for arg in arguments]), parameter))
            tags.append(self.tags[index])
        self.nodes, self.tags = kept, tags
        self.updates = [new_index[update] for update in self.updates]
        self.output = new_index[self.output]

    def ancestors(self) -> list[int]:
        """For each node the nodes it depends on, as bits."""
        masks: list[int] = []
        for _, arguments, _ in self.nodes:
            mask = 0
            for arg in arguments:
                mask |= masks[arg] | 1 << arg
            masks.append(mask)
        return masks

    def _own_biases(self) -> None:
        """Gives linears that share the bias of a sum a bias of their own."""
        nodes = self.nodes
        bare = [
            index
            for index, (op, _, parameter) in enumerate(nodes)
            if op == "linear" and parameter.bias is None and parameter.kind != "frozen"  # type: ignore[union-attr]
        ]
        if not bare:
            return
        reader = [-1] * len(nodes)  # the only reader, where it is + or -; else -1 or -2
        for index, (op, arguments, _) in enumerate(nodes):
            for arg in arguments:
                reader[arg] = index if reader[arg] == -1 and op in "+-" else -2
        for root in (self.output, *self.updates):
            reader[root] = -2
        tops: dict[int, int] = {}
        for index in range(len(nodes) - 1, -1, -1):
            above = reader[index]
            tops[index] = tops[above] if above >= 0 else index
        biased = {
            tops[index]
            for index, (op, _, parameter) in enumerate(nodes)
            if op == "linear" and parameter.bias is not None and parameter.kind != "frozen"  # type: ignore[union-attr]
        }
        for index in bare:
            if tops[index] in biased:
                parameter = cast("Linear", nodes[index].parameter)
                nodes[index] = Node("linear", nodes[index].args, _with_bias(parameter))

    def cell(self, name: str, states: tuple[str, ...]) -> Cell:
        """The cell as it stands."""
        return Cell(tuple(self.nodes), tuple(self.updates), self.output, name, states)


_own: dict[int, tuple[Linear, Linear]] = {}


def _with_bias(linear: Linear) -> Linear:
    known = _own.get(id(linear))
    if known is None:
        if len(_own) > 10_000:
            _own.clear()
        biased = Linear(linear.kind, linear.init, linear.diagonal, ZERO, linear.blocks)
        known = _own[id(linear)] = (linear, biased)  # the entry keeps the object, so its id, alive
    return known[1]


def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set, from the lowest."""
    numbers: list[int] = []
    while mask:
        low = mask & -mask
        numbers.append(low.bit_length() - 1)
        mask ^= low
    return numbers


def replace_activation(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 1: another activation in place of an activation; the same may be drawn again."""
    arguments = draft.nodes[node].args
    if len(arguments) != 1:
        return False
    drawn = generator.choice(DRAWN)
    draft.nodes[node] = Node(drawn.op, arguments, drawn.parameter)
    return True


def replace_arithmetic(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 2: a different one of `* + -` in place of an element-wise operation."""
    op, arguments, _ = draft.nodes[node]
    if len(arguments) != 2:
        return False
    drawn = generator.choice([other for other in ARITHMETIC if other != op])
    draft.nodes[node] = Node(drawn, _either_order(drawn, *arguments, generator))
    draft.settle()
    return True


def insert_activation(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 3: an activation between the node and one of its arguments."""
    op, arguments, parameter = draft.nodes[node]
    if not arguments:
        return False
    position = generator.randrange(len(arguments))
    drawn = generator.choice(DRAWN)
    new = draft.append(Node(drawn.op, (arguments[position],), drawn.parameter))
    swapped = (*arguments[:position], new, *arguments[position + 1 :])
    draft.nodes[node] = Node(op, swapped, parameter)
    draft.settle()
    return True


def remove(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 4: the argument in place of a node with one argument and one reader."""
    del generator
    arguments = draft.nodes[node].args
    if len(arguments) != 1 or draft.readers(node) != 1:
        return False
    draft.redirect(node, arguments[0])
    draft.settle()
    return True


def replace_by_ancestor(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 5: a random ancestor in place of the node."""
    ancestors = bits(draft.ancestors()[node])
    if not ancestors:
        return False
    draft.redirect(node, generator.choice(ancestors))
    draft.settle()
    return True


def operands(draft: Draft, node: int) -> tuple[int, list[int]]:
    """What operator 6 may build from at a node, as bits: ancestors of the node; those of each A."""
    masks = draft.ancestors()
    below = 1 << node  # the node and all that depends on it: reading these would close a cycle
    for index in range(node + 1, len(masks)):
        if masks[index] >> node & 1:
            below |= 1 << index
    return masks[node], [mask & ~below for mask in masks if mask & ~below]


def put(draft: Draft, node: int, op: str, arguments: tuple[int, int]) -> None:
    """An element-wise operation in place of a node."""
    draft.redirect(node, draft.append(Node(op, arguments)))
    draft.settle()


def combine(draft: Draft, node: int, generator: Random) -> bool:
    """Operator 6: sum, product or difference of an ancestor of the node and one of a random node A."""
    ancestors, choices = operands(draft, node)
    if not ancestors or not choices:
        return False
    own = generator.choice(bits(ancestors))
    other = generator.choice(bits(generator.choice(choices)))
    op = generator.choice(ARITHMETIC)
    put(draft, node, op, (own, other) if generator.random() < 0.5 else (other, own))
    return True


def _either_order(op: str, a: int, b: int, generator: Random) -> tuple[int, int]:
    return (b, a) if op == "-" and generator.random() < 0.5 else (a, b)


Operator = Callable[[Draft, int, Random], bool]

OPERATORS: Final[dict[str, Operator]] = {
    function.__name__: function
    for function in (
        replace_activation,
        replace_arithmetic,
        insert_activation,
        remove,
        replace_by_ancestor,
        combine,
    )
}
"""The six operators by name. Each edits a draft at a node; False if it does not apply there."""

_ORDER: Final = tuple(OPERATORS.items())


def _apply(draft: Draft, node: int, generator: Random) -> str:
    """Applies a random operator among those that apply; its name."""
    left = list(_ORDER)
    while True:
        name, operator = left.pop(generator.randrange(len(left)))
        if operator(draft, node, generator):
            return name


def mutate(
    cell: Cell,
    generator: Random,
    reading: Reading = "edits",
    limits: Limits = LIMITS,
) -> Mutant | Refusal:
    """One attempt at a mutation: a pure function of the cell and the generator's state.

    Args:
        cell: a cell that `cells.verify.check` lets pass.
        generator: source of all randomness; it is advanced.
        reading: how much is edited. `edits`: 1 to 3 edits (uniform), each at a fresh random node.
            `sweep`: p uniform on [0, 1], each node edited with chance p, all draws thrown away that
            do not edit 1 to 3 nodes; given its size the set is uniform, and so is the size, hence it
            is drawn as 1 to 3 different nodes. `free_sweep`: the same with every draw kept, none to
            all nodes; half of these edit more than half of the nodes. A node that an earlier edit
            of a sweep has dropped is passed over.
        limits: of the mutant.

    Returns:
        The mutant, which may be equal to the cell, or why there is none.
    """
    draft = Draft(cell)
    applied: list[str] = []
    nodes = draft.current()
    if reading == "edits":
        for _ in range(generator.randint(1, MOST_EDITS)):
            nodes = draft.current()
            if not nodes:
                break
            applied.append(_apply(draft, generator.choice(nodes), generator))
    else:
        if reading == "sweep":
            count = min(generator.randint(1, MOST_EDITS), len(nodes))
            chosen = sorted(generator.sample(nodes, count))
        else:
            chance = generator.random()
            chosen = [node for node in nodes if generator.random() < chance]
        for tag in [draft.tags[node] for node in chosen]:
            if tag in draft.tags:
                applied.append(_apply(draft, draft.tags.index(tag), generator))
            if len(draft.nodes) > limits.nodes:
                break
    mutant = draft.cell(cell.name, cell.states)
    fault = finding(mutant, limits)
    if fault is not None:
        error = CellError(fault.code, fault.values)
        return Refusal(fault.code, error.message, tuple(applied), tuple(fault.values.items()))
    return Mutant(mutant, tuple(applied))
