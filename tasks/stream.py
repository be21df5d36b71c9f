"""Cuts streams and sequences into the windows that learners read.

All data are laid end to end along one axis of N steps. A `Cut` says which of these steps stand in
which lane of which window, so that each step appears exactly once in a pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cells.engine.batch import Batch
from tasks.task import TaskError


@dataclass(frozen=True, slots=True)
class Cut:
    """Where each window of a pass takes its steps from. W windows, B lanes.

    Attributes:
        window: T, the longest window.
        starts: first step of each lane in each window, `[W, B]`.
        used: steps that the lane holds in this window, 0 to T, `[W, B]`; the rest is padding.
        resets: True where the lane starts from the zero state, `[W, B]`.
    """

    window: int
    starts: NDArray[np.int64]
    used: NDArray[np.int64]
    resets: NDArray[np.bool_]

    @property
    def windows(self) -> int:
        """W."""
        return self.starts.shape[0]

    def gather(
        self,
        inputs: NDArray[np.generic],
        targets: NDArray[np.generic],
        scored: NDArray[np.bool_] | None = None,
    ) -> Iterator[Batch]:
        """The windows in order. Padding is 0 in inputs and targets and not scored.

        A window is as long as its fullest lane. Rolls come out as float32, symbols as int64.

        Args:
            inputs: `[N]` symbols or `[N, F]` rolls of 0 and 1.
            targets: what each step shall predict, shaped as `inputs`.
            scored: `[N]`, True where a step counts; all steps if None.
        """
        last = len(inputs) - 1
        for starts, used, resets in zip(self.starts, self.used, self.resets, strict=True):
            steps = np.arange(int(used.max()), dtype=np.int64)[:, None]
            held: NDArray[np.bool_] = np.less(steps, used)
            index = np.minimum(starts + steps, last)
            mask = held if scored is None else held & scored[index]
            yield Batch(
                inputs=_padded(inputs[index], held),
                targets=_padded(targets[index], held),
                mask=mask,
                reset=resets.copy(),
            )


def cut_stream(steps: int, lanes: int, window: int) -> Cut:
    """One stream of `steps` as `lanes` contiguous parts of nearly equal length, read side by side.

    The parts differ by one step at most. Lanes are reset at the first window of the pass only.

    Raises:
        TaskError: T005 if there are fewer steps than lanes.
    """
    if steps < lanes:
        raise TaskError("T005", f"a stream of {steps} steps cannot fill {lanes} lanes")
    bounds = np.arange(lanes + 1, dtype=np.int64) * steps // lanes
    return _laid([[(int(bounds[lane]), int(bounds[lane + 1]))] for lane in range(lanes)], window)


def cut_sequences(
    lengths: Sequence[int] | NDArray[np.int64],
    lanes: int,
    window: int,
    generator: np.random.Generator | None = None,
) -> Cut:
    """Many sequences, laid end to end in the data, shared out to lanes.

    Every sequence starts at a window boundary of its lane with a reset. The longest ones are placed
    first, each in the lane that is shortest so far, so that the lanes end at nearly the same window
    and little is padded. Within a lane the order is as in the data, or shuffled by `generator`.

    Raises:
        TaskError: T005 if there is no sequence or one is empty.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    if sizes.size == 0 or sizes.min() < 1:
        raise TaskError("T005", f"{sizes.size} sequences, the shortest of 0 steps, cannot be cut")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    order = np.arange(sizes.size) if generator is None else generator.permutation(sizes.size)
    blocks = -(-sizes // window)
    placed: list[list[int]] = [[] for _ in range(lanes)]
    heights = np.zeros(lanes, np.int64)
    for rank in np.argsort(-blocks[order], kind="stable"):
        sequence = int(order[rank])
        lane = int(heights.argmin())
        placed[lane].append(sequence)
        heights[lane] += blocks[sequence]
    for lane, sequences in enumerate(placed):
        if generator is None:
            placed[lane] = sorted(sequences)
        else:
            placed[lane] = [sequences[i] for i in generator.permutation(len(sequences))]
    spans = [[(int(offsets[i]), int(offsets[i + 1])) for i in lane] for lane in placed]
    return _laid(spans, window)


def stream_batches(
    symbols: NDArray[np.int64],
    lanes: int,
    window: int,
    scored: NDArray[np.bool_] | None = None,
) -> Iterator[Batch]:
    """Next-symbol windows of one stream: step t reads `symbols[t]` and predicts `symbols[t + 1]`.

    Args:
        symbols: `[N + 1]`; the first one is read and never predicted.
        lanes: B.
        window: T.
        scored: `[N + 1]`, whether predicting this symbol counts; all if None.
    """
    cut = cut_stream(len(symbols) - 1, lanes, window)
    return cut.gather(symbols[:-1], symbols[1:], None if scored is None else scored[1:])


def roll_batches(
    roll: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    lanes: int,
    window: int,
    generator: np.random.Generator | None = None,
) -> Iterator[Batch]:
    """Next-frame windows of piano rolls: step t reads frame t - 1 and predicts frame t.

    At the first step of a sequence a frame of zeros is read, so every frame is scored.

    Args:
        roll: all sequences end to end, `[N, F]` of 0 and 1.
        offsets: sequence i is `roll[offsets[i]:offsets[i + 1]]`, `[sequences + 1]`.
        lanes: B.
        window: T.
        generator: shuffles the sequences; None keeps them in order.
    """
    inputs = np.zeros_like(roll)
    inputs[1:] = roll[:-1]
    inputs[offsets[:-1]] = 0
    return cut_sequences(np.diff(offsets), lanes, window, generator).gather(inputs, roll)


def _laid(lanes: Sequence[Sequence[tuple[int, int]]], window: int) -> Cut:
    """The cut whose lanes hold these spans of steps one after another."""
    rows: list[list[tuple[int, int, bool]]] = []
    for spans in lanes:
        row: list[tuple[int, int, bool]] = []
        for begin, end in spans:
            row += [(at, min(window, end - at), at == begin) for at in range(begin, end, window)]
        rows.append(row)
    height = max(len(row) for row in rows)
    starts = np.zeros((height, len(rows)), np.int64)
    used = np.zeros((height, len(rows)), np.int64)
    # A lane that has run out starts afresh at each window, so that its state stays bounded.
    resets = np.ones((height, len(rows)), np.bool_)
    for lane, row in enumerate(rows):
        for at, (start, count, fresh) in enumerate(row):
            starts[at, lane], used[at, lane], resets[at, lane] = start, count, fresh
    return Cut(window, starts, used, resets)


def _padded(
    values: NDArray[np.generic], held: NDArray[np.bool_]
) -> NDArray[np.int64] | NDArray[np.float32]:
    """Symbols `[T, B]` or rolls `[T, B, F]` with 0 wherever no step is held."""
    if values.ndim == 2:
        return np.where(held, values, 0).astype(np.int64)
    return np.where(held[:, :, None], values, 0).astype(np.float32)
