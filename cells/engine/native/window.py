"""The tapes of one shape of window: every piece of work of a training or a scoring step, in order."""

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cells.engine.lowering.plan import PHASES
from cells.engine.native import tape
from cells.engine.native.layer import LayerWriter
from cells.engine.native.memory import Memory, address
from cells.engine.native.store import Store
from cells.engine.native.tape import CODES, Kind
from cells.engine.native.writer import Shape, Writer
from cells.training.optimizer import AdamW

Array = NDArray[np.floating]

_HEAD_BYTES: Final = 1 << 22
"""Logits that are in memory at a time, where the readout is large."""


class Window:
    """One shape of window: its arrays, and its tapes for training and for scoring.

    Args:
        store: the parameters.
        steps, lanes: T and B.
        carried: states `[layers * S, B, ld]`, read before and written after each call.
        dropout: inputs of layers and readout are multiplied by `masks`.
        block: numbers in a block of the runtime.
        bfloat16: round the factors of the products of the whole window.
        poison: fill all arrays with NaN first.

    Attributes:
        index: `[T * B]` symbols, or rows of the table where it holds only symbols of the window.
        inputs: rolls `[T * B, ld]`; no rows for symbols.
        targets: symbols `[T * B]`, or rolls `[T * B, ld]`.
        mask: `[T * B]`.
        masks: factors of dropout `[layers + 1, T * B, ld]`; none without dropout.
        carried: as given.
        used: the rows of the embedding that the window uses; none where it uses all of it.
        symbols: which rows these are.
        training, scoring: the tapes.
        instructions: address of the instructions of both.
    """

    def __init__(
        self,
        store: Store,
        steps: int,
        lanes: int,
        carried: Array,
        *,
        dropout: bool,
        block: int,
        bfloat16: bool = False,
        poison: bool = False,
    ) -> None:
        self._store, self._plan, self._model = store, store.plan, store.model
        memory = self.memory = Memory(store.trained.dtype, poison=poison)
        symbols, size = store.model.kind == "symbols", store.model.size
        self._table = symbols and not dropout
        # With few symbols the table holds all of them, and the symbols themselves are the index.
        self._whole = symbols and size <= steps * lanes
        distinct = min(size, steps * lanes) if symbols else 1
        self._shape = Shape(steps, lanes, store.model.width, store.stride, distinct)
        tokens, columns = self._shape.tokens, store.readout_stride
        self._writer = writer = Writer(self._shape, memory, block, bfloat16=bfloat16)

        self.index = writer.index
        self.targets = memory.counts(tokens) if symbols else memory.zeros(tokens, columns)
        self.inputs = memory.zeros(0 if symbols else tokens, columns)
        self.mask = memory.flags(tokens)
        layers = range(store.model.layers)
        self._dropout = dropout
        self.masks = memory.zeros((len(layers) + 1) * dropout, tokens, store.stride)
        self.carried = carried
        self.used = memory.array(0, store.stride)
        self.symbols = memory.counts(distinct)
        chunk = min(tokens, max(32, _HEAD_BYTES // (columns * memory.dtype.itemsize)))
        self._logits = memory.array(chunk, columns)

        states = len(self._plan.states)
        self._layers = [
            LayerWriter(
                writer,
                store,
                layer,
                tabled=self._table and not layer,
                carried=[carried[layer * states + state] for state in range(states)],
            )
            for layer in layers
        ]
        self._connect()
        for layer in layers:
            self._derived(layer)
            self._layer_input(layer)
            self._layers[layer].forward()
        if self._dropout:
            self._masked(self._head_input, self._layers[-1].output, len(layers))
        start = writer.mark
        self._head(learning=False)
        self._carry()
        self.scoring = writer.take(start)

        self._transposes()
        for one in self._layers:
            one.prepare()
        self._head(learning=True)
        if self._dropout:
            self._masked(self._layers[-1].output_gradient, self._head_gradient, len(layers))
        for layer in reversed(layers):
            self._layers[layer].backward()
            self._layer_gradient(layer)
        self._update()
        self._carry()
        self.training = writer.take()
        self._instructions = writer.instructions()
        self.instructions = address(self._instructions)

    def set_distinct(self, distinct: int) -> None:
        """Says how many rows of `used` this window uses."""
        self.training.set_distinct(distinct)
        self.scoring.set_distinct(distinct)

    def restore(self) -> None:
        """Gives `carried` back the states before the first step of the last call."""
        starts = [start for one in self._layers for start in one.starts()]
        for carried, start in zip(self.carried, starts, strict=True):
            ctypes.memmove(address(carried), start, carried.nbytes)

    # Arrays between the layers.

    def _connect(self) -> None:
        """Where each layer finds x, and where it leaves the gradient of x."""
        store, memory = self._store, self.memory
        shape = self._shape.tokens, self._shape.stride
        self._embedding, self._embedding_gradients = 0, 0
        if self._model.kind == "symbols":
            table, gradients = store.embedding, store.embedding_gradients
            if not self._whole:
                self.used = table = memory.array(self._shape.distinct, self._shape.stride)
                gradients = memory.array(self._shape.distinct, self._shape.stride)
            self._embedding, self._embedding_gradients = address(table), address(gradients)
        for layer, one in enumerate(self._layers):
            if layer and not self._dropout:
                below = self._layers[layer - 1]
                one.x, one.dx = below.output, below.output_gradient
            elif not layer and self._table:
                one.table_x, one.table_dx = self._embedding, self._embedding_gradients
            else:
                one.x, one.dx = (address(memory.array(*shape)) for _ in range(2))
        top = self._layers[-1]
        self._head_input, self._head_gradient = top.output, top.output_gradient
        if self._dropout:
            self._head_input = address(memory.array(*shape))
            self._head_gradient = address(memory.array(*shape))

    def _masked(self, out: int, source: int, layer: int) -> None:
        mask = address(self.masks[layer])
        row = tape.instruction(CODES["multiply"], tape.ref(out), tape.ref(source), tape.ref(mask))
        self._writer.instruct([row], self._shape.tokens * self._shape.stride)

    def _layer_input(self, layer: int) -> None:
        frame, store = self._layers[layer], self._store
        if layer:
            if self._dropout:
                self._masked(frame.x, self._layers[layer - 1].output, layer)
            return
        if self._table:
            return
        if self._embedding:
            self._writer.gather(self._embedding, frame.x, 1, 0, 0)
        else:
            self._writer.deferred(
                Kind.GEMM,
                a_base=address(self.inputs),
                segments=1,
                k=self._model.size,
                lda=store.readout_stride,
                c_base=frame.x,
                gates=1,
                n=self._shape.width,
                ldc=self._shape.stride,
                rows=self._shape.tokens,
                panels=address(store.input),
                bias=address(store.rows["input.bias"]),
            )
        if self._dropout:
            self._masked(frame.x, frame.x, 0)

    def _layer_gradient(self, layer: int) -> None:
        frame, store = self._layers[layer], self._store
        if self._dropout:
            into = self._layers[layer - 1].output_gradient if layer else frame.dx
            self._masked(into, frame.dx, layer)
        if layer or self._table:
            return
        if self._embedding:
            count = self._shape.distinct * self._shape.stride
            self._writer.zero(self._embedding_gradients, count)
            self._writer.scatter(self._embedding_gradients, frame.dx, 1, 0, 0)
        else:
            self._writer.deferred(
                Kind.WEIGHT_GRADIENT,
                a_base=address(self.inputs),
                lda=store.readout_stride,
                k=self._model.size,
                g_base=frame.dx,
                gates=1,
                n=self._shape.width,
                ldg=self._shape.stride,
                rows=self._shape.tokens,
                out_panels=address(store.input_gradients),
            )
            self._writer.column_sum(
                frame.dx, address(store.row_gradients["input.bias"]), self._shape.tokens
            )

    # Parameters.

    def _derived(self, layer: int) -> None:
        """What is derived from parameters: antisymmetric matrices, sums of biases."""
        store, width = self._store, self._shape.width
        sums = {one.name: one for one in self._plan.sums}
        for phase in PHASES:
            for product in self._plan.products(phase):
                packed = store.products[layer, product]
                if packed.free is not None:
                    for gate in range(len(product.linears)):
                        self._layers[layer].difference(packed.free[gate], packed.weights[gate])
                if packed.biases is None:
                    continue
                for gate, name in enumerate(product.sums):
                    target = address(packed.biases[gate])
                    for position, node in enumerate(sums[name].biases):
                        source = address(store.rows[f"layer{layer}.node{node}.bias"])
                        if not position:
                            self._writer.copy(target, source, self._shape.stride)
                            continue
                        row = tape.instruction(
                            CODES["add"], tape.ref(target), tape.ref(target), tape.ref(source)
                        )
                        self._writer.instruct([row], tape.padded(width))

    def _transposes(self) -> None:
        store, width = self._store, self._shape.width
        for (_, product), packed in store.products.items():
            if packed.transposed is not None:
                self._writer.add(
                    Kind.TRANSPOSE_PANELS,
                    source=address(packed.weights),
                    destination=address(packed.transposed),
                    k=width,
                    n=width,
                    gates=len(product.linears),
                )
        self._writer.add(
            Kind.TRANSPOSE_PANELS,
            source=address(store.readout),
            destination=address(store.readout_transposed),
            k=width,
            n=self._model.size,
            gates=1,
        )

    def _update(self) -> None:
        store = self._store
        count = store.trained.size
        flat = address(store.gradients)
        self._writer.add(Kind.SQUARE_NORM, base=flat, rows=1, n=count, ld=count)
        rows, stride = self._shape.distinct, self._shape.stride
        scaled = () if self._whole else ("rows",)
        if self._embedding:
            base = self._embedding_gradients
            width = self._shape.width
            self._writer.add(Kind.SQUARE_NORM, scaled, base=base, rows=rows, n=width, ld=stride)
        if store.averages:
            self._move_all()
            return
        self._writer.add(Kind.STEP, weights=address(store.trained), gradients=flat, count=count)
        if self._embedding:
            self._writer.add(
                Kind.STEP,
                () if self._whole else ("count",),
                weights=self._embedding,
                gradients=self._embedding_gradients,
                count=rows * stride,
            )

    def _move_all(self) -> None:
        """The update of an optimizer with averages, which move rows of the table without a gradient."""
        store = self._store
        moved = [(store.trained, store.gradients, store.averages)]
        if self._embedding:
            moved.append((store.embedding, store.embedding_gradients, store.embedding_averages))
        if self._embedding and not self._whole:
            self._writer.zero(address(store.embedding_gradients), store.embedding_gradients.size)
            self._writer.add(
                Kind.ROW_SCATTER_ADD,
                ("rows",),
                table=address(store.embedding_gradients),
                table_ld=store.stride,
                index=address(self.symbols),
                g_base=self._embedding_gradients,
                ldg=store.stride,
                gates=1,
                n=tape.padded(self._shape.width),
                rows=self._shape.distinct,
            )
        for weights, gradients, (mean, square) in moved:
            self._writer.add(
                Kind.ADAM,
                weights=address(weights),
                gradients=address(gradients),
                mean=address(mean),
                square=address(square),
                count=weights.size,
                own=address(store.own),
                decoupled=int(isinstance(store.optimizer, AdamW)),
            )

    # The readout and the loss.

    def _head(self, *, learning: bool) -> None:
        store, size, width = self._store, self._model.size, self._shape.width
        stride, columns = self._shape.stride, store.readout_stride
        logits, chunk = address(self._logits), len(self._logits)
        symbols = self._model.kind == "symbols"
        for start in range(0, self._shape.tokens, chunk):
            rows = min(chunk, self._shape.tokens - start)
            inputs = self._head_input + start * stride * self.memory.dtype.itemsize
            self._writer.deferred(
                Kind.GEMM,
                a_base=inputs,
                segments=1,
                k=width,
                lda=stride,
                c_base=logits,
                gates=1,
                n=size,
                ldc=columns,
                rows=rows,
                panels=address(store.readout),
                bias=address(store.rows["readout.bias"]),
            )
            loss = {
                "logits": logits,
                "ld": columns,
                "n": size,
                "rows": rows,
                "targets": address(self.targets[start:]),
                "mask": address(self.mask[start:]),
                "scale": tape.bits(1.0 / self._shape.lanes),
                "gradient": int(learning),
            }
            if symbols:
                self._writer.add(Kind.SOFTMAX_LOSS, (), **loss)
            else:
                self._writer.add(Kind.BERNOULLI_LOSS, (), **loss, target_ld=columns)
            if not learning:
                continue
            self._writer.deferred(
                Kind.WEIGHT_GRADIENT,
                a_base=inputs,
                lda=stride,
                k=width,
                g_base=logits,
                gates=1,
                n=size,
                ldg=columns,
                rows=rows,
                out_panels=address(store.readout_gradients),
                accumulate=int(start > 0),
            )
            self._writer.add(
                Kind.COLUMN_SUM,
                g_base=logits,
                gates=1,
                n=size,
                ldg=columns,
                rows=rows,
                out=address(store.row_gradients["readout.bias"]),
                accumulate=int(start > 0),
            )
            self._writer.deferred(
                Kind.GEMM,
                a_base=logits,
                segments=1,
                k=size,
                lda=columns,
                c_base=self._head_gradient + start * stride * self.memory.dtype.itemsize,
                gates=1,
                n=width,
                ldc=stride,
                rows=rows,
                panels=address(store.readout_transposed),
            )

    def _carry(self) -> None:
        for frame in self._layers:
            frame.carry()
