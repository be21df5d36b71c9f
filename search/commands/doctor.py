"""`gatewright doctor`: what works on this machine, and what to do about the rest."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from search.console import DONE, WRONG, Json, show, table

DISTRIBUTIONS = (
    "torch",
    "optuna",
    "ray",
    "pandas",
    "seaborn",
    "matplotlib",
    "numpy",
    "scipy",
    "typer",
    "rich",
    "jinja2",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `found` in words; `advice` is empty where all is well.

    `needed` is False for what only some commands want.
    """

    name: str
    good: bool
    found: str
    advice: str = ""
    needed: bool = True


def doctor(json: Json = False) -> int:
    """Show what works on this machine, and what to do about the rest."""
    checks = [*_python(), *_packages(), *_sources(), *_machine(), *_ray(), *_data()]
    healthy = all(check.good for check in checks if check.needed)
    show(
        {"healthy": healthy, "checks": [asdict(check) for check in checks]},
        json,
        lambda: table(
            ("", "what", "found", "what to do"),
            [(_mark(check), check.name, check.found, check.advice) for check in checks],
        ),
    )
    return DONE if healthy else WRONG


def _mark(check: Check) -> str:
    return "ok" if check.good else ("FAIL" if check.needed else "note")


def _python() -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    yield Check(
        "python", good, f"{version} at {sys.executable}", "" if good else "use Python 3.11 or newer"
    )


def _packages() -> Iterator[Check]:
    for name in DISTRIBUTIONS:
        try:
            yield Check(name, True, metadata.version(name))
        except metadata.PackageNotFoundError:
            yield Check(
                name,
                False,
                "not installed",
                "run ./scripts/quickstart, or pip install -e . in your environment",
            )


def _sources() -> Iterator[Check]:
    import cells
    import results
    import search
    import tasks

    roots = {
        Path(package.__file__ or "").resolve().parent.parent
        for package in (cells, results, search, tasks)
    }
    good = len(roots) == 1
    yield Check(
        "sources",
        good,
        ", ".join(sorted(map(str, roots))),
        ""
        if good
        else "another folder shadows ours: leave it, or use the console script of the environment",
    )
    if good:
        from results.record.provenance import source_digest

        yield Check("source digest", True, source_digest()[:16])


def _machine() -> Iterator[Check]:
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    yield Check("cores", True, f"{cores}: use --workers {max(1, cores)} or fewer")
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        good = memory > 3
        yield Check(
            "memory",
            good,
            f"{memory:.1f} GiB",
            "" if good else "use --workers 0: a Ray worker needs about 0.5 GiB",
            False,
        )
    from cells.engine import executor

    reason = executor.hindrance()
    yield Check(
        "native executor",
        reason is None,
        "compiled for this machine" if reason is None else str(reason),
        "" if reason is None else "cells run on the reference executor, some ten times slower",
        False,
    )
    reason = executor.hindrance("portable")
    yield Check(
        "portable executor",
        reason is None,
        "--executor portable gives the same bits on every x86-64-v3 machine"
        if reason is None
        else reason.message,
        ""
        if reason is None
        else f"{reason.hint}; only repeating a portable record bit by bit needs it",
        False,
    )
    reason = executor.hindrance("native-bf16")
    yield Check(
        "bfloat16",
        reason is None,
        "--executor native-bf16 can be asked for" if reason is None else str(reason),
        "" if reason is None else "nothing else needs it",
        False,
    )


def _ray() -> Iterator[Check]:
    shared = Path("/dev/shm")  # noqa: S108 - looked at, not written
    if shared.is_dir():
        free = shutil.disk_usage(shared).free / 2**20
        good = free > 128
        yield Check(
            "shared memory",
            good,
            f"{free:.0f} MiB free",
            "" if good else "Ray needs 128 MiB: docker run --shm-size=1g, or use --workers 0",
            False,
        )
    logs = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray"  # noqa: S108 - Ray's own default
    if logs.is_dir():
        size = sum(
            path.stat().st_size
            for path in logs.rglob("*")
            if path.is_file() and not path.is_symlink()
        )
        good = size < 2**30
        yield Check(
            "Ray's logs",
            good,
            f"{size / 2**20:.0f} MiB in {logs}",
            "" if good else f"remove {logs} when no Ray is running",
            False,
        )


def _data() -> Iterator[Check]:
    from tasks.corpora import corpus

    states = corpus.status()
    for name in corpus.table():
        missing = [state.file for state in states if state.corpus == name and not state.present]
        yield Check(
            f"data: {name}",
            not missing,
            "present" if not missing else f"{len(missing)} files missing",
            "" if not missing else f"gatewright data fetch {name}, or set GATEWRIGHT_DATA",
            False,
        )
