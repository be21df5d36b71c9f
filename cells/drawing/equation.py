"""The equations of a cell, as plain text and as LaTeX, one line for each named part.

`linear` is written out: W for what depends on x alone (and learned numbers), U for what reads a
state, b for the bias, each with the gate it serves as its subscript. A diagonal matrix is a
lower-case letter and a product by channel, an antisymmetric one A - A^T.
"""

from collections import Counter
from dataclasses import dataclass
from typing import cast

from cells.cell import Cell, Linear
from cells.op import CALL, OPS, PRODUCT, RANKS, SUM
from cells.text.printer import Layout, layout, number_text


@dataclass(frozen=True, slots=True)
class _Style:
    """What differs between plain text and LaTeX."""

    latex: bool

    def word(self, name: str) -> str:
        if not self.latex or len(name) == 1:
            return name
        return r"\mathrm{" + name.replace("_", r"\_") + "}"

    def read(self, name: str) -> str:
        """A node by its name, `h'` included."""
        return self.word(name.removesuffix("'")) + "_t" if self.latex else name

    def old(self, state: str) -> str:
        return self.word(state) + "_{t-1}" if self.latex else state

    def symbol(self, letter: str, gate: str, number: int) -> str:
        """A weight of a gate; numbers tell apart those that would be called the same."""
        if self.latex:
            return f"{letter}_{{{self.word(gate)}{f',{number}' if number else ''}}}"
        return f"{letter}_{gate}{number or ''}"

    def number(self, value: float) -> str:
        text = number_text(value)
        if not self.latex or "e" not in text:
            return text
        digits, exponent = text.split("e")
        return rf"{digits} \cdot 10^{{{exponent}}}"

    def times(self, a: str, b: str) -> str:
        return rf"{a} \odot {b}" if self.latex else f"{a} * {b}"

    def matrix(self, linear: Linear, symbol: str, a: str) -> str:
        if linear.kind == "diagonal":
            return self.times(symbol, a)
        if linear.kind == "antisymmetric":
            turned = rf"{symbol}^\top" if self.latex else f"{symbol}^T"
            return f"({symbol} - {turned}) {a}"
        return f"{symbol} {a}"

    def apply(self, op: str, args: list[str]) -> str:
        if self.latex:
            return OPS[op].latex.format(**dict(zip("ab", args, strict=False)))
        return f" {op} ".join(args) if op in RANKS else f"{op}({', '.join(args)})"


def symbols(cell: Cell, page: Layout) -> dict[tuple[int, str], tuple[str, str, int]]:
    """Letter, gate and number of each matrix `(node, "W")`, bias `(node, "b")` and learned number."""
    nodes, count = cell.nodes, len(cell.nodes)
    gates = [page.names.get(index, "") for index in range(count)]
    for index in range(count - 1, -1, -1):
        for arg in nodes[index].args:
            if arg not in page.names:
                gates[arg] = gates[index]
    reads: list[bool] = []  # whether a node depends on a state of the previous step
    wanted: list[tuple[int, str, str]] = []
    for index, (op, args, parameter) in enumerate(nodes):
        reads.append(op == "state" or any(reads[arg] for arg in args))
        if isinstance(parameter, Linear):
            letter = "A" if parameter.kind == "antisymmetric" else "U" if reads[index] else "W"
            wanted.append((index, "W", letter.lower() if parameter.kind == "diagonal" else letter))
            if parameter.bias is not None:
                wanted.append((index, "b", "b"))
        elif op in ("vector", "scalar"):
            wanted.append((index, "v", op[0]))
    counts = Counter((letter, gates[index]) for index, _, letter in wanted)
    taken = {*page.names.values(), *page.states}
    letters: dict[tuple[int, str], tuple[str, str, int]] = {}
    for index, role, letter in wanted:
        stem = gates[index].removesuffix("'")
        number = 1 if counts[letter, gates[index]] > 1 else 0
        while f"{letter}_{stem}{number or ''}" in taken:
            number += 1
        taken.add(f"{letter}_{stem}{number or ''}")
        letters[index, role] = (letter, stem, number)
    return letters


def _lines(cell: Cell, style: _Style) -> list[tuple[str, str]]:
    """Left and right side of each equation."""
    nodes, page = cell.nodes, layout(cell)
    letters = symbols(cell, page)
    texts: list[str] = []
    ranks: list[int] = []
    rights: dict[int, str] = {}
    terms: dict[int, str] = {}  # the product of each `linear`, without its bias

    def inside(index: int, rank: int, right: bool = False) -> str:
        """An argument; in parentheses where it binds less than `rank`, or starts with a minus."""
        text = texts[index]
        return f"({text})" if ranks[index] < rank or (right and text.startswith("-")) else text

    for index, (op, args, parameter) in enumerate(nodes):
        rank = RANKS.get(op, CALL)
        if op == "input":
            text = "x_t" if style.latex else "x"
        elif op == "state":
            text = style.old(page.states[index - 1])
        elif op == "constant":
            text = style.number(cast("float", parameter))
            rank = PRODUCT if "10^" in text else CALL
        elif op in ("vector", "scalar"):
            text = style.symbol(*letters[index, "v"])
            name = page.names.get(index, "'")
            if name.isidentifier() and name != "out":  # its name is its symbol
                texts.append(style.word(name))
                ranks.append(CALL)
                continue
        elif index in page.calls:
            linears = page.calls[index]
            head = linears[0]
            if op == "linear":
                linear = cast("Linear", parameter)
                symbol = style.symbol(*letters[index, "W"])
                terms[index] = style.matrix(linear, symbol, inside(args[0], CALL, True))
            parts = [terms[part] for part in linears]
            if (head, "b") in letters:
                parts.append(style.symbol(*letters[head, "b"]))
            text, rank = " + ".join(parts), SUM if len(parts) > 1 else PRODUCT
        elif op == "/" and style.latex:
            text, rank = style.apply(op, [texts[arg] for arg in args]), CALL
        elif rank != CALL:
            left, right = args
            tight = rank + (op != "+")  # a + (b - c) needs no parentheses
            text = style.apply(op, [inside(left, rank), inside(right, tight, True)])
        else:
            text = style.apply(op, [texts[arg] for arg in args])
        name = page.names.get(index)
        if name is not None:
            rights[index] = text
            text, rank = style.read(name), CALL
        texts.append(text)
        ranks.append(rank)
    lines: list[tuple[str, str]] = []
    for target, index, _ in page.statements:
        defines = page.names.get(index) == target
        if index in rights or not defines:
            lines.append((style.read(target), rights[index] if defines else texts[index]))
    return lines


def plain(cell: Cell) -> str:
    """The equations of a valid cell as text, one a line; a prime marks a new value."""
    return "\n".join(f"{left} = {right}" for left, right in _lines(cell, _Style(latex=False)))


def latex(cell: Cell) -> str:
    """The equations of a valid cell as one LaTeX block `aligned`, with the step as subscript."""
    return f"\\begin{{aligned}}\n{_aligned(cell)}\n\\end{{aligned}}"


def document(cell: Cell) -> str:
    """A whole LaTeX document with the equations of a valid cell, its comment above them."""
    above = "".join(f"% {line}".rstrip() + "\n" for line in cell.comment.splitlines())
    return (
        f"{above}\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\begin{{document}}\n"
        f"\\begin{{align*}}\n{_aligned(cell)}\n\\end{{align*}}\n\\end{{document}}\n"
    )


def _aligned(cell: Cell) -> str:
    lines = _lines(cell, _Style(latex=True))
    return " \\\\\n".join(f"  {left} &= {right}" for left, right in lines)
