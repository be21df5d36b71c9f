"""The language of gated recurrent cells: text, graph, identity, mutation, zoo.

Standard library only: `import cells` loads neither torch nor numpy.
"""

from cells.canonical import canonical, identify, identity
from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.execution import execution_class
from cells.initial import Initial
from cells.limit import LIMITS, Limits
from cells.mutate import Mutant, Refusal, mutate
from cells.parser import parse, read
from cells.printer import to_text
from cells.sample import sample
from cells.verify import check

__all__ = [
    "LIMITS",
    "Cell",
    "CellError",
    "Initial",
    "Limits",
    "Linear",
    "Mutant",
    "Node",
    "Refusal",
    "canonical",
    "check",
    "execution_class",
    "identify",
    "identity",
    "mutate",
    "parse",
    "read",
    "sample",
    "to_text",
]
