"""Ask and tell: the contract between a strategy and the driver."""

from typing import Protocol

from results.record.ask import Ask
from results.record.outcome import Outcome


class Strategy(Protocol):
    """A state machine over the history of a study, with no other input.

    The driver calls `ask(0)`, `ask(1)`, ... in order, and before `ask(n)` it has called `tell(k)`
    exactly for all k <= n - lag, in order. So what is asked at n is a pure function of the study and
    of the results 0..n - lag, and a study resumes by replaying its log. Randomness comes from
    `cells.seed.study_seed(study, n, purpose)` alone.
    """

    def ask(self, index: int) -> Ask | None:
        """What to run at `index`; an idle ask if later results are needed first; None when done.

        None is final: every later index would be None too.
        """
        ...

    def tell(self, index: int, outcome: Outcome | None) -> None:
        """Makes the outcome of `index` visible; None for an idle ask."""
        ...
