"""The native runtime as a loaded library: compiled once for each machine, then taken from a cache.

The cache is `native` below `cells.user.cache_folder`. A file there is named by what
it was made from and by its own digest, so code of another machine, compiler or version is never
loaded, nor is a damaged file. Nothing but the compiler is ever run.
"""

import ctypes
import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cells import user
from cells.engine.native.compiler import Compiler, NativeError, compiler, start
from cells.engine.native.tape import prelude

Real = Literal["float32", "float64"]

Target = Literal["native", "portable"]
"""For what the runtime is compiled: this CPU, or every one of `PORTABLE_CLASS` with the same bits."""

PORTABLE_CLASS: Final = "x86-64-v3"

FLAGS: Final = (
    *("-std=gnu11", "-O2", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden"),
    *("-shared", "-fPIC"),
)
"""Not -ffast-math: it would delete the tests for NaN, and the rounding inside exp."""
_PORTABLE_FLAGS: Final = (
    *("-fno-fast-math", "-fno-math-errno", "-ffp-contract=off", f"-march={PORTABLE_CLASS}"),
    *("-mtune=generic", "-DPORTABLE=1"),
)
"""The first undoes what may stand in `CC`."""
_PORTABLE_FEATURES: Final = frozenset({"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"})
_MACHINE_FLAGS: Final = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "AMD64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
    "arm64": ("-mcpu=native",),
}

SOURCES: Final = (
    *("tape.c", "vector.c", "elementary.c", "transcendental.c", "pointwise.c", "product.c"),
    *("transpose.c", "rows.c", "loss.c", "optimizer.c", "bfloat16.c", "run.c"),
)
"""The files of `runtime/` that make the library, in the order in which they need each other."""

_PEAK: Final = ("tape.c", "vector.c", "peak.c")


@cache
def library(real: Real, target: Target = "native") -> ctypes.CDLL:
    """The runtime for one kind of number, its functions typed.

    `run(items, first, count, instructions, result, rate, clip)` takes addresses and returns 0, or
    1 + the number of the item that it could not run. `block_size()`, `real_size()`,
    `vector_size()` (bytes) and `has_bfloat16()` are constants.

    Raises:
        NativeError: `no-compiler`, `compile-failed`, `load-failed`; `not-portable` where this CPU is
            not of the class.
    """
    return load(real, cache_folder(), target)


@cache
def peak(target: Target = "native") -> Callable[[float], float]:
    """A benchmark of the core: the best rate of multiply-adds in so many seconds, in GFLOP/s.

    By the instructions that the target has.

    Raises:
        NativeError: as `library`.
    """
    found = _load("float32", source(_PEAK), cache_folder(), target)
    found.peak.restype, found.peak.argtypes = ctypes.c_double, [ctypes.c_double]
    return found.peak


def require_bfloat16() -> None:
    """Asks for products in bfloat16.

    Raises:
        NativeError: `no-bfloat16`, or as `library`.
    """
    if library("float32").has_bfloat16():
        return
    if "avx512_bf16" in cpu().split():
        what = f"{compiler().version} makes no use of this CPU's avx512_bf16"
        raise NativeError("no-bfloat16", what, "set CC to gcc 10 or clang 9, or later ones")
    raise NativeError("no-bfloat16", "this CPU has no avx512_bf16", "use --executor native")


def about(target: Target = "native") -> dict[str, str]:
    """How the runtime was made, for the record; of a portable one also the class of its machines.

    Raises:
        NativeError: as `library`.
    """
    facts = {
        "compiler": compiler().version,
        "flags": " ".join(_flags("float32", target)),
        "vector": f"{8 * int(library('float32', target).vector_size())} bits",
        "denormals": "flushed",
    }
    return facts | ({"class": PORTABLE_CLASS} if target == "portable" else {})


def cache_folder() -> Path:
    """Where compiled runtimes are kept."""
    return user.cache_folder() / "native"


def load(real: Real, folder: Path, target: Target = "native") -> ctypes.CDLL:
    """The runtime from `folder`, after compiling it there if needed.

    Raises:
        NativeError: as `library`.
    """
    found = _load(real, source(), folder, target)
    for name in ("block_size", "real_size", "vector_size", "has_bfloat16"):
        getattr(found, name).restype = ctypes.c_int64
        getattr(found, name).argtypes = []
    found.run.restype = ctypes.c_int64
    address, number, double = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
    found.run.argtypes = [address, number, number, address, address, double, double]
    return found


def source(names: Sequence[str] = SOURCES) -> str:
    """The C source that is compiled: the numbers of `tape`, then files of `runtime/`, in order."""
    folder = Path(__file__).parent / "runtime"
    parts = [f'#line 1 "{name}"\n{(folder / name).read_text(encoding="utf-8")}' for name in names]
    return "".join([prelude(), *parts])


def cpu() -> str:
    """Model and features, as far as the machine says them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(names)}))


def _require_class() -> None:
    """Asks for a CPU that runs portable code."""
    if platform.machine() not in ("x86_64", "AMD64"):
        what = f"this machine is a {platform.machine()}"
    else:
        words = set(cpu().split())
        missing = sorted(_PORTABLE_FEATURES - words)
        # Where the machine does not say its features, the compiler is to be trusted.
        if not missing or "flags" not in words:
            return
        what = f"this CPU has no {', '.join(missing)}"
    raise NativeError(
        "not-portable",
        f"the portable executor needs {PORTABLE_CLASS} (AVX2 and FMA): {what}",
        "use --executor native",
    )


def _flags(real: Real, target: Target) -> tuple[str, ...]:
    native = _MACHINE_FLAGS.get(platform.machine(), ())
    chosen = _PORTABLE_FLAGS if target == "portable" else native
    return (*FLAGS, *chosen, f"-DREAL_BITS={32 if real == 'float32' else 64}")


def _load(real: Real, text: str, folder: Path, target: Target) -> ctypes.CDLL:
    """The library that `text` compiles to, from `folder` where that can be."""
    if target == "portable":
        _require_class()
    found = compiler()
    flags = _flags(real, target)
    key = _key(text, flags, found)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whoever owns the folder around it could put another one into its place.
        owners = {folder.stat().st_uid, folder.parent.stat().st_uid}
        private = owners == {os.getuid()} and not folder.stat().st_mode & 0o022
        usable = private and os.access(folder, os.W_OK)
    except OSError:
        usable = False
    if not usable:
        with tempfile.TemporaryDirectory(prefix="gw-native-") as other:
            return _open(_compile(text, flags, found, Path(other), key))
    path = _cached(folder, key)
    if path is None:
        with _alone(folder / f"{key}.lock"):
            path = _cached(folder, key) or _compile(text, flags, found, folder, key)
    return _open(path)


def _key(text: str, flags: Sequence[str], found: Compiler) -> str:
    """Of all that the machine code follows from; flags may also stand in `CC`."""
    parts = (text, *flags, *found.words, found.version, platform.machine(), cpu())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _cached(folder: Path, key: str) -> Path | None:
    """The file made from `key`, if it is whole; broken ones are removed."""
    for path in sorted(folder.glob(f"{key}-*.so")):
        try:
            if path.name == _name(key, path.read_bytes()):
                return path
            path.unlink()
        except OSError:
            continue
    return None


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()[:32]}.so"


def _compile(text: str, flags: Sequence[str], found: Compiler, folder: Path, key: str) -> Path:
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as place:
        made = Path(place) / "runtime.so"
        words = [*found.words, *flags, "-x", "c", "-", "-o", str(made), "-lm"]
        try:
            done = start(words, text, place)
        except (OSError, subprocess.SubprocessError) as error:
            raise _failed(found, str(error)) from error
        if done.returncode or not made.is_file():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise _failed(
                found, " / ".join(lines[:3]) or f"no library, exit status {done.returncode}"
            )
        path = folder / _name(key, made.read_bytes())
        made.replace(path)
        return path


def _failed(found: Compiler, why: str) -> NativeError:
    return NativeError(
        "compile-failed",
        f"{found.version} could not compile the native runtime: {why[:600]}",
        "set CC to another compiler",
    )


def _open(path: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeError(
            "load-failed", f"the native runtime cannot be loaded: {error}", f"remove {path}"
        ) from error


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Holds a lock between processes, so that only one of them compiles; best effort."""
    try:
        import fcntl
    except ImportError:  # no such locks here: several may compile, which does no harm
        yield
        return
    with path.open("w", encoding="utf-8") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
