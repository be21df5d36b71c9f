#!/usr/bin/env python3
"""Trains the zoo and random cells by runtimes that check every access to memory and every operation.

Usage: python scripts/check_sanitizers.py [--cells 500] [--first 0] [--compiler gcc]

The runtime is compiled with AddressSanitizer and UndefinedBehaviorSanitizer, each executor with its
own flags, and every array is an allocation of its own, so that a read beyond its end shows. Each cell
goes through training, dropout, scoring and update at an odd shape: steps, lanes and widths that are
multiples of nothing, one layer to four, symbols and rolls, in float32 and float64. Needs gcc or clang
with its sanitizers. First a sum that reads one row too many must be reported, or nothing is checked.
Exits with 1 at the first fault, with the sanitizer's report.
"""

import argparse
import ctypes
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cells import Cell
    from cells.engine.batch import Batch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

CHECKS = (
    "-fsanitize=address,undefined -fno-sanitize-recover=all -g1 "
    # Each access is checked by address; with these gcc takes minutes for the unrolled tiles.
    "-fno-sanitize=null,object-size"
)
EXECUTORS = ("native", "portable", "native-bf16")
SHAPES = {
    "steps": (1, 2, 5, 11, 35),
    "lanes": (1, 3, 7, 13, 20),
    "width": (1, 8, 15, 16, 33, 50),
    "layers": (1, 1, 2, 4),
    "size": (2, 3, 7, 60, 129),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("--inside", choices=("trespass", "train"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        # The compiler need not be watched: it would take many times as long.
        os.environ.pop("LD_PRELOAD", None)
    if arguments.inside == "trespass":
        trespass()
        return 0
    if arguments.inside == "train":
        train(arguments.cells, arguments.first)
        return 0
    return start(arguments)


def start(arguments: argparse.Namespace) -> int:
    """Runs this script again, in a process where the sanitizers are loaded first."""
    compiler: str = arguments.compiler
    if shutil.which(compiler) is None:
        print(f"{compiler} is not installed")
        return 1
    library = subprocess.run(
        [compiler, "-print-file-name=libasan.so"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if not Path(library).is_file():
        print(f"{compiler} has no AddressSanitizer here")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "CC": f"{compiler} {CHECKS}",
            "XDG_CACHE_HOME": folder,
            "LD_PRELOAD": library,
            # Python itself frees little at its end.
            "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=1",
            "UBSAN_OPTIONS": "print_stacktrace=1",
        }
        inside = [sys.executable, __file__, *sys.argv[1:], "--inside"]
        caught = subprocess.run(
            [*inside, "trespass"], env=environment, capture_output=True, text=True
        )
        if "AddressSanitizer: heap-buffer-overflow" not in caught.stderr:
            print(f"a read beyond an array is not reported:\n{caught.stderr}")
            return 1
        done = subprocess.run([*inside, "train"], env=environment)
    print("no fault" if done.returncode == 0 else f"a fault: exit status {done.returncode}")
    return int(done.returncode != 0)


def trespass() -> None:
    """Reads a row beyond the end of an array."""
    import numpy as np

    from cells.engine.native import tape
    from cells.engine.native.build import library

    rows, out = apart(4 * 16 * 4), apart(16 * 4)
    item = tape.item(
        tape.Kind.COLUMN_SUM,
        g_base=rows.ctypes.data,
        gates=1,
        n=16,
        ldg=16,
        rows=5,
        out=out.ctypes.data,
    )
    items, result = tape.items([item]), np.zeros(1, tape.RESULT)
    library("float32").run(items.ctypes.data, 0, 1, 0, result.ctypes.data, 0.0, 0.0)


def train(count: int, first: int) -> None:
    """Every cell, by every executor that can be had."""
    from cells import CellError, Mutant, canonical, mutate, parse, sample, zoo
    from cells.engine.executor import hindrance, make
    from cells.engine.learner import Model
    from cells.engine.native.memory import Memory
    from cells.engine.training.initial import draw
    from cells.op import ACTIVATIONS
    from cells.training.optimizer import SGD, Adam, AdamW

    Memory.slab = 1
    Memory.source = staticmethod(apart)
    executors = [name for name in EXECUTORS if hindrance(name) is None]
    print(f"executors: {', '.join(executors)}", flush=True)

    def cells() -> "list[tuple[str, Cell]]":
        found = [(name, zoo.load(name)) for name in zoo.names()]
        # The samplers do not draw every operator.
        found += [(op, parse(f"cell c(x; h)\n h' = {op}(linear(x, h))")) for op in ACTIVATIONS]
        names = zoo.names()
        for seed in range(first, first + count):
            source = random.Random(seed)  # noqa: S311 - no secret is drawn
            if seed % 2:
                cell = sample(source, source.randint(4, 30), extended=seed % 8 > 1)
            else:
                cell = zoo.load(source.choice(names))
                for _ in range(source.randint(1, 4)):
                    mutant = mutate(cell, source)
                    cell = mutant.cell if isinstance(mutant, Mutant) else cell
            found.append((f"random {seed}", cell))
        return found

    trained = refused = 0
    for index, (name, cell) in enumerate(cells()):
        try:
            form = canonical(cell)
        except CellError:
            refused += 1
            continue
        source = random.Random(f"shape {index}")  # noqa: S311
        shape = {key: source.choice(values) for key, values in SHAPES.items()}
        kind: Any = source.choice(("symbols", "symbols", "roll"))
        model = Model(
            form, shape["width"], shape["layers"], kind, shape["size"], source.choice((0.0, 0.3))
        )
        try:
            weights = draw(model, 1.0, index)
        except ValueError:  # a width that the cell's blocks do not divide
            refused += 1
            continue
        for executor in executors:
            dtypes: Any = ("float32",) if executor == "native-bf16" else ("float32", "float64")
            for dtype in dtypes:
                optimizer = (SGD, Adam(), AdamW(weight_decay=0.1))[index % 3]
                learner = make(
                    executor, model, weights, dtype=dtype, seed=index, optimizer=optimizer
                )
                for window in windows(model.kind, shape, index):
                    learner.train(window, 0.1, 1.0)
                    learner.evaluate(window)
                learner.forget()
                learner.load(learner.weights())
        trained += 1
        if trained % 100 == 0:
            print(f"{trained} cells, the last one {name}", flush=True)
    print(f"{trained} cells trained, {refused} refused", flush=True)


def windows(kind: str, shape: Mapping[str, int], seed: int) -> "list[Batch]":
    """Two windows with unscored steps and resets, and a shorter one."""
    import numpy as np

    from cells.engine.batch import Batch

    source = np.random.default_rng(seed)
    found: list[Batch] = []
    for steps in (shape["steps"], shape["steps"], max(1, shape["steps"] // 2)):
        sizes = steps, shape["lanes"]
        if kind == "symbols":
            inputs, targets = source.integers(0, shape["size"], (2, *sizes))
        else:
            inputs, targets = (source.random((2, *sizes, shape["size"])) < 0.3).astype(np.float32)
        mask, reset = source.random(sizes) < 0.8, source.random(shape["lanes"]) < 0.3
        found.append(Batch(inputs, targets, mask, reset))
    return found


def apart(count: int) -> "NDArray[np.uint8]":
    """An allocation of just so many bytes, which the sanitizer watches on both sides."""
    import numpy as np

    library = ctypes.CDLL(None)
    library.aligned_alloc.restype = ctypes.c_void_p
    library.aligned_alloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    size = -(-count // 64) * 64
    start = library.aligned_alloc(64, size)
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(start))[:count]


if __name__ == "__main__":
    sys.exit(main())
