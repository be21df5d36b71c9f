"""What `gatewright bench engine` measures: one process, one thread, everything in one run."""

import itertools
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import torch

from cells import canonical, identify, parse, to_text, zoo
from cells.engine import executor
from cells.engine.executor import make
from cells.engine.learner import Model
from cells.engine.native import build
from cells.engine.training import determinism
from cells.engine.training.initial import draw
from cells.training.budget import Budget
from cells.training.schedule import Schedule
from cells.training.setting import Setting
from results.record.ask import Ask, Role
from results.record.outcome import Ending, Outcome
from results.record.store import Store
from results.record.trial import Trial
from search import configuration
from search.bench import precision as engine_precision
from search.bench import steps as engine_steps
from search.bench import window as engine_window
from search.bench import worker as engine_worker
from search.bench.alternate import Spread
from search.run.evaluate import evaluate
from tasks import registry


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes:
        widths: of LSTM, GRU and recurrent layer; mutated cells take all but the last, if there are
            several.
        turns: of each comparison.
        cells: mutated cells against the loop.
        compiled: of these, against `torch.compile`; 0 leaves it out everywhere.
        ready: unseen cells brought to their first step.
        updates: of the whole trial.
        seconds: of each round of one and two workers.
    """

    widths: tuple[int, ...] = (64, 128, 256)
    turns: int = 15
    cells: int = 50
    compiled: int = 4
    ready: int = 200
    updates: int = 400
    seconds: float = 2.0


QUICK: Final = Effort(turns=5, cells=6, compiled=0, ready=40, updates=60, seconds=0.3)
WORKER_WIDTH: Final = 128
READY_WIDTH: Final = 64
PARAMETERS: Final = 30_000


def measure(
    effort: Effort, name: str | None = None, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """The document of `gatewright bench engine`.

    Args:
        effort: how much is measured.
        name: of the executor; None for the best that works here.
        say: is told what comes next.

    Raises:
        ValueError: no executor has this name.
    """
    began = time.monotonic()
    machine = determinism.prepare() | {"cores": str(os.cpu_count())}
    load = [os.getloadavg()[0]]
    name = name or executor.best()
    peak, method = _peak(name)
    peaks = [peak() for _ in range(3)]
    lstm: dict[str, Any] = {}
    gru: dict[str, Any] = {}
    share: dict[str, Any] = {}
    precision: dict[str, Any] = {}
    many = effort.widths[:-1] or effort.widths
    with engine_steps.as_users_run():
        for width in effort.widths:
            say(f"LSTM of width {width} and its peers")
            lstm[str(width)] = engine_steps.lstm(
                width, name, effort.turns, compiled=bool(effort.compiled)
            )
            say(f"GRU of width {width} and its peers")
            gru[str(width)] = engine_steps.gru(width, name, effort.turns)
            say(f"recurrent layer of width {width}")
            share[str(width)], more = engine_steps.peak_share(width, name, effort.turns, peak)
            peaks += more
            say(f"width {width} in bfloat16")
            precision[str(width)] = engine_precision.bfloat16(width, effort.turns)
        say(f"{effort.cells} mutated cells")
        cells = engine_steps.mutants(effort.cells, seed=3)
        turns = max(3, effort.turns // 3)
        mutated = {str(width): engine_steps.mutated(cells, width, name, turns) for width in many}
        compiled = None
        if effort.compiled:
            say(f"{effort.compiled} mutated cells through torch.compile")
            few = cells[:: max(1, len(cells) // effort.compiled)][: effort.compiled]
            compiled = engine_steps.compiled_mutants(few, many[0], name, effort.turns)
    say("from text to the first step")
    ready = bring_up(effort.ready, name)
    say("a whole trial")
    trial = whole_trial(effort.updates, name)
    say("one worker and two")
    workers = engine_worker.measure(WORKER_WIDTH, name, effort.seconds, rounds=3)
    load.append(os.getloadavg()[0])
    detail = {
        "executor": name,
        "setting": {
            "symbols": engine_window.SYMBOLS,
            "batch": engine_window.LANES,
            "steps": engine_window.STEPS,
            "layers": 1,
            "dtype": "float32",
            "clock": "processor time of steps, wall time of ready, first and workers",
            "clip": engine_window.CLIP,
            "learning_rate": engine_window.RATE,
            "tolerance_of_first_loss": engine_steps.TOLERANCE,
        },
        "effort": asdict(effort),
        "machine": machine,
        "load": load,
        "seconds": time.monotonic() - began,
        "peak": {"method": method, "gflops": asdict(Spread.of(peaks))},
        "lstm": lstm,
        "gru": gru,
        "peak_share": share,
        "bfloat16": precision,
        "mutants": mutated,
        "compiled_mutants": compiled,
        "ready": ready,
        "trial": trial,
        "workers": workers,
    }
    return {
        "peak_gflops": statistics.median(peaks),
        "lstm_vs_torch": {key: _against(row, "nn.LSTM") for key, row in lstm.items()},
        "gru_vs_torch": {key: _against(row, "nn.GRU") for key, row in gru.items()},
        "mutants_vs_loop": {
            key: _against(row, "loop, one op a node") for key, row in mutated.items()
        },
        "mutants_vs_compile": _against(compiled, engine_steps.COMPILED),
        "peak_share": {width: row["share"] for width, row in share.items()},
        "bf16_vs_float32": {key: _against(row, "1") for key, row in precision.items()},
        "ready_seconds_p50": ready["p50"],
        "ready_seconds_p95": ready["p95"],
        "worker_rss_mb": workers["rss_mb"],
        "two_workers": workers["two_workers"],
        "updates_per_core_second": trial["updates_per_core_second"],
        "detail": detail,
    }


def _peak(name: str) -> tuple[Callable[[], float], str]:
    """A measurement of the peak in GFLOP/s by the instructions of an executor, and how it is made."""
    target: build.Target = "portable" if name == "portable" else "native"
    try:
        measure = build.peak(target)
    except build.NativeError as error:
        said = str(error)
    else:
        return lambda: measure(0.01), f"multiply-adds in registers ({target})"
    matrix = torch.randn(768, 768, generator=torch.Generator().manual_seed(0))
    out = torch.empty_like(matrix)

    def by_product() -> float:
        start = time.perf_counter()
        torch.mm(matrix, matrix, out=out)
        return 2e-9 * len(matrix) ** 3 / (time.perf_counter() - start)

    by_product()
    return by_product, f"torch.mm, a lower bound ({said})"


def omissions(document: Mapping[str, Any]) -> list[str]:
    """What was not timed and why, a line each."""
    detail = document["detail"]
    groups: list[tuple[str, str, Any]] = [
        *(("LSTM", width, row) for width, row in detail["lstm"].items()),
        *(("GRU", width, row) for width, row in detail["gru"].items()),
        *(("mutated cell", width, row) for width, row in detail["mutants"].items()),
        *(("bfloat16", width, row) for width, row in detail["bfloat16"].items()),
        ("mutated cell", "of torch.compile", detail["compiled_mutants"] or {"absent": {}}),
    ]
    return [
        f"{what}, width {width}: {who}: {why}"
        for what, width, row in groups
        for who, why in row["absent"].items()
    ]


def disagrees(document: Mapping[str, Any]) -> bool:
    """Whether a peer computed another loss than the engine: one of them is wrong."""
    return any(engine_steps.DISAGREES in line for line in omissions(document))


def _against(compared: Mapping[str, Any] | None, peer: str) -> float | None:
    """How many times the engine's time `peer` takes; None where it was not timed."""
    ratio = (compared or {}).get("times_ours", {}).get(peer)
    return ratio and ratio["median"]


def bring_up(count: int, name: str) -> dict[str, Any]:
    """Wall time from the text of an unseen cell to the end of its first training step.

    One cell goes before, unmeasured but reported: what a process or machine does once, such as
    building the runtime, is in its time.

    Returns:
        p50, p95: seconds of the whole; `parts`: medians of its parts; `first`: of the first cell.
    """
    texts = [to_text(cell) for cell, _ in engine_steps.mutants(count + 1, seed=4)]
    batch = engine_window.windows()[0]
    rows: list[list[float]] = []
    for text in texts:
        at = [time.perf_counter()]
        cell = parse(text)
        at.append(time.perf_counter())
        model = Model(
            canonical(cell), READY_WIDTH, 1, "symbols", engine_window.SYMBOLS, window=batch.steps
        )
        at.append(time.perf_counter())
        weights = draw(model, 1.0, 0)
        at.append(time.perf_counter())
        learner = make(name, model, weights, dtype="float32", seed=0)
        at.append(time.perf_counter())
        learner.train(batch, engine_window.RATE, engine_window.CLIP)
        at.append(time.perf_counter())
        rows.append([b - a for a, b in itertools.pairwise(at)])
    seconds = [sum(row) for row in rows]
    parts = ("parse", "canonical", "draw", "lower", "first_step")
    medians = [statistics.median(column) for column in zip(*rows[1:], strict=True)]
    return {
        "p50": float(np.percentile(seconds[1:], 50)),
        "p95": float(np.percentile(seconds[1:], 95)),
        "first": seconds[0],
        "parts": dict(zip(parts, medians, strict=True)),
        "cells": count,
        "width": READY_WIDTH,
    }


def whole_trial(updates: int, name: str, repeats: int = 3) -> dict[str, Any]:
    """Processor time of trials of the LSTM on `smoke` arithmetic with data, evaluation and record.

    Returns:
        updates_per_core_second: median over the trials; width, updates and epochs of each.
    """
    task = registry.load("arithmetic", "smoke")
    form, cell_id = identify(zoo.load("lstm"))
    study = configuration.load("smoke", [])

    def trial(seed: int, updates: int) -> Trial:
        return Trial(
            cell=to_text(form),
            cell_id=cell_id,
            task="arithmetic",
            task_version=task.facts.version,
            task_digest=task.facts.digest,
            scale="smoke",
            setting=Setting(),
            schedule=Schedule.of("search", epochs=updates, patience=updates),
            budget=Budget(parameters=PARAMETERS, updates=updates),
            seed=seed,
            executor=name,
        )

    rates: list[float] = []
    outcomes: list[Outcome] = []
    evaluate(trial(0, 2).to_json())
    with (
        TemporaryDirectory() as folder,
        Store.create_or_open(Path(folder) / "bench.sqlite") as store,
    ):
        store.begin(study, {"bench": "engine"})
        for index in range(repeats):
            start = time.process_time()
            asked = trial(1 + index, updates)
            store.add_ask(study.id, Ask(index, Role.STAGE, asked))
            outcome = Outcome.from_json(evaluate(asked.to_json()))
            store.add_outcome(study.id, index, outcome)
            rates.append(outcome.updates / (time.process_time() - start))
            outcomes.append(outcome)
    bad = [outcome for outcome in outcomes if outcome.ending is not Ending.OK]
    if bad:
        raise RuntimeError(f"a trial of the benchmark ended as {bad[0].ending}: {bad[0].detail}")
    return {
        "updates_per_core_second": statistics.median(rates),
        "updates": updates,
        "width": outcomes[0].width,
        "parameters": outcomes[0].parameters,
        "evaluations": len(outcomes[0].curve) + 1,
    }
