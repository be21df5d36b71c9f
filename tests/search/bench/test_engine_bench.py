"""What `gatewright bench engine` measures: that peers train the same model, and its document."""

import importlib.util
import json
import math
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from cells import identify, zoo
from cells.engine import executor
from search.bench import peers
from search.bench import steps as engine_steps
from search.bench import window as engine_window
from search.bench.alternate import Spread, alternate, ratio
from search.bench.engine import Effort, disagrees, measure, omissions
from search.bench.gates import gru_gates, lstm_gates
from search.bench.steps import Start
from search.bench.table import TARGETS, render, verdicts

TINY = Effort(widths=(8,), turns=2, cells=3, compiled=0, ready=3, updates=10, seconds=0.05)


@pytest.fixture(autouse=True)
def threads_and_algorithms() -> Iterator[None]:
    """Measuring sets them for the process."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(before[0])
    torch.use_deterministic_algorithms(before[1])


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """A measurement of a tiny configuration, as it is after JSON."""
    return json.loads(json.dumps(measure(TINY), allow_nan=False))


def started(name: str) -> Start:
    return Start.of(identify(zoo.load(name))[0], 8)


def trainer(start: Start, core: nn.Module, state: peers.State | None = None) -> peers.TorchTrainer:
    state = start.zeros() if state is None else state
    return peers.TorchTrainer(core, state, start.weights, engine_window.windows(), {}, {})


def lstm_peer(kind: str) -> Callable[[], float]:
    start = started("lstm")
    gates = lstm_gates(start.model.cell, start.weights)
    if kind == "jax":
        return peers.jax_lstm(gates, start.weights, engine_window.windows())
    if kind == "vendor":
        state = tuple(one[None] for one in start.zeros())
        return trainer(start, peers.vendor_lstm(gates), state)
    return trainer(start, {"eight": peers.EightLinears, "fused": peers.FusedGates}[kind](gates))


@pytest.mark.parametrize("kind", ["eight", "fused", "jax"])
def test_an_lstm_of_a_peer_trains_as_ours_does(kind: str) -> None:
    if kind == "jax" and importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    ours, peer = started("lstm").ours("reference"), lstm_peer(kind)
    for _ in range(5):
        assert peer() == pytest.approx(ours(), rel=1e-5)


def test_the_vendors_lstm_starts_where_ours_does_and_trains() -> None:
    # Its second bias doubles the step of the first, so that only the first loss is the same.
    ours, peer = started("lstm").ours("reference"), lstm_peer("vendor")
    assert peer() == pytest.approx(ours(), rel=1e-5)
    assert all(peer() == pytest.approx(ours(), rel=1e-2) for _ in range(5))


def test_the_vendors_gru_starts_where_ours_does_and_trains() -> None:
    start = started("gru_after")
    gates = gru_gates(start.model.cell, start.weights)
    peer = trainer(start, peers.vendor_gru(gates), start.zeros()[0][None])
    ours = start.ours("reference")
    assert peer() == pytest.approx(ours(), rel=1e-5)
    assert all(peer() == pytest.approx(ours(), rel=1e-2) for _ in range(5))


@pytest.mark.parametrize("name", zoo.names())
def test_a_loop_over_any_cell_trains_as_ours_does(name: str) -> None:
    start = started(name)
    ours = start.ours("reference")
    losses = [ours(), ours()]
    for hoisted in (False, True):
        loop = peers.GraphLoop(start.model.cell, start.weights, hoisted=hoisted)
        peer = trainer(start, loop)
        assert [peer(), peer()] == pytest.approx(losses, rel=1e-5), hoisted


def test_a_peer_of_another_model_is_found_out() -> None:
    lstm, gru = started("lstm").ours("reference"), started("gru").ours("reference")
    expected = lstm()
    assert engine_steps.disagreement(started("lstm").ours("reference"), expected) is None
    assert (engine_steps.disagreement(gru, expected) or "").startswith(engine_steps.DISAGREES)


def test_a_loss_that_is_no_number_agrees_with_nothing() -> None:
    assert engine_steps.disagreement(lambda: math.nan, 3.0)
    assert engine_steps.disagreement(lambda: math.nan, math.nan)
    assert engine_steps.disagreement(lambda: 1e9, 1e9)


def test_mutated_cells_repeat_and_differ_from_each_other() -> None:
    cells = engine_steps.mutants(6, seed=5)
    assert cells == engine_steps.mutants(6, seed=5)
    assert len({name for _, name in cells}) == 6
    sizes = [len(cell.nodes) for cell, _ in cells]
    assert engine_steps.SMALLEST <= min(sizes) <= max(sizes) <= engine_steps.LARGEST


def test_candidates_take_turns() -> None:
    calls: list[str] = []
    works = {name: lambda name=name: calls.append(name) for name in "ab"}
    times = alternate(works, turns=2, steps=2)
    assert "".join(calls) == "aaabbb" * 2
    assert {name: len(values) for name, values in times.items()} == {"a": 2, "b": 2}


def test_a_ratio_is_that_of_medians_and_its_quartiles_those_of_turns() -> None:
    found = ratio([2.0, 4.0, 12.0], [1.0, 2.0, 3.0])
    assert found == Spread(2.0, 2.0, 3.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_the_document_has_a_figure_for_every_target(document: dict[str, Any]) -> None:
    assert {target.key for target in TARGETS} == document.keys() - {"detail"}
    single = {"ready_seconds_p50", "ready_seconds_p95", "worker_rss_mb", "peak_gflops"}
    assert all(document[key] > 0 for key in single | {"updates_per_core_second"})
    by_width = ("lstm_vs_torch", "gru_vs_torch", "mutants_vs_loop", "peak_share")
    assert all(document[key].keys() == {"8"} for key in by_width)
    assert document["ready_seconds_p50"] <= document["ready_seconds_p95"]
    assert document["mutants_vs_compile"] is None


def test_bfloat16_is_timed_and_profiled_beside_float32_where_it_can_be_had(
    document: dict[str, Any],
) -> None:
    found = document["detail"]["bfloat16"]["8"]
    if executor.hindrance("native-bf16"):
        assert document["bf16_vs_float32"] == {"8": None}
        assert any("avx512_bf16" in line for line in omissions(document))
        return
    assert document["bf16_vs_float32"] == {"8": found["times_ours"]["1"]["median"]}
    for one in found["layers"].values():
        whole, short = (one["profile_ms"][name] for name in ("float32", "bfloat16"))
        assert {"weight_gradient", "gemm", "forward", "backward"} <= whole.keys()
        assert {"weight_gradient_bfloat16", "gemm_bfloat16", "forward", "backward"} <= short.keys()
        assert not {"weight_gradient", "gemm"} & short.keys()
        assert one["losses"]["float32"] == pytest.approx(one["losses"]["bfloat16"], rel=1e-3)


def test_every_peer_that_is_installed_was_timed(document: dict[str, Any]) -> None:
    detail = document["detail"]
    assert not disagrees(document)
    assert all("jax" in line or "bfloat16" in line for line in omissions(document))
    assert len(detail["mutants"]["8"]["cells"]) == TINY.cells
    assert detail["gru"]["8"]["times_ours"].keys() > {"nn.GRU", *engine_steps.LOOPS}
    timed = {"nn.LSTM", "loop, fused gates", "loop, one op a node"}
    assert detail["lstm"]["8"]["times_ours"].keys() >= timed
    assert detail["executor"] == executor.best()


def test_figures_are_judged_by_their_targets(document: dict[str, Any]) -> None:
    changed = document | {
        "lstm_vs_torch": {"64": 2.2, "128": 2.0, "256": 2.0},
        "ready_seconds_p50": 0.02,
        "ready_seconds_p95": 0.5,
    }
    judged = {(one.key, one.width): verdict for one, _, verdict in verdicts(changed)}
    assert [judged["lstm_vs_torch", width] for width in ("64", "128", "256")] == [
        "short",
        "good",
        "aim",
    ]
    assert judged["ready_seconds_p50", None] == "aim"
    assert judged["ready_seconds_p95", None] == "short"
    assert judged["mutants_vs_compile", None] == judged["peak_gflops", None] == ""


def test_a_disagreement_is_shown(
    document: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    detail = document["detail"]
    wrong = {"absent": {"nn.GRU": f"{engine_steps.DISAGREES}: its first loss is 1"}}
    changed = document | {"detail": detail | {"gru": {"8": detail["gru"]["8"] | wrong}}}
    assert disagrees(changed)
    render(changed, omissions(changed))
    assert "not timed: GRU, width 8: nn.GRU: disagrees" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own are not ours to mend
def test_a_compiled_loop_trains_as_ours_does() -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs g++")
    start = started("elman")
    ours, expected = start.ours("reference"), start.ours("reference")()
    peer, seconds = engine_steps.compile_(
        lambda: start.loop({}, {}, hoisted=True, compiled=True), expected
    )
    assert callable(peer), peer
    assert seconds > 0
    ours()
    assert all(peer() == pytest.approx(ours(), rel=1e-5) for _ in range(3))
