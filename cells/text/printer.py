"""`Cell` to text, linear in the graph: what is used twice is printed once, by name."""

from dataclasses import dataclass
from typing import cast

from cells.cell import Cell, Linear
from cells.initial import DEFAULT, ZERO, Initial
from cells.limit import LIMITS, Limits
from cells.op import CALL, RANKS
from cells.verify import NAME, RESERVED


def number_text(value: float, limits: Limits = LIMITS) -> str:
    """The shortest usual writing of a number that cell text can hold."""
    if value.is_integer() and abs(value) < 10.0**limits.digits:
        return str(int(value))
    text = f"{value:.{limits.digits}g}"
    if "e" not in text:
        return text
    digits, exponent = text.split("e")
    return f"{digits}e{int(exponent)}"


def law_text(initial: Initial | None) -> str:
    """A law as it stands behind `bias=`."""
    if initial is None:
        return "none"
    if initial.law == "value":
        return number_text(initial.numbers[0])
    numbers = ", ".join(map(number_text, initial.numbers))
    return "-" * initial.negative + initial.law + (f"({numbers})" if numbers else "")


def options_text(linear: Linear) -> str:
    """The options of a `linear` that differ from the defaults, each with a comma in front."""
    text = ""
    if linear.kind != "free":
        text += f", kind={linear.kind}"
    if linear.init is not DEFAULT and linear.init != DEFAULT:
        text += f", init={law_text(linear.init)}"
    if linear.diagonal:
        text += f", diagonal={number_text(linear.diagonal)}"
    if linear.bias is not ZERO and linear.bias != ZERO:
        text += f", bias={law_text(linear.bias)}"
    if linear.blocks != 1:
        text += f", blocks={linear.blocks}"
    return text


def joins(head: Linear, linear: Linear) -> bool:
    """Whether `linear` may stand in one call behind `head`: no bias, and the same otherwise."""
    return (
        linear.bias is None
        and linear.kind == head.kind
        and linear.init == head.init
        and linear.diagonal == head.diagonal
        and linear.blocks == head.blocks
    )


def _legal(name: str | None, limits: Limits) -> bool:
    return (
        name is not None
        and len(name) <= limits.name
        and name not in RESERVED
        and NAME.fullmatch(name) is not None
    )


def state_names(cell: Cell, limits: Limits = LIMITS) -> tuple[str, ...]:
    """A legal name for each state, no two alike: its own where possible, else `s1`, ..."""
    kept: list[str | None] = []
    for name in cell.states or (None,) * len(cell.updates):
        kept.append(name if _legal(name, limits) and name not in kept else None)
    free = (f"s{i}" for i in range(1, 10**6) if f"s{i}" not in kept)
    return tuple(name if name is not None else next(free) for name in kept)


def _kept_names(cell: Cell, states: tuple[str, ...], limits: Limits) -> dict[int, str]:
    taken, kept = set(states), dict[int, str]()
    for index in range(len(states) + 1, len(cell.names)):
        name = cell.names[index]
        if name is not None and name not in taken and _legal(name, limits):
            taken.add(name)
            kept[index] = name
    return kept


@dataclass(frozen=True, slots=True)
class Layout:
    """How a cell is written down: which nodes stand on lines of their own, and under what name.

    Attributes:
        states: a name for each state.
        statements: target, node and right side of each line; the line defines its node where
            `names` gives that target, else it only refers to it.
        names: the nodes that are read by name.
        calls: the `linear` nodes that are written as one call, by the node of the call.
    """

    states: tuple[str, ...]
    statements: list[tuple[str, int, str]]
    names: dict[int, str]
    calls: dict[int, list[int]]


def layout(cell: Cell, limits: Limits = LIMITS, keep: bool = True) -> Layout:
    """The lines of a valid cell, in the order of their nodes.

    Nodes keep their names (unless `keep` is false) where these are legal and no two alike; nodes
    that are read more than once, or that nest too deeply, get the names `a1`, `a2`, ...
    """
    nodes, first = cell.nodes, len(cell.updates) + 1
    states = state_names(cell, limits)
    kept = _kept_names(cell, states, limits) if keep else {}
    uses = [0] * len(nodes)
    for node in nodes:
        for arg in node.args:
            uses[arg] += 1
    owners: dict[int, list[str]] = {}  # the new values that a node is
    for state, update in zip(states, cell.updates, strict=True):
        owners.setdefault(update, []).append(state + "'")
    output = -1 if cell.updates and cell.output == cell.updates[0] else cell.output
    taken = {*states, *kept.values()}
    fresh = (name for i in range(1, 10**6) if (name := f"a{i}") not in taken)

    # How each node is written where it is read: its text, rank and nesting.
    texts: list[str] = ["x", *states]
    ranks: list[int] = [CALL] * first
    depths: list[int] = [0] * first
    names: dict[int, str] = {}
    calls: dict[int, list[int]] = {}
    insides: dict[int, str] = {}  # the arguments of each call
    statements: dict[int, list[tuple[str, int, str]]] = {}

    def settle(index: int) -> None:
        """Give a node a statement of its own; from here on it is read by its name."""
        news = owners.get(index, [])
        name = kept.get(index)
        if name is None and news:
            name = news[0]
        if name is None:
            name = "out" if index == output and not uses[index] else next(fresh)
        statements[index] = [(name, index, texts[index])]
        statements[index] += ((new, index, name) for new in news if new != name)
        names[index] = texts[index] = name
        ranks[index], depths[index] = CALL, 0

    def inside(index: int, rank: int = 0) -> tuple[str, int]:
        """An argument in parentheses where its rank is below `rank`, and its nesting there."""
        wrap = ranks[index] < rank
        if depths[index] + wrap >= limits.depth + bool(rank):
            settle(index)
            wrap = False
        return (f"({texts[index]})" if wrap else texts[index]), depths[index] + wrap

    def call(index: int, linears: list[int], arguments: str) -> str:
        calls[index], insides[index] = linears, arguments
        return f"linear({arguments}{options_text(owned(linears[0]))})"

    def owned(index: int) -> Linear:
        return cast("Linear", nodes[index].parameter)

    for index in range(first, len(nodes)):
        op, args, parameter = nodes[index]
        rank, depth = RANKS.get(op, CALL), 0
        if op == "constant":
            text = number_text(cast("float", parameter), limits)
        elif not args:
            law = law_text(cast("Initial", parameter))
            text = f"{op}({'' if law == 'default' else law})"
        elif op == "linear":
            text, depth = inside(args[0])
            text, depth = call(index, [index], text), depth + 1
        elif rank == CALL:
            pairs = [inside(arg) for arg in args]
            text = f"{op}({', '.join(text for text, _ in pairs)})"
            depth = max(depth for _, depth in pairs) + 1
        else:
            left, right = args
            if (
                op == "+"
                and left in calls
                and nodes[right].op == "linear"
                and left not in names
                and right not in names
                and joins(owned(calls[left][0]), owned(right))
            ):
                arguments = f"{insides[left]}, {insides[right]}"
                text = call(index, [*calls[left], right], arguments)
                rank, depth = CALL, max(depths[left], depths[right])
            else:
                (a, deep), (b, deeper) = inside(left, rank), inside(right, rank + 1)
                text, depth = f"{a} {op} {b}", max(deep, deeper)
        texts.append(text)
        ranks.append(rank)
        depths.append(depth)
        once = uses[index] == 1 or (op == "constant" and uses[index])
        if not once or index in kept or index in owners or index == output:
            settle(index)
    lines = [
        (f"{state}'", update, texts[update])
        for state, update in zip(states, cell.updates, strict=True)
        if update < first
    ]
    lines += (line for index in sorted(statements) for line in statements[index])
    if output >= 0 and texts[output] != "out":
        lines.append(("out", output, texts[output]))
    return Layout(states, lines, names, calls)


def to_text(cell: Cell, limits: Limits = LIMITS) -> str:
    """The text of a valid cell; `parse` reads it back.

    Shared and deeply nested parts are written once, on a line of their own (see `layout`); should
    long names make the text too large, all nodes get short ones.
    """
    above = [f"# {line}".rstrip() for line in cell.comment.split("\n")] if cell.comment else []
    title = cell.name if NAME.fullmatch(cell.name) else "cell"
    text = ""
    for keep in (True, False):
        page = layout(cell, limits, keep)
        names = ", ".join(page.states)
        head = f"cell {title}(x{'; ' if names else ''}{names})"
        body = (f"  {target} = {right}" for target, _, right in page.statements)
        text = "\n".join((*above, head, *body)) + "\n"
        if len(text.encode()) <= limits.bytes:
            break
    return text
