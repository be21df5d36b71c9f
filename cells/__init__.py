"""The language of gated recurrent cells: text, graph, identity, mutation, zoo.

Standard library only: `import cells` loads neither torch nor numpy.
"""

from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.initial import Initial
from cells.limit import LIMITS, Limits
from cells.parser import parse, read
from cells.printer import to_text
from cells.verify import check

__all__ = [
    "LIMITS",
    "Cell",
    "CellError",
    "Initial",
    "Limits",
    "Linear",
    "Node",
    "check",
    "parse",
    "read",
    "to_text",
]
