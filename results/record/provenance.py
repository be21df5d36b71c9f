"""Where numbers come from: machine, versions and the very sources that ran."""

import hashlib
import importlib.util
import os
import platform
import shutil
import sqlite3
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Final

from results.error import StoreError

PACKAGES: Final = ("cells", "tasks", "results", "search")
SUFFIXES: Final = (".py", ".c", ".cell", ".toml", ".sql")
DISTRIBUTIONS: Final = (
    "gatewright",
    "torch",
    "numpy",
    "scipy",
    "optuna",
    "ray",
    "pandas",
    "matplotlib",
    "seaborn",
)


def collect() -> dict[str, str]:
    """What is recorded at each driver start. Imports none of the distributions it names.

    Raises:
        StoreError: `mixed-sources`, as `source_digest`.
    """
    entries = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count() or 0),
        "sources": source_digest(),
        "commit": _commit(root()),
    }
    for name in DISTRIBUTIONS:
        try:
            entries[f"version {name}"] = metadata.version(name)
        except metadata.PackageNotFoundError:
            entries[f"version {name}"] = "not installed"
    return entries


def root() -> Path:
    """The folder that holds the four packages, found from this file."""
    return Path(__file__).resolve().parents[2]


def source_digest() -> str:
    """The sha256 over names and bytes of all sources of the four packages, 64 hex digits.

    Raises:
        StoreError: `mixed-sources` if one of the packages comes from another folder than this file.
    """
    for name, path in package_roots().items():
        if path != root():
            raise StoreError(
                "mixed-sources",
                f"package {name} is found in {path}, this one in {root()}",
                "leave the folder that has files of these names, or use a fresh environment",
            )
    return digest_of(root())


def package_roots() -> dict[str, Path]:
    """For each of the four packages the folder that it is, or would be, imported from."""
    roots: dict[str, Path] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise StoreError("mixed-sources", f"package {name} is not found")
        origin = Path(spec.origin).resolve()
        roots[name] = origin.parent.parent if origin.name == "__init__.py" else origin
    return roots


def digest_of(folder: Path) -> str:
    """The source digest of the four packages under any folder, such as a staged copy."""
    hashed = hashlib.sha256()
    files = [
        path
        for package in PACKAGES
        for path in (folder / package).rglob("*")
        if path.suffix in SUFFIXES and path.is_file()
    ]
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        content = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        hashed.update(f"{name}\0{len(content)}\0".encode())
        hashed.update(content)
    return hashed.hexdigest()


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"


def _commit(folder: Path) -> str:
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return "unknown"

    def answer(*words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603 - fixed words, no shell
                [git, "-C", str(folder), *words],
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=20,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit = answer("rev-parse", "HEAD")
    changed = answer("status", "--porcelain", "--untracked-files=no")
    if commit is None:
        return "unknown"
    return commit + (" with changes" if changed else "")
