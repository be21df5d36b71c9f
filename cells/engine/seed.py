"""Seeds that derive from what they are for, so that one more draw never moves another."""

import hashlib

import numpy as np


def derive(*parts: str | int) -> int:
    """A seed below 2^63 that depends on all `parts` and on nothing else."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def generator(*parts: str | int) -> np.random.Generator:
    """A NumPy generator (PCG64) started from `derive(*parts)`."""
    return np.random.Generator(np.random.PCG64(derive(*parts)))
