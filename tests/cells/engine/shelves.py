"""All shelves of the golden tests as one. A shelf is a module; add to it, not here."""

from typing import Final

from tests.cells.engine import (
    shelf_ablation,
    shelf_first,
    shelf_gru,
    shelf_lstm,
    shelf_plain,
    shelf_scan,
)
from tests.cells.engine.recurrence import (
    Pitfalls,
    Recurrences,
    Related,
    Sizes,
    Starts,
)

RECURRENCES: Final[Recurrences] = {
    **shelf_first.RECURRENCES,
    **shelf_plain.RECURRENCES,
    **shelf_ablation.RECURRENCES,
    **shelf_lstm.RECURRENCES,
    **shelf_gru.RECURRENCES,
    **shelf_scan.RECURRENCES,
}

SIZES: Final[Sizes] = {
    **shelf_first.SIZES,
    **shelf_plain.SIZES,
    **shelf_ablation.SIZES,
    **shelf_lstm.SIZES,
    **shelf_gru.SIZES,
    **shelf_scan.SIZES,
}

STARTS: Final[Starts] = {
    **shelf_first.STARTS,
    **shelf_plain.STARTS,
    **shelf_ablation.STARTS,
    **shelf_lstm.STARTS,
    **shelf_gru.STARTS,
    **shelf_scan.STARTS,
}

CLASSES: Final[dict[str, str]] = {
    name: found
    for classes in (
        shelf_first.CLASSES,
        shelf_plain.CLASSES,
        shelf_ablation.CLASSES,
        shelf_lstm.CLASSES,
        shelf_gru.CLASSES,
        shelf_scan.CLASSES,
    )
    for found, cells in classes.items()
    for name in cells.split()
}
"""The execution class of every cell."""

RELATED: Final[Related] = [
    *shelf_first.RELATED,
    *shelf_plain.RELATED,
    *shelf_ablation.RELATED,
    *shelf_lstm.RELATED,
    *shelf_gru.RELATED,
    *shelf_scan.RELATED,
]

PITFALLS: Final[Pitfalls] = [
    *shelf_first.PITFALLS,
    *shelf_plain.PITFALLS,
    *shelf_ablation.PITFALLS,
    *shelf_lstm.PITFALLS,
    *shelf_gru.PITFALLS,
    *shelf_scan.PITFALLS,
]
