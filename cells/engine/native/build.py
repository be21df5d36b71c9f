"""The native runtime as a loaded library: compiled once for each machine, then taken from a cache.

The cache is `gatewright/native` below `XDG_CACHE_HOME` or `~/.cache`. A file there is named by what
it was made from and by its own digest, so code of another machine, compiler or version is never
loaded, nor is a damaged file. Nothing but the compiler is ever run.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cells.engine.native.tape import prelude

Real = Literal["float32", "float64"]

FLAGS: Final = (
    *("-std=gnu11", "-O2", "-ffp-contract=fast", "-fno-math-errno", "-fvisibility=hidden"),
    *("-shared", "-fPIC"),
)
"""Not -ffast-math: it would delete the tests for NaN, and the rounding inside exp."""
_MACHINE_FLAGS: Final = {
    "x86_64": ("-march=native", "-mprefer-vector-width=512"),
    "AMD64": ("-march=native", "-mprefer-vector-width=512"),
    "aarch64": ("-mcpu=native",),
    "arm64": ("-mcpu=native",),
}
_SECONDS: Final = 120


class NativeError(RuntimeError):
    """No native runtime, or none with bfloat16, can be had here.

    Attributes:
        code: `no-compiler`, `compile-failed`, `load-failed` or `no-bfloat16`.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(f"{message}; {hint}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that start it, and the first line of what it says of itself."""

    words: tuple[str, ...]
    version: str


@cache
def library(real: Real) -> ctypes.CDLL:
    """The runtime for one kind of number, its functions typed.

    `run(items, first, count, instructions, result, rate, clip)` takes addresses and returns 0, or
    1 + the number of the item that it could not run. `block_size()`, `real_size()`,
    `vector_size()` (bytes) and `has_bfloat16()` are constants; `peak(seconds)` measures the best rate of multiply-adds
    in GFLOP/s.

    Raises:
        NativeError: `no-compiler`, `compile-failed`, `load-failed`.
    """
    return load(real, cache_folder())


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


def about(real: Real = "float32") -> dict[str, str]:
    """How the runtime was made, for the record.

    Raises:
        NativeError: as `library`.
    """
    return {
        "compiler": compiler().version,
        "flags": " ".join(_flags(real)),
        "vector": f"{8 * int(library(real).vector_size())} bits",
        "denormals": "flushed",
    }


def cache_folder() -> Path:
    """Where compiled runtimes are kept."""
    place = os.environ.get("XDG_CACHE_HOME", "")
    # Of a relative path the specification says that it is to be ignored.
    root = Path(place) if Path(place).is_absolute() else Path.home() / ".cache"
    return root / "gatewright" / "native"


def load(real: Real, folder: Path) -> ctypes.CDLL:
    """The runtime from `folder`, after compiling it there if needed.

    Raises:
        NativeError: as `library`.
    """
    found = compiler()
    text = source()
    key = _key(real, text, found)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        private = folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o022
        usable = private and os.access(folder, os.W_OK)
    except OSError:
        usable = False
    if not usable:
        with tempfile.TemporaryDirectory(prefix="gw-native-") as place:
            return _open(_compile(real, text, found, Path(place), key), real)
    path = _cached(folder, key)
    if path is None:
        with _alone(folder / f"{key}.lock"):
            path = _cached(folder, key) or _compile(real, text, found, folder, key)
    return _open(path, real)


@cache
def compiler() -> Compiler:
    """The compiler in `CC` if that is set, else the first of cc, gcc and clang.

    Raises:
        NativeError: `no-compiler`.
    """
    wanted = shlex.split(os.environ.get("CC", ""))
    for words in [wanted] if wanted else [["cc"], ["gcc"], ["clang"]]:
        place = shutil.which(words[0])
        if place is None:
            continue
        try:
            said = _start([place, *words[1:], "--version"]).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            continue
        if said:
            return Compiler((place, *words[1:]), said.splitlines()[0])
    looked = f"CC is {' '.join(wanted)!r}, which does not run" if wanted else "no cc, gcc or clang"
    raise NativeError(
        "no-compiler", f"no C compiler: {looked}", "install gcc or clang for the native engine"
    )


def source() -> str:
    """The C source that is compiled."""
    folder = Path(__file__).parent
    parts = [
        f'#line 1 "{name}"\n{(folder / name).read_text(encoding="utf-8")}'
        for name in ("runtime.c", "bfloat16.c")
    ]
    return "".join([prelude(), *parts])


def cpu() -> str:
    """Model and features, as far as the machine says them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = ("model name", "flags", "Features", "CPU part")
    return "\n".join(sorted({line for line in lines if line.startswith(names)}))


def _flags(real: Real) -> tuple[str, ...]:
    machine = _MACHINE_FLAGS.get(platform.machine(), ())
    return (*FLAGS, *machine, f"-DREAL_BITS={32 if real == 'float32' else 64}")


def _key(real: Real, text: str, found: Compiler) -> str:
    parts = (text, *_flags(real), found.version, platform.machine(), cpu())
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


def _compile(real: Real, text: str, found: Compiler, folder: Path, key: str) -> Path:
    with tempfile.TemporaryDirectory(prefix="making-", dir=folder) as place:
        made = Path(place) / "runtime.so"
        words = [*found.words, *_flags(real), "-x", "c", "-", "-o", str(made), "-lm"]
        try:
            done = _start(words, text, place)
        except (OSError, subprocess.SubprocessError) as error:
            raise _failed(found, str(error)) from error
        if done.returncode or not made.is_file():
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise _failed(found, " / ".join(lines[:3]) or f"exit status {done.returncode}")
        path = folder / _name(key, made.read_bytes())
        made.replace(path)
        return path


def _failed(found: Compiler, why: str) -> NativeError:
    return NativeError(
        "compile-failed",
        f"{found.version} could not compile the native runtime: {why[:600]}",
        "set CC to another compiler",
    )


def _start(
    words: list[str], text: str = "", folder: str | None = None
) -> "subprocess.CompletedProcess[str]":
    # Errors in English whatever the user's language, since they are quoted.
    return subprocess.run(  # noqa: S603 - the compiler, no shell
        words,
        input=text,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    )


def _open(path: Path, real: Real) -> ctypes.CDLL:
    try:
        found = ctypes.CDLL(str(path))
        for name in ("block_size", "real_size", "vector_size", "has_bfloat16"):
            getattr(found, name).restype = ctypes.c_int64
            getattr(found, name).argtypes = []
        found.peak.restype, found.peak.argtypes = ctypes.c_double, [ctypes.c_double]
        found.run.restype = ctypes.c_int64
        address, number, double = ctypes.c_void_p, ctypes.c_int64, ctypes.c_double
        found.run.argtypes = [address, number, number, address, address, double, double]
        size = int(found.real_size())
    except (OSError, AttributeError) as error:
        raise NativeError(
            "load-failed", f"the native runtime cannot be loaded: {error}", f"remove {path}"
        ) from error
    if size != (4 if real == "float32" else 8):
        raise NativeError("load-failed", f"{path} has numbers of {size} bytes", f"remove {path}")
    return found


@contextmanager
def _alone(path: Path) -> Generator[None]:
    """Holds a lock between processes, so that only one of them compiles; best effort."""
    try:
        import fcntl
    except ImportError:  # no such locks here: several may compile, which does no harm
        yield
        return
    with path.open("w") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
