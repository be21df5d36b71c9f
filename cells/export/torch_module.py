"""A cell as one file of Python that needs torch alone: a module that is called as `nn.GRU` is.

The text is made from the checked graph: of what an author wrote only names enter the code, each made
unlike every word of Python and of the file, and everything else stands in comments.
"""

import re
from math import copysign
from typing import Final, cast

from cells.cell import Cell, Linear
from cells.drawing.equation import symbols
from cells.export import torch_text
from cells.export.statement import INDENT, LONGEST, ROOM, WIDTH, Body, Names, Piece, bracketed
from cells.export.torch_initial import Own, reset
from cells.export.torch_operator import FUNCTIONS
from cells.initial import Initial
from cells.op import DIVISION_GUARD
from cells.size import width_step
from cells.text.printer import layout, number_text, to_text
from cells.verify import check

KINDS: Final = {
    "free": "linear",
    "frozen": "linear",
    "diagonal": "diagonal",
    "block": "blocks",
    "antisymmetric": "antisymmetric",
}

_RECTANGULAR: Final = frozenset({"default", "value", "uniform", "normal"})
"""Laws of matrices that need not be square."""


def takes_any_input(cell: Cell) -> bool:
    """Whether x meets the matrices only, so that its width may differ from that of the states."""
    reads = [node for node in cell.nodes if 0 in node.args]
    return 0 not in (*cell.updates, cell.output) and all(
        isinstance(linear := node.parameter, Linear)
        and linear.kind in ("free", "frozen")
        and linear.init.law in _RECTANGULAR
        and not linear.diagonal
        for node in reads
    )


def names(cell: Cell) -> dict[str, str]:
    """The module's name for each parameter of a layer, such as `W_r` for `node5.weight`.

    The keys are those of `cells.engine.training.parameter` without the layer. Parameters of dead nodes have
    none.
    """
    page, living, unique = layout(cell), alive(cell), Names()
    attributes: dict[str, str] = {}
    for (index, role), (letter, gate, number) in symbols(cell, page).items():
        if not living[index]:
            continue
        suffix = {"W": ".weight", "b": ".bias", "v": ""}[role]
        stem = f"{letter}_{gate[: LONGEST - 8]}{number or ''}"
        attributes[f"node{index}{suffix}"] = unique.take(stem)
    return attributes


def write(cell: Cell, note: str = "", window: int = 35) -> str:
    """The file: a class for one step of one layer, and a class that is called as `nn.GRU` is.

    Args:
        cell: the cell.
        note: more lines for the docstring of the file.
        window: T of training, which `chrono` without a number refers to.

    Raises:
        CellError: it is no valid cell.
    """
    check(cell)
    owned = _owned(cell)
    body = _body(cell)
    called = _called(body)
    imports = sorted(called & torch_text.IMPORTS)
    title = class_name(cell)
    count, rectangular = len(cell.updates), takes_any_input(cell)
    timed = any(own.initial.law == "chrono" and not own.initial.numbers for own in owned)
    sizes = ["input_size", "hidden_size"] if rectangular else ["hidden_size"]
    arguments = [*sizes, *(["window"] if timed else []), "bias", "device", "dtype"]
    state = "Tensor" if count == 1 else "tuple[Tensor, ...]"
    blocks = width_step(cell)
    text = torch_text.FILE.substitute(
        name=cell.name if cell.name.isascii() else "cell",
        note=_quoted(f"\n\n{note.strip()}\n") if note.strip() else "",
        comment="\n".join(
            line if line.startswith("#") else f"# {line}"
            for line in _printable(to_text(cell)).splitlines()
        ),
        imports=f"from torch.nn.functional import {', '.join(imports)}\n" if imports else "",
        helpers="".join(
            f"{text}\n\n\n" for word, text in torch_text.HELPERS.items() if word in called
        ),
        title=title,
        size_arguments="".join(f"        {size}: int,\n" for size in sizes)
        + ("        window: int,\n" if timed else ""),
        blocks=torch_text.BLOCKS.substitute(blocks=blocks) if blocks > 1 else "",
        window=torch_text.WINDOW if timed else "",
        makers="".join(
            torch_text.MAKER.substitute(name=kind.lower(), kind=kind)
            for kind, frozen in (("Parameter", False), ("Buffer", True))
            if any(own.frozen == frozen for own in owned)
        ),
        made=f"\n{_made(owned)}" if owned else "",
        reset="\n".join(reset(owned, timed)) or "        pass",
        step="\n".join(body),
    )
    text += torch_text.STACK.substitute(
        title=title,
        name=cell.name,
        states=_states_said(cell),
        projection_said=torch_text.DIRECT if rectangular else torch_text.PROJECTED,
        window_argument=f"        window: int = {window},\n" if timed else "",
        window_said=torch_text.WINDOW_SAID if timed else "",
        bias_said="" if any(own.optional for own in owned) else " No linear of this cell has one.",
        projection="" if rectangular else torch_text.PROJECTION,
        sizes="[input_size] + [hidden_size] * (num_layers - 1)"
        if rectangular
        else "[hidden_size] * num_layers",
        made="\n".join(bracketed(12, f"layer = {title}Cell(", ["size", *arguments[1:]], ")")),
        signature="\n".join(
            bracketed(
                4,
                "def forward(",
                ["self", "input: Tensor", f"hx: {state} | None = None"],
                f") -> tuple[Tensor, {state}]:",
            )
        ),
        projected="" if rectangular else torch_text.PROJECT,
        count=count,
        unbatched="[hx if batched else hx.unsqueeze(1)]"
        if count == 1
        else "[state if batched else state.unsqueeze(1) for state in hx]",
        final="final[0]" if count == 1 else "tuple(final)",
    )
    return text


def alive(cell: Cell) -> list[bool]:
    """For each node whether a new state or the output reads it."""
    read = [False] * len(cell.nodes)
    for index in (*cell.updates, cell.output):
        read[index] = True
    for index in range(len(cell.nodes) - 1, -1, -1):
        if read[index]:
            for arg in cell.nodes[index].args:
                read[arg] = True
    return read


def _owned(cell: Cell) -> list[Own]:
    attributes = names(cell)
    owned: list[Own] = []
    for index, (op, args, parameter) in enumerate(cell.nodes):
        attribute = attributes.get(f"node{index}.weight") or attributes.get(f"node{index}")
        if attribute is None:
            continue
        if op in ("vector", "scalar"):
            shape = "hidden_size" if op == "vector" else "1"
            owned.append(Own(attribute, shape, cast("Initial", parameter), op))
            continue
        linear = cast("Linear", parameter)
        frozen = linear.kind == "frozen"
        if linear.kind == "diagonal":
            shape = "hidden_size"
        elif linear.kind == "block":
            shape = (
                f"{linear.blocks}, hidden_size // {linear.blocks}, hidden_size // {linear.blocks}"
            )
        elif args[0] == 0 and takes_any_input(cell):
            shape = "hidden_size, input_size"
        else:
            shape = "hidden_size, hidden_size"
        form = linear.kind if linear.kind in ("diagonal", "block") else "matrix"
        owned.append(Own(attribute, shape, linear.init, form, linear.diagonal, frozen))
        if linear.bias is not None:
            attribute = attributes[f"node{index}.bias"]
            owned.append(
                Own(attribute, "hidden_size", linear.bias, "vector", 0.0, frozen, optional=True)
            )
    return owned


def _body(cell: Cell) -> list[str]:
    """The lines of the step: signature, docstring, statements, return."""
    page, living, attributes = layout(cell), alive(cell), names(cell)
    unique = Names(torch_text.WORDS)
    body, count = Body(unique), len(cell.updates)
    pieces = [Piece("x"), *(Piece(unique.take(state)) for state in page.states)]
    signature = ["self", *(f"{piece.text}: Tensor" for piece in pieces)]
    local = {
        index: unique.take(f"{name.removesuffix(chr(39))}_next" if name[-1] == "'" else name)
        for index, name in page.names.items()
        if living[index] and cell.nodes[index].op not in ("constant", "vector", "scalar")
    }
    moving = [True] * (count + 1)  # whether a value depends on x or a state, and so is [B, H]
    wide = [True] * (count + 1)  # whether its last axis is H, not 1 or none
    for index, (op, args, parameter) in enumerate(cell.nodes):
        if index <= count:
            continue
        moving.append(any(moving[arg] for arg in args))
        wide.append(op in ("vector", "linear") or any(wide[arg] for arg in args))
        if not living[index]:
            pieces.append(Piece("None"))
            continue
        name = local.get(index, "")
        room = WIDTH - INDENT - len(f"{name} = ") if name else ROOM
        if op == "constant":
            piece = Piece(number_text(cast("float", parameter)))
        elif op in ("vector", "scalar"):
            piece = Piece(f"self.{attributes[f'node{index}']}")
        elif op == "linear":
            own = [f"node{index}.weight", f"node{index}.bias"]
            weights = [Piece(f"self.{attributes[node]}") for node in own if node in attributes]
            kind = KINDS[cast("Linear", parameter).kind]
            operand = _tensor(cell, pieces, args[0])
            if not wide[args[0]]:
                operand = _expanded(body, operand, "expand", Piece("self.hidden_size"))
            piece = body.call(kind, operand, *weights, room=room)
        else:
            piece = _operation(cell, body, pieces, op, args, room)
        pieces.append(body.assign(name, piece) if name else piece)
    results: list[str] = []
    for index in (cell.output, *cell.updates):
        piece = pieces[index]
        if not moving[index]:
            piece = _expanded(body, _tensor(cell, pieces, index), "expand_as", pieces[1])
        results.append(piece.text)
    inputs = "[B, input_size]" if takes_any_input(cell) else "[B, hidden_size]"
    said = torch_text.STEP.substitute(inputs=inputs)
    head, tail = "def forward(", ") -> tuple[Tensor, ...]:"
    lines = bracketed(4, head, signature, tail)
    lines += [f"        {line}".rstrip() for line in said.splitlines()]
    lines += body.lines
    joined = ", ".join(results) if count else f"({results[0]},)"
    if INDENT + len("return ") + len(joined) <= WIDTH:
        return [*lines, f"        return {joined}"]
    return [*lines, *bracketed(INDENT, "return (", results, ")", is_tuple=True)]


def _operation(
    cell: Cell, body: Body, pieces: list[Piece], op: str, args: tuple[int, ...], room: int
) -> Piece:
    literal = [cell.nodes[arg].op == "constant" for arg in args]
    if op in "+-*" or (op == "/" and literal[1]):
        left, right = (pieces[arg] for arg in args)
        if all(literal):
            left = _tensor(cell, pieces, args[0])
        if op == "/":
            divisor = cast("float", cell.nodes[args[1]].parameter)
            if abs(divisor) < DIVISION_GUARD:
                right = Piece(number_text(copysign(DIVISION_GUARD, divisor + 0.0)))
        return body.arithmetic(op, left, right, room)
    operands = [_tensor(cell, pieces, arg) for arg in args]
    if op == "/":
        operands[0] = pieces[args[0]]
    return body.call(FUNCTIONS[op], *operands, room=room)


def _expanded(body: Body, piece: Piece, method: str, to: Piece) -> Piece:
    """`piece.method(to)` under a name of its own."""
    if not piece.short:
        piece = body.assign(body.names.take("part"), piece)
    return body.assign(body.names.take("part"), body.call(f"{piece.text}.{method}", to))


def _tensor(cell: Cell, pieces: list[Piece], index: int) -> Piece:
    """A node as a tensor, also where it is a number."""
    piece = pieces[index]
    if cell.nodes[index].op != "constant":
        return piece
    text = f"x.new_tensor({piece.text})"
    return Piece(text, short=False, function="x.new_tensor", arguments=(piece.text,))


def _made(owned: list[Own]) -> str:
    """The lines that make the parameters."""
    lines: list[str] = []
    for own in owned:
        maker = "buffer" if own.frozen else "parameter"
        suffix = " if bias else None" if own.optional else ""
        head, shape = f"self.{own.attribute} = {maker}(", own.shape.split(", ")
        if suffix:
            lines.append(f"        {head}{own.shape}){suffix}")
        else:
            lines += bracketed(INDENT, head, shape, ")")
    return "\n".join(lines)


def _called(step: list[str]) -> set[str]:
    """The functions without a point that the step calls, and those that they call in turn."""
    words = set(re.findall(r"(?<![.\w])(\w+)\(", "\n".join(step)))
    return words.union(*(torch_text.NEEDS[word] for word in words & torch_text.NEEDS.keys()))


def class_name(cell: Cell) -> str:
    """The name of the class that is called as `nn.GRU` is: `MutOne` for a cell `mut_one`."""
    title = "".join(part[:1].upper() + part[1:] for part in cell.name.split("_"))[: LONGEST + 4]
    if not title.isidentifier():
        title = f"Cell{title}"
    return Names({"Tensor"}).take(title)


def _states_said(cell: Cell) -> str:
    if not cell.updates:
        return "This cell has no state: `hx` is not used, and `h_n` is `()`."
    if len(cell.updates) == 1:
        return "`hx` and `h_n` are `[num_layers, B, hidden_size]`."
    listed = ", ".join(layout(cell).states)
    return f"`hx` and `h_n` are tuples ({listed}), each `[num_layers, B, hidden_size]`."


def _printable(text: str) -> str:
    """Text in which nothing but its line feeds ends a line, whoever reads it."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in text)


def _quoted(text: str) -> str:
    """Text that may stand between the quotes of a docstring."""
    lines = (line.rstrip() for line in text.split("\n"))
    return _printable("\n".join(lines)).replace("\\", "\\\\").replace('"', '\\"')
