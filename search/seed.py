"""Seeds are derived, never drawn: the same place and purpose in a study always give the same seed."""

import hashlib
import json
import random


def derive(study_seed: int, place: int | str, purpose: str) -> int:
    """A seed in [0, 2^63) for one `purpose` at one `place` of a study.

    Args:
        study_seed: `Study.seed`.
        place: an index of the history or the id of a cell; 1 and "1" are different places.
        purpose: what is drawn with it, e.g. `setting` or `confirm/ptb/0`.
    """
    text = json.dumps([study_seed, place, purpose], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(study_seed: int, place: int | str, purpose: str) -> random.Random:
    """A fresh generator started from `derive` of the same arguments."""
    return random.Random(derive(study_seed, place, purpose))  # noqa: S311  no secret is drawn
