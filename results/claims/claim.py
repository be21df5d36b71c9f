"""Claims as data: what a paper says about two cells on a task, written down before anything is run.

A family is all that is corrected together. A file in `results/claims/first/` is one family, a file in
`second/` one for each of its parts, since a claim is judged at every part by itself. A claim is one
sentence with a comparison a task, `better` against `worse`. An arm is a cell of the zoo, or `PART:CELL`
where a findings run has several parts (say, with and without dropout).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast

from results.claims.field import (
    ClaimError,
    nothing_left,
    number,
    positive,
    table,
    taken,
    words,
)

Test = Literal["superior", "not-worse", "equivalent", "better", "equal"]
Rule = Literal["all", "most"]

_FOLDERS: Final = {
    edition: Path(__file__).parent / folder for edition, folder in ((1, "first"), (2, "second"))
}
_TESTS: Final[Mapping[int, tuple[Test, ...]]] = {
    1: ("superior", "not-worse", "equivalent"),
    2: ("better", "equal", "not-worse"),
}
_RULES: Final[tuple[Rule, ...]] = ("all", "most")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against another on one task.

    Attributes:
        better, worse: arms, as the claim has them.
        task: name of the task.
        smallest: the smallest meaningful difference, in the unit of the task's metric, above 0: the one
            that decides, see `decisive`.
        reported: what the source itself reports for better minus worse, such that above 0 better is
            better; None if it reports no number that can be compared.
        deviation: over seeds, as a pilot saw it, for the power before the run; None if not known.
    """

    better: str
    worse: str
    task: str
    smallest: float
    reported: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """Which value of an arm a claim is about.

    Attributes:
        kind: `final`: the test value of the selected setting at the end of training; `early`: the
            value after a share of the updates; `best-of`: the value that is expected when so many
            settings are tried.
        share: of the updates, within (0, 1), for `early`; else None.
        settings: how many are tried, at least 1, for `best-of`; else None.
    """

    kind: Literal["final", "early", "best-of"] = "final"
    share: float | None = None
    settings: int | None = None


FINAL: Final = Measure()


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence that can be found true or false.

    Attributes:
        id: `[a-z0-9-]+`, unique in its family.
        statement: the claim in our words.
        short: the same in a few words, without tasks, to be read within a sentence.
        source: where it is made.
        test: `better` (first edition: `superior`): `better` is better than `worse`; `not-worse`:
            `better` is worse than `worse` by less than the smallest difference, if at all; `equal`
            (first edition: `equivalent`): they differ by less than that, whichever way.
        rule: how many of the comparisons must hold: `all`, or `most` (more than half).
        comparisons: one a task (and a pair of arms).
        measure: which values are compared.
    """

    id: str
    statement: str
    source: str
    test: Test
    rule: Rule
    comparisons: tuple[Comparison, ...]
    measure: Measure = FINAL
    short: str = ""

    @property
    def needed(self) -> int:
        """How many of the comparisons must hold."""
        total = len(self.comparisons)
        return total if self.rule == "all" else total // 2 + 1


@dataclass(frozen=True, slots=True)
class Family:
    """Claims that are judged and corrected together.

    Attributes:
        name: of the file; `FILE-PART` where the file has parts.
        version: rises when a claim changes.
        title, source: what they are about, and where they are made.
        claims: in the order of the file.
        edition: of the rules that judge it.
        part: of the findings run that all its arms are of; "" if its file has no parts.
        seeds: planned for each arm; None in the first edition.
    """

    name: str
    version: int
    title: str
    source: str
    claims: tuple[Claim, ...]
    edition: int = 1
    part: str = ""
    seeds: int | None = None

    @property
    def file(self) -> str:
        """The name of its file, which the same claims at other parts share."""
        return self.name.removesuffix(f"-{self.part}") if self.part else self.name

    @property
    def arms(self) -> tuple[str, ...]:
        """Every arm that is compared, in the order of first mention."""
        ordered: dict[str, None] = {}
        for claim in self.claims:
            for comparison in claim.comparisons:
                ordered[comparison.better] = ordered[comparison.worse] = None
        return tuple(ordered)

    def restricted(self, arms: Iterable[str], tasks: Iterable[str]) -> "Family":
        """The family with only those comparisons whose arms and task were run.

        Claims without any comparison left are kept: they come out undecided, with the reason.
        """
        arms, tasks = frozenset(arms), frozenset(tasks)
        claims = tuple(
            replace(
                claim,
                comparisons=tuple(
                    comparison
                    for comparison in claim.comparisons
                    if comparison.better in arms
                    and comparison.worse in arms
                    and comparison.task in tasks
                ),
            )
            for claim in self.claims
        )
        return replace(self, claims=claims)


def names(edition: int = 1) -> tuple[str, ...]:
    """The families of an edition: sorted by file, and within a file in the order of its parts."""
    return tuple(_families(edition))


def load(name: str, edition: int = 1) -> Family:
    """The family of this name.

    Raises:
        ClaimError: if there is none, or if a file of that edition does not read.
    """
    known = _families(edition)
    if name not in known:
        raise ClaimError(f"no claims named {name!r}; known are {', '.join(known)}")
    return known[name]


@cache
def _families(edition: int) -> Mapping[str, Family]:
    if edition not in _FOLDERS:
        raise ClaimError(f"there is no edition {edition} of the claims; editions are 1 and 2")
    families: dict[str, Family] = {}
    for path in sorted(_FOLDERS[edition].glob("*.toml"), key=lambda path: path.stem):
        for family in read(path.stem, path.read_text(encoding="utf-8")):
            if family.edition != edition:
                raise ClaimError(
                    f"claims {path.stem}: of edition {family.edition}, in the folder of edition"
                    f" {edition}; give `edition = {edition}` or move the file"
                )
            if family.name in families:
                raise ClaimError(
                    f"claims {path.stem}: two families are named {family.name!r}; rename a file or"
                    " a part"
                )
            families[family.name] = family
    return families


def decisive(test: Test, smallest: float, reported: float | None) -> float:
    """The smallest meaningful difference that decides, in the unit of the metric.

    What we call meaningful ourselves must not refute a source that reports less, nor call equal what
    the source reports as different: for `better` at most half of what is reported, for `equal` and
    `not-worse` at least one and a half times of it.

    Raises:
        ClaimError: for `better`, when the source itself reports no advantage.
    """
    if reported is None:
        return smallest
    if test != "better":
        return max(smallest, 1.5 * abs(reported))
    if reported <= 0:
        raise ClaimError(
            f"the source reports {reported:g} for better minus worse, which is no advantage; swap the"
            " arms, or test `equal` or `not-worse`"
        )
    return min(smallest, reported / 2)


def read(name: str, text: str) -> tuple[Family, ...]:
    """The families that a TOML text describes: one for each part.

    Top level: `version`, `title`, `source`, and a table `smallest` of the smallest difference a task.
    Each `[[claims]]`: `id`, `statement`, `tasks`, `better`, `worse` (a name or a list; all pairs are
    compared), and optionally `short`, `source`, `test`, `rule`, `smallest` (a table that goes before the
    family's).

    With `edition = 2` the top level has also `seeds` (a number, or a table by part with `default`),
    and optionally `parts` (a list) and a table `deviation` of the pilot's deviation over seeds a
    task. A claim may have `reported`, the source's own numbers for better minus worse: a table by
    task, or the name of a table of the paper (or a list of them), where the arms are looked up; and
    `measure`: "final", `{ early = SHARE }` or `{ best_of = SETTINGS }`.

    Raises:
        ClaimError: with the claim and the key that is missing or wrong.
    """
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ClaimError(f"claims {name}: not TOML: {error}") from None
    edition = fields.pop("edition", 1)
    if edition not in _FOLDERS or isinstance(edition, bool):
        raise ClaimError(f"claims {name}: edition {edition!r} is neither 1 nor 2")
    entries = cast("list[dict[str, Any]]", taken(fields, "claims", list, name))
    source = taken(fields, "source", str, name)
    smallest = table(fields, "smallest", name)
    deviation: dict[str, Any] = {}
    parts: tuple[str, ...] = ("",)
    planned: Mapping[str, int | None] = {"": None}
    if edition == 2:
        deviation = table(fields, "deviation", name)
        parts = words(fields, "parts", name) if "parts" in fields else parts
        planned = _planned(fields, parts, name)
    claims = tuple(_claim(entry, source, smallest, deviation, edition, name) for entry in entries)
    repeated = {claim.id for claim in claims if sum(other.id == claim.id for other in claims) > 1}
    if repeated:
        raise ClaimError(f"claims {name}: id {sorted(repeated)[0]!r} is given twice")
    version, title = taken(fields, "version", int, name), taken(fields, "title", str, name)
    nothing_left(fields, name)
    return tuple(
        Family(
            name=f"{name}-{part}" if part else name,
            version=version,
            title=title,
            source=source,
            claims=tuple(_at(claim, part) for claim in claims),
            edition=edition,
            part=part,
            seeds=planned[part],
        )
        for part in parts
    )


def _at(claim: Claim, part: str) -> Claim:
    """The claim about the arms of a part."""
    if not part:
        return claim
    return replace(
        claim,
        comparisons=tuple(
            replace(one, better=f"{part}:{one.better}", worse=f"{part}:{one.worse}")
            for one in claim.comparisons
        ),
    )


def _planned(
    fields: dict[str, Any], parts: tuple[str, ...], where: str
) -> Mapping[str, int | None]:
    """Seeds by part."""
    given = fields.pop("seeds", None)
    counts = cast("dict[str, object]", given if isinstance(given, dict) else {"default": given})
    unknown = set(counts) - {*parts, "default"}
    if unknown:
        raise ClaimError(
            f"claims {where}: seeds are given for {sorted(unknown)[0]!r}, which is no part;"
            f" parts are {', '.join(filter(None, parts)) or 'none'}"
        )
    seeds: dict[str, int | None] = {}
    for part in parts:
        count = counts.get(part, counts.get("default"))
        if not isinstance(count, int) or isinstance(count, bool) or count < 2:
            raise ClaimError(
                f"claims {where}: seeds of {part or 'the run'} are {count!r}; a whole number of at"
                " least 2 is planned for every part (`seeds = 10`, or a table with `default`)"
            )
        seeds[part] = count
    return seeds


def _claim(
    fields: dict[str, Any],
    source: str,
    smallest: Mapping[str, Any],
    deviation: Mapping[str, Any],
    edition: int,
    family: str,
) -> Claim:
    where = f"{family}/{fields.get('id', '?')}"
    own = {**smallest, **table(fields, "smallest", where)}
    tasks = words(fields, "tasks", where)
    missing = [task for task in tasks if not positive(own.get(task))]
    if missing:
        raise ClaimError(
            f"claims {where}: task {missing[0]!r} has no smallest difference above 0; give it in"
            " the table `smallest` of the family or of the claim"
        )
    better, worse = words(fields, "better", where), words(fields, "worse", where)
    test = fields.pop("test", _TESTS[edition][0])
    rule = fields.pop("rule", "all")
    for word, choices in ((test, _TESTS[edition]), (rule, _RULES)):
        if word not in choices:
            raise ClaimError(f"claims {where}: {word!r} is none of {', '.join(choices)}")
    pairs = [(arm, other, task) for task in tasks for arm in better for other in worse]
    if edition == 1:
        measure = FINAL
        comparisons = tuple(Comparison(*pair, float(own[pair[-1]])) for pair in pairs)
    else:
        measure = _measure(fields.pop("measure", "final"), where)
        effects = _reported(fields.pop("reported", {}), pairs, where)
        comparisons = tuple(
            _compared(pair, test, float(own[pair[-1]]), effects.get(pair), deviation, where)
            for pair in pairs
        )
    statement: str = taken(fields, "statement", str, where)
    short: str = taken(fields, "short", str, where) if "short" in fields else ""
    claim = Claim(
        id=taken(fields, "id", str, where),
        statement=statement,
        source=cast("str", fields.pop("source", source)),
        test=test,
        rule=rule,
        comparisons=comparisons,
        measure=measure,
        short=short or statement[0].lower() + statement[1:].rstrip("."),
    )
    nothing_left(fields, where)
    return claim


def _compared(
    pair: tuple[str, str, str],
    test: Test,
    smallest: float,
    reported: float | None,
    deviation: Mapping[str, Any],
    where: str,
) -> Comparison:
    better, worse, task = pair
    spread = deviation.get(task)
    if (reported is not None or spread is not None) and not positive(spread):
        raise ClaimError(
            f"claims {where}: the deviation over seeds on {task!r} is {spread!r}; give a number above"
            " 0 in the table `deviation`, without which reported numbers have no power"
        )
    try:
        decides = decisive(test, smallest, reported)
    except ClaimError as error:
        raise ClaimError(f"claims {where}: {better} against {worse} on {task}: {error}") from None
    return Comparison(better, worse, task, decides, reported, spread and float(spread))


def _reported(
    given: object, pairs: list[tuple[str, str, str]], where: str
) -> Mapping[tuple[str, str, str], float]:
    """What the source reports for better minus worse, by pair of arms and task."""
    if isinstance(given, dict):
        numbers = cast("dict[str, Any]", given)
        for task, value in numbers.items():
            if task not in {pair[-1] for pair in pairs} or not number(value):
                raise ClaimError(
                    f"claims {where}: reported gives {value!r} for {task!r}; expected a number for a"
                    " task of the claim"
                )
        return {pair: float(numbers[pair[-1]]) for pair in pairs if pair[-1] in numbers}
    from results.claims import paper_table  # needs NumPy, which listing the first edition does not

    ids = words({"reported": given}, "reported", where)
    known = {table.id for table in paper_table.tables()}
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise ClaimError(
            f"claims {where}: the paper has no table {unknown[0]!r}; tables are"
            f" {', '.join(sorted(known))}"
        )
    effects: dict[tuple[str, str, str], float] = {}
    for better, worse, task in pairs:
        effect = paper_table.reported(ids, better, worse, task)
        if effect is None or better.rpartition(":")[2] == worse.rpartition(":")[2]:
            raise ClaimError(
                f"claims {where}: {', '.join(ids)} cannot say what {better} against {worse} gives on"
                f" {task}; give the numbers by task, as `reported = {{ {task} = 0.1 }}`"
            )
        effects[better, worse, task] = effect
    return effects


def _measure(given: object, where: str) -> Measure:
    if given == "final":
        return FINAL
    if isinstance(given, dict) and len(cast("dict[str, Any]", given)) == 1:
        ((kind, value),) = cast("dict[str, Any]", given).items()
        if kind == "early" and positive(value) and value < 1:
            return Measure("early", share=float(value))
        if kind == "best_of" and positive(value) and isinstance(value, int):
            return Measure("best-of", settings=value)
    raise ClaimError(
        f'claims {where}: measure {given!r} is neither "final", nor {{ early = SHARE }} with a'
        " share of the updates between 0 and 1, nor { best_of = SETTINGS } with a whole number"
    )
