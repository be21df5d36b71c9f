"""Texts of a record in tables that a spreadsheet opens: they may come from anybody."""

import re
from typing import Final

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How texts begin that a spreadsheet runs as formulas."""


NUMBER: Final = re.compile(r"\d{12,}|\d+[eE]\d+")
"""Texts of digits that a spreadsheet would take for a number, and round: seeds, and some ids."""


def inert(value: object) -> object:
    """The value, with an apostrophe before a text that a spreadsheet would run or take for a number."""
    if isinstance(value, str) and (value.startswith(FORMULA) or NUMBER.fullmatch(value)):
        return f"'{value}"
    return value
