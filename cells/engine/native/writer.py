"""Writing tapes: items, loops, and pointwise programs as instructions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cells.engine.lowering.adjoint import Operand, Program
from cells.engine.native import tape
from cells.engine.native.memory import Memory, address
from cells.engine.native.tape import NOTHING, Kind, Ref

Locate = Callable[[str], tuple[int, int]]
"""From the name of an array to its address and its numbers a step."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a window.

    Attributes:
        steps, lanes: T and B.
        width, stride: H, and numbers from one row to the next.
        distinct: rows of the token table.
    """

    steps: int
    lanes: int
    width: int
    stride: int
    distinct: int

    @property
    def tokens(self) -> int:
        """T B."""
        return self.steps * self.lanes

    @property
    def step(self) -> int:
        """Numbers from one step to the next."""
        return self.lanes * self.stride

    @property
    def series(self) -> int:
        """Numbers of all steps."""
        return self.tokens * self.stride


@dataclass(frozen=True, slots=True)
class Patch:
    """A field of an item that is the number of distinct symbols times `factor`."""

    item: int
    field: int
    factor: int


@dataclass(frozen=True, slots=True)
class Tape:
    """Items ready to run: the bodies of loops first, then `count` items from `first` on."""

    items: NDArray[np.void]
    first: int
    count: int
    patches: tuple[Patch, ...]

    @property
    def address(self) -> int:
        """Where the items are."""
        return address(self.items)

    def set_distinct(self, distinct: int) -> None:
        """Sets how many rows of the token table are used."""
        fields = self.items["f"]
        for patch in self.patches:
            fields[patch.item, patch.field] = distinct * patch.factor


class Writer:
    """Collects items and instructions for windows of one shape."""

    def __init__(self, shape: Shape, memory: Memory, block: int, *, bfloat16: bool = False) -> None:
        self.shape, self.memory = shape, memory
        self._bfloat16 = bfloat16
        self.real = memory.dtype.itemsize
        self.index = memory.counts(shape.tokens)
        self._block = block
        self._rows: list[tape.Instruction] = []
        self._known: dict[object, tuple[int, int]] = {}
        self._bodies: list[tape.Item] = []
        self._items: list[tape.Item] = []
        self._patches: list[Patch] = []
        self._scratch: list[NDArray[np.floating]] = []
        self._constants: dict[float, NDArray[np.floating]] = {}

    @property
    def mark(self) -> int:
        """Items so far."""
        return len(self._items)

    def instructions(self) -> NDArray[np.void]:
        """The table of instructions, for all tapes."""
        nothing = (0, NOTHING, NOTHING, NOTHING, NOTHING)
        return tape.instructions([*self._rows, nothing])

    def take(self, start: int = 0) -> Tape:
        """The tape of all items; those from `start` on are then forgotten."""
        bodies = len(self._bodies)
        patches = tuple(Patch(bodies + p.item, p.field, p.factor) for p in self._patches)
        found = Tape(tape.items(self._bodies + self._items), bodies, len(self._items), patches)
        del self._items[start:]
        self._patches = [patch for patch in self._patches if patch.item < start]
        return found

    def add(self, kind: Kind, scaled: Sequence[str] = (), **fields: int) -> None:
        """One more item; fields named in `scaled` follow the number of distinct symbols."""
        for name in scaled:
            position = tape.FIELDS[kind].index(name)
            factor = fields[name] // self.shape.distinct
            self._patches.append(Patch(len(self._items), position, factor))
        self._items.append(tape.item(kind, **fields))

    def deferred(self, kind: Kind, scaled: Sequence[str] = (), **fields: int) -> None:
        """A GEMM or WEIGHT_GRADIENT of the whole window, in bfloat16 where that is wanted."""
        if self._bfloat16:
            kind = Kind[f"{kind.name}_BFLOAT16"]
        self.add(kind, scaled, **fields)

    def loop(self, start: int, *, reverse: bool) -> None:
        """Turns the items from `start` on into the body of a loop over time."""
        body = self._items[start:]
        del self._items[start:]
        if body:
            first = len(self._bodies)
            self._bodies += body
            self.add(
                Kind.LOOP,
                first=first,
                count=len(body),
                steps=self.shape.steps,
                reverse=int(reverse),
            )

    def zero(self, base: int, count: int) -> None:
        """Zeroes numbers."""
        self.add(Kind.ZERO, base=base, bytes=count * self.real)

    def copy(self, destination: int, source: int, count: int) -> None:
        """Copies numbers."""
        self.add(Kind.COPY, destination=destination, source=source, bytes=count * self.real)

    def gather(self, table: int, out: int, gates: int, table_gate: int, out_gate: int) -> None:
        """Rows of the table for all tokens."""
        self.add(
            Kind.ROW_GATHER,
            table=table,
            table_gate_stride=table_gate,
            table_ld=self.shape.stride,
            index=address(self.index),
            out=out,
            out_gate_stride=out_gate,
            out_ld=self.shape.stride,
            gates=gates,
            n=tape.padded(self.shape.width),
            rows=self.shape.tokens,
        )

    def scatter(self, table: int, source: int, gates: int, table_gate: int, gate: int) -> None:
        """Adds the rows of all tokens to those of the table."""
        self.add(
            Kind.ROW_SCATTER_ADD,
            table=table,
            table_gate_stride=table_gate,
            table_ld=self.shape.stride,
            index=address(self.index),
            g_base=source,
            g_gate_stride=gate,
            ldg=self.shape.stride,
            gates=gates,
            n=tape.padded(self.shape.width),
            rows=self.shape.tokens,
        )

    def column_sum(
        self,
        source: int,
        out: int,
        rows: int,
        gates: int = 1,
        gate: int = 0,
        *,
        tabled: bool = False,
    ) -> None:
        """Sums over rows."""
        self.add(
            Kind.COLUMN_SUM,
            ("rows",) if tabled else (),
            g_base=source,
            g_gate_stride=gate,
            gates=gates,
            n=self.shape.width,
            ldg=self.shape.stride,
            rows=rows,
            out=out,
        )

    def pointwise(
        self,
        key: object,
        program: Program,
        locate: Locate,
        elements: int,
        scaled: Sequence[str] = (),
    ) -> None:
        """A program on so many numbers; `key` says which it is, so that it is written once."""
        if not program.instructions:
            return
        place = self._known.get(key)
        if place is None:
            rows = [
                tape.instruction(
                    tape.code(one.op),
                    self._ref(one.out, locate),
                    *(self._ref(arg, locate) for arg in one.args),
                    accumulate=one.accumulate,
                )
                for one in program.instructions
            ]
            place = self._known[key] = (len(self._rows), len(rows))
            self._rows += rows
        self.add(Kind.POINTWISE, scaled, first=place[0], count=place[1], elements=elements)

    def instruct(self, rows: list[tape.Instruction], elements: int) -> None:
        """Instructions on so many numbers."""
        first = len(self._rows)
        self._rows += rows
        self.add(Kind.POINTWISE, first=first, count=len(rows), elements=elements)

    def _ref(self, operand: Operand, locate: Locate) -> Ref:
        if isinstance(operand, str):
            return tape.ref(*locate(operand))
        if isinstance(operand, float):
            if operand not in self._constants:
                self._constants[operand] = self.memory.array(self._block)
                self._constants[operand].fill(operand)
            return tape.ref(address(self._constants[operand]), walk=0)
        while operand >= len(self._scratch):
            self._scratch.append(self.memory.array(self._block))
        return tape.ref(address(self._scratch[operand]), walk=0)
