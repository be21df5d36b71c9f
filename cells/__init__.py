"""The language of gated recurrent cells: text, graph, identity, mutation, zoo.

Standard library only: `import cells` loads neither torch nor numpy.
"""

from cells import zoo
from cells.cell import Cell, Linear, Node
from cells.error import CellError
from cells.identity.canonical import canonical, identifier, identify
from cells.initial import Initial
from cells.limit import LIMITS, Limits
from cells.measure.execution import execution_class
from cells.mutation import Mutant, Refusal, mutate
from cells.sampling import sample
from cells.text.parser import parse, read
from cells.text.printer import to_text
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
    "identifier",
    "identify",
    "mutate",
    "parse",
    "read",
    "sample",
    "to_text",
    "zoo",
]
