"""Every pointwise operation against numpy in a wider type: random, huge, tiny and special values."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from cells.engine.native import tape
from cells.engine.native.build import Real
from cells.engine.native.tape import CODES, Kind
from cells.op import DIVISION_GUARD
from tests.cells.engine.formulas import FLUSHED, KERNELS, MAGNITUDES, TRANSCENDENTAL
from tests.cells.engine.native import arena
from tests.cells.engine.native.arena import REALS, aligned, base, blank, run, runtime

Wide = np.ndarray
WIDER = {"float32": np.float64, "float64": np.longdouble}


@pytest.fixture(autouse=True, params=arena.TARGETS)
def _target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: for this CPU, and portable."""
    monkeypatch.setattr(arena, "target", request.param)


SPECIAL = [
    *(0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 100.0, -100.0, 1e-310, -1e-41, 0.3, -20.0),
    *(DIVISION_GUARD, -DIVISION_GUARD, 0.9e-6, -1.1e-6, 2.5, 1e-20, -1e-20),
]


def arguments(kernel: str, real: Real) -> list[np.ndarray]:
    """Random and special values of every argument, all pairs of special ones."""
    generator = np.random.default_rng(CODES[kernel])
    sizes = np.array([1e-3, 1, 10, 100])[generator.integers(4, size=(3, 4096))]
    values = generator.uniform(-1, 1, size=(3, 4096)) * sizes
    grid = np.stack([axis.ravel() for axis in np.meshgrid(SPECIAL, SPECIAL)])
    special = np.concatenate([grid, generator.choice(SPECIAL, size=(1, grid.shape[1]))])
    with np.errstate(under="ignore"):
        values = np.concatenate([values, special], axis=1).astype(real)
    values = values[:, : values.shape[1] // 16 * 16]
    if kernel in FLUSHED:
        values[0][np.isinf(values[0])] = 1
    if kernel == "d_logsigmoid":
        values[1] = -np.abs(values[1])  # as outputs are
    if kernel == "d_softplus":
        values[1] = np.abs(values[1])
    return [aligned(real, one) for one in values[: tape.ARITY[kernel]]]


def evaluate(
    real: Real, kernel: str, values: list[np.ndarray], start: np.ndarray | None = None
) -> np.ndarray:
    size = len(values[0])
    out = blank(real, size) if start is None else aligned(real, start)
    refs = [tape.ref(base(value)) for value in values]
    step = tape.instruction(CODES[kernel], tape.ref(base(out)), *refs, accumulate=start is not None)
    status, _ = run(real, [tape.item(Kind.POINTWISE, count=1, elements=size)], [step])
    assert status == 0
    return out


def exact(real: Real, kernel: str, values: list[np.ndarray]) -> tuple[Wide, Wide]:
    """The result in the wider type, and what errors are relative to."""
    tiny = np.finfo(real).tiny
    with np.errstate(all="ignore"):
        wide = [np.where(np.abs(value) < tiny, value * 0, value) for value in values]
        wide = [value.astype(WIDER[real]) for value in wide]
        result = KERNELS[kernel](*wide)
        magnitude = MAGNITUDES.get(kernel, lambda *_: np.abs(result))(*wide)
    return result, magnitude


def errors(real: Real, got: np.ndarray, want: Wide, magnitude: Wide) -> np.ndarray:
    """Distance in units of the last place of `magnitude`, after both overflow alike."""
    limits = np.finfo(real)
    with np.errstate(all="ignore"):
        rounded = want.astype(real)
        assert np.array_equal(np.isnan(got), np.isnan(rounded))
        usual = np.isfinite(got) & np.isfinite(rounded)
        edge = np.abs(want) > 0.999 * limits.max
        assert np.array_equal(got[~usual & ~edge], rounded[~usual & ~edge], equal_nan=True)
        unit = np.maximum(magnitude[usual], limits.tiny / limits.eps * 1.01) * limits.eps
        return np.abs(got[usual].astype(WIDER[real]) - want[usual]) / unit


def test_every_code_is_tested_here() -> None:
    assert set(KERNELS) == set(CODES) - {"fill"}


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_an_operation_is_right_to_a_few_units_in_the_last_place(real: Real, kernel: str) -> None:
    values = arguments(kernel, real)
    want, magnitude = exact(real, kernel, values)
    worst = errors(real, evaluate(real, kernel, values), want, magnitude).max()
    assert worst <= (3.5 if kernel in TRANSCENDENTAL else 2.5)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("kernel", KERNELS)
def test_the_accumulating_form_adds_the_same_number(real: Real, kernel: str) -> None:
    values = arguments(kernel, real)
    start = np.random.default_rng(1).normal(size=len(values[0])).astype(real)
    alone = evaluate(real, kernel, values)
    with np.errstate(all="ignore"):
        want = (start + alone).astype(real)
        slack = 4 * np.finfo(real).eps * (np.abs(alone) + np.abs(start))
    got = evaluate(real, kernel, values, start)
    usual = np.isfinite(want)
    assert np.array_equal(got[~usual], want[~usual], equal_nan=True)
    assert np.all(np.abs(got[usual] - want[usual]) <= slack[usual])


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("kernel", ["tanh", "sigmoid", "exp", "sin", "cos"])
def test_from_minus_100_to_100_functions_hold_to_three_units(real: Real, kernel: str) -> None:
    near = np.geomspace(1e-30, 1, 8192)
    values = np.concatenate([np.linspace(-100, 100, 65536), near, -near]).astype(real)
    want, magnitude = exact(real, kernel, [values])
    got = evaluate(real, kernel, [aligned(real, values)])
    assert errors(real, got, want, magnitude).max() <= 3


@pytest.mark.parametrize("real", REALS)
def test_exp_holds_over_its_whole_range_and_saturates_cleanly(real: Real) -> None:
    limits = np.finfo(real)
    low, high = float(np.log(limits.tiny)), float(np.log(limits.max))
    values = np.concatenate(
        [np.linspace(low, high, 65536), np.nextafter([low, high, low, high], [0, 0, -1e9, 1e9])]
    ).astype(real)
    values = np.resize(values, 65552)
    want, magnitude = exact(real, "exp", [values])
    got = evaluate(real, "exp", [aligned(real, values)])
    assert errors(real, got, want, magnitude).max() <= 3
    outside = np.resize(np.array([high + 0.1, 1e30, np.inf, low - 1, -1e30, -np.inf]), 48)
    got = evaluate(real, "exp", [aligned(real, outside)])
    assert np.array_equal(got, np.resize([np.inf, np.inf, np.inf, 0, 0, 0], 48))


@pytest.mark.parametrize("real", REALS)
def test_tanh_and_sigmoid_saturate_at_one_and_keep_the_sign_of_zero(real: Real) -> None:
    ramp = aligned(real, np.concatenate([np.linspace(0, 40, 4080), [50, 100, 1e30, np.inf] * 4]))
    for kernel in ("tanh", "sigmoid"):
        got = evaluate(real, kernel, [ramp])
        assert got.max() == 1
        assert np.array_equal(got[-16:], np.ones(16))
    zeros = aligned(real, np.array([0.0, -0.0] * 8))
    assert np.array_equal(np.signbit(evaluate(real, "tanh", [zeros])), np.signbit(zeros))


@pytest.mark.parametrize("real", REALS)
def test_sine_of_huge_numbers_is_that_of_the_c_library(real: Real) -> None:
    values = np.resize(np.array([1e5, 123456.7, -3e8, 1e12, 1e30, -1e37, 0.5]), 112).astype(real)
    for kernel in ("sin", "cos"):
        want, magnitude = exact(real, kernel, [values])
        got = evaluate(real, kernel, [aligned(real, values)])
        assert errors(real, got, want, magnitude).max() <= 3


@pytest.mark.parametrize("real", REALS)
def test_a_program_runs_in_blocks_with_scratch_steps_and_constants(real: Real) -> None:
    block = int(runtime(real).block_size())
    steps = 3
    for size in (16, block - 16, block, block + 16, 5 * block + 48):
        generator = np.random.default_rng(size)
        x = aligned(real, generator.normal(size=(steps, size)))
        y, scratch, half = blank(real, steps, size), blank(real, block), blank(real, block)
        program = [
            tape.fill(tape.ref(base(scratch), walk=0), 2.0),
            tape.instruction(
                CODES["multiply_add"],
                tape.ref(base(scratch), walk=0),
                tape.ref(base(x), step=size),
                tape.ref(base(scratch), walk=0),
                tape.ref(base(half), walk=0),
            ),
            tape.instruction(
                CODES["copy"], tape.ref(base(y), step=size), tape.ref(base(scratch), walk=0)
            ),
        ]
        half[:] = 0.5
        items = [
            tape.item(Kind.LOOP, first=1, count=1, steps=steps),
            tape.item(Kind.POINTWISE, count=len(program), elements=size),
        ]
        table, rows = tape.items(items), tape.instructions(program)
        result = np.zeros(1, tape.RESULT)
        status = runtime(real).run(base(table), 0, 1, base(rows), base(result), 0.0, 0.0)
        assert status == 0
        assert np.array_equal(y, x * 2 + np.asarray(0.5, real))


def test_denormals_are_zero_inside_and_untouched_outside() -> None:
    small = np.float32(1e-40)
    values = [aligned("float32", np.full(16, small)), aligned("float32", np.full(16, 1e10))]
    assert np.array_equal(evaluate("float32", "multiply", values), np.zeros(16))
    tiny = aligned("float32", np.full(16, 1e-30))
    assert np.array_equal(evaluate("float32", "multiply", [tiny, tiny * 1]), np.zeros(16))
    assert np.all(values[0] * np.float32(1) == small)
    assert small * np.float32(0.5) > 0


def keeps_denormals() -> bool:
    """Whether this thread computes with them."""
    return bool((np.full(16, 1e-40, np.float32) * np.float32(1)).any())


@pytest.mark.parametrize("real", REALS)
def test_denormals_are_zero_in_every_thread_and_each_gets_its_mode_back(real: Real) -> None:
    small = float(np.finfo(real).tiny) / 4

    def work() -> list[bool]:
        found = [keeps_denormals()]
        values = [aligned(real, np.full(16, value)) for value in (small, 2.0)]
        for kernel in ("multiply", "add", "maximum"):
            values[1][:] = {"multiply": 2.0, "add": 0.0, "maximum": -1.0}[kernel]
            if kernel != "maximum":  # which copies and does not compute
                found.append(bool(evaluate(real, kernel, values).any()))
            found.append(keeps_denormals())
        assert run(real, [(99, (0,) * 23)])[0] == 1  # an item that does not exist
        return [*found, keeps_denormals()]

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(work) for _ in range(3)]
    for job in jobs:
        assert job.result() == [True, False, True, False, True, True, True]


def test_a_thread_that_flushes_denormals_goes_on_doing_so() -> None:
    torch.set_flush_denormal(True)
    assert not keeps_denormals()
    evaluate("float32", "tanh", [aligned("float32", np.ones(16))])
    assert not keeps_denormals()
    torch.set_flush_denormal(False)
    assert keeps_denormals()
