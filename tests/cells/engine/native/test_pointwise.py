"""Every pointwise operation against numpy in a wider type: random, huge, tiny and special values."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from cells.engine.native import tape
from cells.engine.native.build import Real
from cells.engine.native.tape import Code, Kind
from cells.op import DIVISION_GUARD
from tests.cells.engine.native import arena
from tests.cells.engine.native.arena import REALS, aligned, base, blank, run, runtime

Wide = np.ndarray
WIDER = {"float32": np.float64, "float64": np.longdouble}


@pytest.fixture(autouse=True, params=arena.TARGETS)
def _target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: for this CPU, and portable."""
    monkeypatch.setattr(arena, "target", request.param)


def sigmoid(a: Wide) -> Wide:
    return 1 / (1 + np.exp(-a))


def limit(b: Wide) -> float:
    """The guard as the type that is compared with `b` rounds it."""
    return float(np.float32(DIVISION_GUARD)) if b.dtype == np.float64 else DIVISION_GUARD


def guard(b: Wide) -> Wide:
    return np.where(np.abs(b) <= limit(b), np.where(b < 0, -limit(b), limit(b)), b)


def second_is_larger(b: Wide, c: Wide) -> Wide:
    return (c > b) | np.isnan(c)


def second_is_smaller(b: Wide, c: Wide) -> Wide:
    return (c < b) | np.isnan(c)


def d_silu(a: Wide, b: Wide) -> Wide:
    s = sigmoid(b)
    return a * (s * (1 + b * (1 - s)))


def d_divide_b(a: Wide, b: Wide, c: Wide) -> Wide:
    return np.where(np.abs(b) <= limit(b), 0, -a * c / guard(b))


FORMULAS: dict[Code, Callable[..., Wide]] = {
    Code.COPY: lambda a: a,
    Code.NEGATE: lambda a: -a,
    Code.ONE_MINUS: lambda a: 1 - a,
    Code.ADD: lambda a, b: a + b,
    Code.SUBTRACT: lambda a, b: a - b,
    Code.MULTIPLY: lambda a, b: a * b,
    Code.DIVIDE: lambda a, b: a / guard(b),
    Code.MAXIMUM: lambda a, b: np.where(second_is_larger(a, b), b, a),
    Code.MINIMUM: lambda a, b: np.where(second_is_smaller(a, b), b, a),
    Code.MULTIPLY_ADD: lambda a, b, c: a * b + c,
    Code.MULTIPLY_SUBTRACT: lambda a, b, c: c - a * b,
    Code.BLEND: lambda a, b, c: a * b + (1 - a) * c,
    Code.TANH: np.tanh,
    Code.SIGMOID: sigmoid,
    Code.RELU: lambda a: np.where(a < 0, 0, a),
    Code.EXP: np.exp,
    Code.LOGSIGMOID: lambda a: -np.where(a < 0, -a, 0) - np.log1p(np.exp(-np.abs(a))),
    Code.SOFTPLUS: lambda a: np.where(a > 0, a, 0) + np.log1p(np.exp(-np.abs(a))),
    Code.SILU: lambda a: a * sigmoid(a),
    Code.SQRT: lambda a: np.where(a <= 0, 0, np.sqrt(a)),
    Code.SIN: np.sin,
    Code.COS: np.cos,
    Code.D_TANH: lambda a, b: a * (1 - b * b),
    Code.D_SIGMOID: lambda a, b: a * (b * (1 - b)),
    Code.D_RELU: lambda a, b: np.where(b <= 0, 0, a),
    Code.D_LOGSIGMOID: lambda a, b: -a * np.expm1(b),
    Code.D_SOFTPLUS: lambda a, b: -a * np.expm1(-b),
    Code.D_SILU: d_silu,
    Code.D_SQRT: lambda a, b: np.where(b <= 0, 0, a * 0.5 / b),
    Code.D_SIN: lambda a, b: a * np.cos(b),
    Code.D_COS: lambda a, b: -a * np.sin(b),
    Code.D_DIVIDE_A: lambda a, b: a / guard(b),
    Code.D_DIVIDE_B: d_divide_b,
    Code.D_MAXIMUM_A: lambda a, b, c: np.where(second_is_larger(b, c), 0, a),
    Code.D_MAXIMUM_B: lambda a, b, c: np.where(second_is_larger(b, c), a, 0),
    Code.D_MINIMUM_A: lambda a, b, c: np.where(second_is_smaller(b, c), 0, a),
    Code.D_MINIMUM_B: lambda a, b, c: np.where(second_is_smaller(b, c), a, 0),
}
TRANSCENDENTAL = {
    *(Code.TANH, Code.SIGMOID, Code.EXP, Code.LOGSIGMOID, Code.SOFTPLUS, Code.SILU),
    *(Code.SIN, Code.COS, Code.D_LOGSIGMOID, Code.D_SOFTPLUS, Code.D_SIN, Code.D_COS),
}
# What the parts of a difference add up to, where the result may be much smaller than they are.
MAGNITUDES: dict[Code, Callable[..., Wide]] = {
    Code.MULTIPLY_ADD: lambda a, b, c: abs(a * b) + abs(c),
    Code.MULTIPLY_SUBTRACT: lambda a, b, c: abs(a * b) + abs(c),
    Code.BLEND: lambda a, b, c: abs(a * b) + abs((1 - a) * c),
    Code.D_TANH: lambda a, b: abs(a) * (1 + b * b),
    Code.D_SILU: lambda a, b: abs(a) * (1 + abs(b)),
    # A sigmoid that is flushed to zero may have been multiplied by a large number.
    Code.SILU: lambda a: abs(a * sigmoid(a)) + abs(a) * 1e-30,
}
SPECIAL = [
    *(0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 100.0, -100.0, 1e-310, -1e-41, 0.3, -20.0),
    *(DIVISION_GUARD, -DIVISION_GUARD, 0.9e-6, -1.1e-6, 2.5, 1e-20, -1e-20),
]


def arguments(code: Code, real: Real) -> list[np.ndarray]:
    """Random and special values of every argument, all pairs of special ones."""
    generator = np.random.default_rng(int(code))
    sizes = np.array([1e-3, 1, 10, 100])[generator.integers(4, size=(3, 4096))]
    values = generator.uniform(-1, 1, size=(3, 4096)) * sizes
    grid = np.stack([axis.ravel() for axis in np.meshgrid(SPECIAL, SPECIAL)])
    special = np.concatenate([grid, generator.choice(SPECIAL, size=(1, grid.shape[1]))])
    with np.errstate(under="ignore"):
        values = np.concatenate([values, special], axis=1).astype(real)
    values = values[:, : values.shape[1] // 16 * 16]
    if code is Code.D_SILU:
        values[0][np.isinf(values[0])] = 1  # times a sigmoid that is flushed to zero
    if code is Code.D_LOGSIGMOID:
        values[1] = -np.abs(values[1])  # as outputs are
    if code is Code.D_SOFTPLUS:
        values[1] = np.abs(values[1])
    return [aligned(real, one) for one in values[: tape.ARITY[code]]]


def evaluate(
    real: Real, code: Code, values: list[np.ndarray], start: np.ndarray | None = None
) -> np.ndarray:
    size = len(values[0])
    out = blank(real, size) if start is None else aligned(real, start)
    refs = [tape.ref(base(value)) for value in values]
    step = tape.instruction(code, tape.ref(base(out)), *refs, accumulate=start is not None)
    status, _ = run(real, [tape.item(Kind.POINTWISE, count=1, elements=size)], [step])
    assert status == 0
    return out


def exact(real: Real, code: Code, values: list[np.ndarray]) -> tuple[Wide, Wide]:
    """The result in the wider type, and what errors are relative to."""
    tiny = np.finfo(real).tiny
    with np.errstate(all="ignore"):
        wide = [np.where(np.abs(value) < tiny, value * 0, value) for value in values]
        wide = [value.astype(WIDER[real]) for value in wide]
        result = FORMULAS[code](*wide)
        magnitude = MAGNITUDES.get(code, lambda *_: np.abs(result))(*wide)
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
    assert set(FORMULAS) == set(Code) - {Code.FILL}


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("code", FORMULAS)
def test_an_operation_is_right_to_a_few_units_in_the_last_place(real: Real, code: Code) -> None:
    values = arguments(code, real)
    want, magnitude = exact(real, code, values)
    worst = errors(real, evaluate(real, code, values), want, magnitude).max()
    assert worst <= (3.5 if code in TRANSCENDENTAL else 2.5)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("code", FORMULAS)
def test_the_accumulating_form_adds_the_same_number(real: Real, code: Code) -> None:
    values = arguments(code, real)
    start = np.random.default_rng(1).normal(size=len(values[0])).astype(real)
    alone = evaluate(real, code, values)
    with np.errstate(all="ignore"):
        want = (start + alone).astype(real)
        slack = 4 * np.finfo(real).eps * (np.abs(alone) + np.abs(start))
    got = evaluate(real, code, values, start)
    usual = np.isfinite(want)
    assert np.array_equal(got[~usual], want[~usual], equal_nan=True)
    assert np.all(np.abs(got[usual] - want[usual]) <= slack[usual])


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("code", [Code.TANH, Code.SIGMOID, Code.EXP, Code.SIN, Code.COS])
def test_from_minus_100_to_100_functions_hold_to_three_units(real: Real, code: Code) -> None:
    near = np.geomspace(1e-30, 1, 8192)
    values = np.concatenate([np.linspace(-100, 100, 65536), near, -near]).astype(real)
    want, magnitude = exact(real, code, [values])
    got = evaluate(real, code, [aligned(real, values)])
    assert errors(real, got, want, magnitude).max() <= 3


@pytest.mark.parametrize("real", REALS)
def test_exp_holds_over_its_whole_range_and_saturates_cleanly(real: Real) -> None:
    limits = np.finfo(real)
    low, high = float(np.log(limits.tiny)), float(np.log(limits.max))
    values = np.concatenate(
        [np.linspace(low, high, 65536), np.nextafter([low, high, low, high], [0, 0, -1e9, 1e9])]
    ).astype(real)
    values = np.resize(values, 65552)
    want, magnitude = exact(real, Code.EXP, [values])
    got = evaluate(real, Code.EXP, [aligned(real, values)])
    assert errors(real, got, want, magnitude).max() <= 3
    outside = np.resize(np.array([high + 0.1, 1e30, np.inf, low - 1, -1e30, -np.inf]), 48)
    got = evaluate(real, Code.EXP, [aligned(real, outside)])
    assert np.array_equal(got, np.resize([np.inf, np.inf, np.inf, 0, 0, 0], 48))


@pytest.mark.parametrize("real", REALS)
def test_tanh_and_sigmoid_saturate_at_one_and_keep_the_sign_of_zero(real: Real) -> None:
    ramp = aligned(real, np.concatenate([np.linspace(0, 40, 4080), [50, 100, 1e30, np.inf] * 4]))
    for code in (Code.TANH, Code.SIGMOID):
        got = evaluate(real, code, [ramp])
        assert got.max() == 1
        assert np.array_equal(got[-16:], np.ones(16))
    zeros = aligned(real, np.array([0.0, -0.0] * 8))
    assert np.array_equal(np.signbit(evaluate(real, Code.TANH, [zeros])), np.signbit(zeros))


@pytest.mark.parametrize("real", REALS)
def test_sine_of_huge_numbers_is_that_of_the_c_library(real: Real) -> None:
    values = np.resize(np.array([1e5, 123456.7, -3e8, 1e12, 1e30, -1e37, 0.5]), 112).astype(real)
    for code in (Code.SIN, Code.COS):
        want, magnitude = exact(real, code, [values])
        got = evaluate(real, code, [aligned(real, values)])
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
                Code.MULTIPLY_ADD,
                tape.ref(base(scratch), walk=0),
                tape.ref(base(x), step=size),
                tape.ref(base(scratch), walk=0),
                tape.ref(base(half), walk=0),
            ),
            tape.instruction(
                Code.COPY, tape.ref(base(y), step=size), tape.ref(base(scratch), walk=0)
            ),
        ]
        half[:] = 0.5
        items = [
            tape.item(Kind.LOOP, first=1, count=1, steps=steps),
            tape.item(Kind.POINTWISE, count=len(program), elements=size),
        ]
        table, code = tape.items(items), tape.instructions(program)
        result = np.zeros(1, tape.RESULT)
        status = runtime(real).run(base(table), 0, 1, base(code), base(result), 0.0, 0.0)
        assert status == 0
        assert np.array_equal(y, x * 2 + np.asarray(0.5, real))


def test_denormals_are_zero_inside_and_untouched_outside() -> None:
    small = np.float32(1e-40)
    values = [aligned("float32", np.full(16, small)), aligned("float32", np.full(16, 1e10))]
    assert np.array_equal(evaluate("float32", Code.MULTIPLY, values), np.zeros(16))
    tiny = aligned("float32", np.full(16, 1e-30))
    assert np.array_equal(evaluate("float32", Code.MULTIPLY, [tiny, tiny * 1]), np.zeros(16))
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
        for code in (Code.MULTIPLY, Code.ADD, Code.MAXIMUM):
            values[1][:] = {Code.MULTIPLY: 2.0, Code.ADD: 0.0, Code.MAXIMUM: -1.0}[code]
            if code is not Code.MAXIMUM:  # which copies and does not compute
                found.append(bool(evaluate(real, code, values).any()))
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
    evaluate("float32", Code.TANH, [aligned("float32", np.ones(16))])
    assert not keeps_denormals()
    torch.set_flush_denormal(False)
    assert keeps_denormals()
