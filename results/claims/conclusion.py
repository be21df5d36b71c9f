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
_QUALIFIED: Final[Mapping[str, str]] = {
    "replicated, smaller": "a smaller effect",
    "same sign, not told apart": "of the expected sign",
}
"""What is said of a verdict beside its kind."""
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
    told = {kind: _clauses(judged, kind) for kind in ("holds", "contradicted", "undecided")}
    return (
        _sentence("What holds here", told["holds"], "None of the founding claims is shown to hold"),
        _sentence("What does not hold", told["contradicted"], "None of them is contradicted"),
        _sentence(
            "What cannot be decided at these budgets", told["undecided"], "None is left undecided"
        ),
    )


def kind_of(ruling: Ruling) -> str:
    """`holds`, `contradicted` or `undecided`; "" for a claim that was not run."""
    if not any(decision.estimate for decision in ruling.decisions):
        return ""
    if ruling.word in _HOLDS:
        return "holds"
    return "contradicted" if ruling.word == "contradicted" else "undecided"


def _clauses(judged: Sequence[tuple[Family, Sequence[Ruling]]], kind: str) -> list[str]:
    """The claims of this kind in short, each with the parts of the run where it is so."""
    parts: dict[tuple[str, str], dict[str, list[str]]] = {}
    asked: dict[tuple[str, str], int] = {}
    for family, rulings in judged:
        if family.file not in FOUNDING:
            continue
        for ruling in rulings:
            if not (found := kind_of(ruling)):
                continue
            key = family.file, ruling.claim.short
            asked[key] = asked.get(key, 0) + 1
            if found == kind:
                qualified = parts.setdefault(key, {}).setdefault(
                    _QUALIFIED.get(ruling.word, ""), []
                )
                qualified.append(part_label(family.part))
    clauses: list[str] = []
    for (file, short), where in parts.items():
        unit = "distance" if file == "bias-by-lag" else "updates"
        told = [
            f"{qualifier} at {_joined(labels)} {unit}" if qualifier else f"{_joined(labels)} {unit}"
            for qualifier, labels in sorted(where.items())
        ]
        count = sum(map(len, where.values()))
        of = [] if count == asked[file, short] else [f"{count} of {asked[file, short]}"]
        clauses.append(f"{short} ({'; '.join([*told, *of])})")
    return clauses


def _joined(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _sentence(opening: str, clauses: Sequence[str], none: str) -> str:
    return f"{opening}: {'; '.join(clauses)}." if clauses else f"{none} by what was run."
