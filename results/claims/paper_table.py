"""The paper's tables as data, and how often its order of two cells is ours."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from cells.training.metric import Metric, named
from results.statistics.interval import Interval

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
