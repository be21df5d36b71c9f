"""Executors by name: whatever can run a cell, behind the seam of `cells.engine.learner`."""

from functools import cache
from typing import Final, Literal, Protocol

from cells.engine.learner import Learner, Model, Weights
from cells.engine.native import build
from cells.engine.native.learner import NativeLearner

Dtype = Literal["float32", "float64"]


class _Executor(Protocol):
    def __call__(
        self, model: Model, weights: Weights, *, dtype: Dtype, seed: int, device: str
    ) -> Learner: ...


def _reference(model: Model, weights: Weights, *, dtype: Dtype, seed: int, device: str) -> Learner:
    # Loading torch takes seconds and 200 MB, which a process that runs `native` need not spend.
    from cells.engine.reference import ReferenceLearner

    return ReferenceLearner(model, weights, dtype=dtype, seed=seed, device=device)


EXECUTORS: Final[dict[str, _Executor]] = {"reference": _reference, "native": NativeLearner}


def make(
    executor: str, model: Model, weights: Weights, *, dtype: Dtype, seed: int, device: str = "cpu"
) -> Learner:
    """A learner of `model` that starts from `weights`.

    Raises:
        ValueError: if no executor has this name.
        NativeError: if it is `native` and this machine cannot make it.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"unknown executor {executor!r}; known are {', '.join(EXECUTORS)}")
    return EXECUTORS[executor](model, weights, dtype=dtype, seed=seed, device=device)


@cache
def hindrance() -> build.NativeError | None:
    """Why this machine cannot run `native`, or None. Compiles it if that was not done yet."""
    try:
        build.library("float32")
    except build.NativeError as error:
        return error
    return None


def best() -> str:
    """The fastest executor that this machine can run: `native`, or else `reference`."""
    return "reference" if hindrance() else "native"
