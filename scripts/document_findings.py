#!/usr/bin/env python3
"""Write the findings in `README.md` and their pictures from the published record; `--check` only compares.

Exit status 1 when the page was not up to date.
"""

import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from matplotlib.figure import Figure

from results.claims import findings
from results.claims.conclusion import kind_of, part_label, sentences
from results.claims.evidence import Evidence
from results.claims.rules import Ruling
from results.publishing import publication
from results.report import founding_figure, founding_report, panel
from scripts.page import run, table

RECORD: Final = Path(__file__).resolve().parent.parent / "results" / "published" / "founding-laptop"


@cache
def recorded() -> tuple[findings.Run, Evidence]:
    """The published run and its evidence."""
    with publication.open_record(RECORD) as record:
        read = founding_report.findings_run(record)
    return read, Evidence(read)


@cache
def judged() -> founding_report.Judged:
    """Every family with its rulings."""
    return founding_report.judged_of(*recorded())


def conclusion() -> str:
    """The three sentences."""
    return "\n\n".join(sentences(judged()))


def headline() -> str:
    """What was trained, and what the verdicts do not show."""
    read, _ = recorded()
    said = [
        *founding_report.headline(read, judged(), findings.measured(read.trainings)),
        *founding_report.caveats(read, judged()),
    ]
    return "\n".join(f"- {sentence}" for sentence in said)


def verdicts() -> str:
    """Every claim of which a part was run, with its verdict at each part."""

    def files() -> Iterator[str]:
        for file in founding_report.files(judged()):
            parts = list(file.rulings)
            rows = [
                (rulings[0].claim.statement, *map(_verdict, rulings))
                for rulings in zip(*file.rulings.values(), strict=True)
                if any(map(kind_of, rulings))
            ]
            if rows:
                head = ("claim", *(part_label(part) if part else "verdict" for part in parts))
                yield f"**{file.title}**\n\n{table(head, rows)}\n"

    return "\n".join(files()).rstrip("\n")


def _verdict(ruling: Ruling) -> str:
    """The word of a claim, in bold where it is decided; a dash where it was not run."""
    if not kind_of(ruling):
        return "-"
    word = ruling.word.removesuffix(" at this budget")
    said = word if word in ("undecided", "same sign, not told apart") else f"**{word}**"
    total = len(ruling.decisions)
    counts = [
        f"{count} {name}"
        for name in ("replicated", "replicated, smaller", "contradicted")
        if (count := sum(one.word == name for one in ruling.decisions))
    ]
    if counts and any(one.word != ruling.word for one in ruling.decisions):
        said += f" ({'; '.join(counts)} of {total})"
    return f"{said}; underpowered" if ruling.underpowered and kind_of(ruling) != "holds" else said


def distance() -> str:
    """The test metric by distance, a line each bias."""
    return _file(founding_figure.bias_by_distance(recorded()[1]), "distance")


def budget() -> str:
    """What a bias of 1 gains during training."""
    return _file(founding_figure.bias_by_budget(recorded()[1]), "budget")


def ladder() -> str:
    """The founding claims at every rung."""
    shown = founding_report.rungs(judged())
    return _file(founding_figure.ladder(shown, recorded()[0].tasks), "ladder")


def _file(drawn: Figure | None, name: str) -> str:
    assert drawn is not None, f"{RECORD} has nothing to draw of {name}"  # noqa: S101
    return panel.standalone(panel.to_svg(drawn, name))


TABLES: Final[dict[str, Callable[[], str]]] = {
    "conclusion": conclusion,
    "headline": headline,
    "verdicts": verdicts,
}
PICTURES: Final[dict[str, Callable[[], str]]] = {
    "founding-ladder.svg": ladder,
    "founding-distance.svg": distance,
    "founding-budget.svg": budget,
}


if __name__ == "__main__":
    sys.exit(run("../README.md", TABLES, __doc__ or "", Path(__file__).name, PICTURES))
