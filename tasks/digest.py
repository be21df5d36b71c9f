"""Digests of what a task draws."""

import hashlib
import json
from collections.abc import Iterable

import numpy as np

from cells.engine.batch import Batch


def digest(names: Iterable[object], batches: Iterable[Batch]) -> str:
    """SHA-256 over `names` (name, version, numbers of a task) and the contents of `batches`.

    The batches are there so that a change in what NumPy draws from a seed shows as well.
    """
    state = hashlib.sha256(json.dumps(list(names), sort_keys=True).encode())
    for batch in batches:
        for array in (batch.inputs, batch.targets, batch.mask, batch.reset):
            state.update(repr((array.shape, array.dtype.str)).encode())
            state.update(np.ascontiguousarray(array).tobytes())
    return state.hexdigest()
