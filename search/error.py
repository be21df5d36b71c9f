"""What goes wrong in a search through wrong use or a wrong machine; never a candidate's misfortune."""

from cells.error import GatewrightError, SingleCodeError


class SearchError(GatewrightError):
    """A search cannot start or go on as asked."""


class SlotError(SearchError):
    """The machine that runs a trial lacks what the trial needs. Says nothing about the cell."""


class UsageError(SingleCodeError):
    """The command line, or a caller in code, asks for something impossible."""

    CODE = "usage"


class StoppedError(SingleCodeError):
    """The user stopped a long run; the message says what was reached, and what becomes of it.

    Attributes:
        again: the command that goes on; empty for the one that was run.
    """

    CODE = "interrupted"

    def __init__(self, message: str, again: str = "") -> None:
        super().__init__(message)
        self.again = again
