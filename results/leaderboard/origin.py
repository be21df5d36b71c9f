"""Where a cell of a store comes from and what it reached, in one line."""

from results.label import label
from results.leaderboard.board import Row, build
from results.record.store import Store


def origin(store: Store, cell_id: str) -> str:
    """The study that trained a cell, with its parent and scores; of several the one that scored it.

    Empty where no study of the store put the cell through a task.
    """
    origins: list[tuple[bool, str]] = []
    for entry in store.studies():
        board = build(store, entry.id)
        for row in (*board.rows, *board.stopped):
            if row.cell_id == cell_id:
                text = f"study {entry.study.name} ({entry.id}), {_facts(row, board.yardstick)}"
                origins.append((row.score is not None, text))
    return max(origins, key=lambda pair: pair[0], default=(False, ""))[1]


def _facts(row: Row, yardstick: str) -> str:
    facts: list[str] = []
    if row.parent_id:
        facts.append(f"mutated from {label(row.parent_id)} by {' and '.join(row.operators)}")
    elif row.baseline:
        facts.append("a baseline")
    if row.score is not None:
        facts.append(f"score {row.score:.4f} against {yardstick}")
    else:
        facts.append("not finished on all tasks")
    if row.confirmed_score is not None:
        facts.append(f"{row.confirmed_score.text(4)} on fresh seeds")
    return ", ".join(facts)
