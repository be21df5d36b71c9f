"""The native learner against the reference: whatever one does, the other does."""

import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from cells import canonical, parse, zoo
from cells.engine.batch import Batch
from cells.engine.executor import best, make
from cells.engine.learner import Model
from cells.engine.native.build import NativeError, library
from cells.engine.native.learner import NativeLearner
from cells.engine.reference import ReferenceLearner
from cells.engine.training.initial import draw
from tests.cells.engine.made import Echo, Graph
from tests.cells.engine.native.agreement import (
    Dtype,
    Shape,
    batches,
    compare,
    model_of,
    random_case,
    weights_of,
)

try:
    library("float32")
except NativeError as error:
    pytest.skip(f"no native runtime: {error}", allow_module_level=True)


@pytest.fixture(autouse=True)
def _flushed() -> Iterator[None]:
    """Denormals are zero in the reference too, as in every trial."""
    torch.set_flush_denormal(True)
    yield
    torch.set_flush_denormal(False)


ODD = [
    Shape(1, 1, 1),
    Shape(2, 7, 15, layers=2),
    Shape(35, 20, 16),
    Shape(7, 3, 33, layers=4, dropout=0.3),
    Shape(5, 2, 20, kind="roll", size=12),
    Shape(4, 5, 100, kind="roll", size=88, layers=2, dropout=0.5),
]
ODD_NAMES = [f"T{s.steps} B{s.lanes} H{s.width} L{s.layers} {s.kind}" for s in ODD]


@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.parametrize("shape", ODD, ids=ODD_NAMES)
def test_every_zoo_cell_equals_the_reference_in_float64(name: str, shape: Shape) -> None:
    assert compare(canonical(zoo.load(name)), shape)[0] < 1e-9


@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_cell_equals_the_reference_in_float32(name: str) -> None:
    found, own = compare(canonical(zoo.load(name)), Shape(35, 20, 64, size=40), dtype="float32")
    assert found < 1e-5 or found < 1e-5 + 10 * own()


def agrees(seed: int) -> bool:
    """Asserts that one random case agrees; False if it tells nothing.

    Rounding alone may move chaotic cells by any amount, so they are held to what it does to the
    reference.
    """
    case = random_case(seed)
    if case is None:
        return False
    found, own = compare(*case, seed)
    if not math.isfinite(found):
        return False
    assert found < 1e-9 or found < 1000 * own(), (seed, case, found, own())
    return found < 1e-9


@pytest.mark.parametrize("start", range(0, 60, 10))
def test_random_and_mutated_cells_equal_the_reference(start: int) -> None:
    assert sum(agrees(seed) for seed in range(start, start + 10)) >= 7


@pytest.mark.slow
@pytest.mark.parametrize("start", range(60, 1060, 50))
def test_a_thousand_random_and_mutated_cells_equal_the_reference(start: int) -> None:
    assert sum(agrees(seed) for seed in range(start, start + 50)) >= 40


EVERY_FORM = """
cell forms(x; h, c)
  s = scalar(0.5)
  v = vector(uniform(-1, 1))
  a = linear(x, kind=block, blocks=4) + linear(h, kind=antisymmetric, bias=1)
  b = tanh(linear(h, kind=frozen, bias=0.5) + linear(v) + linear(c, kind=diagonal))
  c' = sigmoid(a) * c + s * b
  h' = v * tanh(c') + linear(linear(2 * a)) / 4
  out = linear(h') + linear(c, kind=diagonal, bias=none) - cos(x)
"""


@pytest.mark.parametrize("shape", [*ODD[1:], Shape(3, 2, 8, size=50)])
def test_every_form_of_parameter_equals_the_reference(shape: Shape) -> None:
    shape = Shape(shape.steps, shape.lanes, 12, shape.layers, shape.kind, shape.size, shape.dropout)
    for cell in (parse(EVERY_FORM), canonical(parse(EVERY_FORM))):
        assert compare(cell, shape)[0] < 1e-9


@pytest.mark.parametrize(
    "text",
    [
        "cell delay(x; h, c)\n  c' = h\n  h' = x\n  out = linear(c)",
        "cell twice(x; h, c)\n  h' = tanh(linear(x, h))\n  c' = h'\n  out = h' * c",
        "cell old(x; h)\n  h' = tanh(linear(x, h))\n  out = h + x",
        "cell both(x; h)\n  h' = tanh(linear(x, h))\n  out = linear(h) * linear(h')",
        "cell bare(x; h)\n  h' = x + h\n  out = h'",
        "cell alone(x)\n  out = x * x",
        "cell sums(x; h)\n  a = linear(x, h)\n  h' = a - tanh(a) * linear(a)\n  out = a",
    ],
)
def test_cells_that_pass_things_on_equal_the_reference(text: str) -> None:
    for shape in (ODD[1], ODD[3], ODD[4], Shape(3, 2, 8, size=50)):
        assert compare(parse(text), shape)[0] < 1e-9


def test_states_and_nodes_that_the_output_does_not_need_change_nothing() -> None:
    graph = Graph(2)
    h = graph.add("tanh", graph.linear(0, 1))
    cell = graph.cell([h, graph.linear(2, 1)], h)
    for shape in (ODD[1], ODD[4]):
        assert compare(cell, shape)[0] < 1e-9


def test_many_symbols_and_a_head_in_chunks_equal_the_reference() -> None:
    shape = Shape(9, 40, 8, size=10_000, windows=3)
    assert compare(canonical(zoo.load("gru")), shape)[0] < 1e-9


def test_gradients_equal_finite_differences() -> None:
    shape = Shape(4, 2, 5, layers=2, windows=1)
    model = model_of(canonical(zoo.load("mut3")), shape)
    weights, (window,) = weights_of(model, 4), batches(shape, 4)
    learner = NativeLearner(model, weights, dtype="float64", poison=True)
    learner.train(window, 1.0, math.inf)
    after = learner.weights()
    source = np.random.default_rng(5)
    for name, values in weights.items():
        direction = source.normal(0, 1, values.shape)
        losses = list[float]()
        for sign in (1.0, -1.0):
            moved = {**weights, name: values + sign * 1e-5 * direction}
            learner.load(moved)
            learner.forget()
            losses.append(learner.evaluate(window).loss / shape.lanes)
        slope = (losses[0] - losses[1]) / 2e-5
        assert slope == pytest.approx(float(((values - after[name]) * direction).sum()), abs=1e-7)


def test_a_loss_that_is_not_finite_leaves_weights_and_states_alone() -> None:
    cell = canonical(zoo.load("lstm"))
    shape = Shape(6, 3, 9, windows=4)
    model = model_of(cell, shape)
    weights = weights_of(model, 0)
    loud = {**weights, "readout.bias": np.full(shape.size, math.nan)}
    windows = batches(shape, 0)
    for reset in (True, False):
        pair = [kind(model, weights, dtype="float64") for kind in (ReferenceLearner, NativeLearner)]
        results: list[list[float]] = []
        for learner in pair:
            learner.train(windows[0], 0.01, 1.0)
            own = learner.weights()
            learner.load(loud)
            bad = Batch(
                windows[1].inputs, windows[1].targets, windows[1].mask, windows[1].reset & reset
            )
            assert not math.isfinite(learner.train(bad, 0.01, 1.0).loss)
            for name, array in loud.items():
                np.testing.assert_array_equal(learner.weights()[name], array)
            learner.load(own)
            again = [learner.evaluate(window) for window in windows[2:]]
            results.append([score.loss for score in again])
        assert results[1] == pytest.approx(results[0], rel=1e-12)


LATE = [
    # A state, and a value on the way to one, that no output of the window has seen.
    "cell late(x; h, c)\n  c' = exp(c + c + 1 + x)\n  h' = tanh(linear(x, h)) + tanh(c)\n",
    "cell late(x; h, c)\n  c' = tanh(exp(700 * c + 50 + x))\n  h' = tanh(linear(x, h)) + c\n",
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("text", LATE)
def test_what_overflows_in_the_last_step_spoils_the_norm_of_its_own_window(
    text: str, dtype: Dtype
) -> None:
    found: set[tuple[bool, bool]] = set()
    for steps in range(1, 9):
        shape = Shape(steps, 3, 8, windows=1)
        model = model_of(canonical(parse(text)), shape)
        weights, (window,) = weights_of(model, 0), batches(shape, 0)
        ends: list[tuple[bool, bool]] = []
        for kind in (ReferenceLearner, NativeLearner):
            learner = kind(model, weights, dtype=dtype)
            score = learner.train(window, 0.1, 1.0)
            assert score.norm is not None
            ends.append((math.isfinite(score.loss), math.isfinite(score.norm)))
            if not ends[-1][1]:
                after = learner.weights()
                assert all(
                    np.array_equal(after[name], array.astype(dtype))
                    for name, array in weights.items()
                )
        assert ends[0] == ends[1]
        found.add(ends[0])
    assert (True, True) in found
    assert (True, False) in found


def test_a_fresh_learner_stays_fresh_after_a_failed_update() -> None:
    shape = Shape(windows=2)
    model = model_of(canonical(zoo.load("elman")), shape)
    weights = weights_of(model, 0)
    learner = NativeLearner(model, {**weights, "readout.bias": np.full(7, math.inf)})
    one, other = batches(shape, 0)
    learner.train(one, 0.1, 1.0)
    learner.load(weights)
    fresh = NativeLearner(model, weights)
    assert learner.evaluate(other) == fresh.evaluate(other)


def test_windows_of_other_shapes_take_turns() -> None:
    cell = canonical(zoo.load("lstm"))
    model = Model(cell, 10, 2, "symbols", 6)
    weights = weights_of(model, 0)
    pair = [kind(model, weights, dtype="float64") for kind in (ReferenceLearner, NativeLearner)]
    losses: list[list[float]] = []
    for learner in pair:
        losses.append([])
        for steps, lanes in [(5, 3), (2, 3), (1, 3), (7, 3), (4, 3), (6, 3), (3, 3), (5, 3)] * 2:
            (window,) = batches(Shape(steps, lanes, size=6, windows=1), steps)
            losses[-1].append(learner.train(window, 0.1, 1.0).loss)
        learner.forget()
        for lanes in (4, 3, 4):
            (window,) = batches(Shape(5, lanes, size=6, windows=1), lanes)
            losses[-1] += [learner.evaluate(window).loss, learner.evaluate(window).loss]
            learner.forget()
    assert losses[1] == pytest.approx(losses[0], rel=1e-10)


def test_other_lanes_without_forgetting_are_refused() -> None:
    model = model_of(canonical(zoo.load("elman")), Shape())
    learner = NativeLearner(model, draw(model, 1.0, 0))
    learner.evaluate(batches(Shape(lanes=3), 0)[0])
    with pytest.raises(ValueError, match="forget"):
        learner.evaluate(batches(Shape(lanes=4), 0)[0])


@pytest.mark.parametrize("size", [7, 50])
@pytest.mark.parametrize("symbol", [-1, "size"])
def test_symbols_out_of_range_are_refused(size: int, symbol: int | str) -> None:
    shape = Shape(size=size)
    number = size if symbol == "size" else -1
    model = model_of(canonical(zoo.load("elman")), shape)
    learner = NativeLearner(model, draw(model, 1.0, 0))
    window = batches(shape, 0)[0]
    for which in ("inputs", "targets"):
        arrays = {"inputs": window.inputs.copy(), "targets": window.targets.copy()}
        arrays[which][-1, -1] = number
        with pytest.raises(IndexError, match=f"one of {size} symbols"):
            learner.train(Batch(mask=window.mask, reset=window.reset, **arrays), 0.1, 1.0)


def test_targets_of_unscored_steps_may_be_anything() -> None:
    shape = Shape(windows=1)
    model = model_of(canonical(zoo.load("elman")), shape)
    (window,) = batches(shape, 0)
    targets = np.where(window.mask, window.targets, -100)
    scores = [
        NativeLearner(model, draw(model, 1.0, 0)).train(
            Batch(window.inputs, own, window.mask, window.reset), 0.1, 1.0
        )
        for own in (window.targets, targets)
    ]
    assert scores[0] == scores[1]


def test_weights_that_do_not_fit_are_refused() -> None:
    model = model_of(canonical(zoo.load("elman")), Shape())
    weights = draw(model, 1.0, 0)
    with pytest.raises(ValueError, match="missing weight readout"):
        NativeLearner(model, {n: w for n, w in weights.items() if n != "readout.bias"})
    with pytest.raises(ValueError, match="extra weight more"):
        NativeLearner(model, {**weights, "more": np.zeros(3)})
    with pytest.raises(ValueError, match=r"readout.bias: shape \(8,\), expected \(7,\)"):
        NativeLearner(model, {**weights, "readout.bias": np.zeros(8)})


def test_another_device_is_refused() -> None:
    model = model_of(canonical(zoo.load("elman")), Shape())
    with pytest.raises(ValueError, match="cuda"):
        make("native", model, draw(model, 1.0, 0), dtype="float32", seed=0, device="cuda")


@pytest.mark.parametrize("name", ["lstm", "gru", "mut1"])
def test_training_takes_the_course_of_the_reference(name: str) -> None:
    source = Echo()
    model = Model(canonical(zoo.load(name)), 32, 1, "symbols", source.size)
    weights = draw(model, 1.0, 1)
    pair = [make(kind, model, weights, dtype="float32", seed=1) for kind in ("reference", "native")]
    losses = [
        [
            learner.train(batch, 0.1, 1.0).loss / batch.mask.sum()
            for epoch in (0, 1)
            for batch in source.batches("train", epoch)
        ]
        for learner in pair
    ]
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[1][:50], losses[0][:50], atol=1e-4)


_SCRIPT = """
import hashlib
from cells import canonical, zoo
from cells.engine.native.learner import NativeLearner
from tests.cells.engine.native.agreement import Shape, batches, model_of, weights_of
shape = Shape(11, 7, 37, 2, dropout=0.2, windows=6)
model = model_of(canonical(zoo.load("lstm_peep")), shape)
learner = NativeLearner(model, weights_of(model, 0), seed=5)
scores = [repr(learner.train(window, 0.1, 1.0)) for window in batches(shape, 0)]
digest = hashlib.sha256("".join(scores).encode())
for name, array in sorted(learner.weights().items()):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_two_processes_get_the_same_bits() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    }
    assert len(digests) == 1
    assert digests.pop().strip()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_what_was_in_memory_before_does_not_matter(dropout: float) -> None:
    shape = Shape(5, 3, 9, layers=2, dropout=dropout)
    model = model_of(parse(EVERY_FORM.replace("blocks=4", "blocks=3")), shape)
    results: list[list[str]] = []
    for poison in (True, False):
        learner = NativeLearner(model, weights_of(model, 0), poison=poison)
        results.append([repr(learner.train(window, 0.1, 1.0)) for window in batches(shape, 0)])
    assert results[0] == results[1]
    assert "nan" not in "".join(results[0])


def test_the_same_learner_takes_no_more_memory_with_time() -> None:
    shape = Shape()
    model = model_of(canonical(zoo.load("lstm")), shape)
    learner = NativeLearner(model, draw(model, 1.0, 0))
    kept = list[int]()
    for steps in (*range(1, 9), *range(1, 9)):
        learner.evaluate(batches(Shape(steps), 0)[0])
        kept.append(learner.memory)
    assert kept[8:] == [kept[8]] * 8


def test_a_profile_names_the_work_of_an_update_and_moves_no_parameter() -> None:
    shape = Shape(5, 3, 9)
    model = model_of(canonical(zoo.load("gru")), shape)
    pair = [NativeLearner(model, weights_of(model, 0)) for _ in range(2)]
    windows = batches(shape, 0)
    found = pair[0].profile(windows[0])
    pair[1].evaluate(windows[0])
    assert {"forward", "backward", "weight_gradient", "gemm", "softmax_loss", "step"} <= {*found}
    assert min(found.values()) >= 0
    # The states have moved on as they do in any window.
    assert pair[0].train(windows[1], 0.1, 1.0) == pair[1].train(windows[1], 0.1, 1.0)


def test_the_best_executor_is_the_native_one_where_it_can_be_made() -> None:
    assert best() == "native"
