"""Ctrl-C and SIGTERM, taken between two steps and never in the middle of a write."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupted(BaseException):
    """Somebody asked the run to stop. Not an Exception, so that no net for bugs catches it."""


class Interrupt:
    """Notes SIGINT and SIGTERM while it is entered; raises them only inside `breakable`.

    A second signal changes nothing, since people press Ctrl-C twice; a third is taken as before the
    run. Outside the main thread, where Python allows no handlers, it notes nothing.
    """

    def __init__(self) -> None:
        self._noted = False
        self._breakable = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    @contextmanager
    def breakable(self, inside: bool = True) -> Generator[None]:
        """A stretch that is not begun if a signal came before, and that one may end at any point.

        Args:
            inside: False where no exception may be raised from outside, as in foreign code; a
                signal then counts at the next stretch.

        Raises:
            Interrupted: a signal came.
        """
        self._breakable = inside
        try:
            if self._noted:
                raise Interrupted
            yield
        finally:
            self._breakable = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        again, self._noted = self._noted, True
        if self._breakable:
            self._breakable = False
            raise Interrupted
        if again:
            self._restore()

    def _restore(self) -> None:
        while self._before:
            signal.signal(*self._before.popitem())
