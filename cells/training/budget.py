"""What a trial may spend."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper bounds on one training; None means no bound.

    Attributes:
        parameters: all trained and frozen numbers of the model, embedding and readout included. The
            width is solved so that the count meets it from below (D4 of the reading of the paper).
        updates: optimiser steps.
        tokens: scored and unscored input positions of training, `T * B` a window.
        seconds: wall time; a guard against runaways, not part of what is compared.
        bytes: peak memory of the worker; a guard likewise.
        width: H, in place of one that is solved for; the count must still meet `parameters`, if any.
    """

    parameters: int | None = None
    updates: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    bytes: int | None = None
    width: int | None = None

    def recorded(self) -> dict[str, int | float | None]:
        """The bounds by name in canonical JSON; the width, which came later, only where given."""
        recorded = {name: getattr(self, name) for name in self.__slots__}
        if self.width is None:
            del recorded["width"]
        return recorded
