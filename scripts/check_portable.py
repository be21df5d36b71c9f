#!/usr/bin/env python3
"""Runs the portable executor by several compilers and as on several machines, and compares digests.

Usage: python scripts/check_portable.py [--sampled 60] [--study smoke]

Each variant is a process with a cache of its own: it searches a study, and trains every cell of the
zoo and so many sampled ones. All digests must be equal. The variants are gcc and clang at two levels
of optimization, one with flags that would spoil the bits, and gcc again where NumPy may use neither
AVX-512 nor AVX2, BLAS takes the kernels of another CPU, and the C library those without FMA. What
is not installed is left out, by name. Exits with 1 if digests differ, or if only one could be made.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = [sys.executable, "-c", "from search.cli import main; main()"]
OTHER_MACHINE = {
    "OPENBLAS_CORETYPE": "Haswell",
    "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX512F,-AVX2,-FMA,-FMA4",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampled", type=int, default=60)
    parser.add_argument("--study", default="smoke")
    arguments = parser.parse_args()
    digests: dict[str, str] = {}
    for name, words, added in variants():
        missing = [word for word in words if shutil.which(word) is None]
        if missing:
            print(f"{name}: left out, {missing[0]} is not installed", flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            digests[name] = digest(Path(folder), words, added, arguments)
        print(f"{name}: {digests[name]}", flush=True)
    if len(digests) < 2:
        print("nothing was compared")
        return 1
    equal = len(set(digests.values())) == 1
    print(f"{len(digests)} variants, " + ("all with equal bits" if equal else "BITS DIFFER"))
    return 0 if equal else 1


def variants() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Name, compiler and optimization, and further environment of each."""
    for compiler in ("gcc", "clang"):
        for level in ("-O2", "-O3"):
            yield f"{compiler} {level}", [compiler], {"LEVEL": level}
    yield (
        "gcc -O2 by a CC that asks for fast math",
        ["gcc"],
        {"BEFORE": "-ffast-math -march=native"},
    )
    yield (
        "gcc -O2, another machine",
        ["gcc"],
        OTHER_MACHINE | {"NPY_DISABLE_CPU_FEATURES": numpy_s()},
    )


def numpy_s() -> str:
    """The features of this CPU that NumPy can be told not to use."""
    code = (
        "from numpy._core._multiarray_umath import __cpu_dispatch__ as names, __cpu_features__ as has;"
        "print(' '.join(name for name in names if has[name]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def digest(
    folder: Path, words: list[str], added: dict[str, str], arguments: argparse.Namespace
) -> str:
    """What one variant computes."""
    # The runtime's own flags come last, so a level after them takes a compiler that adds it.
    compiler = folder / "cc"
    level, before = added.get("LEVEL", "-O2"), added.get("BEFORE", "")
    compiler.write_text(f'#!/bin/sh\nexec {words[0]} {before} "$@" {level}\n')
    compiler.chmod(0o700)
    environment = {
        **os.environ,
        **added,
        "CC": str(compiler),
        "XDG_CACHE_HOME": str(folder),
        "PYTHONPATH": str(ROOT),
    }

    def said(command: list[str]) -> str:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
        return done.stdout

    store = str(folder / "search.gate")
    search = [
        *ENGINE,
        "search",
        arguments.study,
        "--executor",
        "portable",
        "--store",
        store,
        "--json",
    ]
    replay = [sys.executable, str(ROOT / "scripts" / "check_replay.py"), "--executor", "portable"]
    searched = json.loads(said(search))["digest"]
    trained = said([*replay, "--sampled", str(arguments.sampled)])
    bits = re.search(r"bits\s+(\w+)", trained)
    if bits is None:
        sys.exit(f"no digest of bits in {trained!r}")
    return f"search {searched[:16]}, zoo and samples {bits.group(1)[:16]}"


if __name__ == "__main__":
    sys.exit(main())
