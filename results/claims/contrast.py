"""What a findings report sets side by side beyond the claims, from `tables/contrasts.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("tables") / "contrasts.toml"


def ablations() -> Mapping[str, Mapping[str, str]]:
    """By whole cell what is taken away, and the cell without it."""
    return _tables()["ablations"]


def sweeps() -> Mapping[str, Mapping[str, str]]:
    """By cell the arm of each bias that remembers."""
    return _tables()["sweeps"]


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
