"""Whole training steps side by side: the engine's and those of its peers, in alternating turns."""

import contextlib
import importlib.util
import math
import random
import statistics
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import torch

from cells import Cell, CellError, Mutant, identify, mutate, zoo
from cells.engine.executor import make
from cells.engine.learner import Learner, Model, Weights
from cells.engine.measure.probe import probe
from cells.engine.training.initial import draw
from search.bench import peers
from search.bench.alternate import Spread, Work, alternate, ratio
from search.bench.gates import gru_gates, lstm_gates
from search.bench.window import CLIP, LANES, RATE, STEPS, SYMBOLS, windows

TOLERANCE: Final = 1e-4
"""Largest relative difference of a peer's first loss; one beyond it is not timed."""

SMALLEST, LARGEST = 10, 40
"""Nodes of the mutated cells, x, states and constants included."""

LOOPS: Final = {"loop, one op a node": False, "the same, x hoisted": True}
"""Python loops over the graph of a cell, and whether what reads x alone is out of the loop."""

DISAGREES: Final = "disagrees"
"""How the reason begins for which a peer with another loss is not timed."""

COMPILED: Final = "torch.compile of the loop"


@dataclass(frozen=True, slots=True)
class Start:
    """A model with the weights that all who train it start from."""

    model: Model
    weights: Weights

    @classmethod
    def of(cls, cell: Cell, width: int, layers: int = 1) -> "Start":
        """The cell's model on the symbols of the benchmark. Biases are drawn too, so that they count."""
        model = Model(cell, width, layers, "symbols", SYMBOLS, window=STEPS)
        generator = np.random.default_rng(0)
        weights = {
            name: array + generator.uniform(-0.1, 0.1, array.shape)
            if name.endswith("bias")
            else array
            for name, array in draw(model, 1.0, 0).items()
        }
        return cls(model, weights)

    def learner(self, executor: str) -> Learner:
        """A learner of it in float32."""
        return make(executor, self.model, self.weights, dtype="float32", seed=0)

    def ours(self, executor: str) -> peers.OurTrainer:
        """The engine's training step."""
        return peers.OurTrainer(self.learner(executor), windows())

    def loop(
        self, sgd: dict[str, bool], clip: dict[str, bool], *, hoisted: bool, compiled: bool = False
    ) -> peers.TorchTrainer:
        """The training step of its Python loop, see `peers.GraphLoop` and `peers.TorchTrainer`."""
        loop = peers.GraphLoop(self.model.cell, self.weights, hoisted=hoisted)
        return peers.TorchTrainer(
            loop, self.zeros(), self.weights, windows(), sgd, clip, compiled=compiled
        )

    def zeros(self) -> tuple[torch.Tensor, ...]:
        """States `[B, H]` before the first window."""
        return tuple(torch.zeros(LANES, self.model.width) for _ in self.model.cell.updates)


@contextlib.contextmanager
def as_users_run() -> Generator[None]:
    """Lets torch choose its fastest algorithms, which `determinism.prepare` forbids; one thread."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def is_tame(loss: float) -> bool:
    """Whether a first loss over B is finite and below ten times that of guessing."""
    return loss < 10 * STEPS * math.log(SYMBOLS)


def disagreement(peer: Callable[[], float], expected: float) -> str | None:
    """Why the peer is not to be timed: its first loss is not `expected`, that of the engine.

    None if it is. Of a model that runs away the losses cannot be compared: what differs by rounding
    at the first step differs visibly at the last.
    """
    if not is_tame(expected):
        return f"the engine's first loss is {expected:.6g}, far above guessing"
    loss = peer()
    if abs(loss - expected) <= TOLERANCE * abs(expected):
        return None
    return f"{DISAGREES}: its first loss is {loss:.6g}, the engine's {expected:.6g}"


def lstm(width: int, executor: str, turns: int, *, compiled: bool) -> dict[str, Any]:
    """The LSTM's training step against all peers.

    Returns:
        Medians and quartiles in ms of each candidate, ratios of peer to engine, and what was not
        timed and why.
    """
    form, _ = identify(zoo.load("lstm"))
    start = Start.of(form, width)
    gates = lstm_gates(form, start.weights)
    sgd, clip = peers.fastest_options(width)
    absent: dict[str, str] = {}
    ours = start.ours(executor)
    expected = ours()
    candidates: dict[str, Work] = {"ours": ours}

    def torch_peer(core: torch.nn.Module, *, compiled: bool = False) -> Callable[[], float]:
        state = start.zeros()
        if isinstance(core, torch.nn.LSTM):
            state = tuple(array[None] for array in state)
        return peers.TorchTrainer(
            core, state, start.weights, windows(), sgd, clip, compiled=compiled
        )

    makers: dict[str, Callable[[], Callable[[], float]]] = {
        "nn.LSTM": lambda: torch_peer(peers.vendor_lstm(gates)),
        "loop, fused gates": lambda: torch_peer(peers.FusedGates(gates)),
        "loop, one op a node": lambda: torch_peer(peers.EightLinears(gates)),
        "jax scan": lambda: peers.jax_lstm(gates, start.weights, windows()),
    }
    detail: dict[str, Any] = {"sgd": sgd, "clip": clip, "absent": absent}
    if importlib.util.find_spec("jax") is None:
        absent["jax scan"] = "not installed"
        del makers["jax scan"]
    for name, maker in makers.items():
        peer = maker()
        wrong = disagreement(peer, expected)
        if wrong:
            absent[name] = wrong
        else:
            candidates[name] = peer
    if compiled:
        peer, seconds = compile_(
            lambda: torch_peer(peers.EightLinears(gates), compiled=True), expected
        )
        if callable(peer):
            candidates[COMPILED] = peer
            detail["compile_seconds"] = seconds
        else:
            absent[COMPILED] = peer
    return _compare(candidates, turns, detail)


def gru(width: int, executor: str, turns: int) -> dict[str, Any]:
    """The GRU's training step against `nn.GRU` and the loop; see `lstm`.

    `nn.GRU` resets after the product, so its loss is compared with the engine's `gru_after`, while
    its time is set against both.
    """
    before = Start.of(identify(zoo.load("gru"))[0], width)
    after = Start.of(identify(zoo.load("gru_after"))[0], width)
    sgd, clip = peers.fastest_options(width)
    candidates: dict[str, Work] = {}
    candidates["ours"] = ours = before.ours(executor)
    candidates["ours, reset after"] = ours_after = after.ours(executor)
    expected, expected_after = ours(), ours_after()
    vendor = peers.TorchTrainer(
        peers.vendor_gru(gru_gates(after.model.cell, after.weights)),
        after.zeros()[0][None],
        after.weights,
        windows(),
        sgd,
        clip,
    )
    others = {"nn.GRU": (vendor, expected_after)}
    for name, hoisted in LOOPS.items():
        others[name] = before.loop(sgd, clip, hoisted=hoisted), expected
    absent: dict[str, str] = {}
    for name, (peer, loss) in others.items():
        wrong = disagreement(peer, loss)
        if wrong:
            absent[name] = wrong
        else:
            candidates[name] = peer
    return _compare(candidates, turns, {"sgd": sgd, "clip": clip, "absent": absent})


def _compare(candidates: Mapping[str, Work], turns: int, detail: dict[str, Any]) -> dict[str, Any]:
    times = alternate(candidates, turns)
    ratios = {name: ratio(times[name], times["ours"]) for name in times if name != "ours"}
    detail["ms"] = {name: asdict(Spread.of(values)) for name, values in times.items()}
    detail["times_ours"] = {name: asdict(ratio) for name, ratio in ratios.items()}
    return detail


def compile_(
    maker: Callable[[], Callable[[], float]], expected: float
) -> tuple[Callable[[], float] | str, float]:
    """A compiled peer after its first step, or why there is none; and the seconds until then.

    Nothing is taken from a cache, and one core compiles.
    """
    from torch._inductor import config  # reads the environment, and takes a while

    torch.compiler.reset()
    began = time.perf_counter()
    try:
        with config.patch(force_disable_caches=True, compile_threads=1):
            peer = maker()
            wrong = disagreement(peer, expected)
    except Exception as error:  # whatever a compiler may raise, a missing one among it
        return " ".join(f"{type(error).__name__}: {error}".split())[:300], 0.0
    return wrong or peer, time.perf_counter() - began


def mutants(count: int, seed: int) -> list[tuple[Cell, str]]:
    """Different trainable cells of 10 to 40 nodes, in canonical form, with their ids.

    Each is one to eight random mutations away from a random cell of the zoo, passes the probe, and
    does not run away in its first window at width 64. The same seed gives the same cells.
    """
    generator = random.Random(seed)  # noqa: S311 - no secret is drawn
    parents = [zoo.load(name) for name in zoo.names()]
    cells: dict[str, Cell] = {}
    window = windows()[0]
    while len(cells) < count:
        cell = generator.choice(parents)
        for _ in range(generator.randint(1, 8)):
            mutant = mutate(cell, generator)
            cell = mutant.cell if isinstance(mutant, Mutant) else cell
        try:
            form, name = identify(cell)
        except CellError:
            continue
        if not SMALLEST <= len(form.nodes) <= LARGEST or name in cells or probe(form, seed):
            continue
        score = Start.of(form, 64).learner("reference").train(window, RATE, CLIP)
        if is_tame(score.loss / LANES) and math.isfinite(score.norm or 0.0):
            cells[name] = form
    return [(cell, name) for name, cell in cells.items()]


def mutated(cells: Sequence[tuple[Cell, str]], width: int, executor: str, turns: int) -> Any:
    """Steps of many cells against the loops with one operation a node.

    Returns:
        For each loop the quartiles of the cells' ratios; each cell with its nodes and medians in ms;
        and cells that were not timed because their losses differ.
    """
    sgd, clip = peers.fastest_options(width)
    rows: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for cell, name in cells:
        start = Start.of(cell, width)
        works: dict[str, Work] = {"ours": (ours := start.ours(executor))}
        expected = ours()
        for loop, hoisted in LOOPS.items():
            works[loop] = peer = start.loop(sgd, clip, hoisted=hoisted)
            wrong = disagreement(peer, expected)
            if wrong:
                absent[name] = f"{loop} {wrong}"
        if name in absent:
            continue
        times = alternate(works, turns, steps=2)
        medians = {key: statistics.median(values) for key, values in times.items()}
        rows.append({"id": name, "nodes": len(cell.nodes), "ms": medians})
    return {"times_ours": _quartiles(rows, LOOPS), "absent": absent, "cells": rows}


def _quartiles(rows: Sequence[dict[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    if not rows:
        return {}
    ratios = {name: [row["ms"][name] / row["ms"]["ours"] for row in rows] for name in names}
    return {name: asdict(Spread.of(values)) for name, values in ratios.items()}


def compiled_mutants(
    cells: Sequence[tuple[Cell, str]], width: int, executor: str, turns: int
) -> Any:
    """Steps of a few cells against `torch.compile` of their loops; like `mutated`."""
    sgd, clip = peers.fastest_options(width)
    rows: list[dict[str, Any]] = []
    absent: dict[str, str] = {}
    for cell, name in cells:
        start = Start.of(cell, width)
        ours = start.ours(executor)
        peer, seconds = compile_(
            partial(start.loop, sgd, clip, hoisted=True, compiled=True), ours()
        )
        if not callable(peer):
            absent[name] = peer
            continue
        times = alternate({"ours": ours, COMPILED: peer}, turns)
        medians = {key: statistics.median(values) for key, values in times.items()}
        rows.append(
            {"id": name, "nodes": len(cell.nodes), "compile_seconds": seconds, "ms": medians}
        )
    return {"times_ours": _quartiles(rows, [COMPILED]), "absent": absent, "cells": rows}


def peak_share(
    width: int, executor: str, turns: int, peak: Callable[[], float]
) -> tuple[dict[str, Any], list[float]]:
    """The part of the core's peak that a recurrent layer of the LSTM reaches, forward and backward.

    The layer is what a second layer adds to the step of a model with one: 48 H^2 flops a token (eight
    products of H x H; twice as much again backward), and in its time also everything that is no
    product, its share of norm, clipping and update. On the first layer the input products of a
    symbol task are tabulated, so that its flops would be counted wrong.

    Args:
        width: H.
        executor: whose.
        turns: how often each of both models and the peak are measured.
        peak: gives GFLOP/s, measured now.

    Returns:
        Share with its parts, and all measured peaks.
    """
    form, _ = identify(zoo.load("lstm"))
    peaks: list[float] = []
    one, two = (Start.of(form, width, layers).ours(executor) for layers in (1, 2))
    times = alternate({"one": one, "two": two, "peak": lambda: peaks.append(peak())}, turns)
    layer = statistics.median(times["two"]) - statistics.median(times["one"])
    flops = 48 * width**2 * STEPS * LANES
    rate = flops / layer * 1e-6
    return {
        "share": rate / statistics.median(peaks),
        "gflops": rate,
        "layer_ms": layer,
        "one_layer_ms": asdict(Spread.of(times["one"])),
        "two_layers_ms": asdict(Spread.of(times["two"])),
        "peak_gflops": asdict(Spread.of(peaks)),
    }, peaks
