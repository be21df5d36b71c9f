"""The paper's tables as data, and how often its order of two cells is ours."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from cells.training.metric import Metric, named
from results.statistics.interval import Interval

EXTREMES: Final = frozenset({"elman", "lstm_f"})
"""The plain tanh network and the LSTM without its forget gate, which the paper prints far below all others."""

_FOLDER: Final = Path(__file__).with_name("tables")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a printed table.

    Attributes:
        name: as printed.
        task: ours that it can be held against, or "" if there is none.
        part: what arms of our part begin with.
        reason: why the numbers cannot be compared, or why there is no counterpart.
    """

    name: str
    task: str = ""
    part: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One cell: our arm, the printed name, and the printed values by column."""

    arm: str
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table as printed; values are of `metric`, with so many digits."""

    id: str
    title: str
    metric: Metric
    digits: int
    source: str
    columns: tuple[Column, ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two cells stand in the printed order.

    Attributes:
        pairs: of cells that both have a value here.
        told: of these, pairs whose intervals do not overlap.
        agree: of these, pairs in the printed order.
    """

    pairs: int
    told: int
    agree: int


@dataclass(frozen=True, slots=True)
class Order:
    """How far our order of the cells is the printed one.

    Attributes:
        cells: that have a value here.
        rank: Spearman's correlation of the two orders, 1 where they are the same; None with fewer
            than 3 cells, or where all are equal.
        without: the same without the cells of `EXTREMES`; these alone can make an order.
    """

    cells: int
    rank: float | None
    without: float | None


@cache
def tables() -> tuple[PaperTable, ...]:
    """Tables 1 to 3 of the paper."""
    fields = tomllib.loads((_FOLDER / "paper.toml").read_text(encoding="utf-8"))
    return tuple(_table(entry, fields["source"]) for entry in fields["tables"])


def _table(entry: Mapping[str, Any], source: str) -> PaperTable:
    return PaperTable(
        id=entry["id"],
        title=entry["title"],
        metric=named(entry["metric"]),
        digits=entry["digits"],
        source=source,
        columns=tuple(Column(**column) for column in entry["columns"]),
        rows=tuple(Line(row["arm"], row["name"], tuple(row["values"])) for row in entry["rows"]),
    )


def reported(ids: Sequence[str], better: str, worse: str, task: str) -> float | None:
    """Better minus worse as printed, such that above 0 better is better, in the metric's unit.

    Looked up in the first of these tables that has a column for the task (without dropout); arms are
    looked up by their cell, without the part of a run.

    Args:
        ids: of printed tables.
        better: an arm.
        worse: the other.
        task: ours.

    Returns:
        None when none of the tables has such a column, or it lacks one of the arms.

    Raises:
        KeyError: there is no table of such an id.
    """
    known = {table.id: table for table in tables()}
    for table in map(known.__getitem__, ids):
        rows = {row.arm: row for row in table.rows}
        cells = [arm.rpartition(":")[2] for arm in (better, worse)]
        for index, column in enumerate(table.columns):
            if column.task == task and not column.part and all(cell in rows for cell in cells):
                ours, other = (table.metric.oriented(rows[cell].values[index]) for cell in cells)
                # As many digits as are printed: binary fractions would leave a tail.
                return round(ours - other, table.digits)
    return None


def agreement(table: PaperTable, column: int, ours: Mapping[str, Interval]) -> Agreement:
    """The printed order of a column against ours, over the pairs that we can tell apart.

    Args:
        table: the printed one.
        column: its index in the table.
        ours: interval of our metric by arm, as the column names arms.
    """
    prefix = table.columns[column].part
    rows = [
        (row.values[column], ours[prefix + row.arm])
        for row in table.rows
        if prefix + row.arm in ours
    ]
    pairs = list(combinations(rows, 2))
    told = [(first, second) for first, second in pairs if not first[1].overlaps(second[1])]
    agree = sum(
        (first[0] - second[0]) * (first[1].centre - second[1].centre) > 0 for first, second in told
    )
    return Agreement(len(pairs), len(told), agree)


def order(table: PaperTable, column: int, ours: Mapping[str, float]) -> Order:
    """The printed order of a column against ours, over all cells and without the two extreme ones.

    Args:
        table: the printed one.
        column: its index in the table.
        ours: mean of our metric by arm, as the column names arms.
    """
    prefix = table.columns[column].part
    rows = [
        (row.arm, row.values[column], ours[prefix + row.arm])
        for row in table.rows
        if prefix + row.arm in ours
    ]
    return Order(
        len(rows),
        _spearman([row[1:] for row in rows]),
        _spearman([row[1:] for row in rows if row[0] not in EXTREMES]),
    )


def _spearman(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Spearman's correlation; equal values share their mean rank."""
    printed, ours = ([pair[side] for pair in pairs] for side in (0, 1))
    if len(pairs) < 3 or len(set(printed)) == 1 or len(set(ours)) == 1:
        return None
    from scipy import stats  # a fifth of a second, which reading the tables does without

    told: Any = stats.spearmanr(printed, ours)
    return float(told.statistic)
