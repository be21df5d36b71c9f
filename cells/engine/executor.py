"""Executors by name: whatever can run a cell, behind the seam of `cells.engine.learner`."""

from typing import Literal

from cells.engine.learner import Learner, Model, Weights
from cells.engine.reference import ReferenceLearner

Dtype = Literal["float32", "float64"]

EXECUTORS = {"reference": ReferenceLearner}


def make(
    executor: str, model: Model, weights: Weights, *, dtype: Dtype, seed: int, device: str = "cpu"
) -> Learner:
    """A learner of `model` that starts from `weights`.

    Raises:
        ValueError: if no executor has this name.
    """
    if executor not in EXECUTORS:
        raise ValueError(f"unknown executor {executor!r}; known are {', '.join(EXECUTORS)}")
    return EXECUTORS[executor](model, weights, dtype=dtype, seed=seed, device=device)
