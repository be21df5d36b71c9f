"""Seeds are derived, never drawn: what a seed is for decides its value, and nothing else does.

A new purpose takes `derive`. The other three formulas were fixed by the first records, whose trials must
repeat bit by bit; they are frozen and get no new users outside of the parts that they are named after.
"""

import hashlib
import json
import random


def derive(what: str | int, purpose: str, index: int = 0) -> int:
    """A seed in [0, 2^63) for one `purpose`.

    Args:
        what: whatever all seeds of the caller share: a seed of the user, a key, a name.
        purpose: what is drawn with it, e.g. `bootstrap`.
        index: counts the draws of one purpose.
    """
    return _high(json.dumps(["seed", what, purpose, index], separators=(",", ":")))


def training_seed(*parts: str | int) -> int:
    """A seed in [0, 2^63) for what a training draws: weights, dropout, measurements. Frozen."""
    return _high("\x1f".join(f"{type(part).__name__}:{part}" for part in parts))


def study_seed(study: int, index: int | str, purpose: str) -> int:
    """A seed in [0, 2^63) for one `purpose` at one `index` of a study. Frozen.

    Args:
        study: `results.record.study.Study.seed`.
        index: of the history, or the id of a cell; 1 and "1" are different.
        purpose: what is drawn with it, e.g. `setting` or `confirm/ptb/0`.
    """
    return _high(json.dumps([study, index, purpose], separators=(",", ":")))


def study_generator(study: int, index: int | str, purpose: str) -> random.Random:
    """A fresh generator started from `study_seed` of the same arguments."""
    return random.Random(study_seed(study, index, purpose))  # noqa: S311  no secret is drawn


def task_seed(*names: str | int) -> int:
    """A seed in [0, 2^128) for the data of a task. Frozen."""
    text = json.dumps(names, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little")


def _high(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
