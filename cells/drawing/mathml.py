"""The equations of a cell as MathML, which browsers draw without a script.

Written from the LaTeX of `cells.drawing.equation`, of which only what occurs there is understood.
"""

import re
from html import escape
from typing import Final

from cells.cell import Cell
from cells.drawing.equation import latex
from cells.op import OPS

_TOKEN: Final = re.compile(r"\\[A-Za-z]+|\\_|[0-9]+(?:\.[0-9]+)?|[A-Za-z]|[{}_^(),+\-=&]|\s+")
_FUNCTIONS: Final = {"tanh", "exp", "log", "sin", "cos", "max", "min"}
_SIGNS: Final = {
    r"\odot": "<mo>⊙</mo>",
    r"\cdot": "<mo>⋅</mo>",
    r"\sigma": "<mi>σ</mi>",
    r"\top": "<mo>⊤</mo>",
    r"\lvert": '<mo stretchy="false">|</mo>',
    r"\rvert": '<mo stretchy="false">|</mo>',
    "-": "<mo>−</mo>",
}


def mathml(cell: Cell) -> str:
    """The equations of a valid cell as one `math` element, a row each."""
    body = latex(cell).removeprefix("\\begin{aligned}\n").removesuffix("\n\\end{aligned}")
    rows: list[str] = []
    for line in body.split(" \\\\\n"):
        left, right = line.strip().split(" &= ", 1)
        rows.append(
            '<mtr><mtd style="text-align:right;padding:.2em 0">'
            f"{_Reader(left).all()}</mtd>"
            '<mtd style="text-align:left;padding:.2em .35em"><mo>=</mo></mtd>'
            f'<mtd style="text-align:left;padding:.2em 0">{_Reader(right).all()}</mtd></mtr>'
        )
    return f'<math display="block"><mtable>{"".join(rows)}</mtable></math>'


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = [token for token in _TOKEN.findall(text) if not token.isspace()]
        self.place = 0

    def all(self) -> str:
        """Everything as one `mrow`."""
        parts: list[str] = []
        while self.place < len(self.tokens):
            parts.append(self._item())
        return f"<mrow>{''.join(parts)}</mrow>"

    def _item(self) -> str:
        """One sign or group, with what hangs on it below and above."""
        item = self._atom()
        while self.place < len(self.tokens) and self.tokens[self.place] in "_^":
            mark = self.tokens[self.place]
            self.place += 1
            word = "msub" if mark == "_" else "msup"
            item = f"<{word}>{item}{self._atom()}</{word}>"
        return item

    def _atom(self) -> str:
        sign = self.tokens[self.place]
        self.place += 1
        if sign == "{":
            parts: list[str] = []
            while self.tokens[self.place] != "}":
                parts.append(self._item())
            self.place += 1
            return f"<mrow>{''.join(parts)}</mrow>"
        if sign == r"\mathrm":
            return self._word()
        if sign == r"\frac":
            above = self._atom()
            return f"<mfrac>{above}{self._atom()}</mfrac>"
        if sign == r"\sqrt":
            return f"<msqrt>{self._atom()}</msqrt>"
        if sign in _SIGNS:
            return _SIGNS[sign]
        if sign[0] == "\\" and sign[1:] in _FUNCTIONS:
            return f'<mi mathvariant="normal">{sign[1:]}</mi><mo>&#8289;</mo>'
        if sign[0].isdigit():
            return f"<mn>{sign}</mn>"
        if sign in "()":
            return f'<mo stretchy="false">{sign}</mo>'
        return f"<mi>{sign}</mi>" if sign.isalpha() else f"<mo>{escape(sign)}</mo>"

    def _word(self) -> str:
        letters: list[str] = []
        self.place += 1
        while self.tokens[self.place] != "}":
            letters.append(self.tokens[self.place].removeprefix("\\"))
            self.place += 1
        self.place += 1
        word = "".join(letters)
        plain = f"<mi>{escape(word)}</mi>"
        return f"{plain}<mo>&#8289;</mo>" if word in OPS else plain
