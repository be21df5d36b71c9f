"""Executors by name: whatever can run a cell, behind the seam of `cells.engine.learner`."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache, partial
from typing import Final, Literal, Protocol

from cells.engine.learner import Learner, Model, Weights
from cells.engine.native import build, compiler
from cells.engine.native.learner import NativeLearner
from cells.training.optimizer import SGD, Optimizer

Dtype = Literal["float32", "float64"]


class _Executor(Protocol):
    def __call__(
        self,
        model: Model,
        weights: Weights,
        *,
        dtype: Dtype,
        seed: int,
        device: str,
        optimizer: Optimizer,
    ) -> Learner: ...


def _reference(
    model: Model,
    weights: Weights,
    *,
    dtype: Dtype,
    seed: int,
    device: str,
    optimizer: Optimizer,
) -> Learner:
    # Loading torch takes seconds and 200 MB, which a process that runs `native` need not spend.
    from cells.engine.reference import ReferenceLearner

    return ReferenceLearner(
        model, weights, dtype=dtype, seed=seed, device=device, optimizer=optimizer
    )


EXECUTORS: Final[dict[str, _Executor]] = {
    "reference": _reference,
    "native": NativeLearner,
    "native-bf16": partial(NativeLearner, bfloat16=True),
    "portable": partial(NativeLearner, target="portable"),
}


def make(
    executor: str,
    model: Model,
    weights: Weights,
    *,
    dtype: Dtype,
    seed: int,
    device: str = "cpu",
    optimizer: Optimizer = SGD,
) -> Learner:
    """A learner of `model` that starts from `weights` and moves them by `optimizer`.

    Raises:
        ValueError: if no executor has this name.
        NativeError: if it is a native one that this machine cannot make.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"unknown executor {executor!r}; known are {', '.join(EXECUTORS)}")
    return EXECUTORS[executor](
        model, weights, dtype=dtype, seed=seed, device=device, optimizer=optimizer
    )


@cache
def hindrance(executor: str = "native") -> build.NativeError | None:
    """Why this machine cannot run an executor, or None. Compiles it if that was not done yet."""
    try:
        if executor == "native":
            build.library("float32")
        elif executor == "native-bf16":
            build.require_bfloat16()
        elif executor == "portable":
            build.library("float32", "portable")
    except build.NativeError as error:
        return error
    return None


def best() -> str:
    """The fastest executor that this machine can run: `native`, or else `reference`.

    Raises:
        NativeError: `CC` names a compiler that cannot make the native one. Whoever chose a compiler
            does not want the reference, many times slower, without a word.
    """
    reason = hindrance()
    if reason is not None and compiler.chosen():
        raise reason
    return "reference" if reason else "native"


def describe(executor: str) -> dict[str, str]:
    """How an executor makes its numbers here, for the record: of a native one its code as well.

    With the versions of torch and numpy this is the machine class: where it agrees, bits repeat. Of
    `portable` the class alone decides, see `machine_class`.

    Raises:
        NativeError: if it is a native one that this machine cannot make.
    """
    if executor == "reference":
        facts = {"denormals": "flushed"}
    else:
        facts = build.about("portable" if executor == "portable" else "native")
    facts |= {
        "cpu": hashlib.sha256(build.cpu().encode()).hexdigest()[:16],
        "library": " ".join(platform.libc_ver()),
    }
    return {"executor": executor} | {f"executor {name}": fact for name, fact in facts.items()}


def machine_class(executor: str, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Which of `facts`, what `describe` says and what a run records, must agree for bits to repeat."""
    if executor == "portable":
        # NumPy promises its streams of random numbers for a version only.
        return "executor", "executor class", "version numpy"
    return (
        *("machine", "version numpy"),
        *(("version torch",) if executor == "reference" else ()),
        *(name for name in facts if name.split()[0] == "executor"),
    )
