"""Claims as data: what a paper says about two cells on a task, written down before anything is run.

A file in `results/claims/` is one family: all its comparisons are corrected together. A claim is one
sentence with one comparison a task, `better` against `worse`. An arm is a cell of the zoo, or
`part:cell` where a findings run has several parts (say, with and without dropout).
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from cells.error import SingleCodeError

Test = Literal["superior", "not-worse", "equivalent"]
Rule = Literal["all", "most"]

_FOLDER: Final = Path(__file__).parent


class ClaimError(SingleCodeError):
    """A family of claims that is missing or does not read; the text says where and what to do."""

    CODE = "claims"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against another on one task.

    Attributes:
        better, worse: arms, as the claim has them.
        task: name of the task.
        smallest: the smallest meaningful difference, in the unit of the task's metric, above 0.
    """

    better: str
    worse: str
    task: str
    smallest: float


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence that can be found true or false.

    Attributes:
        id: `[a-z0-9-]+`, unique in its family.
        statement: the claim in our words.
        source: where it is made.
        test: `superior`: `better` is better than `worse` by at least the smallest difference;
            `not-worse`: `better` is worse than `worse` by less than that, if at all;
            `equivalent`: they differ by less than that, whichever way.
        rule: how many of the comparisons must hold: `all`, or `most` (more than half).
        comparisons: one a task (and a pair of arms).
    """

    id: str
    statement: str
    source: str
    test: Test
    rule: Rule
    comparisons: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Claims that are judged and corrected together.

    Attributes:
        name: the file's name.
        version: rises when a claim changes.
        title, source: what they are about, and where they are made.
        claims: in the order of the file.
    """

    name: str
    version: int
    title: str
    source: str
    claims: tuple[Claim, ...]

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
            Claim(
                claim.id,
                claim.statement,
                claim.source,
                claim.test,
                claim.rule,
                tuple(
                    comparison
                    for comparison in claim.comparisons
                    if comparison.better in arms
                    and comparison.worse in arms
                    and comparison.task in tasks
                ),
            )
            for claim in self.claims
        )
        return Family(self.name, self.version, self.title, self.source, claims)


def names() -> tuple[str, ...]:
    """The families that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load(name: str) -> Family:
    """The family of this name.

    Raises:
        ClaimError: if there is none, or if its file does not read.
    """
    if name not in names():
        raise ClaimError(f"no claims named {name!r}; known are {', '.join(names())}")
    return read(name, (_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def read(name: str, text: str) -> Family:
    """The family that a TOML text describes.

    Top level: `version`, `title`, `source`, and a table `smallest` of the smallest difference a task.
    Each `[[claims]]`: `id`, `statement`, `tasks`, `better`, `worse` (a name or a list; all pairs are
    compared), and optionally `source`, `test`, `rule`, `smallest` (a table that goes before the
    family's).

    Raises:
        ClaimError: with the claim and the key that is missing or wrong.
    """
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ClaimError(f"claims {name}: not TOML: {error}") from None
    entries = cast("list[dict[str, Any]]", _taken(fields, "claims", list, name))
    smallest = cast("dict[str, Any]", fields.pop("smallest", {}))
    source = _taken(fields, "source", str, name)
    claims = tuple(_claim(entry, source, smallest, name) for entry in entries)
    repeated = {claim.id for claim in claims if sum(other.id == claim.id for other in claims) > 1}
    if repeated:
        raise ClaimError(f"claims {name}: id {sorted(repeated)[0]!r} is given twice")
    family = Family(
        name=name,
        version=_taken(fields, "version", int, name),
        title=_taken(fields, "title", str, name),
        source=source,
        claims=claims,
    )
    _nothing_left(fields, name)
    return family


def _claim(fields: dict[str, Any], source: str, smallest: Mapping[str, Any], family: str) -> Claim:
    where = f"{family}/{fields.get('id', '?')}"
    own = {**smallest, **cast("dict[str, Any]", fields.pop("smallest", {}))}
    tasks = _words(fields, "tasks", where)
    missing = [task for task in tasks if not _positive(own.get(task))]
    if missing:
        raise ClaimError(
            f"claims {where}: task {missing[0]!r} has no smallest difference above 0; give it in"
            " the table `smallest` of the family or of the claim"
        )
    better, worse = _words(fields, "better", where), _words(fields, "worse", where)
    test = fields.pop("test", "superior")
    rule = fields.pop("rule", "all")
    for word, choices in ((test, get_args(Test)), (rule, get_args(Rule))):
        if word not in choices:
            raise ClaimError(f"claims {where}: {word!r} is none of {', '.join(choices)}")
    claim = Claim(
        id=_taken(fields, "id", str, where),
        statement=_taken(fields, "statement", str, where),
        source=cast("str", fields.pop("source", source)),
        test=test,
        rule=rule,
        comparisons=tuple(
            Comparison(arm, other, task, float(own[task]))
            for task in tasks
            for arm in better
            for other in worse
        ),
    )
    _nothing_left(fields, where)
    return claim


def _positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _taken(fields: dict[str, Any], key: str, kind: type[Any], where: str) -> Any:
    if not isinstance(fields.get(key), kind):
        raise ClaimError(f"claims {where}: {key} is missing or not a {kind.__name__}")
    return fields.pop(key)


def _words(fields: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = fields.pop(key, None)
    words = (
        cast("list[object]", [value] if isinstance(value, str) else value)
        if isinstance(value, str | list)
        else []
    )
    if not words or not all(isinstance(word, str) for word in words):
        raise ClaimError(f"claims {where}: {key} is missing, or neither a name nor a list of names")
    return tuple(cast("list[str]", words))


def _nothing_left(fields: Mapping[str, object], where: str) -> None:
    if fields:
        raise ClaimError(f"claims {where}: unknown key {sorted(fields)[0]!r}")
