"""The `Learner` that runs whole windows in the native runtime, one call a window."""

import math
import time
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from cells.engine.learner import Model, Score, Weights
from cells.engine.lowering.translate import lower
from cells.engine.native.build import Target, library, require_bfloat16
from cells.engine.native.memory import Memory, address
from cells.engine.native.store import Store
from cells.engine.native.tape import FIELDS, RESULT, Kind
from cells.engine.native.window import Window
from cells.engine.native.writer import Tape
from cells.engine.training.dropout import Draws
from cells.seed import training_seed
from cells.training.optimizer import SGD, Optimizer

_WINDOWS: Final = 6
"""Shapes of window that are kept; training and the ends of the splits need a few."""


class NativeLearner:
    """A `Learner` with the behaviour of `ReferenceLearner`, on one thread of the CPU.

    Args:
        model: what is trained.
        weights: the first parameters.
        dtype: of all numbers.
        seed: of dropout, with the number of the update.
        device: `cpu`.
        optimizer: moves the parameters; its averages are of `dtype`, too.
        bfloat16: round the factors of the products of a whole window, that is hoisted products,
            readout and weight gradients, to bfloat16. Parameters, sums, and all else are float32.
        target: `native` for this CPU, `portable` for the same bits on every one of its class.
        poison: fill scratch memory with NaN, for tests.

    Raises:
        NativeError: if the runtime cannot be made here, or has no products in bfloat16.
        ValueError: on another device; on bfloat16 with float64.
    """

    def __init__(
        self,
        model: Model,
        weights: Weights,
        *,
        dtype: Literal["float32", "float64"] = "float32",
        seed: int = 0,
        device: str = "cpu",
        optimizer: Optimizer = SGD,
        bfloat16: bool = False,
        target: Target = "native",
        poison: bool = False,
    ) -> None:
        if device != "cpu":
            raise ValueError(f"the native executor runs on the cpu, not on {device!r}")
        if bfloat16:
            if dtype != "float32":
                raise ValueError(f"products in bfloat16 are summed in float32, not in {dtype}")
            require_bfloat16()
        self.model = model
        self.updates = 0
        self._seed, self._poison, self._bfloat16 = seed, poison, bfloat16
        self._library = library(dtype, target)
        self._run = self._library.run
        self._block = int(self._library.block_size())
        self._dtype: np.dtype[np.floating] = np.dtype(dtype)
        self._memory = Memory(self._dtype, poison=poison)
        self._largest = float(np.finfo(dtype).max)
        self._plan = lower(model.cell)
        self._store = Store(model, self._plan, self._memory, optimizer)
        self._windows: dict[tuple[int, int, bool], Window] = {}
        self._carried: dict[int, NDArray[np.floating]] = {}
        self._lanes = 0
        self._fresh = True
        self._result = np.zeros(1, RESULT)
        self._result_address = address(self._result)
        self._store.load(weights)

    def train(self, batch: Batch, learning_rate: float, clip: float) -> Score:
        """One update, see `Learner.train`."""
        number = self.updates
        self.updates += 1
        window = self._window(batch, dropout=bool(self.model.dropout))
        if len(window.masks):
            self._draw(window, batch, number)
        symbols = self._fill(window, batch)
        fresh, before = self._fresh, self._begin(window, batch)
        self._store.begin_update()
        loss, norm, score = self._call(window, window.training, learning_rate, clip)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            if fresh:
                self._fresh = True
            elif before is not None:
                window.carried[...] = before
            else:
                window.restore()
            return score
        self._store.end_update()
        # Averages move every row of the table, and then it was moved where it is.
        if symbols is not None and not self._store.averages:
            self._store.embedding[symbols] = window.used[: len(symbols)]
        return score

    def evaluate(self, batch: Batch) -> Score:
        """Scores one window, see `Learner.evaluate`."""
        window = self._window(batch, dropout=False)
        self._fill(window, batch)
        self._begin(window, batch)
        return self._call(window, window.scoring, 0.0, 0.0)[2]

    def profile(self, batch: Batch) -> dict[str, float]:
        """Seconds of processor time that each kind of item takes in an update without dropout.

        Loops over time are `forward` and `backward`. Rate and clip are zero: no parameter moves.
        """
        window = self._window(batch, dropout=False)
        self._fill(window, batch)
        self._begin(window, batch)
        self._result[0] = (0.0, 0.0, 0.0, 0, 0.0)
        self._store.idle_update()
        tape, found = window.training, dict[str, float]()
        for number in range(tape.first, tape.first + tape.count):
            kind, fields = Kind(tape.items["kind"][number]), tape.items["f"][number]
            name = kind.name.lower()
            if kind == Kind.LOOP:
                name = "backward" if fields[FIELDS[kind].index("reverse")] else "forward"
            start = time.process_time()
            self._run(tape.address, number, 1, window.instructions, self._result_address, 0.0, 0.0)
            found[name] = found.get(name, 0.0) + time.process_time() - start
        return found

    def forget(self) -> None:
        """Sets the state of all lanes to zero."""
        self._fresh = True

    def weights(self) -> Weights:
        """Copies of all parameters, in the learner's dtype."""
        return self._store.weights()

    def load(self, weights: Weights) -> None:
        """Replaces all parameters, see `Learner.load`."""
        self._store.load(weights)

    @property
    def memory(self) -> int:
        """Bytes reserved for parameters and windows; pages that were never touched included."""
        return self._memory.bytes + sum(one.memory.bytes for one in self._windows.values())

    def _window(self, batch: Batch, *, dropout: bool) -> Window:
        steps, lanes = batch.mask.shape
        if lanes != self._lanes:
            if not self._fresh:
                raise ValueError(f"{lanes} lanes after {self._lanes}: forget the states first")
            self._lanes = lanes
            if lanes not in self._carried:
                count = self.model.layers * len(self._plan.states)
                self._carried[lanes] = self._memory.zeros(count, lanes, self._store.stride)
        key = (steps, lanes, dropout)
        window = self._windows.pop(key, None)
        if window is None:
            if len(self._windows) >= _WINDOWS:
                del self._windows[next(iter(self._windows))]
            window = Window(
                self._store,
                steps,
                lanes,
                self._carried[lanes],
                dropout=dropout,
                block=self._block,
                bfloat16=self._bfloat16,
                poison=self._poison,
            )
        self._windows[key] = window  # the last one used comes last
        return window

    def _begin(self, window: Window, batch: Batch) -> NDArray[np.floating] | None:
        """Puts the states in place; returns them as they were, where they are changed for that."""
        before = None
        if self._fresh:
            window.carried.fill(0)
            self._fresh = False
        elif batch.reset.any():
            before = window.carried.copy()
            window.carried[:, batch.reset] = 0
        return before

    def _fill(self, window: Window, batch: Batch) -> NDArray[np.int64] | None:
        """Copies a batch; returns the distinct symbols if the table is made of these."""
        size, count = self.model.size, window.mask.size
        window.mask[:] = batch.mask.reshape(count)
        if len(window.inputs):
            window.inputs[:, :size] = batch.inputs.reshape(count, size)
            window.targets[:, :size] = batch.targets.reshape(count, size)
            return None
        window.index[:] = batch.inputs.reshape(count)
        window.targets[:] = batch.targets.reshape(count)
        # As unsigned numbers negative ones are too large as well.
        if window.targets.view(np.uint64).max() >= size:
            scored = window.targets[window.mask.view(np.bool_)]
            if scored.size and (scored.min() < 0 or scored.max() >= size):
                raise IndexError(f"a target is not one of {size} symbols")
        if window.index.view(np.uint64).max() >= size:
            raise IndexError(f"an input is not one of {size} symbols")
        if len(window.used):
            distinct, inverse = np.unique(window.index, return_inverse=True)
            window.index[:] = inverse
            window.symbols[: len(distinct)] = distinct
            window.used[: len(distinct)] = self._store.embedding[distinct]
            window.set_distinct(len(distinct))
            return distinct
        return None

    def _draw(self, window: Window, batch: Batch, number: int) -> None:
        """The masks of dropout, as the reference draws them."""
        source = Draws(training_seed("dropout", self._seed, number))
        shape, chance = (batch.steps, batch.lanes, self.model.width), self.model.dropout
        for mask in window.masks:
            keep = source.uniform(*shape).reshape(-1, self.model.width) >= chance
            np.multiply(
                keep, mask.dtype.type(1.0 / (1.0 - chance)), out=mask[:, : self.model.width]
            )

    def _call(
        self, window: Window, tape: Tape, learning_rate: float, clip: float
    ) -> tuple[float, float, Score]:
        result = self._result
        result[0] = (0.0, 0.0, 0.0, 0, 0.0)
        bad = self._run(
            tape.address,
            tape.first,
            tape.count,
            window.instructions,
            self._result_address,
            learning_rate,
            clip,
        )
        if bad:
            raise RuntimeError(f"the native runtime cannot run item {bad - 1}")
        loss, correct, wrong, scored, square = result[0].item()
        # In float32 the squares of a norm beyond 1e19 overflow, as they do in the reference.
        norm = math.sqrt(square) if square <= self._largest else square * math.inf
        learned = norm if tape is window.training else None
        return loss, norm, Score(loss, correct, scored, learned, wrong)
