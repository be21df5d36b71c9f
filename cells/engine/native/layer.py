"""The items of one layer: a plan, with arrays in the place of names."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cells.engine.lowering.plan import Phase, Product, Stage
from cells.engine.native import tape
from cells.engine.native.memory import address
from cells.engine.native.store import Store
from cells.engine.native.tape import CODES, LANES, Kind
from cells.engine.native.writer import Writer

Array = NDArray[np.floating]
Place = tuple[int, int]
"""Address, and numbers a step."""


class LayerWriter:
    """Writes the items of one layer.

    Args:
        writer: takes the items.
        store: the parameters.
        layer: which layer.
        tabled: the phase `before` runs once a distinct symbol.
        carried: its states between windows.

    Attributes:
        x, dx: addresses of the input and its gradient at all steps; 0 with a table.
        table_x, table_dx: the same for the table.
    """

    def __init__(
        self, writer: Writer, store: Store, layer: int, *, tabled: bool, carried: Sequence[Array]
    ) -> None:
        self._writer, self._store, self._layer = writer, store, layer
        self._plan, self._shape, self._tabled = store.plan, writer.shape, tabled
        self._carried = carried
        self.x = self.dx = self.table_x = self.table_dx = 0
        self._places: dict[tuple[str, str], Place] = {}
        plan, shape = self._plan, self._shape
        self._sums = {one.name: number for number, one in enumerate(plan.sums)}
        self._static_sums = sum(one.phase == "static" for one in plan.sums)
        tabled_sums = [one.name for one in plan.sums if one.phase == "before" or one.hoisted]
        self._tabled_sums = {name: number for number, name in enumerate(tabled_sums)}
        self._static_rows = max(shape.lanes, shape.distinct) if tabled else shape.lanes
        self._ones: tuple[Array, Array] | None = None
        # Values of the loop whose gradients come from later phases.
        self._later = {
            arg for stage in plan.stages["after"] for one in stage.operations for arg in one.args
        } | {plan.output, *(one.operand for one in plan.products("after"))}
        static = [
            name for name, phase in plan.phase.items() if phase == "static" and name[0] != "a"
        ]
        size = self._static_rows * shape.stride
        count = len(static) + self._static_sums
        self._static_gradients = address(writer.memory.array(count, size)) if count else 0
        self._static_count = count * size
        self._static = {
            **{f"a{number}": number for number in range(self._static_sums)},
            **{name: self._static_sums + number for number, name in enumerate(static)},
        }

    # Where arrays are.

    @property
    def output(self) -> int:
        """The output at all steps."""
        return self._place("after", self._plan.output)[0]

    @property
    def output_gradient(self) -> int:
        """Where the gradient of the output is to be written, before `backward`."""
        return self._place("after", f"d{self._plan.output}")[0]

    def starts(self) -> list[int]:
        """The states before the first step."""
        return [self._place("loop", f"s{index}")[0] for index in range(len(self._carried))]

    def _new(self, *shape: int) -> int:
        return address(self._writer.memory.array(*shape))

    def _place(self, phase: Phase, name: str) -> Place:
        """Where an array is, as a phase sees it."""
        gradient = name[0] == "d"
        bare = name[1:] if gradient else self._plan.place.get(name, name)
        home = self._plan.phase[bare]
        tabled = self._tabled and phase == "before" and home == "before"
        if self._tabled and bare[0] == "a" and phase == "before" and bare in self._tabled_sums:
            tabled = True
        if bare == "x" and (tabled or self.x):
            if tabled:
                return (self.table_dx if gradient else self.table_x), 0
            return (self.dx if gradient else self.x), self._shape.step
        table = "table" if tabled else "static" if home == "static" else "series"
        key = (table, ("d" if gradient else "") + bare)
        if key not in self._places:
            self._places[key] = self._allocate(table, bare, home, gradient=gradient)
        return self._places[key]

    def _allocate(self, table: str, bare: str, home: Phase, *, gradient: bool) -> Place:
        shape, number = self._shape, int(bare[1:]) if bare[0] in "sua" else 0
        stack = f"{'d' if gradient else ''}stack"
        if table == "static":
            size = self._static_rows * shape.stride
            if gradient:
                start = self._static_gradients + self._static[bare] * size * self._writer.real
                return start, 0
            if bare[0] == "a":
                base = self._shared((table, stack), self._static_sums * size)
                return base + number * size * self._writer.real, 0
            return self._new(size), 0
        if table == "table":
            size = shape.distinct * shape.stride
            if bare[0] == "a":
                base = self._shared((table, stack), len(self._tabled_sums) * size)
                return base + self._tabled_sums[bare] * size * self._writer.real, 0
            return self._new(size), 0
        if bare[0] == "a":
            count = len(self._sums) - self._static_sums
            base = self._shared((table, stack), count * shape.series)
            offset = (number - self._static_sums) * shape.series
            return base + offset * self._writer.real, shape.step
        if bare[0] in "su":
            base = self._shared(
                (table, f"{'d' if gradient else ''}state{number}"), shape.series + shape.step
            )
            return base + (bare[0] == "u") * shape.step * self._writer.real, shape.step
        whole = bare in self._later if gradient else bare in self._plan.series
        if home == "loop" and not whole:
            return self._new(shape.step), 0
        return self._new(shape.series), shape.step

    def _shared(self, key: tuple[str, str], count: int) -> int:
        if key not in self._places:
            self._places[key] = self._new(count), 0
        return self._places[key][0]

    # Items.

    def forward(self) -> None:
        """From x to the output and the new states."""
        for index, carried in enumerate(self._carried):
            self._writer.copy(self.starts()[index], address(carried), carried.size)
        for name in self._plan.rows:
            self._expand(name)
        for phase in ("static", "before"):
            self._whole(phase)
        if self._tabled:
            self._gather()
        start = self._writer.mark
        for level, stage in enumerate(self._plan.stages["loop"]):
            for product in stage.products:
                self._multiply(product)
            self._pointwise("loop", level, stage, "forward", self._shape.step)
        self._writer.loop(start, reverse=False)
        self._whole("after")

    def _whole(self, phase: Phase) -> None:
        for level, stage in enumerate(self._plan.stages[phase]):
            for product in stage.products:
                self._multiply(product)
            self._at_once(phase, level, stage, "forward")

    def _at_once(
        self, phase: Phase, level: int, stage: Stage, way: Literal["forward", "backward"]
    ) -> None:
        """Pointwise work of all steps; step by step where it reads what is there once for all."""
        shape = self._shape
        if phase == "static":
            self._pointwise(phase, level, stage, way, self._static_rows * shape.stride)
        elif phase == "before" and self._tabled:
            elements = shape.distinct * shape.stride
            self._pointwise(phase, level, stage, way, elements, scaled=("elements",))
        elif any(self._plan.phase[name] == "static" for name in self._names(stage)):
            start = self._writer.mark
            self._pointwise(phase, level, stage, way, shape.step)
            self._writer.loop(start, reverse=False)
        else:
            self._pointwise(phase, level, stage, way, shape.series)

    @staticmethod
    def _names(stage: Stage) -> set[str]:
        return {arg for one in stage.operations for arg in one.args if isinstance(arg, str)} - {
            one.name for one in stage.operations
        }

    def _pointwise(
        self,
        phase: Phase,
        level: int,
        stage: Stage,
        way: Literal["forward", "backward"],
        elements: int,
        scaled: Sequence[str] = (),
    ) -> None:
        self._writer.pointwise(
            (self._layer, phase, level, way),
            stage.forward if way == "forward" else stage.backward,
            lambda name: self._place(phase, name),
            elements,
            scaled,
        )

    def _rows(self, phase: Phase) -> tuple[int, tuple[str, ...], int]:
        """Rows of a product, the fields that follow the table, and numbers between two gates."""
        shape = self._shape
        if phase == "static":
            return self._static_rows, (), self._static_rows * shape.stride
        if phase == "before" and self._tabled:
            return shape.distinct, ("rows",), shape.distinct * shape.stride
        return (shape.lanes if phase == "loop" else shape.tokens), (), shape.series

    def _add(self, product: Product) -> Callable[..., None]:
        """What takes the items of a product: those of one step always stay in full precision."""
        whole = product.phase in ("before", "after")
        return self._writer.deferred if whole else self._writer.add

    def _multiply(self, product: Product) -> None:
        packed, shape = self._store.products[self._layer, product], self._shape
        rows, scaled, gate = self._rows(product.phase)
        looped = product.phase == "loop"
        operand, step = self._place(product.phase, product.operand)
        out, _ = self._place(product.phase, product.sums[0])
        self._add(product)(
            Kind.GEMM,
            scaled,
            a_base=operand,
            a_step=step if looped else 0,
            segments=1,
            k=shape.width,
            lda=shape.stride,
            c_base=out,
            c_step=shape.step if looped else 0,
            c_gate_stride=gate,
            gates=len(product.sums),
            n=shape.width,
            ldc=shape.stride,
            rows=rows,
            panels=address(packed.weights),
            accumulate=int(not product.first),
            bias=0 if packed.biases is None else address(packed.biases),
        )

    def _gather(self) -> None:
        """From the table to the steps: sums that are continued, and other values that are read."""
        for first, gates in self._hoisted():
            target, source = self._place("loop", first)[0], self._place("before", first)[0]
            size = self._shape.distinct * self._shape.stride
            self._writer.gather(source, target, gates, size, self._shape.series)
        for name in self._crossing():
            self._writer.gather(
                self._place("before", name)[0], self._place("loop", name)[0], 1, 0, 0
            )

    def _crossing(self) -> list[str]:
        return [name for name in self._plan.crossing if name not in self._hoisted_names()]

    def _hoisted_names(self) -> list[str]:
        return [one.name for one in self._plan.sums if one.hoisted]

    def _hoisted(self) -> list[tuple[str, int]]:
        """Runs of sums that the phase `before` begins: the first name and how many."""
        runs: list[list[str]] = []
        for name in self._hoisted_names():
            if runs and self._sums[runs[-1][-1]] + 1 == self._sums[name]:
                runs[-1].append(name)
            else:
                runs.append([name])
        return [(run[0], len(run)) for run in runs]

    def prepare(self) -> None:
        """Zeroes the gradients that are added up, before anything is added to them."""
        shape = self._shape
        if self._static_count:
            self._writer.zero(self._static_gradients, self._static_count)
        for index in self._plan.zeroed:
            self._writer.zero(self._place("loop", f"ds{index}")[0], shape.series + shape.step)
        for index in self._plan.tails:
            start = self._place("loop", f"ds{index}")[0] + shape.series * self._writer.real
            self._writer.zero(start, shape.step)

    def backward(self) -> None:
        """From the gradient of the output to those of the parameters and of x."""
        self._back("after")
        start = self._writer.mark
        stages = list(enumerate(self._plan.stages["loop"]))
        for level, stage in reversed(stages):
            self._pointwise("loop", level, stage, "backward", self._shape.step)
            for product in reversed(stage.products):
                self._operand_gradient(product)
        self._writer.loop(start, reverse=True)
        for product in self._plan.products("loop"):
            self._weight_gradient(product)
        if self._tabled:
            self._scatter()
        for phase in ("before", "static"):
            self._back(phase)
        for name in self._plan.rows:
            self._row_gradient(name)

    def _back(self, phase: Phase) -> None:
        for level, stage in reversed(list(enumerate(self._plan.stages[phase]))):
            self._at_once(phase, level, stage, "backward")
            for product in reversed(stage.products):
                self._operand_gradient(product)
                self._weight_gradient(product)

    def _operand_gradient(self, product: Product) -> None:
        packed, shape = self._store.products[self._layer, product], self._shape
        if packed.transposed is None:
            return
        rows, scaled, gate = self._rows(product.phase)
        looped = product.phase == "loop"
        target, step = self._place(product.phase, f"d{product.operand}")
        self._add(product)(
            Kind.GEMM,
            scaled,
            a_base=self._place(product.phase, f"d{product.sums[0]}")[0],
            a_step=shape.step if looped else 0,
            a_segment_stride=gate,
            segments=len(product.sums),
            k=shape.width,
            lda=shape.stride,
            c_base=target,
            c_step=step if looped else 0,
            gates=1,
            n=shape.width,
            ldc=shape.stride,
            rows=rows,
            panels=address(packed.transposed),
            accumulate=int(product.gradient == "add"),
        )

    def _weight_gradient(self, product: Product) -> None:
        packed, shape = self._store.products[self._layer, product], self._shape
        rows, scaled, gate = self._rows(product.phase)
        if product.phase == "loop":
            rows = shape.tokens
        source = self._place(product.phase, f"d{product.sums[0]}")[0]
        trained = self._trained_biases(product)
        sums = self._writer.memory.array(len(product.sums), shape.stride) if trained else None
        if packed.gradients is not None:
            static = product.phase == "static"
            (self._writer.add if static else self._writer.deferred)(
                Kind.WEIGHT_GRADIENT,
                scaled,
                a_base=self._place(product.phase, product.operand)[0],
                lda=shape.stride,
                k=shape.width,
                g_base=source,
                g_gate_stride=gate,
                gates=len(product.sums),
                n=shape.width,
                ldg=shape.stride,
                rows=rows,
                out_panels=address(packed.gradients),
                sums=0 if sums is None else address(sums),
            )
            if packed.mask is not None:
                self._combine(CODES["multiply"], packed.gradients, packed.gradients, packed.mask)
            if packed.free_gradients is not None:
                for gate_number in range(len(product.sums)):
                    self.difference(
                        packed.gradients[gate_number], packed.free_gradients[gate_number]
                    )
        if sums is None:
            return
        if packed.gradients is None:
            self._writer.column_sum(
                source, address(sums), rows, len(product.sums), gate, tabled=bool(scaled)
            )
        for position, node in trained:
            target = self._store.row_gradients[f"layer{self._layer}.node{node}.bias"]
            self._writer.copy(address(target), address(sums[position]), shape.stride)

    def _trained_biases(self, product: Product) -> list[tuple[int, int]]:
        """The biases that this product adds and that are trained: the number of the sum, the node."""
        if self._store.products[self._layer, product].biases is None:
            return []
        return [
            (position, node)
            for position, name in enumerate(product.sums)
            for node in self._plan.sums[self._sums[name]].biases
            if f"layer{self._layer}.node{node}.bias" in self._store.row_gradients
        ]

    def difference(self, matrix: Array, out: Array) -> None:
        """Writes M - M^T to `out`, all in panels."""
        turned = self._writer.memory.zeros(*matrix.shape)
        self._writer.add(
            Kind.TRANSPOSE_PANELS,
            source=address(matrix),
            destination=address(turned),
            k=self._shape.width,
            n=self._shape.width,
            gates=1,
        )
        self._combine(CODES["subtract"], out, matrix, turned)

    def _combine(self, code: int, out: Array, a: Array, b: Array) -> None:
        row = tape.instruction(code, *(tape.ref(address(array)) for array in (out, a, b)))
        self._writer.instruct([row], out.size)

    def _scatter(self) -> None:
        size = self._shape.distinct * self._shape.stride
        for first, gates in self._hoisted():
            target = self._place("before", f"d{first}")[0]
            self._writer.zero(target, gates * size)
            source = self._place("loop", f"d{first}")[0]
            self._writer.scatter(target, source, gates, size, self._shape.series)
        for name in self._crossing():
            target = self._place("before", f"d{name}")[0]
            self._writer.zero(target, size)
            self._writer.scatter(target, self._place("loop", f"d{name}")[0], 1, 0, 0)

    def carry(self) -> None:
        """Keeps the states after the last step for the next window."""
        for index, carried in enumerate(self._carried):
            last = self.starts()[index] + self._shape.series * self._writer.real
            self._writer.copy(address(carried), last, carried.size)

    # Parameters that are read channel by channel.

    def _one_by_one(self) -> tuple[Array, Array]:
        """Panels that spread one number over all channels, and that sum over them."""
        if self._ones is None:
            width, memory = self._shape.width, self._writer.memory
            self._ones = memory.array(-(-width // LANES), 1, LANES), memory.array(1, width, LANES)
            for panels, matrix in zip(
                self._ones, (np.ones((1, width)), np.ones((width, 1))), strict=True
            ):
                panels[...] = tape.pack(matrix)
        return self._ones

    def _is_scalar(self, name: str) -> bool:
        return self._plan.cell.nodes[self._plan.rows[name]].op == "scalar"

    def _expand(self, name: str) -> None:
        shape, rows = self._shape, self._static_rows
        source = address(self._store.rows[self._store.row_name(self._layer, name)])
        target = self._place("static", name)[0]
        if self._is_scalar(name):
            self._writer.add(
                Kind.GEMM,
                a_base=source,
                segments=1,
                k=1,
                lda=0,
                c_base=target,
                gates=1,
                n=shape.width,
                ldc=shape.stride,
                rows=rows,
                panels=address(self._one_by_one()[0]),
            )
            return
        self._writer.add(
            Kind.ROW_GATHER,
            table=source,
            table_ld=0,
            index=address(self._writer.memory.counts(rows)),
            out=target,
            out_ld=shape.stride,
            gates=1,
            n=tape.padded(shape.width),
            rows=rows,
        )

    def _row_gradient(self, name: str) -> None:
        shape = self._shape
        target = self._store.row_gradients[self._store.row_name(self._layer, name)]
        source = self._place("static", f"d{name}")[0]
        if not self._is_scalar(name):
            self._writer.column_sum(source, address(target), self._static_rows)
            return
        sums = self._new(shape.stride)
        self._writer.column_sum(source, sums, self._static_rows)
        self._writer.add(
            Kind.GEMM,
            a_base=sums,
            segments=1,
            k=shape.width,
            lda=shape.stride,
            c_base=address(target),
            gates=1,
            n=1,
            ldc=LANES,
            rows=1,
            panels=address(self._one_by_one()[1]),
        )
