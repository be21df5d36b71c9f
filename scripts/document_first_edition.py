#!/usr/bin/env python3
"""Write the findings of the first edition and their pictures from its record; `--check` only compares.

Exit status 1 when the page was not up to date.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from matplotlib.figure import Figure

from results.claims import contrast, findings, verdict
from results.claims.claim import Family
from results.publishing import publication
from results.report import findings_figure, findings_report, page, panel
from scripts.page import run, table

RECORD: Final = Path(__file__).resolve().parent.parent / "results" / "published" / "all-laptop"


@cache
def recorded() -> tuple[findings.Run, tuple[findings.Measured, ...]]:
    """The published run, and what was measured on fresh seeds."""
    with publication.open_record(RECORD) as record:
        run = findings.run_of(record, record.studies()[-1].id)
    assert run is not None, f"{RECORD} holds no findings run"  # noqa: S101
    return run, tuple(findings.measured(run.trainings))


@cache
def judged() -> tuple[list[str], list[tuple[Family, tuple[verdict.Verdict, ...]]]]:
    """What was trained, in sentences, and the verdicts by family."""
    run, confirmed = recorded()
    told = findings.verdicts(run.families, confirmed)
    said = [
        *findings_report.headline(run, told, confirmed),
        *findings_report.caveats(run, told, confirmed),
    ]
    return said, [(family, told[family.name]) for family in run.families]


def headline() -> str:
    """The sentences above the table."""
    return "\n".join(f"- {sentence}" for sentence in judged()[0])


def verdicts() -> str:
    """Every claim with its verdict."""
    head = ("claim", "verdict", "n", "effect [95 %]", "p", "power")

    def parts() -> Iterator[str]:
        for family, told in judged()[1]:
            counts = Counter(judgement.word for judgement in told)
            words = ", ".join(f"{count} {word}" for word, count in counts.items())
            yield f"**{family.title}** ({words})\n"
            yield table(head, (row(verdict.summary(judgement)) for judgement in told)) + "\n"

    return "\n".join(parts()).rstrip("\n")


def row(told: dict[str, Any]) -> tuple[object, ...]:
    """One claim; what was not run has no numbers."""
    return (
        told["statement"],
        _verdict(told),
        told["seeds"] or "",
        page.interval(told["effect"], 2),
        page.p_values(told["p"]),
        page.number(told["power"], 2),
    )


def _verdict(told: dict[str, Any]) -> str:
    """The word, and the reason where it is not the plain one."""
    if told["word"] == "replicated":
        return "**replicated**"
    word = "undecided" if told["word"] == "undecided" else f"**{told['word']}**"
    return f"{word}: {told['reason']}"


def drops(base: str) -> str:
    """What each part of a cell is worth, by task."""
    run, confirmed = recorded()
    return _file(findings_figure.drops(run.tasks, findings_report.ablated(base, confirmed)), base)


def sweep() -> str:
    """The test metric against the bias that remembers."""
    run, confirmed = recorded()
    biases = list(contrast.sweeps()["lstm"])
    swept = findings_report.swept(run, confirmed)
    return _file(findings_figure.sweep(run.tasks, biases, swept), "sweep")


def _file(drawn: Figure | None, name: str) -> str:
    assert drawn is not None, f"{RECORD} has nothing to draw"  # noqa: S101
    return panel.standalone(panel.to_svg(drawn, name))


TABLES: Final[dict[str, Callable[[], str]]] = {"headline": headline, "verdicts": verdicts}
PICTURES: Final[dict[str, Callable[[], str]]] = {
    "findings-gates.svg": partial(drops, "lstm"),
    "findings-greff.svg": partial(drops, "lstm_peep"),
    "findings-bias.svg": sweep,
}


if __name__ == "__main__":
    sys.exit(run("first-edition.md", TABLES, __doc__ or "", Path(__file__).name, PICTURES))
