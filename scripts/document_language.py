#!/usr/bin/env python3
"""Write the tables of `docs/language.md` from those of the code; `--check` only compares.

Exit status 1 when the page was not up to date.
"""

import re
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cells.cell import KINDS
from cells.error import visible
from cells.fault import FAULTS
from cells.initial import LAWS
from cells.limit import LIMITS, Limits
from cells.op import OPS
from scripts.page import code, run, table

MEANINGS: Final = {
    "bytes": "bytes of text",
    "tokens": "words, numbers and signs",
    "nodes": "nodes, x and states included",
    "depth": "open parentheses, calls and minus signs",
    "states": "states",
    "parameters": "linear, vector and scalar together",
    "digits": "digits of a number in front of its exponent",
    "exponent": "exponent of a number, up or down",
    "name": "characters of a name",
    "comment": "bytes of the comment above the cell",
}


def limits() -> str:
    rows = [(MEANINGS[f.name], f"{getattr(LIMITS, f.name):,}") for f in fields(Limits)]
    return table(("at most", ""), rows)


def operators() -> str:
    rows = (
        (code(op.name), op.formula, ", ".join(code(str(slope)) for slope in op.slopes), op.source)
        for op in OPS.values()
        if op.name not in ("input", "state", "constant")
    )
    return table(("operator", "result y", "derivative for each argument", "source"), rows)


def kinds() -> str:
    return table(("kind", "matrix"), ((code(kind), text) for kind, text in KINDS.items()))


def laws() -> str:
    rows = (
        (
            code(law.name),
            str(law.fewest) if law.fewest == law.most else f"{law.fewest} or {law.most}",
            ", ".join(law.places),
            law.meaning,
        )
        for law in LAWS.values()
    )
    return table(("law", "numbers", "for", "draws"), rows)


def example(text: object) -> str:
    """The telling part of a malformed input, short and printable."""
    if not isinstance(text, str):
        return ""
    body = re.sub(r"cell f\(x; h\)\n\s*", "", text)
    shown = " ⏎ ".join(visible(line.strip()) for line in body.split("\n"))
    return code(shown if len(shown) <= 44 else shown[:41] + "...")


def errors() -> str:
    rows = (
        (
            row.code,
            re.sub(r"\{(\w+)\}", r"*\1*", row.message),
            re.sub(r"\{(\w+)\}", r"*\1*", row.expected),
            ", ".join(filter(None, map(example, row.examples))),
        )
        for row in FAULTS.values()
    )
    return table(("code", "what is wrong", "expected", "examples"), rows)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "limits": limits,
    "operators": operators,
    "kinds": kinds,
    "laws": laws,
    "errors": errors,
}


if __name__ == "__main__":
    sys.exit(run("language.md", TABLES, __doc__ or "", Path(__file__).name))
