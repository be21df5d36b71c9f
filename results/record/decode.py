"""Descriptions of the record read back: JSON into the frozen dataclasses that were written.

A text whose checksum is right and that still cannot be read was written by a newer version: it has a
field or a word that this one does not know. That is said by name, and never called damage.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from results.record import words

T = TypeVar("T")
Reader = Callable[[object], Any]


class UnknownError(ValueError):
    """A description holds what this version does not know; the message says what and where."""


class Recorded(ABC):
    """Base of descriptions that the record knows by the hash of their text.

    One that was read from a record keeps the name that it has there, whatever this version would
    write in its stead. A copy with changes (`dataclasses.replace`) is another description and does not.
    """

    __slots__ = ("_name",)

    @abstractmethod
    def to_json(self) -> str:
        """The text by which the record would know it."""

    @property
    def recorded_name(self) -> str:
        """Hash of the text that it was read from, or else of `to_json`; 64 hex digits."""
        name: str | None = getattr(self, "_name", None)
        return self.name_by(self.to_json()) if name is None else name

    def name_by(self, text: str) -> str:
        """Takes the hash of a text for its name, and returns it."""
        name = checksum(text)
        # The class is frozen for everybody else.
        object.__setattr__(self, "_name", name)
        return name

    def is_known_by(self, text: str, name: str) -> bool:
        """Whether a text is what it would write; if so, takes the name, which is the hash of it.

        False of one that has a name already.
        """
        if getattr(self, "_name", None) is not None or self.to_json() != text:
            return False
        object.__setattr__(self, "_name", name)
        return True


R = TypeVar("R", bound=Recorded)


def checksum(text: str) -> str:
    """The sha256 of a text as it is stored, 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_recorded(kind: type[R], text: str) -> R:
    """The description of that kind with the text's own name.

    Raises:
        UnknownError: the text has a field or a value that this version does not know, or lacks one.
    """
    value = decode(kind, text)
    value.name_by(text)
    return value


def decode(kind: type[T], text: str) -> T:
    """The dataclass of that kind that a JSON text describes; absent fields have their defaults.

    Raises:
        UnknownError: as `read_recorded`.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnknownError(f"a text that is no JSON ({error})") from error
    try:
        return cast("T", reader(kind)(value))
    except _WrongError as wrong:
        raise UnknownError(wrong.said()) from wrong.__cause__


def known(kind: type[T], word: str, where: str) -> T:
    """The member of the enumeration `kind` that a record calls `word`.

    Raises:
        UnknownError: this version has no such member.
    """
    try:
        return cast("T", reader(kind)(word))
    except _WrongError as wrong:
        raise UnknownError(wrong.within(where).said()) from None


class _WrongError(ValueError):
    """What a reader does not know; the way to it grows while the error passes outward."""

    def __init__(self, form: str, *path: str) -> None:
        super().__init__(form)
        self._form = form
        self._path = path

    def within(self, name: str) -> "_WrongError":
        self._path = (name, *self._path)
        return self

    def said(self) -> str:
        path = ".".join(self._path)
        return self._form.format(where=repr(path or "a description"), path=repr(path))


@cache
def reader(kind: Any) -> Reader:
    """What turns a value of JSON into one of the annotated type `kind`."""
    origin, arguments = get_origin(kind), get_args(kind)
    if hasattr(kind, "from_record"):
        return _of_record(kind)
    if is_dataclass(kind):
        return _of_fields(cast("type[Any]", kind))
    if origin is Literal:
        return _of_words({word: word for word in arguments})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _of_words({member.value: member for member in kind})
    if origin in (Union, UnionType):
        (inner,) = (argument for argument in arguments if argument is not NoneType)
        read = reader(inner)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        return _of_entries(reader(arguments[0]))
    # Whoever wrote a whole number where any will do is understood, and it stays whole.
    return _of_type((float, int)) if kind is float else _of_type((cast("type[Any]", kind),))


def _of_type(kinds: tuple[type[Any], ...]) -> Reader:
    def read(value: object) -> Any:
        if type(value) not in kinds:
            raise _unknown_value(value)
        return value

    return read


def _of_words(members: dict[Any, Any]) -> Reader:
    def read(value: object) -> Any:
        if type(value) not in (str, int) or value not in members:
            raise _unknown_value(value)
        return members[value]

    return read


def _of_entries(entry: Reader) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, list):
            raise _unknown_value(value)
        entries: list[Any] = []
        for item in cast("list[object]", value):
            try:
                entries.append(entry(item))
            except _WrongError as wrong:
                raise wrong.within(str(len(entries))) from wrong.__cause__
        return tuple(entries)

    return read


def _of_record(kind: Any) -> Reader:
    def read(value: object) -> Any:
        if not isinstance(value, dict):
            raise _unknown_value(value)
        try:
            return kind.from_record(value)
        except (ValueError, TypeError) as error:
            said = str(error).replace("{", "{{").replace("}", "}}")
            raise _WrongError(said + ", in {path}") from error

    return read


def _of_fields(kind: type[Any]) -> Reader:
    hints = get_type_hints(kind)
    readers = {words.recorded(kind.__name__, field.name): field.name for field in fields(kind)}
    needed = {
        words.recorded(kind.__name__, field.name)
        for field in fields(kind)
        if field.default is MISSING and field.default_factory is MISSING
    }
    plan = {word: (name, reader(hints[name])) for word, name in readers.items()}

    def read(value: object) -> Any:
        if not isinstance(value, dict):
            raise _unknown_value(value)
        table = cast("dict[str, object]", value)
        if not needed <= table.keys():
            raise _WrongError("no field {path}", min(needed.difference(table)))
        values: dict[str, Any] = {}
        word = ""
        try:
            for word, inner in table.items():
                entry = plan.get(word)
                if entry is None:
                    raise _WrongError("the field {path}")
                values[entry[0]] = entry[1](inner)
        except _WrongError as wrong:
            raise wrong.within(word) from wrong.__cause__
        return kind(**values)

    return read


def _unknown_value(value: object) -> _WrongError:
    shown = json.dumps(value)
    cut = f"{shown[:60]}{'...' if len(shown) > 60 else ''}".replace("{", "{{").replace("}", "}}")
    return _WrongError(f"the value {cut} of {{where}}")
