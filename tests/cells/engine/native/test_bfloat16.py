"""Products in bfloat16 against float64 on factors that torch rounded, and the learner that uses them."""

import math
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from cells import canonical, zoo
from cells.engine.executor import make
from cells.engine.learner import Weights
from cells.engine.lowering.translate import lower
from cells.engine.native import tape
from cells.engine.native.build import NativeError, compiler, require_bfloat16
from cells.engine.native.learner import NativeLearner
from cells.engine.native.memory import Memory
from cells.engine.native.store import Store
from cells.engine.native.tape import Kind
from cells.engine.native.window import Window
from cells.engine.reference import ReferenceLearner
from cells.engine.training.trainer import train
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from tasks import registry
from tests.cells.engine.native.agreement import (
    Shape,
    batches,
    distance,
    model_of,
    ran,
    weights_of,
)
from tests.cells.engine.native.arena import NEAR, aligned, base, blank, done, rows, run

try:
    require_bfloat16()
except NativeError as error:
    pytest.skip(str(error), allow_module_level=True)


def rounded(values: np.ndarray) -> np.ndarray:
    return torch.from_numpy(values).to(torch.bfloat16).to(torch.float32).numpy()


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def product(
    a: np.ndarray,
    w: np.ndarray,
    start: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    skipped: int = 0,
) -> np.ndarray:
    """C `[G, rows, n]` of A `[segments, rows, k]` and W `[G, segments * k, n]`.

    `skipped` rows of W's panels are above those that are used.
    """
    segments, count, k = a.shape
    gates, height, n = w.shape
    a_rows, panels = rows("float32", a), aligned("float32", tape.pack(w))
    c_rows = blank("float32", gates, count, tape.row_stride(n, 4))
    if start is not None:
        c_rows = rows("float32", start)
    b_rows = None if bias is None else rows("float32", bias[:, None])
    done(
        "float32",
        tape.item(
            Kind.GEMM_BFLOAT16,
            a_base=base(a_rows),
            a_segment_stride=a_rows[0].size,
            segments=segments,
            k=k,
            lda=a_rows.shape[-1],
            c_base=base(c_rows),
            c_gate_stride=c_rows[0].size,
            gates=gates,
            n=n,
            ldc=c_rows.shape[-1],
            rows=count,
            panels=base(panels) + skipped * 64,
            accumulate=int(start is not None),
            bias=0 if b_rows is None else base(b_rows),
            height=height,
        ),
    )
    return c_rows[..., :n]


def gradient(
    a: np.ndarray, g: np.ndarray, start: np.ndarray | None = None, *, sums: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Panels of A^T G and the column sums, of A `[rows, k]` and G `[G, rows, n]`."""
    (count, k), (gates, _, n) = a.shape, g.shape
    a_rows, g_rows = rows("float32", a), rows("float32", g)
    panels = blank("float32", gates, -(-n // 16), k, 16)
    if start is not None:
        panels[:] = tape.pack(start)
    total = rows("float32", np.zeros((gates, 1, n), np.float32))
    done(
        "float32",
        tape.item(
            Kind.WEIGHT_GRADIENT_BFLOAT16,
            a_base=base(a_rows),
            lda=a_rows.shape[-1],
            k=k,
            g_base=base(g_rows),
            g_gate_stride=g_rows[0].size,
            gates=gates,
            n=n,
            ldg=g_rows.shape[-1],
            rows=count,
            out_panels=base(panels),
            accumulate=int(start is not None),
            sums=base(total) if sums else 0,
        ),
    )
    return panels, total[:, 0, :n]


def near(got: np.ndarray, want: np.ndarray, magnitude: np.ndarray) -> bool:
    return bool(np.all(np.abs(got - want) <= NEAR["float32"] * magnitude))


def numbers() -> np.ndarray:
    """Numbers of all sizes, ties among them, none of them denormal in bfloat16."""
    bits = np.random.default_rng(0).integers(0, 2**32, 1500, np.uint32)
    ties = bits[:300] & 0xFFFF0000 | 0x8000
    nearly = np.concatenate([ties - 1, ties + 1])
    special = np.array([0, -0.0, 1, np.inf, -np.inf, np.nan, 3.4028235e38, -3.4e38], np.float32)
    found = np.concatenate([bits, ties, nearly, special.view(np.uint32)]).view(np.float32)
    return found[~(np.abs(found) < 2e-38) | (found == 0)]


def test_factors_are_rounded_to_the_nearest_and_what_is_not_finite_survives() -> None:
    values, one = numbers(), np.ones((1, 1, 1), np.float32)
    want = rounded(values)
    assert np.isinf(want).sum() > 2
    assert np.isnan(want).any()
    left = product(values[None, :, None], one)[0, :, 0]
    right = product(one, values[None, None])[0, 0]
    column = tape.unpack(gradient(values[None], one)[0], 1)[0, :, 0]
    row = tape.unpack(gradient(one[0], values[None, None])[0], len(values))[0, 0]
    for got in (left, right, column, row):
        np.testing.assert_array_equal(got, want)


def check_product(
    count: int, k: int, n: int, gates: int = 1, segments: int = 1, more: bool = False
) -> None:
    skipped = 3 if more else 0
    a, w = normal(segments, count, k), normal(gates, 2 * skipped + segments * k, n)
    start, bias = (normal(gates, count, n), normal(gates, n)) if more else (None, None)
    got = product(a, w, start, bias, skipped)
    wide = np.moveaxis(rounded(a), 0, 1).reshape(count, -1).astype(np.float64)
    used = rounded(w[:, skipped : skipped + segments * k])
    want, magnitude = wide @ used, np.abs(wide) @ np.abs(used)
    if start is not None and bias is not None:
        want, magnitude = want + start + bias[:, None], magnitude + np.abs(start) + 4
    assert near(got, want, magnitude)


@pytest.mark.parametrize("count", [1, 2, 7, 20, 35, 140, 700])
def test_a_product_of_any_size_is_that_of_rounded_factors(count: int) -> None:
    for k in (1, 15, 64, 100):
        for n in (1, 15, 64, 100):
            check_product(count, k, n)


@pytest.mark.parametrize("gates", [1, 2, 3, 4])
@pytest.mark.parametrize("segments", [1, 2, 4])
def test_products_take_gates_segments_bias_and_a_start(gates: int, segments: int) -> None:
    for count, k, n in ((20, 15, 100), (7, 64, 15), (1, 100, 64), (3, 1, 130)):
        check_product(count, k, n, gates, segments)
        check_product(count, k, n, gates, segments, more=True)


@pytest.mark.parametrize("size", [255, 256, 257, 383, 384, 385, 513, 769])
def test_products_larger_than_a_block_are_right(size: int) -> None:
    check_product(size, 33, 17, more=True)
    check_product(5, size, 17, 2, 2, more=True)
    check_gradient(size, 33, 17, 1)
    check_gradient(7, size, 17, 2)


def check_gradient(count: int, k: int, n: int, gates: int) -> None:
    a, g, start = normal(count, k), normal(gates, count, n), normal(gates, k, n)
    wide, other = rounded(a).astype(np.float64), rounded(g)
    want, magnitude = wide.T @ other, np.abs(wide.T) @ np.abs(other)
    panels, _ = gradient(a, g)
    assert near(panels, tape.pack(want), tape.pack(magnitude))
    panels, sums = gradient(a, g, start, sums=True)
    assert near(panels, tape.pack(want + start), tape.pack(magnitude + np.abs(start)))
    assert near(sums, g.sum(axis=1, dtype=np.float64), np.abs(g).sum(axis=1))


@pytest.mark.parametrize("count", [1, 2, 7, 20, 35, 140, 700])
@pytest.mark.parametrize("gates", [1, 4])
def test_weight_gradients_of_any_size_are_those_of_rounded_factors(count: int, gates: int) -> None:
    for k in (1, 15, 64, 100):
        for n in (1, 15, 64, 100):
            check_gradient(count, k, n, gates)


def test_without_rows_a_weight_gradient_is_zero() -> None:
    panels, sums = gradient(normal(0, 20), normal(2, 0, 33), sums=True)
    assert not panels.any()
    assert not sums.any()


def test_a_product_may_run_at_every_step_of_a_loop() -> None:
    a, w = normal(3, 5, 9), normal(1, 9, 21)
    a_rows, panels = rows("float32", a), aligned("float32", tape.pack(w))
    out = blank("float32", 3, 5, tape.row_stride(21, 4))
    item = tape.item(
        Kind.GEMM_BFLOAT16,
        a_base=base(a_rows),
        a_step=a_rows[0].size,
        segments=1,
        k=9,
        lda=a_rows.shape[-1],
        c_base=base(out),
        c_step=out[0].size,
        gates=1,
        n=21,
        ldc=out.shape[-1],
        rows=5,
        panels=base(panels),
    )
    assert run("float32", [item, tape.item(Kind.LOOP, first=0, count=1, steps=3)], first=1)[0] == 0
    want = np.stack([product(one[None], w)[0] for one in a])
    np.testing.assert_array_equal(out[..., :21], want)


def test_the_runtime_for_float64_refuses_products_in_bfloat16() -> None:
    assert run("float64", [tape.item(Kind.GEMM_BFLOAT16)])[0] == 1
    assert run("float64", [tape.item(Kind.WEIGHT_GRADIENT_BFLOAT16)])[0] == 1


ODD = [
    Shape(1, 1, 1),
    Shape(2, 7, 15, layers=2),
    Shape(35, 20, 64, size=40),
    Shape(7, 3, 33, layers=4, dropout=0.3),
    Shape(5, 2, 20, kind="roll", size=12),
    Shape(4, 5, 100, kind="roll", size=88, layers=2, dropout=0.5),
]


def shaken(given: Weights, seed: int) -> Weights:
    """Weights moved by half a unit in the last place of bfloat16, as rounding moves them."""
    source = np.random.default_rng(seed)
    return {n: w * (1 + 2.0**-9 * source.choice([-1, 1], w.shape)) for n, w in given.items()}


@pytest.mark.parametrize("name", ["lstm", "gru", "mut1", "lstm_peep", "elman"])
@pytest.mark.parametrize("shape", ODD, ids=str)
def test_training_differs_from_the_reference_by_what_rounding_explains(
    name: str, shape: Shape
) -> None:
    model, windows = model_of(canonical(zoo.load(name)), shape), batches(shape, 0)
    weights, keep = weights_of(model, 0), [None] * shape.windows
    reference = ran(ReferenceLearner(model, weights, dtype="float32"), windows, keep)
    ends = [one.after for one in reference]
    own = max(
        distance(
            reference,
            ran(
                ReferenceLearner(model, shaken(weights, seed), dtype="float32"),
                windows,
                [shaken(end, seed) for end in ends],
            ),
        )
        for seed in range(3)
    )
    learner = NativeLearner(model, weights, bfloat16=True, poison=True)
    found = distance(reference, ran(learner, windows, ends))
    # Activations and gradients are rounded too, not only the weights.
    assert found < 2 * own + 2.0**-9, (found, own)


def test_parameters_and_their_updates_stay_float32() -> None:
    shape = Shape(windows=1)
    model = model_of(canonical(zoo.load("lstm")), shape)
    learner = NativeLearner(model, weights_of(model, 0), bfloat16=True)
    before = learner.weights()
    learner.train(batches(shape, 0)[0], 1e-4, 1.0)
    for name, after in learner.weights().items():
        assert not np.array_equal(after, rounded(after)), name
        assert np.abs(after - before[name]).max() < 2.0**-10


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_run_repeats_to_the_bit_whatever_was_in_memory(dropout: float) -> None:
    shape = Shape(5, 3, 9, layers=2, dropout=dropout)
    model = model_of(canonical(zoo.load("lstm_peep")), shape)
    results: list[tuple[list[str], list[bytes]]] = []
    for poison in (True, False, False):
        learner = NativeLearner(model, weights_of(model, 0), bfloat16=True, poison=poison)
        scores = [repr(learner.train(window, 0.1, 1.0)) for window in batches(shape, 0)]
        results.append((scores, [one.tobytes() for one in learner.weights().values()]))
    assert results[0] == results[1] == results[2]
    assert "nan" not in "".join(results[0][0])


def test_products_of_a_step_stay_float32_and_those_of_the_window_do_not() -> None:
    shape = Shape(5, 3, 9, kind="roll", size=12)
    model = model_of(canonical(zoo.load("gru")), shape)
    memory = Memory(np.dtype("float32"))
    store = Store(model, lower(model.cell), memory)
    carried = memory.zeros(1, shape.lanes, store.stride)
    window = Window(store, 5, 3, carried, dropout=False, block=1024, bfloat16=True)
    kinds = [Kind(kind) for kind in window.training.items["kind"]]
    steps, whole = kinds[: window.training.first], kinds[window.training.first :]
    assert steps.count(Kind.GEMM) == 4
    assert whole.count(Kind.GEMM_BFLOAT16) == 5
    assert whole.count(Kind.WEIGHT_GRADIENT_BFLOAT16) == 5
    assert not {Kind.GEMM_BFLOAT16, Kind.WEIGHT_GRADIENT_BFLOAT16} & {*steps}
    assert not {Kind.GEMM, Kind.WEIGHT_GRADIENT} & {*whole}


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_short_training_learns_memorization_as_in_float32(name: str) -> None:
    whole, short = (
        train(
            canonical(zoo.load(name)),
            registry.load("memorization", "smoke"),
            Setting(learning_rate=0.5),
            Schedule.of("search", epochs=500, patience=500),
            Budget(parameters=22_000, updates=500),
            0,
            executor=executor,
            stop_at=0.95,
        )
        for executor in ("native", "native-bf16")
    )
    assert whole.valid_loss != short.valid_loss
    assert (whole.valid_accuracy or 0) >= 0.95
    assert (short.valid_accuracy or 0) >= 0.95
    assert short.updates <= 1.5 * whole.updates


def test_a_state_that_is_not_finite_leaves_the_weights_alone() -> None:
    shape = Shape(6, 3, 9, windows=1)
    model = model_of(canonical(zoo.load("lstm")), shape)
    weights = weights_of(model, 0)
    weights["readout.weight"] = np.full_like(weights["readout.weight"], math.inf)
    learner = NativeLearner(model, weights, bfloat16=True)
    assert not math.isfinite(learner.train(batches(shape, 0)[0], 0.1, 1.0).loss)
    for name, after in learner.weights().items():
        np.testing.assert_array_equal(after, weights[name].astype(np.float32))


def test_sums_in_float64_are_refused() -> None:
    model = model_of(canonical(zoo.load("elman")), Shape())
    with pytest.raises(ValueError, match="summed in float32, not in float64"):
        make("native-bf16", model, weights_of(model, 0), dtype="float64", seed=0)


_WITHOUT = """
from pathlib import Path
from cells.engine import executor
from search.cli import run
reason = executor.hindrance("native-bf16")
print(executor.best(), reason.code)
asked = ["train", "elman", "memorization", "--scale", "smoke", "--updates", "1", "--executor"]
print(run([*asked, "native-bf16"]), run([*asked, "native", "--json"]), flush=True)
run(["doctor"])
"""


@pytest.mark.slow
def test_a_runtime_without_such_products_says_so_and_does_the_rest(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        env={
            **os.environ,
            "CC": f"{shlex.join(compiler().words)} -mno-avx512bf16",
            "XDG_CACHE_HOME": str(tmp_path),
        },
        check=True,
        capture_output=True,
        text=True,
    )
    what = "makes no use of this CPU's avx512_bf16"
    lines = done.stdout.splitlines()
    assert lines[0] == "native no-bfloat16"
    assert "2 0" in lines
    assert f"the native-bf16 executor cannot run here: {compiler().version} {what}" in done.stderr
    assert any("bfloat16" in line and what in line for line in lines)
