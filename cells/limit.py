"""How large a cell may be. Checked while reading, so that a bomb is refused before it is built."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds on a cell and on its text."""

    bytes: int = 65_536
    tokens: int = 8_192
    """Enough for the printed text of any cell within the other limits."""
    nodes: int = 512
    depth: int = 64
    """Nesting of one expression in the text."""
    states: int = 8
    parameters: int = 64
    """`linear`, `vector` and `scalar` nodes together."""
    digits: int = 12
    exponent: int = 38
    name: int = 40
    """Characters in a name."""
    comment: int = 4_096
    """Bytes of the comment above a cell."""


LIMITS: Final = Limits()
