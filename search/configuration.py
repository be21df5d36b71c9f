"""Study files: TOML in, a checked `Study` out. Every mistake names its place and the nearest name."""

import copy
import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

from cells.training.setting import HYPERPARAMETERS
from cells.training.space import Space
from results.record.study import Study
from results.record.words import EDITION
from search.error import SearchError

STUDIES: Final = Path(__file__).parent / "studies"
"""Where the named studies lie."""

LAG_PER_SLOT: Final = 4
"""A shorter lag leaves slots idle: 9 % of their time at 2 x 8 slots, 0.5 % at 4 x 8 (simulated)."""


def names() -> tuple[str, ...]:
    """Names of the studies that come with the suite."""
    return tuple(sorted(path.stem for path in STUDIES.glob("*.toml")))


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Study:
    """The study of a name in `names()` or of a TOML file, with overrides laid over it.

    It is of today's edition unless an `edition` is given.

    Args:
        name_or_path: a path ends in `.toml`; anything else is a name.
        overrides: `key=value` with a TOML value, or a bare word for a string. Inner keys are dotted,
            and a task is named or counted from 0: `tasks.ptb.budget.updates=500`.

    Raises:
        SearchError: unknown study or key, wrong type or value, unreadable file.
    """
    return _built(_read(_find(name_or_path)), overrides, name_or_path)


def load_parts(path: Path, overrides: Sequence[str] = ()) -> dict[str, Study]:
    """The studies of a file that describes several, by the names of its parts in order.

    A list `parts` of tables stands beside the keys of a study. Each part has a `name` of its own and
    the keys in which it differs: a table is laid over that of the same name, anything else replaces
    it. The study of a part is called `NAME-PART`.

    Args:
        path: of the TOML file.
        overrides: laid over every part, see `load`.

    Raises:
        SearchError: as `load`; and a part without a name, or a name given twice.
    """
    table = _read(path)
    entries = table.pop("parts", None)
    if not isinstance(entries, list) or not entries:
        raise SearchError("study.key", f"{path.name} lacks the list `parts`")
    studies: dict[str, Study] = {}
    for entry in cast("list[dict[str, Any]]", entries):
        changes = dict(entry)
        name = changes.pop("name", None)
        if not isinstance(name, str) or name in studies:
            raise _wrong("parts.name", path.name, name, "a name that no other part has")
        whole = _laid_over(table, changes)
        whole["name"] = f"{table.get('name', path.stem)}-{name}"
        studies[name] = _built(whole, overrides, f"{path.name}, part {name}")
    return studies


def _built(table: dict[str, Any], overrides: Sequence[str], where: str) -> Study:
    table.setdefault("edition", EDITION)
    for override in overrides:
        _override(table, override)
    return build(table, where)


def _laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` with `changes` laid over it, tables inside tables included."""
    merged = copy.deepcopy(dict(base))
    for key, value in changes.items():
        inner = merged.get(key)
        merged[key] = (
            _laid_over(cast("dict[str, Any]", inner), cast("dict[str, Any]", value))
            if isinstance(inner, dict) and isinstance(value, dict)
            else copy.deepcopy(value)
        )
    return merged


def build(table: object, where: str) -> Study:
    """The study that nested mappings and sequences describe, checked; `where` is for messages.

    Raises:
        SearchError: unknown or missing key, wrong type or value.
    """
    study = cast("Study", _convert(table, Study, "", where))
    _check(study, where)
    return study


def _find(name_or_path: str) -> Path:
    if name_or_path.endswith(".toml"):
        return Path(name_or_path)
    if name_or_path in names():
        return STUDIES / f"{name_or_path}.toml"
    raise SearchError(
        "study.unknown",
        f"there is no study {name_or_path!r}{_nearest(name_or_path, names())}",
        f"known are {', '.join(names())}; a file of your own ends in .toml",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        hint = f"the studies by name are {', '.join(names())}"
        raise SearchError("study.file", f"cannot read {path}: {reason}", hint) from error
    except tomllib.TOMLDecodeError as error:
        raise SearchError("study.syntax", f"{path} is not TOML: {error}") from error


def _override(table: dict[str, Any], override: str) -> None:
    """Sets one dotted key in place. Keys that do not exist are found out by `build`."""
    key, equals, text = override.partition("=")
    steps = key.strip().split(".")
    if not equals or not all(steps):
        raise SearchError(
            "study.override",
            f"found {override!r}, expected key=value",
            "for example: --set proposals=100 --set screen.pass_mark=0.9",
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    inner: Any = table
    for step in steps[:-1]:
        if isinstance(inner, list):
            inner = _entry(cast("list[Any]", inner), step, override)
        else:
            inner = cast("dict[str, Any]", inner).setdefault(step, {})
        if not isinstance(inner, dict | list):
            raise SearchError(
                "study.override", f"in {override!r} the key {step!r} has no inner keys"
            )
    if isinstance(inner, list):
        raise SearchError(
            "study.override",
            f"in {override!r} one key of a task must follow {steps[-1]!r}",
            f"for example: --set {key}.settings=3",
        )
    inner[steps[-1]] = value


def _entry(entries: list[Any], step: str, override: str) -> Any:
    """The entry that is named or numbered `step`."""
    tables = [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
    known = [str(table.get("name")) for table in tables]
    if step in known:
        return tables[known.index(step)]
    if step.isascii() and step.isdigit() and int(step) < len(entries):
        return entries[int(step)]
    raise SearchError(
        "study.override",
        f"in {override!r} there is no task {step!r}{_nearest(step, known)}",
        f"the study has {', '.join(known)}, counted from 0",
    )


def _convert(value: object, wanted: Any, key: str, where: str) -> Any:
    """`value` as the annotated type `wanted`, recursively."""
    origin, arguments = get_origin(wanted), get_args(wanted)
    if wanted is Space and isinstance(value, Mapping):
        # Study files may use the names that went into records, too.
        names = {row.recorded_choices: row.choices for row in HYPERPARAMETERS}
        table = cast("Mapping[str, object]", value)
        value = {names.get(name, name): choices for name, choices in table.items()}
    if is_dataclass(wanted):
        return _record(value, cast("type[Any]", wanted), key, where)
    if origin is Literal:
        if value in arguments:
            return value
        choices = [str(choice) for choice in arguments]
        raise _wrong(key, where, value, f"one of {', '.join(choices)}", _nearest(value, choices))
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        (inner,) = [argument for argument in arguments if argument is not NoneType]
        return _convert(value, inner, key, where)
    if origin is tuple:
        if isinstance(value, list | tuple):
            entries = cast("list[object] | tuple[object, ...]", value)
            return tuple(
                _convert(entry, arguments[0], f"{key}.{number}", where)
                for number, entry in enumerate(entries)
            )
        raise _wrong(key, where, value, "a list")
    if wanted is float and type(value) in (int, float):
        number = float(cast("float", value))
        if not math.isfinite(number):
            raise _wrong(key, where, value, "a finite number")
        return number
    if type(value) is wanted:
        return value
    words: dict[Any, str] = {int: "a whole number", float: "a number", str: "a string"}
    raise _wrong(key, where, value, words[wanted])


def _record(value: object, kind: type[Any], key: str, where: str) -> Any:
    if not isinstance(value, Mapping):
        raise _wrong(key, where, value, "a table of keys")
    table = cast("Mapping[str, object]", value)
    hints, known = get_type_hints(kind), {field.name: field for field in fields(kind)}
    for name in table:
        if name not in known:
            raise SearchError(
                "study.key",
                f"{where} has the unknown key {_join(key, name)!r}{_nearest(name, known)}",
                f"known here are {', '.join(known)}",
            )
    for name, field in known.items():
        if name not in table and field.default is MISSING and field.default_factory is MISSING:
            raise SearchError("study.key", f"{where} lacks the key {_join(key, name)!r}")
    return kind(
        **{
            name: _convert(inner, hints[name], _join(key, name), where)
            for name, inner in table.items()
        }
    )


def _check(study: Study, where: str) -> None:
    """Raises SearchError for values that have the right type and make no study."""
    names = [f"{task.name}/{task.scale}" for task in study.tasks]
    space = study.space
    rules = (
        (
            "name",
            study.name,
            re.fullmatch("[a-z0-9-]{1,40}", study.name),
            "1 to 40 of a-z, 0-9 and -",
        ),
        ("slots", study.slots, study.slots >= 1, "at least 1"),
        (
            "lag",
            study.lag,
            study.lag >= LAG_PER_SLOT * study.slots,
            f"at least {LAG_PER_SLOT} x slots = {LAG_PER_SLOT * study.slots}",
        ),
        ("proposals", study.proposals, study.proposals >= 0, "at least 0"),
        (
            "proposals",
            study.proposals,
            study.strategy != "roster" or study.proposals == 0,
            "0: a roster has no new cells",
        ),
        ("tasks", names, names, "at least one task"),
        ("tasks", names, len(set(names)) == len(names), "each task once"),
        ("screen.pass_mark", study.screen.pass_mark, 0 <= study.screen.pass_mark <= 1, "0 to 1"),
        ("baseline_settings", study.baseline_settings, study.baseline_settings >= 1, "at least 1"),
        ("threshold", study.threshold, study.threshold >= 0, "at least 0"),
        ("list_size", study.list_size, study.list_size >= 2, "at least 2 (LSTM and GRU start it)"),
        ("reevaluate", study.reevaluate, 0 <= study.reevaluate < 1, "0 up to, not including, 1"),
        (
            "retry",
            study.retry,
            study.retry >= 0 and study.reevaluate + study.retry < 1,
            "at least 0, and below 1 together with reevaluate",
        ),
        ("confirm.cells", study.confirm.cells, study.confirm.cells >= 0, "at least 0"),
        ("confirm.seeds", study.confirm.seeds, study.confirm.seeds >= 0, "at least 0"),
        *(
            (f"tasks.{task.name}.settings", task.settings, task.settings >= 1, "at least 1")
            for task in study.tasks
        ),
        *(
            (
                f"space.{row.choices}",
                space.of(row),
                all(map(row.holds, space.of(row))) and (space.of(row) or row.since > 1),
                f"a list of values, each {row.range}",
            )
            for row in HYPERPARAMETERS
        ),
        *(
            (
                f"space.{row.choices}",
                space.of(row),
                not row.optimizers or set(row.optimizers) & set(space.optimizers),
                f"none without {' or '.join(row.optimizers)} in space.optimizers",
            )
            for row in space.searched
        ),
    )
    for key, given, holds, expected in rules:
        if not holds:
            raise _wrong(key, where, given, expected)


def _wrong(key: str, where: str, given: object, expected: str, nearest: str = "") -> SearchError:
    return SearchError(
        "study.value", f"{where}: {key or 'the study'} is {given!r}, expected {expected}{nearest}"
    )


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _nearest(name: object, known: Sequence[str] | Mapping[str, object]) -> str:
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
