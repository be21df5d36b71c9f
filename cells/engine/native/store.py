"""All parameters of a model as the native runtime holds them: packed, trained in place."""

import math
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from cells.cell import Linear
from cells.engine.learner import Model, Weights
from cells.engine.lowering.plan import PHASES, Plan, Product
from cells.engine.native import tape
from cells.engine.native.memory import Memory
from cells.engine.native.tape import LANES
from cells.engine.training.parameter import Parameter, parameters
from cells.training.optimizer import SGD, Optimizer, Sgd

Array = NDArray[np.floating]


@dataclass(slots=True)
class Packed:
    """The matrices of one product.

    Attributes:
        weights: panels `[gates, ceil(H / 16), H, 16]` of `[in, out]`, as products read them.
        gradients: of `weights`, or None when frozen.
        transposed: panels `[ceil(H / 16), gates * H, 16]`, or None where no gradient is wanted.
        free: of antisymmetric ones the panels of M, in the layout of `weights`.
        free_gradients: of these.
        mask: 1 inside of the blocks, where there are blocks.
        biases: `[gates, ld]`, the sums of the biases, where this product adds them.
    """

    weights: Array
    gradients: Array | None
    transposed: Array | None
    free: Array | None = None
    free_gradients: Array | None = None
    mask: Array | None = None
    biases: Array | None = None


class Store:
    """The parameters and their gradients, and where each of them is.

    Everything that is trained, the embedding aside, is one flat array, `trained`, with its
    gradients beside it, so that norm and step are one pass each. What pads rows and panels is zero
    there and stays it.
    """

    def __init__(
        self, model: Model, plan: Plan, memory: Memory, optimizer: Optimizer = SGD
    ) -> None:
        self.model, self.plan, self.optimizer = model, plan, optimizer
        self._memory = memory
        self._parameters: Final = {one.name: one for one in parameters(model)}
        width = model.width
        self.stride = tape.row_stride(width, memory.dtype.itemsize)
        self.readout_stride = tape.row_stride(model.size, memory.dtype.itemsize)
        panels = -(-width // LANES)
        self.products: dict[tuple[int, Product], Packed] = {}
        self.rows: dict[str, Array] = {}
        self.row_gradients: dict[str, Array] = {}
        self._idle: dict[str, Array] = {}

        own = [one for phase in PHASES for one in plan.products(phase)]
        sums = {one.name: one for one in plan.sums}
        shapes: dict[str, tuple[int, ...]] = {}
        for layer in range(model.layers):
            for number, product in enumerate(own):
                if product.form != "frozen":
                    gates = len(product.linears)
                    shapes[f"{layer}.{number}"] = (gates, panels, width, LANES)
                if product.first:
                    for name in product.sums:
                        for node in sums[name].biases:
                            if self._parameters[f"layer{layer}.node{node}.bias"].trained:
                                shapes[f"layer{layer}.node{node}.bias"] = (self.stride,)
            for name, node in plan.rows.items():
                scalar = plan.cell.nodes[node].op == "scalar"
                shapes[self.row_name(layer, name)] = (LANES if scalar else self.stride,)
        if model.kind == "roll":
            shapes["input.weight"] = (panels, model.size, LANES)
            shapes["input.bias"] = (self.stride,)
        shapes["readout.weight"] = (-(-model.size // LANES), width, LANES)
        shapes["readout.bias"] = (self.readout_stride,)

        # Every array on its own cache line: the sizes are multiples of 16 numbers.
        total = sum(int(np.prod(shape)) for shape in shapes.values())
        self.trained = memory.zeros(total)
        self.gradients = memory.zeros(total)
        placed: dict[str, tuple[Array, Array]] = {}
        start = 0
        for name, shape in shapes.items():
            end = start + int(np.prod(shape))
            placed[name] = tuple(  # type: ignore[assignment]
                flat[start:end].reshape(shape) for flat in (self.trained, self.gradients)
            )
            start = end

        for layer in range(model.layers):
            for number, product in enumerate(own):
                self.products[layer, product] = self._packed(
                    layer, product, placed.get(f"{layer}.{number}")
                )
        for name, (values, gradients) in placed.items():
            if name in self._parameters and len(self._parameters[name].shape) == 1:
                self.rows[name], self.row_gradients[name] = values, gradients
        for (layer, product), packed in self.products.items():
            if packed.biases is not None:
                for name in product.sums:
                    for node in sums[name].biases:
                        bias = f"layer{layer}.node{node}.bias"
                        if bias not in self.rows:  # frozen
                            self.rows[bias] = memory.zeros(self.stride)
        self.readout, self.readout_gradients = placed["readout.weight"]
        self.readout_transposed = memory.zeros(panels, model.size, LANES)
        symbols = model.size if model.kind == "symbols" else 0
        self.embedding = memory.zeros(symbols, self.stride)
        self.embedding_gradients = memory.zeros(symbols, self.stride)
        # Numbers of the optimizer for one update, and its averages of `trained` and the embedding.
        self.own = np.zeros(6)
        kept = range(optimizer.moments)
        self.averages = [memory.zeros(total) for _ in kept]
        self.embedding_averages = [memory.zeros(symbols, self.stride) for _ in kept]
        # beta1^t and beta2^t, by products: the bits of a power depend on the library of the machine.
        self._powers = 1.0, 1.0
        nothing = memory.zeros(0), memory.zeros(0)
        self.input, self.input_gradients = placed.get("input.weight", nothing)

        self._homes: dict[str, tuple[Packed, Linear, int]] = {}
        for (layer, product), packed in self.products.items():
            for gate, node in enumerate(product.linears):
                linear = cast("Linear", plan.cell.nodes[node].parameter)
                self._homes[f"layer{layer}.node{node}.weight"] = packed, linear, gate
        known = {*self.rows, *self._homes, "embedding", "input.weight", "readout.weight"}
        for name, one in self._parameters.items():
            if name not in known:  # what the output does not depend on
                self._idle[name] = np.zeros(one.shape, memory.dtype)

    def row_name(self, layer: int, name: str) -> str:
        """The parameter that an array of `Plan.rows` holds."""
        node = self.plan.rows[name]
        if self.plan.cell.nodes[node].op != "linear":
            return f"layer{layer}.node{node}"
        return f"layer{layer}.node{node}.{'weight' if name[0] == 'w' else 'bias'}"

    def _packed(self, layer: int, product: Product, placed: tuple[Array, Array] | None) -> Packed:
        memory, width = self._memory, self.model.width
        gates, panels = len(product.linears), -(-width // LANES)
        shape = (gates, panels, width, LANES)
        transposed = memory.zeros(panels, gates * width, LANES)
        if placed is None:
            found = Packed(memory.zeros(*shape), None, transposed)
        elif product.form == "antisymmetric":
            free = placed
            found = Packed(memory.zeros(*shape), memory.zeros(*shape), transposed, *free)
        else:
            found = Packed(placed[0], placed[1], transposed)
        if product.gradient == "none":
            found.transposed = None
        linears = [cast("Linear", self.plan.cell.nodes[node].parameter) for node in product.linears]
        if any(one.kind == "block" for one in linears):
            inside = [
                self._blocks(np.ones((one.blocks, width // one.blocks, width // one.blocks)))
                if one.kind == "block"
                else np.ones((width, width))
                for one in linears
            ]
            found.mask = memory.array(*shape)
            found.mask[...] = tape.pack(np.stack(inside))
        sums = {one.name: one for one in self.plan.sums}
        if product.first and any(sums[name].biases for name in product.sums):
            found.biases = memory.zeros(gates, self.stride)
        return found

    @staticmethod
    def _blocks(blocks: Array) -> Array:
        count, size, _ = blocks.shape
        whole = np.zeros((count, size, count, size), blocks.dtype)
        for block in range(count):
            whole[block, :, block] = blocks[block]
        return whole.reshape(count * size, count * size)

    def begin_update(self) -> None:
        """Sets the optimizer's numbers for the next update."""
        one = self.optimizer
        if isinstance(one, Sgd):
            return
        mean, square = self._powers
        corrections = 1.0 - mean * one.beta1, math.sqrt(1.0 - square * one.beta2)
        self.own[:] = one.beta1, one.beta2, one.eps, one.weight_decay, *corrections

    def end_update(self) -> None:
        """Counts the update: it was made."""
        one = self.optimizer
        if not isinstance(one, Sgd):
            mean, square = self._powers
            self._powers = mean * one.beta1, square * one.beta2

    def idle_update(self) -> None:
        """Sets numbers such that an update at rate 0 moves nothing, averages included."""
        self.own[:] = 1.0, 1.0, 1.0, 0.0, 1.0, 1.0

    def load(self, weights: Weights) -> None:
        """Replaces all parameters; the optimizer begins anew.

        Raises:
            ValueError: on a missing, extra or misshapen one.
        """
        for name in sorted(self._parameters.keys() ^ weights.keys()):
            raise ValueError(f"{'missing' if name in self._parameters else 'extra'} weight {name}")
        for name, one in self._parameters.items():
            if weights[name].shape != one.shape:
                raise ValueError(f"{name}: shape {weights[name].shape}, expected {one.shape}")
        for name, one in self._parameters.items():
            self._load(name, one, weights[name].astype(self._memory.dtype))
        for average in (*self.averages, *self.embedding_averages):
            average.fill(0)
        self._powers = 1.0, 1.0

    def _load(self, name: str, one: Parameter, values: Array) -> None:
        if name in self._idle:
            self._idle[name] = values
        elif name in self.rows:
            self.rows[name][: one.size] = values
        elif name == "embedding":
            self.embedding[:, : self.model.width] = values
        elif name == "input.weight":
            self.input[...] = tape.pack(values.T)
        elif name == "readout.weight":
            self.readout[...] = tape.pack(values.T)
        else:
            packed, linear, gate = self._homes[name]
            if linear.kind == "block":
                values = self._blocks(values)
            home = packed.weights if packed.free is None else packed.free
            home[gate] = tape.pack(values.T)

    def weights(self) -> Weights:
        """Copies of all parameters by name, in the order of `parameters`."""
        return {name: self._read(name, one) for name, one in self._parameters.items()}

    def _read(self, name: str, one: Parameter) -> Array:
        width = self.model.width
        if name in self._idle:
            return self._idle[name].copy()
        if name in self.rows:
            return self.rows[name][: one.size].copy()
        if name == "embedding":
            return self.embedding[:, :width].copy()
        if name == "input.weight":
            return tape.unpack(self.input, width).T.copy()
        if name == "readout.weight":
            return tape.unpack(self.readout, self.model.size).T.copy()
        packed, linear, gate = self._homes[name]
        home = packed.weights if packed.free is None else packed.free
        matrix = tape.unpack(home[gate], width).T
        if linear.kind == "block":
            size = width // linear.blocks
            blocks = matrix.reshape(linear.blocks, size, linear.blocks, size)
            return np.stack([blocks[block, :, block] for block in range(linear.blocks)])
        return matrix.copy()
