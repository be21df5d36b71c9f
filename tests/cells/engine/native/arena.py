"""What tests of the runtime share: aligned arrays full of NaN, and running a few items."""

import ctypes

import numpy as np
import pytest

from cells.engine.native import tape
from cells.engine.native.build import NativeError, Real, Target, library

REALS: tuple[Real, ...] = ("float32", "float64")
# What a sum of products may be off by, relative to the sum of absolute values.
NEAR = {"float32": 2e-6, "float64": 1e-14}


TARGETS: tuple[Target, ...] = ("native", "portable")
target: Target = "native"
"""For what the runtime is compiled that tests run."""


def runtime(real: Real) -> ctypes.CDLL:
    try:
        return library(real, target)
    except NativeError as error:
        pytest.skip(str(error))


def blank(real: Real, *shape: int) -> np.ndarray:
    """An aligned array that holds nothing but NaN."""
    size = int(np.prod(shape))
    raw = np.empty(size * np.dtype(real).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    array = raw[start : start + size * np.dtype(real).itemsize].view(real).reshape(shape)
    array[:] = np.nan
    return array


def aligned(real: Real, values: np.ndarray) -> np.ndarray:
    array = blank(real, *values.shape)
    array[:] = values
    return array


def rows(real: Real, values: np.ndarray) -> np.ndarray:
    """`values` `[..., n]` in rows of the runtime's stride, with NaN beyond n."""
    size = np.dtype(real).itemsize
    array = blank(real, *values.shape[:-1], tape.row_stride(values.shape[-1], size))
    array[..., : values.shape[-1]] = values
    return array


def run(
    real: Real,
    items: list[tape.Item],
    instructions: list[tape.Instruction] | None = None,
    rate: float = 0.0,
    clip: float = np.inf,
    first: int = 0,
) -> tuple[int, np.void]:
    """Return code and result of running all items from `first` on."""
    table = tape.items(items)
    program = tape.instructions(instructions or [])
    result = np.zeros(1, tape.RESULT)
    code = runtime(real).run(
        table.ctypes.data,
        first,
        len(table) - first,
        program.ctypes.data,
        result.ctypes.data,
        rate,
        clip,
    )
    return code, result[0]


def done(real: Real, *items: tape.Item) -> np.void:
    code, result = run(real, list(items))
    assert code == 0
    return result


def base(array: np.ndarray) -> int:
    return array.ctypes.data
