"""The C compiler of this machine: which it is, what it says of itself, and running it."""

import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from typing import Final

from cells.error import GatewrightError

_SECONDS: Final = 120


class NativeError(GatewrightError):
    """A native executor cannot be had here.

    Its `code` is `no-compiler`, `compile-failed`, `load-failed` or `no-bfloat16`, its `message` what
    was tried and what came of it.
    """

    def __str__(self) -> str:
        """Message and hint on one line, as they stand in records."""
        return f"{self.message}; {self.hint}"


@dataclass(frozen=True, slots=True)
class Compiler:
    """A C compiler: the words that start it, and the first line of what it says of itself."""

    words: tuple[str, ...]
    version: str


def chosen() -> str:
    """What `CC` says; empty where it says nothing."""
    return os.environ.get("CC", "").strip()


@cache
def compiler() -> Compiler:
    """The compiler in `CC` if that is set, else the first of cc, gcc and clang.

    Raises:
        NativeError: `no-compiler`.
    """
    if not chosen():
        for name in ("cc", "gcc", "clang"):
            answer = _ask([name])
            if isinstance(answer, Compiler):
                return answer
        raise NativeError(
            "no-compiler",
            "no C compiler: no cc, gcc or clang on the PATH",
            "install gcc or clang for the native engine",
        )
    try:
        answer = _ask(shlex.split(chosen()))
    except ValueError as error:  # quotes that do not close
        answer = f"is not a command line: {str(error).lower()}"
    if isinstance(answer, Compiler):
        return answer
    raise NativeError(
        "no-compiler",
        f"no C compiler: CC is {chosen()!r}, which {answer}",
        "correct CC or unset it",
    )


def _ask(words: list[str]) -> Compiler | str:
    """A compiler that says its version, or why there is none."""
    path = shutil.which(words[0])
    if path is None:
        return "is not on the PATH"
    try:
        done = start([path, *words[1:], "--version"])
    except (OSError, subprocess.SubprocessError) as error:
        return f"does not run: {error}"
    said = done.stdout.strip().splitlines()
    if done.returncode or not said:
        return f"does not say its version: exit status {done.returncode}"
    return Compiler((path, *words[1:]), said[0])


def start(
    words: list[str], text: str = "", folder: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Runs a command line in `folder` with `text` on its standard input.

    Raises:
        OSError, SubprocessError: it does not start, or takes more than two minutes.
    """
    # Errors in English whatever the user's language, since they are quoted.
    return subprocess.run(  # noqa: S603 - the compiler, no shell
        words,
        input=text,
        capture_output=True,
        text=True,
        # Whatever the locale: the path of a source may be in any alphabet.
        encoding="utf-8",
        errors="replace",
        timeout=_SECONDS,
        check=False,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    )
