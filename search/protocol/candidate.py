"""A cell on its way through a study, and what has been tried on it."""

from dataclasses import dataclass, field

from cells.cell import Cell
from cells.training.setting import Setting

Tries = dict[Setting, float | None]
"""Settings in the order they were asked, with their `score.value`; None while it is awaited."""


@dataclass(slots=True, eq=False)
class Candidate:
    """One distinct cell of a study.

    Attributes:
        cell: in canonical form.
        text: canonical text; cell_id: its id.
        parent_id, operators: where it came from; empty for LSTM, GRU and drawn cells.
        parent: the member that it was mutated from, until it has passed all tasks; None if it came
            from no member.
        screened: settings tried on the screen.
        tried: settings tried on each task of the study, in its order.
        stage: the task it is at; the number of tasks once it has passed all.
        awaited: trainings of the current stage that are not finished.
    """

    cell: Cell
    text: str
    cell_id: str
    parent_id: str
    operators: tuple[str, ...]
    tried: tuple[Tries, ...]
    screened: Tries = field(default_factory=Tries)
    parent: "Candidate | None" = None
    stage: int = 0
    awaited: int = 0
