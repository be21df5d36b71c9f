"""`Cell` to text, linear in the graph: what is used twice is printed once, by name."""

from typing import Final, cast

from cells.cell import Cell, Linear
from cells.initial import DEFAULT, ZERO, Initial
from cells.limit import LIMITS, Limits
from cells.verify import NAME, RESERVED

_RANK: Final = {"+": 1, "-": 1, "*": 2, "/": 2}
_ATOM: Final = 3


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


def _lines(cell: Cell, states: tuple[str, ...], kept: dict[int, str], limits: Limits) -> list[str]:
    """The statements of a cell, in the order of their nodes."""
    nodes, first = cell.nodes, len(cell.updates) + 1
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
    ranks: list[int] = [_ATOM] * first
    depths: list[int] = [0] * first
    calls: dict[int, tuple[Linear, str]] = {}  # nodes written as one `linear`: options, arguments
    pairs = zip(states, cell.updates, strict=True)
    statements = {0: [f"{state}' = {texts[leaf]}" for state, leaf in pairs if leaf < first]}

    def settle(index: int) -> None:
        """Give a node a statement of its own; from here on it is read by its name."""
        news = owners.get(index, [])
        name = kept.get(index)
        if name is None:
            name = (
                news[0] if news else "out" if index == output and not uses[index] else next(fresh)
            )
        statements[index] = [f"{name} = {texts[index]}"]
        statements[index] += (f"{new} = {name}" for new in news if new != name)
        texts[index], ranks[index], depths[index] = name, _ATOM, 0
        calls.pop(index, None)

    def inside(index: int, rank: int = 0) -> tuple[str, int]:
        """An argument in parentheses where its rank is below `rank`, and its nesting there."""
        wrap = ranks[index] < rank
        if depths[index] + wrap >= limits.depth + bool(rank):
            settle(index)
            wrap = False
        return (f"({texts[index]})" if wrap else texts[index]), depths[index] + wrap

    for index in range(first, len(nodes)):
        op, args, parameter = nodes[index]
        rank, depth = _RANK.get(op, _ATOM), 0
        if op == "constant":
            text = number_text(cast("float", parameter), limits)
        elif not args:
            law = law_text(cast("Initial", parameter))
            text = f"{op}({'' if law == 'default' else law})"
        elif op == "linear":
            head = cast("Linear", parameter)
            written, depth = inside(args[0])
            calls[index] = (head, written)
            text, depth = f"linear({written}{options_text(head)})", depth + 1
        elif rank == _ATOM:
            pairs = [inside(arg) for arg in args]
            text = f"{op}({', '.join(text for text, _ in pairs)})"
            depth = max(depth for _, depth in pairs) + 1
        else:
            left, right = args
            call = calls.get(left) if op == "+" and nodes[right].op == "linear" else None
            if call and right in calls and joins(call[0], calls[right][0]):
                calls[index] = (call[0], f"{call[1]}, {calls[right][1]}")
                text = f"linear({calls[index][1]}{options_text(call[0])})"
                rank, depth = _ATOM, max(depths[left], depths[right])
            else:
                (a, deep), (b, deeper) = inside(left, rank), inside(right, rank + 1)
                text, depth = f"{a} {op} {b}", max(deep, deeper)
        texts.append(text)
        ranks.append(rank)
        depths.append(depth)
        once = uses[index] == 1 or (op == "constant" and uses[index])
        if not once or index in kept or index in owners or index == output:
            settle(index)
    lines = [line for index in sorted(statements) for line in statements[index]]
    if output >= 0 and texts[output] != "out":
        lines.append(f"out = {texts[output]}")
    return lines


def to_text(cell: Cell, limits: Limits = LIMITS) -> str:
    """The text of a valid cell; `parse` reads it back.

    Nodes keep their names where these are legal and no two alike. Nodes that are read more than
    once, or that nest too deeply, get the names `a1`, `a2`, ...; should long names make the text
    too large, all nodes get such names.
    """
    states = state_names(cell, limits)
    above = [f"# {line}".rstrip() for line in cell.comment.split("\n")] if cell.comment else []
    title = cell.name if NAME.fullmatch(cell.name) else "cell"
    above.append(f"cell {title}(x{'; ' if states else ''}{', '.join(states)})")
    for kept in (_kept_names(cell, states, limits), dict[int, str]()):
        body = (f"  {line}" for line in _lines(cell, states, kept, limits))
        text = "\n".join((*above, *body)) + "\n"
        if len(text.encode()) <= limits.bytes:
            break
    return text
