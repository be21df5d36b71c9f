"""A process that trains: `python -m search.bench.worker WIDTH EXECUTOR`, measured by `bench engine`.

It loads what a worker of a search loads, trains the LSTM of that width for 50 steps, and prints a
line of JSON with its peak memory. Then it reads numbers of seconds, one a line, trains that long, and
prints a line with the steps a second.
"""

import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

WARM_STEPS: Final = 50


def main() -> None:
    """Trains as the module says, until standard input ends."""
    from cells import canonical, zoo
    from cells.engine.executor import make
    from cells.engine.learner import Model
    from cells.engine.training.initial import draw
    from search.bench import window as engine_window
    from search.run import evaluate

    width, executor = int(sys.argv[1]), sys.argv[2]
    evaluate.prepare_process(executor)
    form = canonical(zoo.load("lstm"))
    model = Model(form, width, 1, "symbols", engine_window.SYMBOLS, window=engine_window.STEPS)
    learner = make(executor, model, draw(model, 1.0, 0), dtype="float32", seed=0)
    batches = itertools.cycle(engine_window.windows())

    def step() -> None:
        learner.train(next(batches), engine_window.RATE, engine_window.CLIP)

    for _ in range(WARM_STEPS):
        step()
    print(json.dumps({"rss_mb": peak_memory() / 1e6}), flush=True)
    for line in sys.stdin:
        start, steps = time.perf_counter(), 0
        while (spent := time.perf_counter() - start) < float(line):
            step()
            steps += 1
        print(json.dumps({"steps_per_s": steps / spent}), flush=True)


def peak_memory() -> int:
    """The most bytes this process has had in memory.

    Linux hands the maximum that `getrusage` reports on from the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure(width: int, executor: str, seconds: float, rounds: int) -> dict[str, Any]:
    """Memory of a worker, and how much faster two are than one, one and two in turns.

    Returns:
        rss_mb: most memory of one worker.
        one, two: medians of steps a second, of one worker alone and of two together.
        two_workers: median over the rounds of two / one; None on a machine with a single core.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = 2 if (cores or 1) > 1 else 1
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "search.bench.worker", str(width), executor]
    single: list[float] = []
    two: list[float] = []
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env=environment,
                )
            )
            for _ in range(count)
        ]
        memory = [_answer(worker)["rss_mb"] for worker in workers]
        for turn in range(rounds):
            single.append(_together(workers[turn % count :][:1], seconds))
            if count > 1:
                two.append(_together(workers, seconds))
    ratios = [both / alone for both, alone in zip(two, single, strict=False)]
    return {
        "rss_mb": max(memory),
        "width": width,
        "one": statistics.median(single),
        "two": statistics.median(two) if two else None,
        "two_workers": statistics.median(ratios) if ratios else None,
    }


def _together(workers: list[subprocess.Popen[str]], seconds: float) -> float:
    """Steps a second of all `workers`, which train at the same time."""
    for worker in workers:
        assert worker.stdin is not None  # noqa: S101  it was asked for
        worker.stdin.write(f"{seconds}\n")
        worker.stdin.flush()
    return sum(_answer(worker)["steps_per_s"] for worker in workers)


def _answer(worker: subprocess.Popen[str]) -> dict[str, float]:
    assert worker.stdout is not None  # noqa: S101  it was asked for
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError("a worker of the benchmark ended early; its message is above")
    return json.loads(line)


if __name__ == "__main__":
    main()
