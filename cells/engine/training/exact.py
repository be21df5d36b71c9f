"""Functions of arrays whose bits are the same on every machine: by IEEE's elementary operations alone.

NumPy's own exp and log, and all that BLAS computes, depend on the CPU. Additions, products and
quotients of elements do not, since NumPy rounds each of them. Results are within a few units in the
last place of NumPy's.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
_LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
_ROOT_HALF = 0.7071067811865476
_SQUARINGS = 30


def log(values: Array) -> Array:
    """The natural logarithm of positive numbers, by atanh of (m - 1) / (m + 1) for m 2^e."""
    m, e = np.frexp(values)
    small = m < _ROOT_HALF
    m, e = np.where(small, 2 * m, m), e - small
    s = (m - 1) / (m + 1)
    z, p = s * s, np.full(np.shape(m), 1.0 / 23)
    for odd in range(21, 1, -2):
        p = p * z + 1.0 / odd
    s = s + s
    return e * _LN2_HIGH + (s + (s * z * p + e * _LN2_LOW))


def exp(values: Array) -> Array:
    """The exponential, by a Taylor series of what n log(2) leaves; 0 where it is below 1e-300."""
    # Where it overflows it is infinite in any case.
    kept = np.clip(values, -690.0, 720.0)
    n = np.rint(kept * 1.4426950408889634)
    r = (kept - n * _LN2_HIGH) - n * _LN2_LOW
    p = np.ones(np.shape(r))
    for factor in range(14, 0, -1):
        p = p * r / factor + 1
    with np.errstate(over="ignore"):
        grown = np.ldexp(p, n.astype(np.int64))
    return np.where(values < -690.0, 0.0, grown)


def total(values: Array) -> Array:
    """The sum over the last axis, halves added to halves."""
    size = values.shape[-1]
    wide = 1 << max(size - 1, 0).bit_length()
    padded = np.zeros((*values.shape[:-1], wide))
    padded[..., :size] = values
    while wide > 1:
        wide //= 2
        padded = padded[..., :wide] + padded[..., wide:]
    return padded[..., 0]


def orthogonal(values: Array) -> Array:
    """The Q of QR for each square matrix, R with a positive diagonal: Gram and Schmidt, twice."""
    columns = np.swapaxes(values, -1, -2).copy()
    for index in range(columns.shape[-2]):
        column = columns[..., index, :]
        before = columns[..., :index, :]
        for _ in range(2):
            along = total(before * column[..., None, :])
            part = np.swapaxes(along[..., None] * before, -1, -2)
            column = column - total(part)
        columns[..., index, :] = column / np.sqrt(total(column * column))[..., None]
    return np.swapaxes(columns, -1, -2)


def spectral_radius(values: Array) -> float:
    """The largest absolute eigenvalue of the matrices, from powers of theirs (Gelfand 1941).

    The norm of A^m to the power of 1 / m, m = 2^30: the relative error is some 1e-8.
    """
    return max(_radius(matrix) for matrix in values.reshape(-1, *values.shape[-2:]))


def _radius(matrix: Array) -> float:
    logarithm, power = 0.0, 1.0
    for _ in range(_SQUARINGS):
        norm = np.abs(matrix).max()
        if norm == 0:
            return 0.0
        logarithm += float(log(np.array([norm]))[0]) * power
        power /= 2
        matrix = matrix / norm
        squared = np.zeros_like(matrix)
        for column, row in zip(matrix.T, matrix, strict=True):
            squared += column[:, None] * row
        matrix = squared
    return float(exp(np.array([logarithm]))[0])
