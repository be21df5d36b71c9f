"""Time for deadlines: monotonic, and injected so that tests can make it jump."""

import time
from typing import Protocol


class Clock(Protocol):
    """Where deadlines take their time from. Never the wall clock, which jumps."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never falls."""
        ...


class Monotonic:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; never falls."""
        return time.monotonic()
