"""What the second edition says in three sentences: what holds, what does not, and what is undecided."""

from collections.abc import Mapping, Sequence
from typing import Final

from results.claims.claim import Family
from results.claims.decision import Word
from results.claims.rules import Ruling

FOUNDING: Final = ("gates", "forget-bias", "forget-bias-early", "bias-by-lag")
"""The files of claims that the sentences are about: the two findings that the suite was founded to test."""

_PARTS: Final[Mapping[str, str]] = {
    "near": "near",
    "middle": "middle",
    "far": "far",
    "rung-1": "1x",
    "rung-3": "3x",
    "rung-10": "10x",
}
_HOLDS: Final[tuple[Word, ...]] = ("replicated", "replicated, smaller")


def part_label(part: str) -> str:
    """A part of a run in words, such as `3x` for the rung of three times the updates."""
    return _PARTS.get(part, part.replace("-", " "))


def sentences(judged: Sequence[tuple[Family, Sequence[Ruling]]]) -> tuple[str, str, str]:
    """Three sentences about the founding claims: what holds, what does not, what cannot be decided.

    Claims that were not run are left out; the report counts them.

    Args:
        judged: the families of the second edition with their rulings.
    """
    told = {
        kind: _clauses(judged, kind) for kind in ("holds", "contradicted", "undecided", "same sign")
    }
    undecided = [
        *told["undecided"],
        *(f"{clause}, although the sign is the source's" for clause in told["same sign"]),
    ]
    return (
        _sentence("What holds here", told["holds"], "None of the founding claims is shown to hold"),
        _sentence("What does not hold", told["contradicted"], "None of them is contradicted"),
        _sentence("What cannot be decided at these budgets", undecided, "None is left undecided"),
    )


def kind_of(ruling: Ruling) -> str:
    """`holds`, `contradicted`, `same sign` or `undecided`; "" for a claim that was not run."""
    if not any(decision.estimate for decision in ruling.decisions):
        return ""
    if ruling.word in _HOLDS:
        return "holds"
    if ruling.word == "contradicted":
        return "contradicted"
    return "same sign" if ruling.word.startswith("same sign") else "undecided"


def _clauses(judged: Sequence[tuple[Family, Sequence[Ruling]]], kind: str) -> list[str]:
    """The statements of this kind, each with the parts of the run where it is so."""
    parts: dict[tuple[str, str], list[str]] = {}
    asked: dict[tuple[str, str], int] = {}
    for family, rulings in judged:
        if family.file not in FOUNDING:
            continue
        for ruling in rulings:
            key = family.file, ruling.claim.statement
            if kind_of(ruling):
                asked[key] = asked.get(key, 0) + 1
            if kind_of(ruling) == kind:
                smaller = ", smaller" if ruling.word == "replicated, smaller" else ""
                parts.setdefault(key, []).append(part_label(family.part) + smaller)
    clauses: list[str] = []
    for (file, statement), where in parts.items():
        place = "distance" if file == "bias-by-lag" else "updates"
        said = statement[0].lower() + statement[1:].rstrip(".")
        clauses.append(
            f"{said} ({_joined(where)} {place}{_of(len(where), asked[file, statement])})"
        )
    return clauses


def _of(count: int, asked: int) -> str:
    return "" if count == asked else f"; {count} of {asked}"


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _sentence(opening: str, clauses: Sequence[str], none: str) -> str:
    return f"{opening}: {'; '.join(clauses)}." if clauses else f"{none} by what was run."
