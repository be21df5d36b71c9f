"""Every other kind of item against numpy in float64, at odd sizes, in arrays that hold NaN."""

import numpy as np
import pytest

from cells.engine.native import tape
from cells.engine.native.build import Real
from cells.engine.native.tape import CODES, Kind
from tests.cells.engine.native import arena
from tests.cells.engine.native.arena import (
    NEAR,
    REALS,
    aligned,
    base,
    blank,
    done,
    rows,
    run,
)

ROWS = (1, 2, 3, 5, 7, 13, 20, 25, 700)
WIDTHS = (1, 15, 64, 100)


@pytest.fixture(autouse=True, params=arena.TARGETS)
def _target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test twice: for this CPU, and portable."""
    monkeypatch.setattr(arena, "target", request.param)


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(shape).normal(size=shape)


def near(real: Real, got: np.ndarray, want: np.ndarray, magnitude: np.ndarray) -> bool:
    """Whether a sum is right up to rounding of its addends."""
    return bool(np.all(np.abs(got - want) <= NEAR[real] * magnitude + 1e-300))


def gemm(
    real: Real,
    count: int,
    k: int,
    n: int,
    gates: int = 1,
    segments: int = 1,
    accumulate: bool = False,
    biased: bool = False,
) -> None:
    a, w = normal(segments, count, k).astype(real), normal(gates, segments * k, n).astype(real)
    start, bias = normal(gates, count, n).astype(real), normal(gates, n).astype(real)
    a_rows, c_rows, b_rows = rows(real, a), rows(real, start), rows(real, bias[:, None])
    panels = aligned(real, tape.pack(w))
    done(
        real,
        tape.item(
            Kind.GEMM,
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
            panels=base(panels),
            accumulate=int(accumulate),
            bias=base(b_rows) if biased else 0,
        ),
    )
    wide = np.moveaxis(a, 0, 1).reshape(count, -1).astype(np.float64)
    want, magnitude = wide @ w, np.abs(wide) @ np.abs(w)
    if accumulate:
        want, magnitude = want + start, magnitude + np.abs(start)
    if biased:
        want, magnitude = want + bias[:, None], magnitude + np.abs(bias[:, None])
    assert near(real, c_rows[..., :n], want, magnitude)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("count", ROWS)
def test_a_product_of_any_size_is_right(real: Real, count: int) -> None:
    for k in WIDTHS:
        for n in WIDTHS:
            gemm(real, count, k, n)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("gates", [1, 2, 3, 4])
@pytest.mark.parametrize("segments", [1, 2, 3, 4])
def test_products_take_gates_segments_bias_and_a_start(
    real: Real, gates: int, segments: int
) -> None:
    for count, k, n in ((20, 15, 100), (7, 64, 15), (1, 100, 64), (3, 1, 130)):
        for accumulate in (False, True):
            gemm(real, count, k, n, gates, segments, accumulate, biased=segments % 2 == 0)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("count", range(1, 30))
def test_every_number_of_rows_is_right_for_every_number_of_panels(real: Real, count: int) -> None:
    for panels in (1, 2, 3, 4, 7, 8, 11):
        gemm(real, count, 9, 16 * panels - 3, accumulate=True)


@pytest.mark.parametrize("real", REALS)
def test_a_product_with_some_rows_of_taller_panels_is_that_of_the_rows(real: Real) -> None:
    count, k, n, gates, skipped = 7, 20, 33, 2, 5
    a, w = normal(count, k).astype(real), normal(gates, skipped + k + 3, n).astype(real)
    a_rows, panels = rows(real, a), aligned(real, tape.pack(w))
    c_rows = blank(real, gates, count, tape.row_stride(n, a.itemsize))
    done(
        real,
        tape.item(
            Kind.GEMM,
            a_base=base(a_rows),
            segments=1,
            k=k,
            lda=a_rows.shape[-1],
            c_base=base(c_rows),
            c_gate_stride=c_rows[0].size,
            gates=gates,
            n=n,
            ldc=c_rows.shape[-1],
            rows=count,
            panels=base(panels) + skipped * 16 * a.itemsize,
            height=skipped + k + 3,
        ),
    )
    want = a.astype(np.float64) @ w[:, skipped : skipped + k]
    assert near(real, c_rows[..., :n], want, np.abs(a) @ np.abs(w[:, skipped : skipped + k]))


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("count", ROWS)
@pytest.mark.parametrize("gates", [1, 4])
def test_weight_gradients_of_any_size_are_right_and_zero_beyond_the_width(
    real: Real, count: int, gates: int
) -> None:
    for k in WIDTHS:
        for n in WIDTHS:
            a, g = normal(count, k).astype(real), normal(gates, count, n).astype(real)
            a_rows, g_rows = rows(real, a), rows(real, g)
            start = normal(gates, k, n).astype(real)
            for accumulate in (0, 1):
                panels = blank(real, *tape.pack(start).shape)
                sums = rows(real, start[:, :1])
                if accumulate:
                    panels[:] = tape.pack(start)
                done(
                    real,
                    tape.item(
                        Kind.WEIGHT_GRADIENT,
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
                        accumulate=accumulate,
                        sums=base(sums) if k != 15 else 0,
                    ),
                )
                if k != 15:
                    wide = g.sum(axis=1, dtype=np.float64) + start[:, 0] * accumulate
                    magnitude = np.abs(g).sum(axis=1) + np.abs(start[:, 0])
                    assert near(real, sums[:, 0, :n], wide, magnitude)
                    assert not sums[:, 0, n : tape.padded(n)].any()
                want = np.swapaxes(a, 0, 1).astype(np.float64) @ g + start * accumulate
                magnitude = np.abs(a).T @ np.abs(g) + np.abs(start)
                assert near(real, tape.unpack(panels, n), want, magnitude)
                assert np.array_equal(panels, tape.pack(tape.unpack(panels, n)))


@pytest.mark.parametrize("real", REALS)
def test_transposed_panels_are_those_of_the_transpose(real: Real) -> None:
    for k, n, gates, above in ((1, 1, 1, 0), (15, 100, 4, 3), (64, 64, 2, 0), (100, 15, 3, 2)):
        w = normal(gates, above + k, n).astype(real)
        panels = aligned(real, tape.pack(w))
        out = blank(real, -(-k // 16), gates * n + 2, 16)
        done(
            real,
            tape.item(
                Kind.TRANSPOSE_PANELS,
                source=base(panels) + above * 16 * w.itemsize,
                source_height=above + k,
                destination=base(out),
                destination_height=gates * n + 2,
                k=k,
                n=n,
                gates=gates,
            ),
        )
        want = np.swapaxes(w[:, above:], 1, 2).reshape(gates * n, k)
        assert np.array_equal(out[:, : gates * n], tape.pack(want))
        assert np.isnan(out[:, gates * n :]).all()


@pytest.mark.parametrize("real", REALS)
def test_forward_backward_and_gradient_of_a_linear_agree_with_each_other(real: Real) -> None:
    # <g, a W> = <g W^T, a> = <A^T g, W>, whatever the sizes are.
    count, k, n, gates = 20, 37, 21, 3
    a, w = normal(count, k).astype(real), normal(gates, k, n).astype(real)
    g = normal(gates, count, n).astype(real)
    a_rows, g_rows, panels = rows(real, a), rows(real, g), aligned(real, tape.pack(w))
    turned, gradient = blank(real, -(-k // 16), gates * n, 16), blank(real, *panels.shape)
    c_rows, back = blank(real, *g_rows.shape), blank(real, *a_rows.shape)
    wide = {"k": k, "gates": gates, "n": n, "rows": count}
    done(
        real,
        tape.item(
            Kind.TRANSPOSE_PANELS,
            source=base(panels),
            destination=base(turned),
            k=k,
            n=n,
            gates=gates,
        ),
        tape.item(
            Kind.GEMM,
            **wide,
            a_base=base(a_rows),
            segments=1,
            lda=a_rows.shape[-1],
            c_base=base(c_rows),
            c_gate_stride=c_rows[0].size,
            ldc=c_rows.shape[-1],
            panels=base(panels),
        ),
        tape.item(
            Kind.GEMM,
            a_base=base(g_rows),
            a_segment_stride=g_rows[0].size,
            segments=gates,
            k=n,
            lda=g_rows.shape[-1],
            c_base=base(back),
            gates=1,
            n=k,
            ldc=back.shape[-1],
            rows=count,
            panels=base(turned),
        ),
        tape.item(
            Kind.WEIGHT_GRADIENT,
            **wide,
            a_base=base(a_rows),
            lda=a_rows.shape[-1],
            g_base=base(g_rows),
            g_gate_stride=g_rows[0].size,
            ldg=g_rows.shape[-1],
            out_panels=base(gradient),
        ),
    )
    products = [
        np.sum(c_rows[..., :n].astype(np.float64) * g),
        np.sum(back[:, :k].astype(np.float64) * a),
        np.sum(tape.unpack(gradient, n).astype(np.float64) * w),
    ]
    assert np.ptp(products) <= 1e3 * NEAR[real]


@pytest.mark.parametrize("real", REALS)
def test_column_sums_run_over_rows_and_are_zero_beyond_the_width(real: Real) -> None:
    for count, n, gates in ((1, 1, 1), (7, 15, 4), (700, 100, 2), (129, 64, 3)):
        g = normal(gates, count, n).astype(real)
        g_rows = rows(real, g)
        for accumulate in (0, 1):
            start = normal(gates, n).astype(real)
            out = rows(real, start[:, None])[:, 0]
            done(
                real,
                tape.item(
                    Kind.COLUMN_SUM,
                    g_base=base(g_rows),
                    g_gate_stride=g_rows[0].size,
                    gates=gates,
                    n=n,
                    ldg=g_rows.shape[-1],
                    rows=count,
                    out=base(out),
                    accumulate=accumulate,
                ),
            )
            want = g.sum(axis=1, dtype=np.float64) + start * accumulate
            assert near(real, out[:, :n], want, np.abs(g).sum(axis=1) + np.abs(start))
            assert not out[:, n : tape.padded(n)].any()


@pytest.mark.parametrize("real", REALS)
def test_rows_are_gathered_and_their_gradients_scattered_step_by_step(real: Real) -> None:
    steps, count, n, gates, symbols = 3, 5, 19, 2, 4
    table = normal(gates, symbols, n).astype(real)
    index = np.random.default_rng(0).integers(symbols, size=(steps, count))
    t_rows = rows(real, table)
    out = blank(real, gates, steps, count, t_rows.shape[-1])
    common = {
        "table_gate_stride": t_rows[0].size,
        "table_ld": t_rows.shape[-1],
        "index": base(index),
        "index_step": count,
        "gates": gates,
        "n": n,
        "rows": count,
    }
    gathering = tape.item(
        Kind.ROW_GATHER,
        **common,
        table=base(t_rows),
        out=base(out),
        out_step=out[0, 0].size,
        out_gate_stride=out[0].size,
        out_ld=out.shape[-1],
    )
    total = rows(real, table)
    scattering = tape.item(
        Kind.ROW_SCATTER_ADD,
        **common,
        table=base(total),
        g_base=base(out),
        g_step=out[0, 0].size,
        g_gate_stride=out[0].size,
        ldg=out.shape[-1],
    )
    loop = tape.item(Kind.LOOP, first=1, count=2, steps=steps, reverse=1)
    code, _ = run(real, [gathering, gathering, scattering, loop], first=3)
    assert code == 0
    assert np.array_equal(out[..., :n], table[:, index])
    want = table.astype(np.float64)
    for g in range(gates):
        np.add.at(want[g], index, table[g, index].astype(np.float64))
    assert near(real, total[..., :n], want, 8 * np.abs(table))
    assert np.isnan(total[..., n:]).all()


@pytest.mark.parametrize("real", REALS)
def test_ranges_are_zeroed_and_copied_step_by_step(real: Real) -> None:
    a, b = aligned(real, normal(4, 16)), blank(real, 4, 16)
    size = a.itemsize
    items = [
        tape.item(Kind.ZERO, base=base(a), step=16, bytes=8 * size),
        tape.item(
            Kind.COPY,
            destination=base(b) + 8 * size,
            destination_step=16,
            source=base(a),
            source_step=16,
            bytes=8 * size,
        ),
        tape.item(Kind.LOOP, first=0, count=2, steps=3),
    ]
    before = a.copy()
    code, _ = run(real, items, first=2)
    assert code == 0
    assert not a[:3, :8].any()
    assert np.array_equal(a[:, 8:], before[:, 8:])
    assert np.array_equal(a[3], before[3])
    assert not b[:3, 8:].any()
    assert np.isnan(b[:, :8]).all()
    assert np.isnan(b[3]).all()


def softmax(
    real: Real, logits: np.ndarray, targets: np.ndarray, mask: np.ndarray, gradient: int
) -> tuple[np.void, np.ndarray]:
    x = rows(real, logits)
    result = done(
        real,
        tape.item(
            Kind.SOFTMAX_LOSS,
            logits=base(x),
            ld=x.shape[-1],
            n=logits.shape[-1],
            rows=len(logits),
            targets=base(targets),
            mask=base(mask),
            scale=tape.bits(0.25),
            gradient=gradient,
        ),
    )
    return result, x


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("symbols", [1, 2, 15, 16, 40, 100, 1000])
def test_the_softmax_head_gives_loss_accuracy_and_gradient(real: Real, symbols: int) -> None:
    generator = np.random.default_rng(symbols)
    logits = (generator.normal(size=(70, symbols)) * 5).astype(real)
    logits[::7] *= 20
    targets = generator.integers(symbols, size=70)
    targets[::2] = logits[::2].argmax(axis=1)
    mask = (generator.random(70) < 0.8).astype(np.uint8)
    wide = logits.astype(np.float64)
    shifted = wide - wide.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    want = (np.exp(log_p) - np.eye(symbols)[targets]) * mask[:, None] * 0.25
    for gradient in (0, 1):
        result, x = softmax(real, logits, targets, mask, gradient)
        scored = mask == 1
        loss = -log_p[np.arange(70), targets][scored].sum()
        assert result["loss"] == pytest.approx(loss, rel=20 * NEAR[real], abs=70 * NEAR[real])
        assert result["scored"] == scored.sum()
        assert result["correct"] == (logits.argmax(axis=1) == targets)[scored].sum()
        if gradient:
            assert np.abs(x[:, :symbols] - want).max() <= NEAR[real]
            assert not x[:, symbols : tape.padded(symbols)].any()
            assert not x[~scored, :symbols].any()
        else:
            assert np.array_equal(x[:, :symbols], logits)


@pytest.mark.parametrize("real", REALS)
def test_of_tied_symbols_the_first_is_the_prediction(real: Real) -> None:
    logits = np.zeros((3, 40))
    targets, mask = np.array([0, 1, 39]), np.ones(3, np.uint8)
    assert softmax(real, logits, targets, mask, 0)[0]["correct"] == 1
    logits[:, [5, 20]] = 1
    assert softmax(real, logits, np.array([5, 20, 0]), mask, 0)[0]["correct"] == 1


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_logit_that_is_not_finite_spoils_the_loss_only_where_it_is_scored(
    real: Real, bad: float
) -> None:
    logits = normal(5, 40)
    logits[2, 33] = bad
    targets, mask = np.arange(5), np.ones(5, np.uint8)
    assert not np.isfinite(softmax(real, logits, targets, mask, 1)[0]["loss"])
    mask[2] = 0
    result, x = softmax(real, logits, targets, mask, 1)
    assert np.isfinite(result["loss"])
    assert np.isfinite(x[:, :48]).all()


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("notes", [1, 15, 16, 88])
def test_the_head_for_rolls_gives_loss_counts_and_gradient(real: Real, notes: int) -> None:
    generator = np.random.default_rng(notes)
    logits = (generator.normal(size=(35, notes)) * 10).astype(real)
    targets = (generator.random((35, notes)) < 0.3).astype(real)
    mask = (generator.random(35) < 0.8).astype(np.uint8)
    scored = mask == 1
    wide = logits.astype(np.float64)
    loss = (np.logaddexp(0, wide) - wide * targets)[scored].sum()
    want = (1 / (1 + np.exp(-wide)) - targets) * mask[:, None] * 0.5
    for gradient in (0, 1):
        x, z = rows(real, logits), rows(real, targets)
        result = done(
            real,
            tape.item(
                Kind.BERNOULLI_LOSS,
                logits=base(x),
                ld=x.shape[-1],
                n=notes,
                rows=35,
                targets=base(z),
                target_ld=z.shape[-1],
                mask=base(mask),
                scale=tape.bits(0.5),
                gradient=gradient,
            ),
        )
        assert result["loss"] == pytest.approx(loss, rel=10 * NEAR[real])
        sounding, predicted = targets[scored] > 0, logits[scored] > 0
        assert result["correct"] == (sounding & predicted).sum()
        assert result["wrong"] == (sounding ^ predicted).sum()
        assert result["scored"] == scored.sum()
        if gradient:
            assert np.abs(x[:, :notes] - want).max() <= NEAR[real]
            assert not x[:, notes : tape.padded(notes)].any()
        else:
            assert np.array_equal(x[:, :notes], logits)


@pytest.mark.parametrize("real", REALS)
def test_the_norm_runs_over_real_columns_and_the_update_is_clipped_to_it(real: Real) -> None:
    gradient = normal(7, 37).astype(real)
    g_rows, start = rows(real, gradient), normal(7, 48).astype(real)
    norm = float(np.linalg.norm(gradient.astype(np.float64)))
    measure = tape.item(Kind.SQUARE_NORM, base=base(g_rows), rows=7, n=37, ld=g_rows.shape[-1])
    for clip, shrink in ((2.0, 2.0 / norm), (1e9, 1.0), (np.inf, 1.0)):
        weights = aligned(real, start)
        g_rows[:, 37:] = 0
        step = tape.item(Kind.STEP, weights=base(weights), gradients=base(g_rows), count=7 * 48)
        code, result = run(real, [measure, step], rate=0.5, clip=clip)
        assert code == 0
        assert result["square_norm"] == pytest.approx(norm * norm, rel=1e-12)
        want = start - 0.5 * shrink * np.pad(gradient, ((0, 0), (0, 11))).astype(np.float64)
        assert near(real, weights, want, np.abs(start) + np.abs(want))
        g_rows[:, 37:] = np.nan


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_stay_when_the_loss_or_the_norm_is_not_finite(real: Real, bad: float) -> None:
    for where in ("loss", "norm", "nowhere"):
        gradient, weights = aligned(real, np.ones((1, 37))), aligned(real, np.ones((1, 37)))
        gradient[0, 36] = bad if where == "norm" else 1
        logits = aligned(real, np.full((1, 16), bad if where == "loss" else 0.0))
        target = np.zeros(1, np.int64)
        head = tape.item(
            Kind.SOFTMAX_LOSS, logits=base(logits), ld=16, n=16, rows=1, targets=base(target)
        )
        measure = tape.item(Kind.SQUARE_NORM, base=base(gradient), rows=1, n=37, ld=37)
        step = tape.item(Kind.STEP, weights=base(weights), gradients=base(gradient), count=37)
        run(real, [head, measure, step], rate=1.0, clip=1.0)
        assert np.array_equal(weights, np.ones((1, 37))) == (where != "nowhere")


@pytest.mark.parametrize("real", REALS)
def test_a_gradient_of_zero_moves_nothing(real: Real) -> None:
    gradient, weights = aligned(real, np.zeros(32)), aligned(real, normal(32))
    before = weights.copy()
    measure = tape.item(Kind.SQUARE_NORM, base=base(gradient), rows=1, n=32, ld=32)
    step = tape.item(Kind.STEP, weights=base(weights), gradients=base(gradient), count=32)
    run(real, [measure, step], rate=1.0, clip=0.0)
    assert np.array_equal(weights, before)


def test_an_item_that_cannot_be_run_is_named() -> None:
    zero = tape.item(Kind.ZERO)
    assert run("float32", [zero, (99, (0,) * 23)])[0] == 2
    nested = tape.item(Kind.LOOP, first=1, count=1, steps=1)
    assert run("float32", [nested, nested])[0] == 2


@pytest.mark.parametrize("code", [len(CODES), -1, 2 * tape.ACCUMULATE, tape.ACCUMULATE - 1])
def test_an_operation_that_no_kernel_is_for_is_refused(code: int) -> None:
    out = aligned("float32", np.ones(16))
    reference = tape.ref(base(out))
    good = tape.instruction(CODES["negate"], reference, reference)
    bad = (code, *good[1:])
    program = tape.item(Kind.POINTWISE, first=0, count=2, elements=16)
    assert run("float32", [program], [good, bad])[0] == 1
    assert np.array_equal(out, -np.ones(16, np.float32)), "what comes before it was done"


@pytest.mark.parametrize("real", REALS)
def test_the_same_numbers_elsewhere_in_memory_give_the_same_bits(real: Real) -> None:
    a, w, g = (
        normal(20, 100).astype(real),
        normal(100, 72).astype(real),
        normal(20, 72).astype(real),
    )
    found: set[bytes] = set()
    kept: list[np.ndarray] = []
    for _ in range(4):
        kept.append(blank(real, 1000 + 16 * len(kept)))  # so that addresses differ
        a_rows, g_rows, panels = rows(real, a), rows(real, g), aligned(real, tape.pack(w))
        c_rows, gradient = blank(real, *g_rows.shape), blank(real, *panels.shape)
        sizes = {"k": 100, "n": 72, "gates": 1, "rows": 20, "lda": a_rows.shape[-1]}
        result = done(
            real,
            tape.item(
                Kind.GEMM,
                **sizes,
                a_base=base(a_rows),
                segments=1,
                c_base=base(c_rows),
                ldc=c_rows.shape[-1],
                panels=base(panels),
            ),
            tape.item(
                Kind.WEIGHT_GRADIENT,
                **sizes,
                a_base=base(a_rows),
                g_base=base(g_rows),
                ldg=g_rows.shape[-1],
                out_panels=base(gradient),
            ),
            tape.item(Kind.SQUARE_NORM, base=base(c_rows), rows=20, n=72, ld=c_rows.shape[-1]),
        )
        found.add(c_rows[:, :72].tobytes() + gradient.tobytes() + result.tobytes())
    assert len(found) == 1
